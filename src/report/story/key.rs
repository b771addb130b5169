//! The facts of a credential, by name.

use serde_json::Value;

use super::next;
use crate::domain::facts::{Provenance, SaidBy};
use crate::domain::time::Timestamp;
use crate::ledger::read::CredentialRow;
use crate::report::log::fact;
use crate::report::text::{pairs, second};
use crate::report::words::stands;

/// A credential: what is believed of it, since when, from which answers, and when it is asked next.
pub fn credential_facts(row: &CredentialRow) -> String {
    let tail = if row.key_tail.is_empty() { String::new() } else { format!(", key …{}", row.key_tail) };
    let mut text = format!("credential {} ({}{tail})\n", row.credential, row.provider);
    text.push_str(&pairs(&credential_pairs(row)));
    text
}

/// The facts of a credential by name, in the order in which they are told; names that are set in belong to the fact above
/// them. What is empty has nothing to say.
pub fn credential_pairs(row: &CredentialRow) -> Vec<(&'static str, String)> {
    let at = |at: Option<Timestamp>| at.map(second).unwrap_or_default();
    let unknown = row.unknown_since.map(|since| {
        let reason = row.unknown_reason.map(|reason| reason.to_string()).unwrap_or_default();
        format!("since {} ({reason})", second(since))
    });
    let refused = match (row.refused_first, row.refused_last) {
        (Some(first), Some(last)) if first != last => format!("{} and {}", second(first), second(last)),
        (first, _) => at(first),
    };
    let on = protocols(&row.refused_on);
    let refused = if refused.is_empty() || on.is_empty() { refused } else { format!("on {on} at {refused}") };
    let left_out = protocols(&row.left_out);
    let leaked = row.compromised_at.map(|leaked| {
        let teller = row.compromised_by.map(says).unwrap_or_default();
        let note = row.compromised_note.as_ref().map(|note| format!(": {note}")).unwrap_or_default();
        format!("{}{teller}{note}", second(leaked))
    });
    let outlived = row.outlived_at.map(|at| format!("{}: a newer secret under the same key was accepted", second(at)));
    vec![
        ("liveness", format!("{}: {}", row.liveness, stands(row))),
        ("  since", at(row.liveness_since)),
        ("  accepted", at(row.accepted_at)),
        ("  refused", refused),
        (
            "  not asked",
            if left_out.is_empty() { left_out } else { format!("{left_out}: the operator's settings say so") },
        ),
        ("  control", if row.no_control { "none: the refusal does not count yet".to_owned() } else { String::new() }),
        ("  no answer", unknown.unwrap_or_default()),
        ("  died", at(row.died_at)),
        ("  outlived", outlived.unwrap_or_default()),
        ("  last asked", at(row.asked_at)),
        ("  last answer", row.last_answer.as_ref().map(answer).unwrap_or_default()),
        ("  asked again", next(row.probe_at)),
        ("kind", row.kind.clone().unwrap_or_default()),
        ("leaked", leaked.unwrap_or_default()),
        ("secret since", since(row)),
        ("first seen", at(row.first_seen_at)),
        ("sealed copy", if row.held { HELD } else { "none" }.to_owned()),
    ]
}

/// How long a copy is held is the operator's choice, which the ledger doesn't have: true of each.
const HELD: &str = "held until the key is proven dead, at most for [escrow] retention after its last use ended; with hold = \"at-deletion\" only until the provider's first definite answer after that, at most for a day";

/// Whose word a leak is.
const fn says(teller: SaidBy) -> &'static str {
    match teller {
        SaidBy::Operator => ", says the operator",
        SaidBy::Platform => ", says the platform",
        SaidBy::Account => ", say the account's own people",
    }
}

/// A lower bound is told as one (DESIGN.md 5).
fn since(row: &CredentialRow) -> String {
    let bound = if row.provenance == Provenance::FirstSeen { "at least since " } else { "" };
    format!("{bound}{} ({})", second(row.secret_since), row.provenance.as_str())
}

/// `REST and SMTP`; empty where there are none.
fn protocols(names: &[String]) -> String {
    names.iter().map(|name| name.to_uppercase()).collect::<Vec<_>>().join(" and ")
}

/// `rest/default refused (401)`, part by part.
fn answer(parts: &Value) -> String {
    let parts = parts.as_array().map(Vec::as_slice).unwrap_or_default();
    let words = parts.iter().map(|part| {
        let word = |name: &str| part.get(name).map(fact).unwrap_or_default();
        let status = part.get("status").and_then(Value::as_u64).map(|s| format!(" ({s})")).unwrap_or_default();
        format!("{}/{} {}{status}", word("protocol"), word("endpoint"), word("verdict"))
    });
    words.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::belief::Liveness;
    use crate::report::story::tests::credential;

    fn pair(row: &CredentialRow, name: &str) -> String {
        credential_pairs(row).into_iter().find(|(known, _)| *known == name).expect("a pair").1
    }

    #[test]
    fn how_long_a_copy_is_held_is_true_of_whatever_hold_the_operator_chose() {
        let mut row = credential();
        assert_eq!(pair(&row, "sealed copy"), "none");
        row.held = true;
        let held = pair(&row, "sealed copy");
        assert!(
            held.contains("proven dead") && held.contains("at-deletion") && held.contains("first definite"),
            "{held}"
        );
    }

    #[test]
    fn what_a_newer_secret_proves_dead_is_not_said_to_be_refused_unless_it_was() {
        let mut row = CredentialRow { liveness: Liveness::Dead, outlived_at: credential().died_at, ..credential() };
        assert_eq!(pair(&row, "liveness"), "dead: refused and confirmed");
        (row.refused_first, row.refused_last) = (None, None);
        assert_eq!(pair(&row, "liveness"), "dead: a newer secret has taken its place");
    }

    #[test]
    fn a_leak_is_told_as_the_word_of_whoever_says_so() {
        let mut row = credential();
        assert!(pair(&row, "leaked").ends_with(", says the operator: seen in a paste"), "{}", pair(&row, "leaked"));
        row.compromised_note = None;
        for (by, words) in [(SaidBy::Platform, "says the platform"), (SaidBy::Account, "say the account's own people")]
        {
            row.compromised_by = Some(by);
            assert!(pair(&row, "leaked").ends_with(words), "{}", pair(&row, "leaked"));
        }
    }

    #[test]
    fn a_lower_bound_of_a_secrets_age_is_told_as_one() {
        let mut row = credential();
        assert!(!pair(&row, "secret since").contains("at least"));
        row.provenance = Provenance::FirstSeen;
        assert!(pair(&row, "secret since").starts_with("at least since 2"));
    }
}
