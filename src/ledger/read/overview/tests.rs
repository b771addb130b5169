//! The overview against the rows that it was counted from.

mod rows;

use std::time::Duration;

use proptest::prelude::*;
use serde_json::json;

use self::rows::{Row, row};
use super::*;
use crate::domain::age::{AgeBand, Known};
use crate::domain::facts::Provenance;
use crate::domain::finding::{Exempt, FindingChange, Opened, RuleName};
use crate::domain::span::OpenFor;
use crate::domain::time::days;
use crate::ledger::estate::{self, Estate, NOW};
use crate::ledger::place::Kind;
use crate::ledger::read::tallies;
use crate::ledger::sql::Sql;

on_both![
    an_estate_of_many_steps_is_counted_whole,
    an_empty_ledger_has_an_overview,
    sources_are_as_their_last_reading_left_them,
    an_overview_prints_words_and_times_as_text,
    the_end_of_a_band_of_open_findings_belongs_to_it,
    the_first_end_among_exemptions_of_a_kind_is_told,
];

/// The instant at which the use of a row ended.
fn until(number: usize) -> Timestamp {
    Timestamp::from_secs(1_000 + i64::try_from(number).unwrap())
}

/// The instant at which the finding of a row was opened, and its mail formed.
fn opened(number: usize) -> Timestamp {
    NOW - days(4 * u64::try_from(number).unwrap())
}

fn open_for(number: usize) -> OpenFor {
    match 4 * number {
        0..=7 => OpenFor::To7,
        8..=30 => OpenFor::To30,
        31..=90 => OpenFor::To90,
        _ => OpenFor::Over90,
    }
}

async fn written(kind: Kind, rows: &[Row]) -> Estate {
    let estate = Estate::new(kind).await;
    estate.person(1, 1, "owner", "owner").await;
    let rows = rows.iter().enumerate().map(|(number, row)| {
        let shredding = if row.unproven { "unproven" } else { "proven" };
        let belief = match row.liveness() {
            Liveness::Shredded => json!({"liveness": "shredded", "shredding": shredding}),
            liveness => json!({"liveness": liveness}),
        };
        json!({
            "id": number + 1, "account": row.account, "provider": row.provider(), "status": row.status(),
            "auth": if row.oauth { "oauth" } else { "key" }, "placeholder": u8::from(row.placeholder),
            "liveness": row.liveness(), "belief": belief.to_string(), "since": row.since(),
            "probe": (!row.oauth).then_some(1), "idle": row.unproven.then(|| until(number)),
            "held": u8::from(!row.first_seen), "provenance": if row.first_seen { "first_seen" } else { "declared" },
            "used": row.shares % rows.len() + 1, "until": row.ended.then(|| until(number)),
            "ended_by": row.ended.then_some("deleted"), "rule": row.rule(), "severity": row.severity(),
            "state": if row.open { "open" } else { "closed" }, "opened": opened(number), "mail": row.mail(),
        })
    });
    let rows = serde_json::Value::Array(rows.collect()).to_string();
    for statement in WRITTEN {
        estate.write(statement, [(&rows).into()]).await;
    }
    estate
}

