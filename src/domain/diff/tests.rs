use proptest::prelude::*;

use super::*;
use crate::domain::ids::ProviderName;
use crate::domain::record::{Auth, UsedFor};
use crate::domain::secret::Secret;
use crate::domain::time::days;

const NOW: Timestamp = Timestamp::from_secs(1_790_000_000);

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(NOW.as_secs() + secs)
}

fn print(n: u8) -> Fingerprint {
    Fingerprint::try_from(format!("{n:064x}")).expect("64 digits")
}

fn record(status: RecordStatus) -> ConnectionRecord {
    let bare = ConnectionRecord::bare("c-1", "a-1", ProviderName::new("mailjet"));
    ConnectionRecord { status, auth: Some(Auth::Key), ..bare }
}

fn known(status: ConnectionStatus, open: Option<(u8, bool)>) -> KnownConnectionView {
    let open_use =
        open.map(|(n, placeholder)| OpenUse { fingerprint: print(n), placeholder, account: "a-1".to_owned() });
    KnownConnectionView {
        status,
        facts_at: at(-3600),
        own_date: true,
        row_at: at(-3600),
        secret_at: at(-3600),
        told_at: None,
        gone_at: None,
        last_credential: Some(print(1)),
        open_use,
    }
}

fn facts(record: &ConnectionRecord) -> Vec<u8> {
    let mut out = Vec::new();
    connection_facts(record, Watched::default(), &mut out);
    out
}

#[test]
fn the_first_date_of_its_own_shuts_no_row_out_and_those_after_it_do() {
    let undated = KnownConnectionView { own_date: false, ..known(ConnectionStatus::Active, Some((1, false))) };
    let row = |updated| ConnectionRecord { updated_at: Some(updated), ..record(RecordStatus::Paused) };
    let first = absorb(Some(&undated), &row(at(-9000)), Some(&print(1)), NOW, NOW);
    assert_eq!((first.stale, first.status, first.facts_at), (false, ConnectionStatus::Paused, at(-9000)));
    let dated = after(Some(&undated), &first);
    let older = absorb(Some(&dated), &row(at(-9001)), Some(&print(1)), NOW, NOW);
    assert!(older.stale && older.own_date && older.facts_at == at(-9000));
    let late = told(Some(&undated), &row(at(-9000)), Some(&print(1)), (true, true), at(-9000), NOW);
    assert!(late.late, "an event that is older than a reading tells no news");
}

#[test]
fn a_new_row_begins_a_use_when_the_connection_was_made() {
    let row = ConnectionRecord { created_at: Some(NOW - days(30)), ..record(RecordStatus::Paused) };
    let change = absorb(None, &row, Some(&print(1)), NOW, NOW);
    let begin = change.begin.expect("a use begins");
    assert_eq!(begin.fingerprint, BeginWith::Secret(print(1)));
    assert_eq!(begin.since, NOW - days(30));
    assert!(!begin.replaces_another && begin.ended.is_none() && change.end_open_use.is_none() && !change.came_back);
    assert_eq!((change.status, change.facts_at), (ConnectionStatus::Paused, NOW));
}

#[test]
fn a_new_row_that_is_deleted_begins_a_use_that_has_ended() {
    for (created, deleted, since, until) in [
        (None, None, NOW, NOW),
        (Some(at(-100)), None, at(-100), NOW),
        (Some(at(-100)), Some(at(-40)), at(-100), at(-40)),
        (Some(at(-100)), Some(at(-200)), at(-100), at(-100)),
        (Some(at(-100)), Some(at(40)), at(-100), NOW),
        (Some(at(100)), Some(at(-40)), NOW, NOW),
        (None, Some(at(-40)), at(-40), at(-40)),
    ] {
        let row = ConnectionRecord { created_at: created, deleted_at: deleted, ..record(RecordStatus::Deleted) };
        let begin = absorb(None, &row, None, NOW, NOW).begin.expect("a use begins");
        assert_eq!(begin.fingerprint, BeginWith::Placeholder);
        assert_eq!((begin.since, begin.ended), (since, Some((until, EndedBy::Deleted))), "{created:?} {deleted:?}");
    }
}

