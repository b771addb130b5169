//! What becomes of a finding that is accepted for a while.

use serde_json::json;

use super::*;
use crate::domain::finding::{Anew, Exempt, FindingChange, Opened, RuleName};
use crate::domain::ids::{FindingId, PersonId};
use crate::domain::policy::Scope;
use crate::domain::time::days;
use crate::ledger::estate::{Estate, NOW, open_use, opened};
use crate::ledger::place::Kind;
use crate::ledger::read::{FindingFilter, FindingState};
use crate::ports::notify::{NotifyLedger as _, StepTaken};

on_both![
    a_finding_that_is_exempt_from_its_first_day_on_takes_no_step_until_the_end,
    a_finding_that_becomes_exempt_loses_what_is_planned_and_begins_anew_at_the_end,
    what_changes_meanwhile_leaves_it_exempt,
    an_exempt_finding_closes_without_a_note_to_those_who_were_told_and_is_not_counted_as_mended,
    an_exempt_finding_is_counted_and_listed_apart,
    an_entry_covers_what_its_scope_names_and_nothing_else,
];

const STALE: RuleName = RuleName::SecretStale;
const LEFT: RuleName = RuleName::RevocationMissing;
const TERMS: &str = "secret-stale of tag \"legacy\"";

fn accepted() -> Exempt {
    Exempt {
        until: NOW + days(30),
        reason: "it moves in March".to_owned(),
        by: Some("security".to_owned()),
        terms: TERMS.to_owned(),
    }
}

fn exempt(rule: RuleName) -> Opened {
    Opened { exempt: Some(accepted()), ..opened(rule, 1, 1) }
}

async fn estate(kind: Kind) -> Estate {
    let estate = Estate::new(kind).await;
    estate.person(1, 1, "owner", "owner").await.connection(1, 1, None).await.credential(1).await;
    estate.usage(open_use(1, 1, 1000)).await;
    estate
}

async fn steps(estate: &Estate, now: Timestamp) -> usize {
    estate.ledger.steps_due(now, FindingId(0), 10).await.unwrap().len()
}

/// The first step of the finding is taken, and the owner's notice of it planned.
async fn take_step(estate: &Estate, now: Timestamp, next: Timestamp) {
    let due = estate.ledger.steps_due(now, FindingId(0), 10).await.unwrap().remove(0);
    let step = StepTaken {
        finding: due.finding,
        opening: due.opening,
        step: 0,
        next_step_at: Some(next),
        people: vec![PersonId(1)],
    };
    estate.ledger.commit_steps(now, &[step], &[]).await.unwrap();
}

async fn log(estate: &Estate) -> Vec<String> {
    let log = estate.ledger.timeline(&["finding:1".to_owned()], 0, 10).await.unwrap();
    log.into_iter().map(|event| event.kind).collect()
}

async fn known(estate: &Estate) -> KnownFinding {
    estate.ledger.all_subjects(ConnectionId(0), 10).await.unwrap().remove(0).1.remove(0)
}

fn anew(opening: u32) -> FindingChange {
    let opened = Opened { opening, ..opened(STALE, 1, 1) };
    FindingChange::Anew { id: FindingId(1), opened, why: Anew::ExemptionEnded }
}

async fn a_finding_that_is_exempt_from_its_first_day_on_takes_no_step_until_the_end(kind: Kind) {
    let estate = estate(kind).await;
    estate.judge(NOW, vec![FindingChange::Opened(exempt(STALE))]).await;
    assert_eq!(steps(&estate, NOW + days(400)).await, 0);
    let finding = known(&estate).await;
    assert_eq!((finding.open, finding.exempt), (true, Some(accepted())));

    let end = NOW + days(30);
    estate.judge(end, vec![anew(2)]).await;
    let finding = known(&estate).await;
    assert_eq!((finding.open, finding.opening, finding.exempt), (true, 2, None));
    assert_eq!(steps(&estate, end).await, 1, "its ladder begins there");
    assert_eq!(estate.number("SELECT opened_at FROM finding").await, end.as_millis());
    assert_eq!(log(&estate).await, ["finding.exempted", "finding.exemption_ended"]);
    let told = estate.ledger.timeline(&["finding:1".to_owned()], 0, 10).await.unwrap().remove(0).data;
    assert_eq!((&told["note"], &told["who"]), (&json!("it moves in March"), &json!("security")));
    assert_eq!((&told["exempt_until"], &told["terms"]), (&json!(end.to_string()), &json!(TERMS)));
}

