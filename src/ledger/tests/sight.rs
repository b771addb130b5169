use super::*;
use crate::domain::action::OperatorName;
use crate::domain::belief::{Belief, Liveness};
use crate::domain::blindness::{Accounts, Answered, Change, Said, Scope, Sight};
use crate::domain::clock::Clocks;
use crate::domain::time::hours;
use crate::ports::probe::{Learnt, ProbeLedger, ProbeRecord};

on_both![
    what_an_endpoint_said_and_what_is_made_of_it_are_read_back_as_they_were_written,
    the_operators_word_ends_what_is_blind_and_outlasts_a_pass_that_did_not_hear_it,
    a_word_on_one_protocol_leaves_the_others_blind,
    suspects_are_paged_by_their_numbers_and_nobody_else_is,
    a_credential_comes_with_the_first_and_the_last_of_its_accounts,
    what_the_providers_say_of_our_clock_is_read_back_as_it_was_written,
];

fn mailjet() -> ProviderName {
    ProviderName::new("mailjet")
}

fn scope(protocol: &str, endpoint: &str) -> Scope {
    Scope { provider: mailjet(), protocol: protocol.to_owned(), endpoint: endpoint.to_owned() }
}

/// An endpoint that is blind since the instant `since`.
fn blind(since: i64) -> Sight {
    let mut sight = Sight::default();
    for id in 1..=6 {
        sight.hear(Answered {
            at: at(since),
            credential: CredentialId(id),
            source: SourceId(1),
            accounts: Accounts(Some(AccountId(id)), None),
            said: Said::Refused,
            formerly_live: true,
        });
    }
    assert!(matches!(sight.judge(at(since), hours(1)), Some(Change::Blinded(..))));
    sight
}

async fn keep(fixture: &Fixture, sights: &[(Scope, Sight)]) {
    fixture.ledger.commit_probes(at(50), &Learnt { sights, ..Learnt::default() }).await.expect("written");
}

/// With a credential that is asked.
async fn with_a_key(kind: Kind) -> Fixture {
    let fixture = Fixture::new(kind).await;
    fixture.load(1..=1, 10).await;
    fixture.ledger.act("UPDATE credential SET probe_at = 1").await;
    fixture
}

async fn blind_now(fixture: &Fixture) -> Vec<String> {
    let blind = fixture.ledger.blind_endpoints().await.expect("endpoints");
    blind.into_iter().map(|(scope, blind)| format!("{scope} {}", blind.since.as_millis())).collect()
}

async fn what_an_endpoint_said_and_what_is_made_of_it_are_read_back_as_they_were_written(kind: Kind) {
    let fixture = with_a_key(kind).await;
    let rows = [(scope("rest", "default"), blind(40)), (scope("smtp", "relay"), Sight::default())];
    keep(&fixture, &rows).await;
    let mut found = fixture.ledger.sights(&mailjet()).await.expect("sights");
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    assert_eq!(found, rows);
    assert_eq!(blind_now(&fixture).await, [format!("mailjet rest/default {}", at(40).as_millis())]);
    assert!(fixture.ledger.sights(&ProviderName::new("kit")).await.expect("sights").is_empty());
    fixture.ledger.act("UPDATE credential SET probe_at = NULL").await;
    assert!(blind_now(&fixture).await.is_empty(), "nobody is left to be asked, so that nothing would end it");
    fixture.ledger.act("UPDATE credential SET probe_at = 1").await;
    keep(&fixture, &[(scope("rest", "default"), Sight::default())]).await;
    assert!(blind_now(&fixture).await.is_empty());
}

async fn the_operators_word_ends_what_is_blind_and_outlasts_a_pass_that_did_not_hear_it(kind: Kind) {
    let fixture = with_a_key(kind).await;
    let held_by_a_pass = [(scope("rest", "default"), blind(40))];
    keep(&fixture, &held_by_a_pass).await;
    let none = fixture.ledger.trust(at(45), &ProviderName::new("kit"), None, None).await.expect("a word");
    assert!(none.is_empty());
    let ended =
        fixture.ledger.trust(at(45), &mailjet(), None, OperatorName::new("ops").as_ref()).await.expect("a word");
    assert_eq!(ended.iter().map(|(scope, _)| scope.to_string()).collect::<Vec<_>>(), ["mailjet rest/default"]);
    assert!(blind_now(&fixture).await.is_empty());
    keep(&fixture, &held_by_a_pass).await;
    assert!(blind_now(&fixture).await.is_empty(), "the pass writes what it believed before the word");
    let sights = fixture.ledger.sights(&mailjet()).await.expect("sights");
    assert!(sights[0].1.blind().is_none() && sights[0].1.state.trusted_until.is_some());
    let again = fixture.ledger.trust(at(46), &mailjet(), None, None).await.expect("a word");
    assert!(again.is_empty(), "there is nothing left to end");
    let logged = fixture
        .numbers("SELECT count(*) FROM event WHERE kind = 'provider.sighted' AND data LIKE '%\"who\":\"ops\"%'")
        .await;
    assert_eq!(logged, [1]);
    keep(&fixture, &[(scope("rest", "default"), blind(60))]).await;
    assert_eq!(blind_now(&fixture).await.len(), 1, "a word says nothing of what begins after it");
}

