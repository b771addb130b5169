use super::*;
use crate::domain::belief::{Belief, Liveness};
use crate::domain::control::Accepted;
use crate::domain::outcome::{Part, Verdict};
use crate::ports::Event;
use crate::ports::probe::{Control, Learnt, ProbeLedger, ProbeRecord};

on_both![
    due_credentials_are_counted_by_provider_and_those_of_the_future_are_not,
    due_credentials_page_in_the_order_of_their_numbers_with_their_sealed_copy,
    both_plans_for_due_credentials_find_the_same,
    what_is_believed_is_read_back_as_it_was_written,
    only_a_transition_makes_the_connections_due,
    nothing_is_told_of_a_key_after_its_copy_was_destroyed_while_it_was_asked,
    a_shredded_copy_is_not_held_and_not_looked_at_again_whatever_the_record_says,
    a_key_that_came_into_use_while_it_was_asked_keeps_its_copy_and_is_due,
    an_answer_from_where_a_key_is_not_at_home_any_more_is_not_believed,
    controls_are_kept_by_source_and_endpoint_and_only_move_forward,
];

fn record(id: i64, liveness: Liveness) -> ProbeRecord {
    ProbeRecord {
        id: CredentialId(id),
        belief: Belief { liveness, since: Some(at(50)), ..Belief::default() },
        probe_at: Some(at(500)),
        kind: None,
        parts: None,
        shred: false,
        region: None,
        base_url: None,
        idle_since: None,
        transition: false,
    }
}

fn of(records: &[ProbeRecord]) -> Learnt<'_> {
    Learnt { records, ..Learnt::default() }
}

fn mailjet() -> ProviderName {
    ProviderName::new("mailjet")
}

fn control(source: Option<SourceId>, endpoint: &str, time: i64) -> Control {
    Control {
        source,
        provider: mailjet(),
        protocol: "rest".to_owned(),
        endpoint: endpoint.to_owned(),
        accepted: Accepted::first(Some(CredentialId(1)), at(time)),
    }
}

async fn due_credentials_are_counted_by_provider_and_those_of_the_future_are_not(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    fixture.load(1..=3, 10).await;
    let other =
        |id, provider| NewCredential { provider: ProviderName::new(provider), ..fixture.credential(id, Some("copy")) };
    fixture.commit(CollectChunk { credentials: vec![other(4, "brevo"), other(5, "kit")], ..chunk(10) }).await;
    fixture.ledger.act("UPDATE credential SET probe_at = 99 WHERE id IN (3, 5)").await;
    let due = fixture.ledger.due_providers(at(20)).await.expect("providers");
    assert_eq!(due, [(ProviderName::new("brevo"), 1), (mailjet(), 2)]);
    assert!(fixture.ledger.due_providers(at(9)).await.expect("providers").is_empty());
}

async fn due_credentials_page_in_the_order_of_their_numbers_with_their_sealed_copy(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    fixture.load(1..=5, 10).await;
    fixture.ledger.act("UPDATE credential SET probe_at = 6 - id WHERE id <> 4").await;
    fixture.ledger.act("UPDATE credential SET probe_at = 99 WHERE id = 4").await;
    let mut seen = Vec::new();
    let mut after = CredentialId(0);
    loop {
        let page = fixture.ledger.due_credentials(&mailjet(), at(20), after, 2).await.expect("a page");
        let Some(last) = page.last() else { break };
        after = last.id;
        for credential in &page {
            assert_eq!(credential.sealed.as_deref(), Some(sealed(credential.id.0).as_str()));
            assert_eq!((&credential.fingerprint, credential.source), (&fingerprint(credential.id.0), fixture.source));
        }
        seen.extend(page.iter().map(|credential| credential.id.0));
    }
    assert_eq!(seen, [1, 2, 3, 5]);
}

