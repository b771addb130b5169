use super::*;
use crate::domain::record::{Auth, PersonStatus, RecordStatus, Role, UsedFor};
use crate::domain::secret::Secret;
use crate::domain::time::{days, hours};
use crate::ports::SourceError;

const HEAD: &str = "connection_id,account_id,provider";

async fn csv(text: impl AsRef<[u8]>) -> Seen {
    read(FileKind::Csv, text).await
}

/// One row with one more column.
async fn with(column: &str, value: &str) -> Seen {
    csv(format!("{HEAD},{column}\nc1,a1,mailjet,{value}\n")).await
}

fn what(seen: &Seen) -> String {
    match &seen.error {
        Some(SourceError::Failed { what, .. }) => what.clone(),
        other => panic!("{other:?} instead of a failure"),
    }
}

#[tokio::test]
async fn every_field_of_the_contract_is_read() {
    let head = super::super::connection::CONTRACT.names.join(",");
    let row = "c1,a1, Mailjet ,News,PAUSED,2026-01-01T00:00:00Z,1780000000,1780000001,1770000000,1780000002,\
               pub , s3cret ,vault:x,v7,OAuth,eu,https://x.example.org,m1,4,\"smtp, sync;sync\",1780000003,red|blue red";
    let seen = csv(format!("{head}\n{row}\n")).await;
    let record = seen.one();
    assert_eq!(record.provider.as_str(), "mailjet");
    assert_eq!((record.status, record.auth), (RecordStatus::Paused, Some(Auth::Oauth)));
    assert_eq!(record.created_at, Timestamp::parse("2026-01-01T00:00:00Z"));
    assert_eq!(record.updated_at, Some(Timestamp::from_secs(1_780_000_000)));
    assert_eq!(record.deleted_at, Some(Timestamp::from_secs(1_780_000_001)));
    assert_eq!(record.secret_set_at, Some(Timestamp::from_secs(1_770_000_000)));
    assert_eq!(record.last_sync_at, Some(Timestamp::from_secs(1_780_000_002)));
    assert_eq!(record.compromised_at, Some(Timestamp::from_secs(1_780_000_003)));
    assert_eq!(record.key_id.as_deref(), Some("pub"));
    assert_eq!(record.secret.as_ref().map(Secret::expose), Some("s3cret"));
    assert_eq!(record.secret_ref.as_deref(), Some("vault:x"));
    assert_eq!(record.secret_version.as_deref(), Some("v7"));
    assert_eq!((record.region.as_deref(), record.created_by.as_deref()), (Some("eu"), Some("m1")));
    assert_eq!(record.base_url.as_deref(), Some("https://x.example.org"));
    assert_eq!(record.running_jobs, 4);
    assert_eq!(record.used_for, [UsedFor::Sync, UsedFor::Smtp]);
    assert_eq!(record.tags, ["red", "blue"]);
    assert_eq!(record.name.as_deref(), Some("News"));
}

#[tokio::test]
async fn headers_are_read_as_people_write_them() {
    for text in [
        "\u{feff}connection_id,account_id,provider\r\nc1,a1,kit\r\n",
        "Connection_ID , ACCOUNT_ID,\"provider\"\nc1,a1,kit",
        "\n\nprovider,connection_id,account_id\n\nkit,c1,a1\n  \n",
    ] {
        let seen = csv(text).await;
        let record = seen.one();
        assert_eq!((record.connection_id.as_str(), record.account_id.as_str()), ("c1", "a1"), "{text:?}");
        assert_eq!((record.provider.as_str(), seen.rows.len()), ("kit", 1), "{text:?}");
    }
}