async fn a_finding_that_becomes_exempt_loses_what_is_planned_and_begins_anew_at_the_end(kind: Kind) {
    let estate = estate(kind).await;
    estate.judge(NOW, vec![FindingChange::Opened(opened(STALE, 1, 1))]).await;
    take_step(&estate, NOW, NOW + days(7)).await;
    assert_eq!(estate.number("SELECT count(*) FROM notice WHERE state = 'planned'").await, 1);
    estate.judge(NOW, vec![FindingChange::Exempted { id: FindingId(1), opened: exempt(STALE) }]).await;
    assert_eq!(estate.number("SELECT count(*) FROM notice WHERE state = 'planned'").await, 0);
    assert_eq!(steps(&estate, NOW + days(400)).await, 0);
    let finding = known(&estate).await;
    assert_eq!((finding.opening, finding.exempt), (1, Some(accepted())), "in the same opening");

    estate.judge(NOW + days(30), vec![anew(2)]).await;
    take_step(&estate, NOW + days(30), NOW + days(37)).await;
    assert_eq!(estate.number("SELECT count(*) FROM notice WHERE state = 'planned' AND opening = 2").await, 1);
    assert_eq!(steps(&estate, NOW + days(30)).await, 0, "told once");
    assert_eq!(log(&estate).await, ["finding.opened", "finding.exempted", "finding.exemption_ended"]);
}

async fn what_changes_meanwhile_leaves_it_exempt(kind: Kind) {
    let estate = estate(kind).await;
    estate.judge(NOW, vec![FindingChange::Opened(Opened { mailed: false, ..exempt(STALE) })]).await;
    let Opened { severity, since, evidence, .. } = opened(STALE, 1, 1);
    let updated = FindingChange::Updated { id: FindingId(1), severity, since, evidence, mailed: true };
    estate.judge(NOW + days(1), vec![updated]).await;
    let worse = Opened { opening: 2, ..exempt(STALE) };
    assert_eq!((known(&estate).await.exempt, steps(&estate, NOW + days(9)).await), (Some(accepted()), 0));
    let worse = FindingChange::Anew { id: FindingId(1), opened: worse, why: Anew::Worsened };
    estate.judge(NOW + days(2), vec![worse]).await;
    assert_eq!((known(&estate).await.exempt, steps(&estate, NOW + days(9)).await), (Some(accepted()), 0));
    assert_eq!(log(&estate).await, ["finding.exempted", "finding.worsened"]);
}

async fn an_exempt_finding_closes_without_a_note_to_those_who_were_told_and_is_not_counted_as_mended(kind: Kind) {
    for (exempted, notes) in [(false, 1), (true, 0)] {
        let estate = estate(kind).await;
        estate.judge(NOW, vec![FindingChange::Opened(opened(LEFT, 1, 1))]).await;
        take_step(&estate, NOW, NOW + days(3)).await;
        estate.run("UPDATE notice SET state = 'sent'").await;
        estate.run("UPDATE use SET until = 2000, ended_by = 'deleted'").await;
        if exempted {
            estate.judge(NOW, vec![FindingChange::Exempted { id: FindingId(1), opened: exempt(LEFT) }]).await;
        }
        estate.judge(NOW + days(1), vec![FindingChange::Closed { id: FindingId(1), why: "dead" }]).await;
        assert_eq!(estate.number("SELECT count(*) FROM notice WHERE closing = 1").await, notes, "exempt: {exempted}");
        assert!(!known(&estate).await.open && known(&estate).await.exempt.is_none());
        assert_eq!(log(&estate).await.last().map(String::as_str), Some("finding.closed"));
        let closings = estate.ledger.overview(NOW).await.unwrap().closings;
        assert_eq!(closings.iter().map(|one| one.times).sum::<u64>(), u64::from(!exempted));
    }
}