async fn both_plans_for_due_credentials_find_the_same(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    fixture.load(1..=20, 10).await;
    fixture.ledger.act("UPDATE credential SET probe_at = (id * 7) % 11, provider = CASE WHEN id % 5 <> 0 THEN 'mailjet' ELSE 'brevo' END").await;
    let mut pages = Vec::new();
    for plan in [&crate::ledger::probe::FEW_DUE, &crate::ledger::probe::MANY_DUE] {
        let mut line = fixture.ledger.look("test").await.expect("a session");
        let page = line.text(plan, ["mailjet".into(), 5.into(), 3.into(), 4.into()]).await.expect("a page");
        pages.push(page.expect("a text"));
    }
    assert_eq!(pages[0], pages[1]);
    assert_eq!(pages[0].matches("public-half").count(), 4);
}

async fn what_is_believed_is_read_back_as_it_was_written(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    fixture.load(1..=2, 10).await;
    let part = Part {
        protocol: "rest".to_owned(),
        endpoint: "default".to_owned(),
        verdict: Verdict::Accepted,
        status: Some(200),
    };
    let kinds =
        ProbeRecord { kind: Some("api_secret".to_owned()), parts: Some(vec![part]), ..record(1, Liveness::Live) };
    fixture.ledger.commit_probes(at(50), &of(std::slice::from_ref(&kinds))).await.expect("written");
    fixture.ledger.commit_probes(at(60), &of(&[record(1, Liveness::Suspect)])).await.expect("written");
    let facts = "SELECT concat_ws(' ', liveness, probe_at, kind, parts) FROM credential WHERE id = 1";
    let expected =
        r#"suspect 500 api_secret [{"protocol":"rest","endpoint":"default","verdict":"accepted","status":200}]"#;
    assert_eq!(fixture.one(facts).await.as_deref(), Some(expected));
    let held = fixture.ledger.held_credentials(&[CredentialId(1), CredentialId(7)]).await.expect("held");
    assert_eq!(held.len(), 1);
    assert_eq!(held[0].belief, record(1, Liveness::Suspect).belief);
}

async fn only_a_transition_makes_the_connections_due(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    fixture.load(1..=2, 10).await;
    fixture.settle().await;
    let changed = ProbeRecord { transition: true, ..record(2, Liveness::Live) };
    fixture.ledger.commit_probes(at(50), &of(&[record(1, Liveness::Live), changed])).await.expect("written");
    assert_eq!(fixture.due().await, [2]);
}

async fn nothing_is_told_of_a_key_after_its_copy_was_destroyed_while_it_was_asked(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    fixture.load(1..=12, 10).await;
    fixture.ledger.act("UPDATE credential SET liveness = 'shredded' WHERE id = 1").await;
    let event = |subject: &str| Event {
        at: at(50),
        kind: "credential.live",
        subject: subject.to_owned(),
        data: serde_json::Map::new(),
    };
    let events = ["credential:1", "credential:12", "provider:mailjet"].map(event);
    let records = [1, 12].map(|id| ProbeRecord { transition: true, ..record(id, Liveness::Live) });
    let learnt = Learnt { records: &records, events: &events, ..Learnt::default() };
    fixture.ledger.commit_probes(at(50), &learnt).await.expect("written");
    let told = "SELECT count(*) || ' ' || min(subject) FROM event WHERE kind = 'credential.live'";
    assert_eq!(fixture.one(told).await.as_deref(), Some("2 credential:12"));
}

async fn a_shredded_copy_is_not_held_and_not_looked_at_again_whatever_the_record_says(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    fixture.load(1..=2, 10).await;
    let shredded = ProbeRecord { shred: true, ..record(1, Liveness::Shredded) };
    fixture.ledger.commit_probes(at(50), &of(&[shredded])).await.expect("written");
    let held = fixture.ledger.held_credentials(&[CredentialId(1), CredentialId(2)]).await.expect("held");
    assert_eq!(held.iter().map(|credential| credential.id.0).collect::<Vec<_>>(), [2]);
    assert_eq!(fixture.one("SELECT probe_at FROM credential WHERE id = 1").await, None);
    let known = fixture.ledger.known_credentials(&[fingerprint(1)]).await.expect("known");
    assert_eq!((known[0].held, known[0].shredded), (false, true));
}