#[tokio::test]
async fn a_header_that_is_not_one_says_what_to_do_and_shows_nothing_of_the_row_that_it_may_be() {
    for (text, wanted) in [
        ("", "no header"),
        ("\n \n", "no header"),
        ("connection_id,provider\n", "lacks the required column `account_id`"),
        ("conection_id,account_id,provider\n", "a column is named nearly `connection_id`"),
        ("connection_id;account_id;provider\n", "separated by semicolons"),
        ("connection_id\taccount_id\tprovider\n", "separated by tabs"),
        ("c1,a1,mailjet,c4nary\n", "the first line must name the columns"),
        ("connection_id,account_id,provider,name,Name\n", "the column `name` twice"),
        ("\u{ff}\u{fe}c\0o\0\n", "UTF-8"),
    ] {
        let seen = csv(text).await;
        assert!(what(&seen).contains(wanted), "{text:?}: {}", what(&seen));
        assert!(!what(&seen).contains("c4nary"));
    }
}

#[tokio::test]
async fn an_unknown_column_is_remarked_once_with_a_suggestion() {
    let seen = csv(format!("{HEAD},createdAt,notes\nc1,a1,kit,x,y\nc2,a1,kit,x,y\n")).await;
    assert_eq!(
        seen.remarks,
        [
            "column `createdat` is not a field of keysweep and is ignored; did you mean `created_at`?",
            "column `notes` is not a field of keysweep and is ignored",
        ]
    );
    assert_eq!(seen.good().len(), 2);
}

#[tokio::test]
async fn rows_are_numbered_by_the_line_on_which_they_start() {
    let seen = csv(format!("{HEAD},name\r\nc1,a1,kit,\"two\r\nlines, \"\"quoted\"\"\"\r\n\r\nc2,a1,kit,x\r\n")).await;
    assert_eq!(seen.brief(), [(2, Some("c1"), None), (5, Some("c2"), None)]);
    assert_eq!(seen.good()[0].name.as_deref(), Some("two  lines, \"quoted\""));
}

#[tokio::test]
async fn a_quotation_mark_that_is_left_open_takes_in_rows_and_the_record_is_nobodys_then() {
    let head = "connection_id,account_id,provider,secret,created_at,name";
    let row = |id: &str, name: &str| format!("{id},a1,kit,kit_{id},2026-06-01T00:00:00Z,{name}\n");
    for stray in [
        format!("{head}\n{}{}", row("c1", "\"The Best"), row("c2", "Great 12\"")),
        format!("{head}\n{}{}{}", row("c1", "\"The Best"), row("c2", "plain"), row("c3", "Great 12\"")),
        "connection_id,name,account_id,provider,secret\nc1,\"The Best,a1,kit,kit_1\nc2,Great 12\",a2,kit,kit_2\n"
            .to_owned(),
        "connection_id,secret,account_id,provider\nc1,\"kit_1,a1,kit\nc2,kit_2\",a2,kit\n".to_owned(),
        "connection_id,region,account_id,provider\nc1,\"us,a1,kit\nc2,us\",a2,kit\n".to_owned(),
    ] {
        let seen = csv(stray.clone()).await;
        let brief = seen.brief();
        let [(2, None, Some((field, reason)))] = brief[..] else { panic!("{stray}: {brief:?}") };
        assert!(!field.is_empty() || reason.contains("holds another row"), "{stray}: {reason}");
    }
}

#[tokio::test]
async fn a_name_of_several_lines_is_good_wherever_its_column_stands() {
    for text in [
        "name,connection_id,account_id,provider\n\"two\nlines, here\",c1,a1,kit\n",
        "connection_id,name,account_id,provider\nc1,\"two\nlines, here\",a1,kit\n",
        "connection_id,account_id,provider,name\nc1,a1,kit,\"two\nlines, here\"\n",
    ] {
        let seen = csv(text.to_owned()).await;
        assert_eq!(seen.brief(), [(2, Some("c1"), None)], "{text}");
    }
}

#[tokio::test]
async fn a_secret_is_one_line_and_one_that_is_masked_was_not_given() {
    let seen = csv(format!("{HEAD},secret,name\nc1,a1,kit,\"kit_1\n2\",x\nc2,a1,kit,********,x\n")).await;
    let reason = "holds a line end; a key is one line";
    assert_eq!(seen.brief(), [(2, Some("c1"), Some(("secret", reason))), (4, Some("c2"), None)]);
    assert!(seen.good()[0].secret.is_none());
}

