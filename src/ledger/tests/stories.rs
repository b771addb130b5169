//! What a credential's story is told from.

use super::*;
use crate::report::story::Story;
use crate::report::value;

on_both![
    a_keys_own_entries_are_told_however_much_befell_its_provider_before,
    a_keys_end_is_told_however_much_befell_those_who_share_it,
];

async fn story(fixture: &Fixture) -> Story {
    let mut moment = fixture.ledger.at_one_moment().await.expect("a connection");
    Story::of(&mut moment, CredentialId(1)).await.expect("a ledger that can be read").expect("a credential")
}

async fn a_keys_own_entries_are_told_however_much_befell_its_provider_before(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    fixture.load([1], 10).await;
    let before = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500)
        INSERT INTO event (at, kind, subject, data) SELECT 5, 'provider.blind', 'provider:mailjet', '{}' FROM n";
    let own = "INSERT INTO event (at, kind, subject, data) VALUES (20, 'credential.live', 'credential:1', '{\"to\":\"live\"}')";
    fixture.ledger.act(before).await;
    fixture.ledger.act(own).await;
    let story = story(&fixture).await;
    let document = value(&story.document());
    let kinds: Vec<&str> =
        document["timeline"].as_array().expect("a list").iter().filter_map(|entry| entry["kind"].as_str()).collect();
    assert!(kinds.contains(&"credential.live") && !kinds.contains(&"provider.blind"), "{kinds:?}");
    assert_eq!(document["left_out"], serde_json::json!([]));
}

async fn a_keys_end_is_told_however_much_befell_those_who_share_it(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    fixture.load([1], 10).await;
    let around = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1500)
        INSERT INTO event (at, kind, subject, data)
        SELECT 1000 * i, 'use.compromised', 'connection:1', '{\"credential\":1}' FROM n";
    let end = "INSERT INTO event (at, kind, subject, data)
        VALUES (4000000, 'credential.dead', 'credential:1', '{\"to\":\"dead\"}'),
               (5000000, 'credential.shredded', 'credential:1', '{\"to\":\"shredded\"}')";
    fixture.ledger.act(end).await;
    fixture.ledger.act(around).await;
    let document = value(&story(&fixture).await.document());
    let timeline = document["timeline"].as_array().expect("a list");
    let told = |kind: &str| timeline.iter().filter(|entry| entry["kind"] == kind).count();
    assert_eq!((told("credential.dead"), told("credential.shredded"), told("use.compromised")), (1, 1, 998));
    let first = timeline.iter().find(|entry| entry["kind"] == "use.compromised").expect("one of those around it");
    assert_eq!(first["at"], "1970-01-01T00:08:23Z", "the latest are told");
    let left_out =
        "the 502 oldest entries of the log on its connections, findings and provider, before 1970-01-01T00:08:23Z";
    assert!(document["left_out"][0].as_str().expect("a sentence").starts_with(left_out), "{}", document["left_out"]);
}
