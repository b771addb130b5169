//! What a credential's story is told from.

use super::*;
use crate::report::story::Story;
use crate::report::value;

on_both![a_keys_own_entries_are_told_however_much_befell_its_provider_before];

async fn a_keys_own_entries_are_told_however_much_befell_its_provider_before(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    fixture.load([1], 10).await;
    let before = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500)
        INSERT INTO event (at, kind, subject, data) SELECT 5, 'provider.blind', 'provider:mailjet', '{}' FROM n";
    let own = "INSERT INTO event (at, kind, subject, data) VALUES (20, 'credential.live', 'credential:1', '{\"to\":\"live\"}')";
    fixture.ledger.act(before).await;
    fixture.ledger.act(own).await;
    let story = Story::of(&fixture.ledger, CredentialId(1)).await.expect("a ledger that can be read");
    let document = value(&story.expect("a credential").document());
    let kinds: Vec<&str> =
        document["timeline"].as_array().expect("a list").iter().filter_map(|entry| entry["kind"].as_str()).collect();
    assert!(kinds.contains(&"credential.live") && !kinds.contains(&"provider.blind"), "{kinds:?}");
    assert_eq!(document["left_out"], serde_json::json!([]));
}
