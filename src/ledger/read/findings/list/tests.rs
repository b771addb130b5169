//! Lists in every order hold the same findings, page by page, and each page is found by an index.

use std::cmp::Reverse;

use super::*;
use crate::domain::finding::{Exempt, FindingChange, Opened};
use crate::domain::ids::{ConnectionId, CredentialId};
use crate::domain::time::{days, hours};
use crate::ledger::estate::{Estate, NOW, open_use, opened};
use crate::ledger::place::Kind;
use crate::ledger::read::paging::Order;

on_both![
    every_order_lists_what_every_filter_lets_through_page_by_page,
    what_is_looked_for_is_found_by_each_of_its_names_and_by_nothing_else,
];

/// Twelve connections of two accounts and providers with a finding of each of three rules, in every state and severity.
async fn estate(kind: Kind) -> Estate {
    let estate = Estate::new(kind).await;
    for id in 1..=12 {
        let account = 1 + id % 2;
        estate.connection(id, account, None).await.credential(id).await.usage(open_use(id, id, 10)).await;
    }
    estate
        .run("UPDATE credential SET provider = 'kit' WHERE id % 3 = 0")
        .await
        .run("INSERT INTO source (id, name) VALUES (2, 'other')")
        .await
        .run("UPDATE connection SET source_id = 2 WHERE id > 10")
        .await;
    let rules = [RuleName::SecretStale, RuleName::RevocationMissing, RuleName::SecretShared];
    let mut ends = Vec::new();
    for (round, (rule, number)) in rules.into_iter().flat_map(|rule| (1..=12).map(move |n| (rule, n))).enumerate() {
        let severity = Severity::ALL[round % 4];
        // several hold since the same instant, and are opened at the same
        let since = Timestamp::from_secs(1_780_000_000) + days(round as u64 % 5);
        let terms = Exempt { until: NOW + days(9), reason: "known".to_owned(), by: None, terms: "all".to_owned() };
        let exempt = (round % 7 == 3).then_some(terms);
        let opened = Opened { severity, since, exempt, ..opened(rule, number, number) };
        estate.judge(NOW + hours(round as u64 % 4), vec![FindingChange::Opened(opened)]).await;
        if round % 5 == 4 {
            let id = FindingId(i64::try_from(round).unwrap() + 1);
            ends.push(FindingChange::Closed { id, why: "rotated" });
        }
    }
    estate.judge(NOW + days(1), ends).await;
    estate
}

fn filters() -> Vec<FindingFilter> {
    let all = FindingFilter::default();
    let search = |text| FindingFilter { search: Search::new(text), ..all.clone() };
    let of = |account: &str| FindingFilter { account: Some(account.to_owned()), ..all.clone() };
    let found = FindingFilter { current: true, at_least: Some(Severity::High), ..all.clone() };
    vec![
        all.clone(),
        FindingFilter { state: Some(FindingState::Open), ..all.clone() },
        FindingFilter { state: Some(FindingState::Exempt), ..all.clone() },
        FindingFilter { state: Some(FindingState::Closed), current: true, ..all.clone() },
        FindingFilter { current: true, ..all.clone() },
        FindingFilter { rule: Some(RuleName::SecretStale), ..all.clone() },
        FindingFilter { at_least: Some(Severity::High), ..all.clone() },
        FindingFilter { severity: Some(Severity::Medium), ..all.clone() },
        FindingFilter { severity: Some(Severity::Low), at_least: Some(Severity::High), ..all.clone() },
        FindingFilter { provider: Some(ProviderName::new("kit")), ..all.clone() },
        FindingFilter { provider: Some(ProviderName::new("none")), ..all.clone() },
        FindingFilter { source: Some("other".to_owned()), ..all.clone() },
        FindingFilter { source: Some("none".to_owned()), ..all.clone() },
        of("acc-2"),
        FindingFilter { state: Some(FindingState::Open), rule: Some(RuleName::SecretShared), ..of("acc-1") },
        of("acc-9"),
        FindingFilter { connection: Some(ConnectionId(4)), ..all.clone() },
        FindingFilter { connection: Some(ConnectionId(4)), ..of("acc-2") },
        FindingFilter { credential: Some(CredentialId(5)), ..all.clone() },
        FindingFilter { credential: Some(CredentialId(5)), ..of("acc-1") },
        FindingFilter { connection: Some(ConnectionId(4)), credential: Some(CredentialId(5)), ..all.clone() },
        search("F7"),
        search("conn-3"),
        search("acc-1"),
        search("00000007"),
        search("nobody"),
        FindingFilter { search: Search::new("acc-1"), ..found.clone() },
        FindingFilter { search: Search::new("conn-3"), ..of("acc-1") },
        FindingFilter { search: Search::new("conn-4"), connection: Some(ConnectionId(3)), ..all.clone() },
        FindingFilter { source: Some("platform".to_owned()), rule: Some(RuleName::RevocationMissing), ..found },
    ]
}