const WRITTEN: [&Sql; 6] = [
    &sql!(
        "INSERT INTO connection (id, source_id, external_id, account_id, provider, status, auth, facts_at, digest)
         SELECT v.id, 1, v.id, v.account, v.provider, v.status, v.auth, 0, ''
         FROM " [records "$1" v (id bigint, account bigint, provider text, status text, auth text)]
    ),
    &sql!(
        "INSERT INTO credential (id, fingerprint, source_id, provider, placeholder, liveness, belief, secret_since,
                                 provenance, probe_at, idle_since)
         SELECT v.id, v.id, 1, v.provider, v.placeholder, v.liveness, v.belief, v.since, v.provenance, v.probe, v.idle
         FROM " [records "$1" v (id bigint, provider text, placeholder bigint, liveness text, belief text, since bigint,
                                 provenance text, probe bigint, idle bigint)]
    ),
    &sql!(
        "INSERT INTO escrow (credential_id, held, sealed)
         SELECT v.id, v.held, 'x' FROM " [records "$1" v (id bigint, held bigint)]
    ),
    &sql!(
        "INSERT INTO use (connection_id, credential_id, account_id, since, until, ended_by)
         SELECT v.id, v.used, v.account, 0, v.until, v.ended_by
         FROM " [records "$1" v (id bigint, used bigint, account bigint, until bigint, ended_by text)]
    ),
    &sql!(
        "INSERT INTO finding (rule, connection_id, credential_id, account_id, state, opening, severity, since, opened_at,
                              evidence, mailed, provider, source_id)
         SELECT v.rule, v.id, v.id, v.account, v.state, 1, v.severity, 0, v.opened, '{}', v.placeholder,
                (SELECT k.provider FROM credential AS k WHERE k.id = v.id),
                (SELECT c.source_id FROM connection AS c WHERE c.id = v.id)
         FROM " [records "$1" v (id bigint, rule text, account bigint, state text, severity text, opened bigint,
                                 placeholder bigint)]
    ),
    &sql!(
        "INSERT INTO mail (run_id, person_id, message_id, state, formed_at, attempts)
         SELECT 1, 1, v.id, v.mail, v.opened, v.placeholder
         FROM " [records "$1" v (id bigint, mail text, opened bigint, placeholder bigint)]
    ),
];

/// The same, counted one by one.
fn expected(rows: &[Row]) -> Overview {
    let mut overview = Overview {
        at: NOW,
        providers: BTreeMap::new(),
        findings: Vec::new(),
        exempt: Vec::new(),
        open_for: OpenForOverview::new(),
        closings: Vec::new(),
        outbox: OutboxOverview::default(),
        acts: Vec::new(),
        sources: Vec::new(),
        blind: Vec::new(),
        clock: None,
        ledger_bytes: 0,
        log: LogOverview::default(),
    };
    let mut findings: BTreeMap<_, FindingsOverview> = BTreeMap::new();
    for (number, row) in rows.iter().enumerate() {
        let used = &rows[row.shares % rows.len()];
        let users = |of: usize| rows.iter().filter(move |other| !other.ended && other.shares % rows.len() == of);
        *overview.provider(row.provider()).connections.entry(row.status()).or_default() += 1;
        if !row.placeholder {
            count_credential(overview.provider(row.provider()), number, row);
        }
        let in_open_use = users(number).any(|user| !user.oauth && user.status().is_open());
        if in_open_use && !row.placeholder && !row.proven_dead() {
            let provenance = if row.first_seen { Provenance::FirstSeen } else { Provenance::Declared };
            let provider = overview.provider(row.provider());
            *provider.ages.entry(AgeBand::of(Known { since: row.since(), provenance }, NOW)).or_default() += 1;
            provider.oldest_since = earlier(provider.oldest_since, row.since());
        }
        let in_use = users(row.shares % rows.len()).any(|user| user.account == row.account);
        if row.ended && !used.placeholder && !used.proven_dead() && !in_use {
            let provider = overview.provider(used.provider());
            provider.tombstones += 1;
            provider.oldest_tombstone = earlier(provider.oldest_tombstone, until(number));
        }
        if row.open {
            let kind = (row.provider(), row.rule(), row.severity());
            let found = findings.entry(kind).or_insert_with(|| FindingsOverview {
                provider: row.provider(),
                rule: row.rule(),
                severity: row.severity(),
                count: 0,
                unmailed: 0,
                oldest_opened_at: opened(number),
            });
            (found.count, found.unmailed) = (found.count + 1, found.unmailed + u64::from(!row.placeholder));
            found.oldest_opened_at = found.oldest_opened_at.min(opened(number));
            let bands = overview.open_for.entry(row.rule()).or_default();
            *bands.entry(open_for(number)).or_default() += 1;
        }
        count_mail(&mut overview.outbox, number, row);
    }
    overview.findings = findings.into_values().collect();
    overview
}