#[tokio::test]
async fn a_wrong_value_quarantines_its_row_alone_and_says_what_is_accepted() {
    for (column, value, wanted) in [
        ("status", "gone", "must be one of active, paused, deleted, not \"gone\""),
        ("auth", "password", "must be one of key, oauth, not \"password\""),
        ("created_at", "yesterday", "RFC 3339 (2026-01-31T09:30:00Z) or whole Unix seconds, not \"yesterday\""),
        ("running_jobs", "-1", "must be a whole number from 0, not \"-1\""),
        ("used_for", "sync fax", "must be one of sync, transactional, smtp, not \"fax\""),
        ("key_id", "a\tb", "control character"),
    ] {
        let seen = csv(format!("{HEAD},{column}\nc1,a1,kit,{value}\nc2,a1,kit,\n")).await;
        assert_eq!(seen.problem().field, column);
        assert!(seen.problem().reason.contains(wanted), "{:?}", seen.problem());
        assert_eq!((seen.rows[0].id.as_deref(), seen.good().len()), (Some("c1"), 1));
    }
}

#[tokio::test]
async fn only_the_first_wrong_field_is_named_in_the_order_of_the_contract() {
    let seen = csv(format!("tags,auth,status,{HEAD}\nx,no,no,c1,,kit\n")).await;
    assert_eq!(seen.problem().field, "account_id");
}

#[tokio::test]
async fn a_row_whose_id_cannot_be_read_has_none() {
    let long = "x".repeat(513);
    for id in ["", "  ", long.as_str(), "\"a\nb\"", "a\u{7}b"] {
        let seen = csv(format!("{HEAD}\n{id},a1,kit\n")).await;
        assert_eq!((seen.problem().field.as_str(), seen.rows[0].id.as_deref()), ("connection_id", None), "{id:?}");
    }
    for row in ["c1,,kit", "c1,a1,", "c1,a1"] {
        assert_eq!(csv(format!("{HEAD}\n{row}\n")).await.rows[0].id.as_deref(), Some("c1"), "{row}");
    }
}

#[tokio::test]
async fn a_row_with_other_columns_than_the_header_keeps_an_id_only_if_it_cannot_be_another() {
    let reason = "has 4 columns where the header has 3; quote values that hold commas";
    assert_eq!(csv(format!("{HEAD}\nc1,a1,kit,x\n")).await.brief(), [(2, Some("c1"), Some(("", reason)))]);
    // not the first column: it may have been shifted
    assert_eq!(csv("account_id,connection_id,provider\na,1,c1,kit\n").await.rows[0].id, None);
    // two rows that ran together: the second one's id is lost
    assert_eq!(csv(format!("{HEAD}\nc1,a1,kitc2,a1,kit\n")).await.rows[0].id, None);
    // a quotation mark that swallowed a row
    assert_eq!(csv(format!("{HEAD}\nc1,\"a1,kit\nc2,\"a1,kit\n")).await.rows[0].id, None);
}

#[tokio::test]
async fn a_status_that_is_given_is_the_truth_and_else_a_date_of_deletion_speaks() {
    for (status, deleted_at, wanted) in [
        ("", "", RecordStatus::Active),
        ("", "1780000000", RecordStatus::Deleted),
        ("active", "1780000000", RecordStatus::Active),
        ("deleted", "", RecordStatus::Deleted),
    ] {
        let seen = csv(format!("{HEAD},status,deleted_at\nc1,a1,kit,{status},{deleted_at}\n")).await;
        assert_eq!(seen.one().status, wanted, "{status:?} {deleted_at:?}");
    }
}

#[tokio::test]
async fn a_date_in_the_future_is_dropped_and_told() {
    for column in ["secret_set_at", "created_at", "deleted_at"] {
        for (at, kept) in
            [(NOW + hours(1), false), (NOW + std::time::Duration::from_secs(300), true), (NOW - days(1), true)]
        {
            let seen = with(column, &at.to_string()).await;
            let record = seen.one();
            let read = match column {
                "created_at" => record.created_at,
                "deleted_at" => record.deleted_at,
                _ => record.secret_set_at,
            };
            assert_eq!(read, kept.then_some(at), "{column} {at}");
            let told: Vec<&str> = seen.rows[0].dropped.iter().map(|problem| problem.field.as_str()).collect();
            assert_eq!(told, if kept { vec![] } else { vec![column] });
        }
    }
}