async fn a_word_on_one_protocol_leaves_the_others_blind(kind: Kind) {
    let fixture = with_a_key(kind).await;
    keep(&fixture, &[(scope("rest", "default"), blind(40)), (scope("smtp", "relay"), blind(41))]).await;
    assert_eq!(fixture.ledger.trust(at(45), &mailjet(), Some("rest"), None).await.expect("a word").len(), 1);
    assert_eq!(blind_now(&fixture).await, [format!("mailjet smtp/relay {}", at(41).as_millis())]);
}

async fn suspects_are_paged_by_their_numbers_and_nobody_else_is(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    fixture.load(1..=6, 10).await;
    let record = |id| ProbeRecord {
        id: CredentialId(id),
        belief: Belief { liveness: Liveness::Suspect, refused_first: Some(at(id)), ..Belief::default() },
        probe_at: None,
        kind: None,
        parts: None,
        shred: false,
        region: None,
        base_url: None,
        idle_since: None,
        transition: false,
    };
    let records = [2, 3, 5, 6].map(record);
    fixture.ledger.commit_probes(at(50), &Learnt { records: &records, ..Learnt::default() }).await.expect("written");
    fixture.ledger.act("UPDATE credential SET provider = 'kit' WHERE id = 6").await;
    let page = |after, limit| {
        let ledger = &fixture.ledger;
        async move {
            let page = ledger.suspects(&mailjet(), CredentialId(after), limit).await.expect("a page");
            page.into_iter().map(|due| due.id.0).collect::<Vec<_>>()
        }
    };
    assert_eq!(page(0, 2).await, [2, 3]);
    assert_eq!(page(3, 2).await, [5]);
    assert_eq!(page(5, 2).await, [0_i64; 0]);
    let by_source = fixture.ledger.refused_by_source(&mailjet()).await.expect("counted");
    assert_eq!(by_source, [(fixture.source, 3)], "of the source that showed them");
}

async fn a_credential_comes_with_the_first_and_the_last_of_its_accounts(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let accounts = (2..=4).map(|id| fixture.account(id)).collect();
    fixture.commit(CollectChunk { accounts, ..chunk(0) }).await;
    fixture.load(1..=2, 10).await;
    for account in [3, 4, 2] {
        let mut more = chunk(10);
        more.connections.push(ConnectionWrite { account: AccountId(account), ..fixture.connection(account + 10) });
        more.begun.push(NewUse { account: AccountId(account), ..usage(account + 10, account + 10, 1) });
        fixture.commit(more).await;
    }
    fixture.ledger.act("UPDATE credential SET probe_at = 1").await;
    let due = fixture.ledger.due_credentials(&mailjet(), at(20), CredentialId(0), 9).await.expect("a page");
    let accounts: Vec<_> = due.iter().map(|due| due.accounts).collect();
    let both = |first, last| Accounts(Some(AccountId(first)), Some(AccountId(last)));
    assert_eq!(accounts, [both(1, 4), both(1, 1)]);
    let held = fixture.ledger.held_credentials(&[CredentialId(1)]).await.expect("held");
    assert_eq!(held[0].accounts, both(1, 4));
}

async fn what_the_providers_say_of_our_clock_is_read_back_as_it_was_written(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    assert_eq!(fixture.ledger.clocks().await.expect("clocks"), Clocks::default());
    let mut clocks = Clocks::default();
    clocks.tell(&mailjet(), at(50), at(50) + hours(3));
    assert!(clocks.suspect.is_some());
    fixture
        .ledger
        .commit_probes(at(50), &Learnt { clocks: Some(&clocks), ..Learnt::default() })
        .await
        .expect("written");
    assert_eq!(fixture.ledger.clocks().await.expect("clocks"), clocks);
}