#[test]
fn an_open_row_keeps_its_credential_unless_it_shows_another_secret() {
    let open = known(ConnectionStatus::Active, Some((1, false)));
    for fingerprint in [None, Some(print(1))] {
        let change = absorb(Some(&open), &record(RecordStatus::Paused), fingerprint.as_ref(), NOW, NOW);
        assert_eq!((change.end_open_use, change.begin, change.status), (None, None, ConnectionStatus::Paused));
    }
    let change = absorb(Some(&open), &record(RecordStatus::Active), Some(&print(2)), NOW, NOW);
    assert_eq!(change.end_open_use, Some((NOW, EndedBy::Replaced)));
    let begin = change.begin.expect("a use begins");
    assert_eq!((begin.fingerprint, begin.since, begin.ended), (BeginWith::Secret(print(2)), NOW, None));
    assert!(begin.replaces_another);
}

#[test]
fn a_placeholder_that_gets_a_secret_is_identified_not_replaced() {
    let open = known(ConnectionStatus::Active, Some((9, true)));
    let change = absorb(Some(&open), &record(RecordStatus::Active), Some(&print(2)), NOW, NOW);
    assert_eq!(change.end_open_use, Some((NOW, EndedBy::Identified)));
    assert!(!change.begin.expect("a use begins").replaces_another);
}

#[test]
fn a_deletion_is_believed_at_once_and_never_dated_after_now() {
    let open = known(ConnectionStatus::Paused, Some((1, false)));
    for (deleted, until) in [(None, NOW), (Some(at(-40)), at(-40)), (Some(at(40)), NOW)] {
        let row = ConnectionRecord { deleted_at: deleted, ..record(RecordStatus::Deleted) };
        for fingerprint in [None, Some(print(1))] {
            let change = absorb(Some(&open), &row, fingerprint.as_ref(), NOW, NOW);
            assert_eq!((change.end_open_use, change.begin), (Some((until, EndedBy::Deleted)), None));
            assert_eq!(change.status, ConnectionStatus::Deleted);
        }
    }
}

#[test]
fn a_deletion_that_shows_another_secret_leaves_two_ended_uses() {
    let open = known(ConnectionStatus::Active, Some((1, false)));
    let row = ConnectionRecord { deleted_at: Some(at(-40)), ..record(RecordStatus::Deleted) };
    let change = absorb(Some(&open), &row, Some(&print(2)), NOW, NOW);
    assert_eq!(change.end_open_use, Some((NOW, EndedBy::Replaced)));
    assert_eq!(change.begin.expect("a use begins").ended, Some((NOW, EndedBy::Deleted)));
}

#[test]
fn an_id_that_comes_back_opens_a_new_use() {
    for status in [ConnectionStatus::Deleted, ConnectionStatus::Absent] {
        for fingerprint in [None, Some(print(1)), Some(print(2))] {
            let row = ConnectionRecord { created_at: Some(NOW - days(400)), ..record(RecordStatus::Active) };
            let change = absorb(Some(&known(status, None)), &row, fingerprint.as_ref(), NOW, NOW);
            assert!(change.came_back && change.end_open_use.is_none());
            let begin = change.begin.expect("a use begins");
            assert_eq!(begin.fingerprint, fingerprint.map_or(BeginWith::Placeholder, BeginWith::Secret));
            assert_eq!((begin.since, begin.ended), (NOW, None));
        }
    }
}

#[test]
fn a_row_that_is_gone_already_is_not_ended_twice() {
    for status in [ConnectionStatus::Deleted, ConnectionStatus::Absent] {
        let change = absorb(Some(&known(status, None)), &record(RecordStatus::Deleted), Some(&print(2)), NOW, NOW);
        assert_eq!(change.status, ConnectionStatus::Deleted);
        assert_eq!((change.end_open_use, change.begin, change.came_back), (None, None, false));
    }
}