fn count_credential(provider: &mut ProviderOverview, number: usize, row: &Row) {
    *provider.credentials.entry(row.liveness()).or_default() += 1;
    provider.answers.to_ask += u64::from(!row.oauth);
    if row.liveness() == Liveness::Live && row.unproven && !row.first_seen {
        provider.unused_since = earlier(provider.unused_since, until(number));
    }
}

fn count_mail(outbox: &mut OutboxOverview, number: usize, row: &Row) {
    *outbox.mails.entry(row.mail()).or_default() += 1;
    if row.mail().is_waiting() {
        outbox.oldest_waiting = earlier(outbox.oldest_waiting, opened(number));
        if row.placeholder {
            outbox.oldest_tried = earlier(outbox.oldest_tried, opened(number));
        }
    }
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn every_number_is_what_counting_the_rows_one_by_one_gives(rows in prop::collection::vec(row(), 1..40)) {
        every_number_is_what_counting_gives(Kind::Sqlite, &rows)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4))]

    #[test]
    fn every_number_is_what_counting_the_rows_one_by_one_gives_in_postgresql_too(
        rows in prop::collection::vec(row(), 1..40)
    ) {
        every_number_is_what_counting_gives(Kind::Postgres, &rows)?;
    }
}

fn every_number_is_what_counting_gives(kind: Kind, rows: &[Row]) -> Result<(), TestCaseError> {
    let (overview, counts) = block_on(async {
        let estate = written(kind, rows).await;
        (estate.ledger.overview(NOW).await.unwrap(), estate.ledger.counts().await.unwrap())
    });
    let expected = expected(rows);
    prop_assert_eq!(&overview.providers, &expected.providers);
    prop_assert_eq!(&overview.findings, &expected.findings);
    prop_assert_eq!(&overview.open_for, &expected.open_for);
    prop_assert_eq!(&overview.outbox, &expected.outbox);
    prop_assert!(overview.ledger_bytes > 0);
    for status in ConnectionStatus::ALL {
        prop_assert_eq!(overview.connections(status), counts.connections[status.as_str()]);
    }
    for liveness in Liveness::ALL {
        prop_assert_eq!(overview.credentials(liveness), counts.credentials[liveness.as_str()]);
    }
    for severity in Severity::ALL {
        prop_assert_eq!(overview.open_findings(severity), counts.severities[severity.as_str()]);
    }
    prop_assert_eq!(overview.tombstones(), counts.tombstones);
    Ok(())
}

/// A finding for each of these, opened so long before now and accepted until then.
async fn findings(kind: Kind, each: &[(Duration, Option<Timestamp>)]) -> Overview {
    let estate = Estate::new(kind).await;
    for (number, (age, until)) in (1..).zip(each) {
        estate.connection(number, 1, None).await.credential(number).await;
        let exempt = until.map(|until| Exempt { until, reason: "known".into(), by: None, terms: "all".into() });
        let opened = Opened { exempt, ..estate::opened(RuleName::SecretStale, number, number) };
        estate.judge(NOW - *age, vec![FindingChange::Opened(opened)]).await;
    }
    estate.ledger.overview(NOW).await.unwrap()
}

async fn the_end_of_a_band_of_open_findings_belongs_to_it(kind: Kind) {
    const INSTANT: Duration = Duration::from_millis(1);
    let limits = [7, 30, 90].map(days);
    let each = limits.iter().flat_map(|limit| [(*limit, None), (*limit + INSTANT, None)]).collect::<Vec<_>>();
    let bands = [(OpenFor::To7, 1), (OpenFor::To30, 2), (OpenFor::To90, 2), (OpenFor::Over90, 1)];
    assert_eq!(findings(kind, &each).await.open_for, [(RuleName::SecretStale, bands.into())].into());
}