#[tokio::test]
async fn a_secret_that_a_mapping_puts_elsewhere_too_is_kept_nowhere_else() {
    const KEY: &str = "0123456789abcdef0123456789abcdef";
    let text = |head: &str, row: &str| format!("secret,{head}\n{KEY},{row}\n");
    for column in ["name", "key_id", "secret_ref", "secret_version", "base_url", "created_by", "tags"] {
        let head = format!("connection_id,account_id,provider,{column}");
        let seen = csv(text(&head, &format!("c1,a1,mailjet,https://x.example.org/{KEY}"))).await;
        let record = seen.one();
        assert_eq!(record.secret.as_ref().map(Secret::expose), Some(KEY), "{column}");
        let kept = [&record.name, &record.key_id, &record.secret_ref, &record.secret_version, &record.base_url];
        assert_eq!((kept, &record.created_by, &record.tags), ([&None; 5], &None, &Vec::new()), "{column}");
        let told: Vec<String> = seen.rows[0].dropped.iter().map(ToString::to_string).collect();
        assert!(told.len() == 1 && told[0].starts_with(column) && !told[0].contains(KEY), "{told:?}");
    }
    for (row, field) in [(format!("{KEY},a1,kit"), "connection_id"), (format!("c1,{KEY},kit"), "account_id")] {
        let seen = csv(text("connection_id,account_id,provider", &row)).await;
        let problem = seen.problem();
        assert!(problem.field == field && !problem.reason.contains(KEY), "{problem}");
    }
}

#[tokio::test]
async fn what_could_be_a_key_is_no_region_and_no_address() {
    for (column, given, kept) in [
        ("region", "eu", true),
        ("region", "0123456789abcdef0123456789abcdef", false),
        ("base_url", "https://a-very-long-name-of-an-account.api-us1.com", true),
        ("base_url", "acct.api-us1.com", true),
        ("base_url", "kit_0123456789abcdef0123456789abcdef", false),
        ("base_url", "key:0123456789abcdef0123456789abcdef", false),
    ] {
        let seen = with(column, given).await;
        let record = seen.one();
        let read = record.region.as_deref().or(record.base_url.as_deref());
        assert_eq!(read, kept.then_some(given), "{column}");
        let told: Vec<String> = seen.rows[0].dropped.iter().map(ToString::to_string).collect();
        assert!(told.len() == usize::from(!kept) && !told.join("").contains("0123456789"), "{told:?}");
    }
}

#[tokio::test]
async fn a_date_from_before_there_were_platforms_is_dropped_and_told_and_the_epoch_is_none() {
    for column in ["secret_set_at", "created_at", "compromised_at", "updated_at", "last_sync_at", "deleted_at"] {
        for (written, told) in [
            ("0", vec![]),
            ("1970-01-01T00:00:00Z", vec![]),
            ("20261101", vec![column]),
            ("1999-12-31T23:59:59Z", vec![column]),
        ] {
            let seen = with(column, written).await;
            let record = seen.one();
            let dates = [record.secret_set_at, record.created_at, record.updated_at, record.last_sync_at];
            assert_eq!((dates, record.deleted_at), ([None; 4], None), "{column} {written}");
            let is_leaked = column == "compromised_at" && !told.is_empty();
            assert_eq!(record.compromised_at.is_some(), is_leaked, "that it leaked counts, whenever: {written}");
            let dropped: Vec<&str> = seen.rows[0].dropped.iter().map(|problem| problem.field.as_str()).collect();
            assert_eq!(dropped, told, "{column} {written}");
            let is_deleted = column == "deleted_at" && !told.is_empty();
            assert_eq!(record.status == RecordStatus::Deleted, is_deleted, "no date of deletion is none");
        }
    }
}