#[test]
fn a_key_that_turns_out_to_be_a_permissions_token_leaves_no_key_behind() {
    let open = known(ConnectionStatus::Active, Some((1, false)));
    let grant = |status| ConnectionRecord { auth: Some(Auth::Oauth), ..record(status) };
    let change = absorb(Some(&open), &grant(RecordStatus::Active), None, NOW, NOW);
    assert_eq!(change.end_open_use, Some((NOW, EndedBy::Identified)));
    let begin = change.begin.expect("a use of the permission begins");
    assert_eq!((begin.fingerprint, begin.replaces_another, begin.ended), (BeginWith::Placeholder, false, None));
    let deleted = absorb(Some(&open), &grant(RecordStatus::Deleted), None, NOW, NOW);
    assert_eq!(deleted.begin.expect("it ended at once").ended, Some((NOW, EndedBy::Deleted)));
    let already = known(ConnectionStatus::Active, Some((255, true)));
    let change = absorb(Some(&already), &grant(RecordStatus::Active), None, NOW, NOW);
    assert_eq!((change.end_open_use, change.begin), (None, None), "and that is all");
}

#[test]
fn a_connection_that_moves_to_another_account_takes_its_key_along_and_leaves_nothing_behind() {
    let open = known(ConnectionStatus::Active, Some((1, false)));
    let moved = |status| ConnectionRecord { account_id: "a-2".to_owned(), ..record(status) };
    for shown in [Some(print(1)), None] {
        let change = absorb(Some(&open), &moved(RecordStatus::Active), shown.as_ref(), NOW, NOW);
        assert_eq!(change.end_open_use, Some((NOW, EndedBy::Identified)), "{shown:?}");
        let begin = change.begin.expect("the other account's use");
        assert_eq!((begin.fingerprint, begin.ended), (BeginWith::Secret(print(1)), None), "{shown:?}");
    }
    let other = absorb(Some(&open), &moved(RecordStatus::Active), Some(&print(2)), NOW, NOW);
    assert_eq!(other.end_open_use, Some((NOW, EndedBy::Replaced)), "the key before is still the one's who had it");
    let deleted = absorb(Some(&open), &moved(RecordStatus::Deleted), Some(&print(1)), NOW, NOW);
    assert_eq!((deleted.end_open_use, deleted.begin), (Some((NOW, EndedBy::Deleted)), None));
}

#[test]
fn what_a_row_tells_of_its_value_beside_the_fingerprint_counts() {
    let row = record(RecordStatus::Active);
    let stand_in = known(ConnectionStatus::Active, Some((255, true)));
    let same = absorb(Some(&stand_in), &row, None, NOW, NOW);
    for (value, by, replaces) in [(Value::Same, EndedBy::Identified, false), (Value::Other, EndedBy::Replaced, true)] {
        let change = same.clone().knowing(Some(value), NOW);
        assert_eq!(change.end_open_use, Some((NOW, by)));
        let begin = change.begin.expect("another stand-in");
        assert_eq!((begin.fingerprint, begin.replaces_another), (BeginWith::Placeholder, replaces));
    }
    assert_eq!(same.clone().knowing(None, NOW), same);
    let known = known(ConnectionStatus::Active, Some((1, false)));
    let fuller = absorb(Some(&known), &row, Some(&print(2)), NOW, NOW).knowing(Some(Value::Same), NOW);
    assert_eq!(fuller.end_open_use, Some((NOW, EndedBy::Identified)), "no key is left behind");
    assert!(fuller.begin.is_some_and(|begin| !begin.replaces_another));
    let deleted = absorb(Some(&stand_in), &record(RecordStatus::Deleted), None, NOW, NOW);
    assert_eq!(deleted.clone().knowing(Some(Value::Other), NOW), deleted);
}

#[test]
fn a_date_far_in_the_future_does_not_shut_out_later_rows() {
    for (ahead, wanted) in [(299, at(299)), (300, at(300)), (301, NOW), (9_000_000, NOW)] {
        let row = ConnectionRecord { updated_at: Some(at(ahead)), ..record(RecordStatus::Active) };
        assert_eq!(absorb(None, &row, None, NOW, NOW).facts_at, wanted, "{ahead}");
    }
}