/// What a filter lets through, worked out beside the database.
fn lets_through(filter: &FindingFilter, row: &FindingRow) -> bool {
    let number = row.connection_id.trim_start_matches("conn-").parse::<i64>().unwrap();
    let is = |wanted: &Option<String>, value: &str| wanted.as_deref().is_none_or(|wanted| wanted == value);
    filter.states().any(|state| state == row.state)
        && filter.rule.is_none_or(|rule| rule == row.rule)
        && filter.severity.is_none_or(|severity| row.severity == severity)
        && filter.at_least.is_none_or(|least| row.severity >= least)
        && is(&filter.account, &row.account_id)
        && is(&filter.source, &row.source)
        && filter.provider.as_ref().is_none_or(|provider| *provider == row.provider)
        && filter.connection.is_none_or(|id| id.0 == number)
        && filter.credential.is_none_or(|id| id.0 == number)
        && filter.search.as_ref().is_none_or(|search| {
            [super::super::finding_name(row.id), row.connection_id.clone(), row.account_id.clone()]
                .contains(&search.text().to_owned())
                || (search.text().len() >= 8 && row.credential.ends_with(search.text()))
        })
}

/// The numbers of a whole list, read in pages of this size.
async fn paged(estate: &Estate, filter: &FindingFilter, order: Order, limit: usize) -> Vec<i64> {
    let (mut from, mut ids) = (Cursor::start(order), Vec::new());
    loop {
        let page = estate.ledger.findings_page(filter, from, limit).await.unwrap();
        assert!(page.rows.len() == limit || page.next.is_none(), "only the last page is short");
        ids.extend(page.rows.iter().map(|row| row.id.0));
        let Some(next) = page.next else { return ids };
        from = Cursor::parse(&next.to_string(), order).unwrap();
    }
}

async fn every_order_lists_what_every_filter_lets_through_page_by_page(kind: Kind) {
    let estate = estate(kind).await;
    let all = estate.ledger.findings(&FindingFilter::default(), FindingId(0), 100).await.unwrap();
    assert_eq!(all.len(), 36);
    let mut found = 0;
    for filter in filters() {
        let mut rows: Vec<&FindingRow> = all.iter().filter(|row| lets_through(&filter, row)).collect();
        found += usize::from(!rows.is_empty());
        for order in [Order::Number, Order::Latest, Order::Worst, Order::Newest] {
            match order {
                Order::Number => rows.sort_by_key(|row| row.id),
                Order::Latest => rows.sort_by_key(|row| Reverse(row.id)),
                Order::Worst => rows.sort_by_key(|row| (Reverse(row.severity), row.since, row.id)),
                Order::Newest => rows.sort_by_key(|row| Reverse((row.opened_at, row.id))),
            }
            let expected: Vec<i64> = rows.iter().map(|row| row.id.0).collect();
            for limit in [3, 50] {
                assert_eq!(paged(&estate, &filter, order, limit).await, expected, "{order:?} {limit} {filter:?}");
            }
        }
    }
    assert!(found >= 15, "most filters find something: {found}");
}

