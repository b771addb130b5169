//! What a provider has answered, counted from what is believed of its keys.

use super::*;
use crate::domain::time::hours;
use crate::ledger::estate::{Estate, NOW};
use crate::ledger::place::Kind;

on_both![
    a_provider_that_answered_nothing_definite_about_any_key_is_silent,
    keys_that_are_not_asked_about_say_nothing_of_a_provider,
];

/// Keys of these beliefs, each of which is to be asked about.
async fn asked(kind: Kind, beliefs: &[serde_json::Value]) -> Estate {
    let estate = Estate::new(kind).await;
    for (id, belief) in (1..).zip(beliefs) {
        estate.credential(id).await;
        estate.run("UPDATE credential SET probe_at = 5").await;
        believe(&estate, id, belief).await;
    }
    estate
}

async fn believe(estate: &Estate, id: i64, belief: &serde_json::Value) {
    let statement = sql!("UPDATE credential SET belief = $2 WHERE id = $1");
    estate.write(&statement, [id.into(), belief.to_string().into()]).await;
}

async fn answers(estate: &Estate) -> AnswersOverview {
    let overview = estate.ledger.overview(NOW).await.unwrap();
    overview.providers[&ProviderName::new("mailjet")].answers
}

async fn a_provider_that_answered_nothing_definite_about_any_key_is_silent(kind: Kind) {
    let (early, late) = (NOW - hours(50), NOW - hours(2));
    let unclear = |since| serde_json::json!({"asked_at": NOW, "unknown_since": since});
    let estate = asked(kind, &[serde_json::json!({}), unclear(early), unclear(late)]).await;
    let told = answers(&estate).await;
    assert_eq!((told.to_ask, told.asked, told.unclear), (3, 2, 2));
    assert_eq!(told.silent_since(), Some(early));
    // It answered one of them after it had fallen silent about another.
    let heard = NOW - hours(9);
    for (name, answered) in [("accepted_at", heard), ("refused_last", heard + hours(1))] {
        let belief = serde_json::json!({"asked_at": NOW, "unknown_since": late, name: answered});
        believe(&estate, 3, &belief).await;
        assert_eq!(answers(&estate).await.silent_since(), Some(answered), "{name}");
    }
    let belief = serde_json::json!({"asked_at": NOW, "accepted_at": NOW});
    believe(&estate, 3, &belief).await;
    let told = answers(&estate).await;
    assert_eq!((told.unclear, told.silent_since()), (1, None), "one definite answer is enough");
}

async fn keys_that_are_not_asked_about_say_nothing_of_a_provider(kind: Kind) {
    let belief = serde_json::json!({"asked_at": NOW, "unknown_since": NOW});
    let estate = asked(kind, &[belief.clone(), belief]).await;
    estate.run("UPDATE credential SET probe_at = NULL WHERE id = 1").await;
    estate.run("UPDATE credential SET placeholder = 1 WHERE id = 2").await;
    assert_eq!(answers(&estate).await, AnswersOverview::default());
}