#[test]
fn a_row_as_old_as_what_is_known_still_counts() {
    // platforms that date to the second can change a row twice within it
    let open = known(ConnectionStatus::Active, Some((1, false)));
    for (offset, stale) in [(-1, true), (0, false), (1, false)] {
        let updated_at = Some(Timestamp::from_millis(open.facts_at.as_millis() + offset));
        let row = ConnectionRecord { updated_at, ..record(RecordStatus::Deleted) };
        let change = absorb(Some(&open), &row, None, NOW, NOW);
        assert_eq!((change.stale, change.end_open_use.is_none()), (stale, stale), "{offset} ms");
    }
}

#[test]
fn volatile_facts_are_no_change() {
    let row = record(RecordStatus::Active);
    let synced = ConnectionRecord { last_sync_at: Some(NOW), running_jobs: 3, ..row.clone() };
    assert_eq!(facts(&row), facts(&synced));
    let watched = |record: &ConnectionRecord| {
        let mut out = Vec::new();
        connection_facts(record, Watched { last_sync: true }, &mut out);
        out
    };
    let at_work = |at| ConnectionRecord { last_sync_at: Some(at), ..row.clone() };
    let morning = NOW.day_start() + Duration::from_secs(60);
    assert_ne!(watched(&row), watched(&at_work(morning)), "a rule in force reads it");
    assert_eq!(watched(&at_work(morning)), watched(&at_work(morning + Duration::from_secs(86_000))), "the day alone");
    assert_ne!(watched(&at_work(morning)), watched(&at_work(morning + days(1))));
    let deleted = record(RecordStatus::Deleted);
    let importing = ConnectionRecord { running_jobs: 1, ..deleted.clone() };
    let importing_more = ConnectionRecord { running_jobs: 2, ..deleted.clone() };
    assert_ne!(facts(&deleted), facts(&importing));
    assert_eq!(facts(&importing), facts(&importing_more));
}

#[test]
fn the_order_of_sets_is_no_change() {
    let tags = |list: &[&str]| list.iter().map(ToString::to_string).collect();
    let row = ConnectionRecord { tags: tags(&["a", "b"]), ..record(RecordStatus::Active) };
    assert_eq!(facts(&row), facts(&ConnectionRecord { tags: tags(&["b", "a", "b"]), ..row.clone() }));
    assert_ne!(facts(&row), facts(&ConnectionRecord { tags: tags(&["ab"]), ..row.clone() }));
}

#[test]
fn every_lasting_fact_is_a_change() {
    let row = record(RecordStatus::Active);
    let text = || Some("x".to_owned());
    let others = [
        ConnectionRecord { connection_id: "x".to_owned(), ..row.clone() },
        ConnectionRecord { account_id: "x".to_owned(), ..row.clone() },
        ConnectionRecord { provider: ProviderName::new("kit"), ..row.clone() },
        ConnectionRecord { name: text(), ..row.clone() },
        ConnectionRecord { status: RecordStatus::Paused, ..row.clone() },
        ConnectionRecord { created_at: Some(NOW), ..row.clone() },
        ConnectionRecord { updated_at: Some(NOW), ..row.clone() },
        ConnectionRecord { deleted_at: Some(NOW), ..row.clone() },
        ConnectionRecord { secret_set_at: Some(NOW), ..row.clone() },
        ConnectionRecord { key_id: text(), ..row.clone() },
        ConnectionRecord { secret: Some(Secret::new("x")), ..row.clone() },
        ConnectionRecord { secret_ref: text(), ..row.clone() },
        ConnectionRecord { secret_version: text(), ..row.clone() },
        ConnectionRecord { auth: Some(Auth::Oauth), ..row.clone() },
        ConnectionRecord { auth: None, ..row.clone() },
        ConnectionRecord { region: text(), ..row.clone() },
        ConnectionRecord { base_url: text(), ..row.clone() },
        ConnectionRecord { created_by: text(), ..row.clone() },
        ConnectionRecord { used_for: vec![UsedFor::Smtp], ..row.clone() },
        ConnectionRecord { compromised_at: Some(NOW), ..row.clone() },
        ConnectionRecord { tags: vec!["x".to_owned()], ..row.clone() },
    ];
    let mut seen: Vec<Vec<u8>> = others.iter().map(facts).collect();
    seen.push(facts(&row));
    let count = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), count);
}

