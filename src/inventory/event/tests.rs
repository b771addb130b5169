use super::*;
use crate::domain::record::{Auth, PersonStatus, RecordStatus, Role};

const NOW: Timestamp = Timestamp::from_secs(1_790_000_000);

/// An event of this type about this, an hour before now.
fn body(kind: &str, data: &str) -> String {
    format!(r#"{{"type": "{kind}", "timestamp": "{}", "data": {data}}}"#, NOW - crate::domain::time::hours(1))
}

fn parsed(text: &str) -> EventBody<'_> {
    EventBody::parse(text.as_bytes()).unwrap_or_else(|problem| panic!("{text}: {problem:?}"))
}

fn refused(text: &[u8]) -> FieldProblem {
    match EventBody::parse(text) {
        Err(problem) => problem,
        Ok(_) => panic!("{}", String::from_utf8_lossy(text)),
    }
}

#[test]
fn an_event_about_a_connection_is_a_row_of_the_inventory() {
    let text = body(
        "connection.created",
        r#"{"connection_id": 17, "account_id": "a", "provider": "kit", "secret": "s", "tags": ["x"], "colour": "red"}"#,
    );
    let event = parsed(&text);
    assert_eq!((event.kind(), event.source()), (EventKind::ConnectionCreated, None));
    assert_eq!(event.ids(), Ok((String::new(), "17".to_owned())));
    let record = event.connection(None, NOW).0.expect("a good row");
    assert_eq!((record.connection_id.as_str(), record.status), ("17", RecordStatus::Active));
    assert_eq!(record.updated_at, Some(NOW - crate::domain::time::hours(1)), "dated by the event");
    assert!(record.secret.is_some() && record.tags == ["x"]);
}

#[test]
fn a_deletion_needs_its_id_alone_and_takes_the_rest_from_what_is_known() {
    let made = body(
        "connection.created",
        r#"{"connection_id": "c", "account_id": "a", "provider": "mailjet",
        "name": "News", "key_id": "public", "secret": "s", "auth": "key", "used_for": ["smtp"], "tags": "x y"}"#,
    );
    let known = parsed(&made).connection(None, NOW).0.expect("a row");
    let text = body("connection.deleted", r#"{"connection_id": "c", "secret": "t"}"#);
    let event = parsed(&text);
    assert!(!event.is_whole());
    let at = event.at();
    let ended = event.connection(Some(&known), NOW).0.expect("a row");
    assert_eq!((ended.status, ended.deleted_at), (RecordStatus::Deleted, Some(at)));
    assert_eq!(ended.secret.as_ref().map(|secret| secret.expose().to_owned()), Some("t".to_owned()));
    for (own, kept) in [
        (&ended.account_id, &known.account_id),
        (ended.name.as_ref().expect("a name"), known.name.as_ref().expect("a name")),
        (ended.key_id.as_ref().expect("a half"), known.key_id.as_ref().expect("a half")),
    ] {
        assert_eq!(own, kept);
    }
    assert_eq!((&ended.used_for, &ended.tags, ended.auth), (&known.used_for, &known.tags, Some(Auth::Key)));
    let alone = parsed(&text).connection(None, NOW).0.expect_err("nobody knows whose it was");
    assert_eq!(alone.field, "account_id");
    // With its facts it stands by itself, whatever status it names.
    let whole = body(
        "connection.deleted",
        r#"{"connection_id": "c", "account_id": "a", "provider": "kit", "status": "active", "deleted_at": 1789000000}"#,
    );
    let ended = parsed(&whole).connection(None, NOW).0.expect("a row");
    assert_eq!((ended.status, ended.deleted_at), (RecordStatus::Deleted, Some(Timestamp::from_secs(1_789_000_000))));
}

#[test]
fn an_end_with_a_row_of_its_own_wipes_nothing_that_is_known() {
    let made = body(
        "connection.created",
        r#"{"connection_id": "c", "account_id": "a", "provider": "mailjet", "name": "News", "created_by": "m",
        "created_at": 1780000000, "key_id": "public", "secret": "s", "tags": "x"}"#,
    );
    let known = parsed(&made).connection(None, NOW).0.expect("a row");
    let text = body(
        "connection.deleted",
        r#"{"connection_id": "c", "account_id": "a", "provider": "mailjet", "secret": "s", "tags": "y", "running_jobs": 2}"#,
    );
    let ended = parsed(&text).connection(Some(&known), NOW).0.expect("a row");
    assert_eq!(
        (&ended.name, &ended.created_by, ended.created_at, &ended.key_id, &ended.tags, ended.running_jobs),
        (&known.name, &known.created_by, known.created_at, &known.key_id, &known.tags, 2),
    );
}