async fn a_key_that_came_into_use_while_it_was_asked_keeps_its_copy_and_is_due(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    fixture.load(1..=2, 10).await;
    fixture.ledger.act("UPDATE credential SET idle_since = 40, probe_at = 45").await;
    fixture.ledger.act("UPDATE credential SET idle_since = NULL WHERE id = 1").await; // an event opens a use of it
    let shredded =
        [1, 2].map(|id| ProbeRecord { shred: true, idle_since: Some(at(40)), ..record(id, Liveness::Shredded) });
    let subject = |id: i64| format!("credential:{id}");
    let events = [1, 2].map(|id| Event {
        at: at(50),
        kind: "credential.shredded",
        subject: subject(id),
        data: Default::default(),
    });
    let learnt = Learnt { records: &shredded, events: &events, ..Learnt::default() };
    fixture.ledger.commit_probes(at(50), &learnt).await.expect("written");
    let held = fixture.ledger.held_credentials(&[CredentialId(1), CredentialId(2)]).await.expect("held");
    assert_eq!(held.iter().map(|credential| credential.id.0).collect::<Vec<_>>(), [1]);
    assert_eq!(fixture.one("SELECT probe_at || '' FROM credential WHERE id = 1").await.as_deref(), Some("45"));
    let told = "SELECT count(*) || ' ' || min(subject) FROM event WHERE kind = 'credential.shredded'";
    assert_eq!(fixture.one(told).await.as_deref(), Some("1 credential:2"));
}

async fn an_answer_from_where_a_key_is_not_at_home_any_more_is_not_believed(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    fixture.load(1..=3, 10).await;
    let dead = [1, 2, 3].map(|id| ProbeRecord { transition: true, ..record(id, Liveness::Dead) });
    fixture.ledger.act("UPDATE credential SET region = 'us', probe_at = 45 WHERE id = 1").await; // an event corrects it
    fixture.ledger.act("UPDATE credential SET base_url = 'https://x.example.org', probe_at = 45 WHERE id = 2").await;
    let events = [1, 2, 3].map(|id| Event {
        at: at(50),
        kind: "credential.dead",
        subject: format!("credential:{id}"),
        data: Default::default(),
    });
    let learnt = Learnt { records: &dead, events: &events, ..Learnt::default() };
    fixture.ledger.commit_probes(at(50), &learnt).await.expect("written");
    let beliefs = "SELECT min(liveness || ' ' || probe_at) || ', ' || max(liveness || ' ' || probe_at)
                   FROM credential WHERE id <= 2";
    assert_eq!(fixture.one(beliefs).await.as_deref(), Some("unverified 45, unverified 45"));
    assert_eq!(fixture.one("SELECT liveness FROM credential WHERE id = 3").await.as_deref(), Some("dead"));
    let told = "SELECT count(*) || ' ' || min(subject) FROM event WHERE kind = 'credential.dead'";
    assert_eq!(fixture.one(told).await.as_deref(), Some("1 credential:3"));
}

async fn controls_are_kept_by_source_and_endpoint_and_only_move_forward(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let own = Some(fixture.source);
    let first = [control(own, "default", 20), control(own, "default", 30), control(None, "default", 5)];
    fixture.ledger.commit_probes(at(50), &Learnt { controls: &first, ..Learnt::default() }).await.expect("written");
    let more = [control(own, "default", 10), control(own, "us", 7)];
    fixture.ledger.commit_probes(at(50), &Learnt { controls: &more, ..Learnt::default() }).await.expect("written");
    let mut kept = fixture.ledger.controls(&mailjet()).await.expect("controls");
    kept.sort_by_key(|control| control.accepted.at);
    assert_eq!(kept, [control(None, "default", 5), control(own, "us", 7), control(own, "default", 30)]);
    assert!(fixture.ledger.controls(&ProviderName::new("brevo")).await.expect("controls").is_empty());
}