async fn an_exempt_finding_is_counted_and_listed_apart(kind: Kind) {
    let estate = estate(kind).await;
    estate.connection(2, 1, None).await.usage(open_use(2, 1, 1000)).await;
    let both = vec![FindingChange::Opened(exempt(STALE)), FindingChange::Opened(opened(STALE, 2, 1))];
    estate.judge(NOW, both).await;
    let counts = estate.ledger.counts().await.unwrap();
    assert_eq!((counts.findings["secret-stale"], counts.exempt["secret-stale"]), (1, 1));
    assert_eq!((counts.severities["high"], counts.history), (1, 0));
    let overview = estate.ledger.overview(NOW).await.unwrap();
    assert_eq!(overview.findings.iter().map(|kind| kind.count).collect::<Vec<_>>(), [1]);
    let exempt: Vec<_> = overview.exempt.iter().map(|kind| (kind.rule, kind.count, kind.next_end)).collect();
    assert_eq!(exempt, [(STALE, 1, NOW + days(30))]);
    assert_eq!(estate.ledger.exempt_findings().await.unwrap(), [(TERMS.to_owned(), 1)].into());
    assert_eq!(estate.ledger.worst_findings(10).await.unwrap().len(), 1);

    let listed = async |filter: FindingFilter| estate.ledger.findings(&filter, FindingId(0), 10).await.unwrap();
    let states = |rows: &[crate::ledger::read::FindingRow]| rows.iter().map(|row| row.state).collect::<Vec<_>>();
    let current = listed(FindingFilter { current: true, ..FindingFilter::default() }).await;
    assert_eq!(states(&current), [FindingState::Exempt, FindingState::Open]);
    let open = listed(FindingFilter { state: Some(FindingState::Open), ..FindingFilter::default() }).await;
    assert_eq!(states(&open), [FindingState::Open]);
    let printed = serde_json::to_value(&current).unwrap();
    let until = (NOW + days(30)).to_string();
    let said = json!({"until": until, "reason": "it moves in March", "by": "security", "terms": TERMS});
    assert_eq!((&printed[0]["state"], &printed[0]["exempt"]), (&json!("exempt"), &said));
    assert_eq!((&printed[1]["state"], &printed[1]["exempt"]), (&json!("open"), &json!(null)));
}

async fn an_entry_covers_what_its_scope_names_and_nothing_else(kind: Kind) {
    let estate = estate(kind).await;
    estate.run("UPDATE connection SET tags = '[\"legacy\", \"eu\"]' WHERE id = 1").await;
    estate.run("UPDATE credential SET provider = 'kit'").await;
    let facts = estate.ledger.all_subjects(ConnectionId(0), 10).await.unwrap().remove(0).0.connection;
    assert_eq!(facts.tags, ["legacy", "eu"]);
    let named = |name: &str| Some(name.to_owned());
    let provider = |name: &str| Some(crate::domain::ids::ProviderName::new(name));
    for (scope, covers) in [
        (Scope { tag: named("legacy"), ..Scope::default() }, true),
        (Scope { tag: named("lega"), ..Scope::default() }, false),
        (Scope { account: Some(facts.account_name.clone()), ..Scope::default() }, true),
        (Scope { account: named("nobody"), ..Scope::default() }, false),
        (Scope { connection: named("conn-1"), source: Some(facts.source_name.clone()), ..Scope::default() }, true),
        (Scope { connection: named("conn-1"), source: named("another"), ..Scope::default() }, false),
        (Scope { provider: provider("mailjet"), ..Scope::default() }, true),
        (Scope { provider: provider("kit"), ..Scope::default() }, true),
        (Scope { provider: provider("brevo"), ..Scope::default() }, false),
    ] {
        assert_eq!(estate.ledger.covers_any(&scope).await.unwrap(), covers, "{scope}");
    }
}