#[test]
fn an_end_with_a_secret_says_what_the_secret_is_and_where_it_is_asked() {
    let made = |facts: &str| {
        let made = body("connection.created", &format!(r#"{{"connection_id": "c", "account_id": "a", {facts}}}"#));
        parsed(&made).connection(None, NOW).0.expect("a row")
    };
    let ended = |known: &ConnectionRecord, facts: &str| {
        let text = body("connection.deleted", &format!(r#"{{"connection_id": "c", {facts}}}"#));
        parsed(&text).connection(Some(known), NOW).0.expect("a row")
    };
    let kit = made(r#""provider": "kit", "auth": "oauth", "key_id": "k", "region": "eu", "secret": "s""#);
    let other = ended(&kit, r#""provider": "convertkit", "auth": "key", "secret": "v3""#);
    assert_eq!((other.provider.as_str(), other.auth), ("convertkit", Some(Auth::Key)));
    assert_eq!((&other.key_id, &other.region), (&None, &None), "what goes with a key at another provider");
    assert!(other.secret.is_some());
    let same = ended(&kit, r#""provider": "kit", "secret": "t""#);
    assert_eq!((same.provider.as_str(), same.auth), ("kit", Some(Auth::Oauth)), "what it leaves out is as it is known");
    assert_eq!((&same.key_id, &same.region), (&kit.key_id, &kit.region));
    let bare = ended(&kit, r#""deleted_at": 1789000000"#);
    assert_eq!((bare.provider, bare.auth, bare.key_id), (kit.provider, kit.auth, kit.key_id));
}

#[test]
fn an_end_is_dated_by_itself_where_the_row_that_it_brings_along_is_older() {
    let at = NOW - crate::domain::time::hours(1);
    for (updated_at, dated) in [
        (at - crate::domain::time::days(3), at),
        (at, at),
        (at + crate::domain::time::minutes(5), at + crate::domain::time::minutes(5)),
    ] {
        let facts =
            format!(r#"{{"connection_id": "c", "account_id": "a", "provider": "kit", "updated_at": "{updated_at}"}}"#);
        for (kind, dated) in [("connection.deleted", dated), ("connection.updated", updated_at)] {
            let record = parsed(&body(kind, &facts)).connection(None, NOW).0.expect("a row");
            assert_eq!(record.updated_at, Some(dated), "{kind} {updated_at}");
        }
    }
}

#[test]
fn a_person_who_leaves_is_known_by_their_account_and_id() {
    let made =
        body("member.created", r#"{"account_id": "a", "member_id": "m", "email": "m@example.org", "role": "owner"}"#);
    let known = parsed(&made).person(None, NOW).0.expect("a row");
    let text = body("member.removed", r#"{"account_id": "a", "member_id": "m"}"#);
    assert_eq!(parsed(&text).ids(), Ok(("a".to_owned(), "m".to_owned())));
    let left = parsed(&text).person(Some(&known), NOW).0.expect("a row");
    assert_eq!((left.status, left.role, &left.email), (PersonStatus::Removed, Role::Owner, &known.email));
    let made = body(
        "member.created",
        r#"{"account_id": "a", "member_id": "m", "email": "m@example.org", "role": "owner", "verified": false,
        "locale": "fr", "timezone": "Europe/Paris"}"#,
    );
    let known = parsed(&made).person(None, NOW).0.expect("a row");
    let text = body("member.removed", r#"{"account_id": "a", "member_id": "m", "email": "n@example.org"}"#);
    let left = parsed(&text).person(Some(&known), NOW).0.expect("a row");
    assert_eq!(left.email.expose(), "n@example.org", "what an end tells is newer");
    assert_eq!(
        (left.role, left.verified, left.locale, left.timezone),
        (known.role, known.verified, known.locale, known.timezone),
        "and it wipes nothing"
    );
}

#[test]
fn what_is_not_understood_says_where_and_repeats_no_key() {
    let key = "0123456789abcdef0123456789abcdef";
    for (text, field) in [
        (String::new(), ""),
        ("[]".to_owned(), ""),
        ("{\"type\": ".to_owned(), ""),
        (format!("{{}}{key}"), ""),
        ("{}".to_owned(), "type"),
        (body(key, "{}"), "type"),
        (body("connection.gone", "{}"), "type"),
        (r#"{"type": "member.removed", "data": {}}"#.to_owned(), "timestamp"),
        (r#"{"type": "member.removed", "timestamp": "soon", "data": {}}"#.to_owned(), "timestamp"),
        (r#"{"type": "member.removed", "timestamp": 20261101, "data": {}}"#.to_owned(), "timestamp"),
        (r#"{"type": "member.removed", "timestamp": 0, "data": {}}"#.to_owned(), "timestamp"),
        (r#"{"type": "member.removed", "timestamp": 1790000000}"#.to_owned(), "data"),
        (body("member.removed", "[]"), ""),
        (body("member.removed", "{}").replacen('{', "{\"source\": [],", 1), "source"),
        (body("member.removed", "{}").replacen('{', "{\"type\": \"x\",", 1), "type"),
        (body("connection.deleted", &format!(r#"{{"secret": "{key}", "secret": "{key}"}}"#)), "secret"),
    ] {
        let problem = refused(text.as_bytes());
        assert_eq!(problem.field, field, "{text}: {problem:?}");
        assert!(!problem.reason.contains("0123"), "{problem:?}");
    }
    assert!(refused(b"\xff").reason.contains("UTF-8"));
    let nameless = body("connection.deleted", r#"{"connection_id": true}"#);
    assert_eq!(parsed(&nameless).ids().expect_err("no id").field, "connection_id");
}

#[test]
fn a_leak_is_dated_by_what_is_said_of_it_and_never_ahead() {
    let said = |data: &str| parsed(&body("credential.compromised", data)).compromised_at(NOW);
    assert_eq!(said(r#"{"connection_id": "c"}"#), Ok(NOW - crate::domain::time::hours(1)));
    assert_eq!(
        said(r#"{"connection_id": "c", "compromised_at": 1780000000}"#),
        Ok(Timestamp::from_secs(1_780_000_000))
    );
    assert_eq!(said(r#"{"connection_id": "c", "compromised_at": "x"}"#).expect_err("no date").field, "compromised_at");
    let ahead = format!(r#"{{"type": "credential.compromised", "timestamp": {}, "data": {{}}}}"#, NOW.as_secs() + 60);
    assert_eq!(parsed(&ahead).compromised_at(NOW), Ok(NOW));
}