async fn the_first_end_among_exemptions_of_a_kind_is_told(kind: Kind) {
    let ends = [30, 10, 20].map(|ahead| (Duration::ZERO, Some(NOW + days(ahead))));
    let overview = findings(kind, &ends).await;
    let told: Vec<_> = overview.exempt.iter().map(|exempt| (exempt.rule, exempt.count, exempt.next_end)).collect();
    assert_eq!(told, [(RuleName::SecretStale, 3, NOW + days(10))]);
    assert!(overview.open_for.is_empty(), "what is accepted does not count as open");
}

async fn an_estate_of_many_steps_is_counted_whole(kind: Kind) {
    let estate = Estate::new(kind).await;
    estate
        .run(
            "INSERT INTO connection (id, source_id, external_id, account_id, provider, status, auth, facts_at, digest)
             WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60)
             SELECT 1500 * i + 7, 1, CAST(i AS text), 1, CASE WHEN i % 3 = 0 THEN 'mailjet' ELSE 'kit' END, 'active', 'key', 0, ''
             FROM n",
        )
        .await;
    let overview = estate.ledger.overview(NOW).await.unwrap();
    let active =
        |provider: &str| overview.providers[&ProviderName::new(provider)].connections[&ConnectionStatus::Active];
    assert_eq!((active("kit"), active("mailjet")), (40, 20));
}

async fn an_empty_ledger_has_an_overview(kind: Kind) {
    let estate = Estate::new(kind).await;
    let overview = estate.ledger.overview(NOW).await.unwrap();
    assert!(overview.providers.is_empty() && overview.findings.is_empty());
    assert_eq!((overview.tombstones(), overview.outbox.oldest_waiting), (0, None));
    assert_eq!(overview.sources.iter().map(SourceOverview::is_up).collect::<Vec<_>>(), [None], "never read");
}

async fn sources_are_as_their_last_reading_left_them(kind: Kind) {
    let estate = Estate::new(kind).await;
    estate
        .run("UPDATE source SET last_read = 5000, last_complete = 1000, last_rows = 12, last_error = 'cut short', quarantined = 2, held_back = 3, held_back_people = 4")
        .await
        .run("INSERT INTO source (id, name, last_read) VALUES (2, 'crm', 7000)")
        .await;
    let overview = estate.ledger.overview(NOW).await.unwrap();
    let [crm, platform] = &overview.sources[..] else { panic!("two sources: {:?}", overview.sources) };
    assert_eq!((crm.name.as_str(), crm.is_up(), crm.last_complete), ("crm", Some(true), None));
    assert_eq!((platform.is_up(), platform.last_complete), (Some(false), Some(Timestamp::from_secs(1))));
    assert_eq!((platform.rows, platform.quarantined, platform.held_back), (12, 2, 7));
}

async fn an_overview_prints_words_and_times_as_text(kind: Kind) {
    let estate = Estate::new(kind).await;
    estate.connection(1, 1, None).await;
    let printed = serde_json::to_value(estate.ledger.overview(NOW).await.unwrap()).unwrap();
    assert_eq!(printed["at"], "2026-09-21T14:13:20Z");
    assert_eq!(printed["providers"]["mailjet"]["connections"]["active"], 1);
    assert_eq!(printed["providers"]["mailjet"]["ages"]["at-least"], 0);
    assert_eq!(printed["providers"]["mailjet"]["oldest_since"], serde_json::Value::Null);
    assert_eq!(printed["outbox"]["mails"]["maybe_sent"], 0);
}

#[tokio::test]
async fn no_step_of_the_walk_looks_at_more_than_its_own_rows() {
    let estate = Estate::new(Kind::Sqlite).await;
    let walked = [
        &tallies::CONNECTIONS,
        &tallies::CREDENTIALS,
        &tallies::FINDINGS,
        &tallies::TOMBSTONES,
        &AGES,
        &closings::OPEN_FOR,
    ];
    for statement in walked {
        let plan = estate.ledger.plan(statement.sqlite).await.join("\n");
        assert!(plan.contains("USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"), "{}\n{plan}", statement.sqlite);
        let walks = plan.lines().filter(|step| step.starts_with("SCAN ") && !step.contains("counted"));
        assert_eq!(walks.count(), 0, "{}\n{plan}", statement.sqlite);
    }
}