async fn what_is_looked_for_is_found_by_each_of_its_names_and_by_nothing_else(kind: Kind) {
    let estate = estate(kind).await;
    // A connection and an account of the same name, and a source that has a connection of another's id.
    estate
        .run("UPDATE connection SET external_id = 'acc-1' WHERE id = 1")
        .await
        .run("UPDATE connection SET external_id = 'conn-3' WHERE id = 12")
        .await;
    for (text, count) in [
        ("acc-1", 6 * 3 + 3), // those of the account, and those of a connection of the other
        ("conn-3", 2 * 3),
        ("f1", 1),
        ("F99", 0),
        ("0000000c", 3),
        ("0000000C", 3),
        ("00000000000c", 3),
        ("000000c", 0), // too short for a credential
        ("platform/conn-3", 3),
        ("platform/acc-1", 3), // the connection of that id: accounts are not called so
        ("other/conn-3", 3),   // another of that id
        ("nobody/conn-3", 0),
        ("platform/", 0),
        ("/conn-3", 0),
        ("conn", 0),
        ("conn-3%", 0),
        ("' OR 1 = 1", 0),
    ] {
        let filter = FindingFilter { search: Search::new(text), ..FindingFilter::default() };
        assert_eq!(paged(&estate, &filter, Order::Worst, 50).await.len(), count, "{text}");
    }
}

#[tokio::test]
async fn a_sorted_page_comes_from_an_index_and_reads_what_it_shows() {
    let estate = Estate::new(Kind::Sqlite).await;
    for (statement, index, key) in [
        (WORST, "COVERING INDEX finding_worst (<expr>=? AND ", "since"),
        (NEWEST, "COVERING INDEX finding_newest (<expr>=? AND ", "opened_at"),
    ] {
        let plan = estate.ledger.plan(statement.sqlite).await.join("\n");
        for behind in [format!("{index}{key}=? AND id"), format!("{index}{key}")] {
            assert!(plan.contains(&behind), "{behind} in\n{plan}");
        }
        // The two parts of a page, which are each in order, are put together; no lane is sorted.
        assert!(plan.matches("TEMP B-TREE").count() <= 1, "{plan}");
    }
    let latest = estate.ledger.plan(LATEST.sqlite).await.join("\n");
    assert!(latest.contains("SEARCH f USING INTEGER PRIMARY KEY (rowid<?)") && !latest.contains("TEMP"), "{latest}");
}

#[tokio::test]
async fn what_is_looked_for_by_name_is_found_by_indexes_alone() {
    let estate = Estate::new(Kind::Sqlite).await;
    for statement in [PAGE_OF_FEW, LATEST_OF_FEW, WORST_OF_FEW, NEWEST_OF_FEW, PAGE_OF_ACCOUNT] {
        let plan = estate.ledger.plan(statement.sqlite).await;
        // Sources are a handful; nothing else may be walked.
        let walked: Vec<&String> = plan.iter().filter(|step| step.starts_with("SCAN")).collect();
        let few = walked.iter().all(|step| step.starts_with("SCAN s") || step.starts_with("SCAN page"));
        assert!(few, "{walked:?} in\n{}", plan.join("\n"));
        let narrow = plan.iter().any(|step| step.contains("finding_by_account (account_id=?"));
        assert!(narrow, "{}", plan.join("\n"));
    }
    let few = estate.ledger.plan(WORST_OF_FEW.sqlite).await.join("\n");
    for index in ["credential_by_name (<expr>=?)", "SEARCH f USING INTEGER PRIMARY KEY (rowid=?)"] {
        assert!(few.contains(index), "{index} in\n{few}");
    }
}