/// The connection as the ledger would have it after the change.
fn after(known: Option<&KnownConnectionView>, change: &Change) -> KnownConnectionView {
    let mut view = known.cloned().unwrap_or(KnownConnectionView {
        status: change.status,
        facts_at: change.facts_at,
        own_date: change.own_date,
        row_at: change.facts_at,
        secret_at: change.facts_at,
        told_at: None,
        gone_at: None,
        open_use: None,
        last_credential: None,
    });
    if change.stale {
        return view;
    }
    view.status = change.status;
    (view.facts_at, view.own_date) = (change.facts_at, change.own_date);
    if change.end_open_use.is_some() {
        view.open_use = None;
    }
    if let Some(begin) = &change.begin {
        assert!(view.open_use.is_none(), "a use begins beside an open one");
        let (fingerprint, placeholder) = match &begin.fingerprint {
            BeginWith::Secret(fingerprint) => (fingerprint.clone(), false),
            BeginWith::Placeholder => (print(255), true),
        };
        view.last_credential = Some(fingerprint.clone());
        view.open_use =
            begin.ended.is_none().then_some(OpenUse { fingerprint, placeholder, account: "a-1".to_owned() });
    }
    view
}

prop_compose! {
    fn rows()(
        status in prop_oneof![Just(RecordStatus::Active), Just(RecordStatus::Paused), Just(RecordStatus::Deleted)],
        created in proptest::option::of(-1000_i64..1000),
        updated in proptest::option::of(-1000_i64..1000),
        deleted in proptest::option::of(-1000_i64..1000),
        secret in proptest::option::of(1_u8..4),
    ) -> (ConnectionRecord, Option<Fingerprint>) {
        let row = ConnectionRecord {
            created_at: created.map(at),
            updated_at: updated.map(at),
            deleted_at: deleted.map(at),
            ..record(status)
        };
        (row, secret.map(print))
    }
}

proptest! {
    #[test]
    fn any_history_keeps_the_uses_in_order(history in proptest::collection::vec((rows(), 0_i64..500), 1..12)) {
        let (mut view, mut now) = (None, NOW);
        for ((row, fingerprint), later) in history {
            now = now + Duration::from_secs(later.unsigned_abs());
            let change = absorb(view.as_ref(), &row, fingerprint.as_ref(), now, now);
            let next = after(view.as_ref(), &change);
            if let Some((until, _)) = change.end_open_use {
                prop_assert!(until <= now);
                prop_assert!(view.as_ref().is_some_and(|v| v.open_use.is_some()), "an end without an open use");
            }
            if let Some(begin) = &change.begin {
                prop_assert!(begin.since <= now);
                prop_assert!(begin.ended.is_none_or(|(until, _)| begin.since <= until && until <= now));
            }
            prop_assert_eq!(next.status.is_open(), next.open_use.is_some(), "open means exactly one open use");
            if let Some(before) = &view {
                let is_first_date = next.own_date && !before.own_date;
                prop_assert!(next.facts_at >= before.facts_at || is_first_date, "older facts won");
                if change.stale {
                    prop_assert_eq!(&next, before);
                }
            }
            // the same row again changes nothing
            let again = absorb(Some(&next), &row, fingerprint.as_ref(), now, now);
            prop_assert!(again.end_open_use.is_none() && again.begin.is_none() && !again.came_back);
            prop_assert_eq!(&after(Some(&next), &again), &next);
            view = Some(next);
        }
    }

    #[test]
    fn a_row_older_than_what_is_known_changes_nothing((row, fingerprint) in rows(), open in any::<bool>()) {
        let row = ConnectionRecord { updated_at: Some(at(-7200)), ..row };
        let view = if open {
            known(ConnectionStatus::Active, Some((1, false)))
        } else {
            known(ConnectionStatus::Deleted, None)
        };
        let change = absorb(Some(&view), &row, fingerprint.as_ref(), NOW, NOW);
        prop_assert!(change.stale);
        prop_assert_eq!(after(Some(&view), &change), view);
        prop_assert!(change.end_open_use.is_none() && change.begin.is_none());
    }
}