#[tokio::test]
async fn a_convertkit_value_of_kit_v4_belongs_to_kit() {
    for (provider, secret, wanted) in
        [("ConvertKit", " kit_0a", "kit"), ("convertkit", "0a_kit_", "convertkit"), ("mailjet", "kit_0a", "mailjet")]
    {
        let seen = csv(format!("{HEAD},secret\nc1,a1,{provider},{secret}\n")).await;
        assert_eq!(seen.one().provider.as_str(), wanted);
    }
}

#[tokio::test]
async fn a_secret_is_a_literal_and_is_never_shown() {
    for (given, wanted) in [("file:/etc/passwd", "file:/etc/passwd"), ("\"a,\"\"b\"", "a,\"b"), ("env:X", "env:X")] {
        assert_eq!(with("secret", given).await.one().secret.as_ref().map(Secret::expose), Some(wanted));
    }
    assert!(with("secret", "  ").await.one().secret.is_none());
    let canary = "c4nary".repeat(6);
    let oversized = canary.repeat(300);
    for text in [
        format!("{HEAD},secret\nc1,a1,kit,{canary},x\n"),
        format!("{HEAD},status,secret\nc1,a1,kit,no,{canary}\n"),
        format!("{HEAD},status\nc1,a1,kit,{canary}\n"), // a wrong mapping
        format!("{HEAD},secret\nc1,a1,kit,{oversized}\n"),
        format!("{HEAD},secret\nc1,a1,kit,\"{canary}\n"),
        format!("{HEAD},secret,name\nc1,a1,kit,{canary}"),
    ] {
        let seen = csv(&text).await;
        assert!(seen.good().is_empty());
        assert!(!format!("{:?} {:?} {:?}", seen.rows, seen.error, seen.remarks).contains("c4nary"), "{text:.80}");
    }
}

#[tokio::test]
async fn bytes_that_are_not_utf8_quarantine_their_row_alone() {
    let seen = csv(b"connection_id,account_id,provider,name\nc1,a1,kit,caf\xe9\nc\xe9,a1,kit,x\nc3,a1,kit,x\n").await;
    let reason = "is not UTF-8; write the file as UTF-8";
    assert_eq!(
        seen.brief(),
        [(2, Some("c1"), Some(("name", reason))), (3, None, Some(("connection_id", reason))), (4, Some("c3"), None)]
    );
}

#[tokio::test]
async fn a_name_is_cut_and_stays_on_one_line() {
    let seen = with("name", &format!("\"{}\n{}\"", "é".repeat(100), "x".repeat(300))).await;
    let name = seen.one().name.clone().expect("a name");
    assert_eq!((name.chars().count(), name.contains('\n')), (200, false));
}

#[tokio::test]
async fn people_are_read_and_a_wrong_address_is_not_shown() {
    let rows = read_people(
        FileKind::Csv,
        "account_id,member_id,email,role,status,verified,locale,timezone\n\
         a1,m1,x@example.org,Owner,suspended,No,de-CH,Europe/Zurich\n\
         a1,m2,y@example.org,,,,,\n\
         a1,m3,nobody at example,owner,active,1,,\n",
    )
    .await;
    let first = rows[0].record.as_ref().expect("a good row");
    assert_eq!((first.role, first.status, first.verified), (Role::Owner, PersonStatus::Suspended, false));
    assert_eq!((first.locale.as_deref(), first.timezone.as_deref()), (Some("de-CH"), Some("Europe/Zurich")));
    assert_eq!((first.email.expose(), rows[0].id.as_deref()), ("x@example.org", Some("m1")));
    let second = rows[1].record.as_ref().expect("a good row");
    assert_eq!((second.role, second.status, second.verified), (Role::Member, PersonStatus::Active, true));
    let problem = rows[2].record.as_ref().expect_err("a quarantined row");
    assert_eq!((problem.field.as_str(), rows[2].id.as_deref()), ("email", Some("m3")));
    assert!(!problem.reason.contains("nobody"));
}
