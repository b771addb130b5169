//! Findings as Detection Findings of the Open Cybersecurity Schema Framework, 1.5.0 (class 2004).

use serde_json::{Map, Value, json};

use super::cases::{Proof, Told};
use super::nhi::Nhi;
use super::words::{cleared, said};
use crate::domain::chain::Link;
use crate::domain::finding::Severity;
use crate::domain::time::Timestamp;
use crate::ledger::read::{FindingDetail, FindingState, finding_name};

const VERSION: &str = "1.5.0";
const CLASS: u32 = 2004;

/// What stands in every finding of a report.
#[derive(Clone, Debug)]
pub struct Producer<'a> {
    /// the ledger's own name: it makes the findings' numbers unique
    pub ledger_id: &'a str,
    /// of keysweep
    pub version: &'a str,
    /// the present instant: a pause that is over says nothing
    pub now: Timestamp,
    /// the head of the event log, for whoever looks later whether anything was cut off it
    pub log: Option<Link>,
}

/// One Detection Finding.
pub fn detection(detail: &FindingDetail, producer: &Producer<'_>) -> Value {
    let finding = &detail.finding;
    let (activity, status) = (Activity::of(detail), Status::of(detail, producer.now));
    let (severity_id, severity) = severity(finding.severity);
    let changed = changed(detail);
    let types = Nhi::of(finding.rule).map(|nhi| format!("{} {}", nhi.id(), nhi.title()));
    json!({
        "metadata": {
            "version": VERSION,
            "profiles": ["datetime"],
            "event_code": finding.rule,
            "uid": event_uid(detail, producer),
            "product": {"name": "keysweep", "vendor_name": "keysweep", "version": producer.version, "uid": producer.ledger_id},
        },
        "category_uid": 2, "category_name": "Findings",
        "class_uid": CLASS, "class_name": "Detection Finding",
        "activity_id": activity.0, "activity_name": activity.1,
        "type_uid": CLASS * 100 + activity.0, "type_name": format!("Detection Finding: {}", activity.1),
        "severity_id": severity_id, "severity": severity,
        "status_id": status.0, "status": status.1, "status_detail": detail.course.closed_why,
        "time": changed.as_millis(), "time_dt": changed.to_string(),
        "message": said(finding),
        "finding_info": {
            "uid": format!("{}/{}", producer.ledger_id, finding_name(finding.id)),
            "title": finding.rule, "desc": said(finding), "types": types.into_iter().collect::<Vec<_>>(),
            "created_time": finding.opened_at.as_millis(), "created_time_dt": finding.opened_at.to_string(),
            "first_seen_time": finding.since.as_millis(), "first_seen_time_dt": finding.since.to_string(),
            "modified_time": changed.as_millis(), "modified_time_dt": changed.to_string(),
        },
        "remediation": {"desc": cleared(finding)},
        "resources": resources(detail),
        "evidences": [{"data": evidence(detail)}],
        "unmapped": {
            "account_id": finding.account_id, "source": finding.source, "provider": finding.provider,
            "liveness": finding.liveness, "opening": detail.course.opening, "mailed": finding.mailed,
            "log_head": producer.log.map(|link| link.to_string()),
        },
    })
}

/// Names what is told, since who has an event of this name takes no other: whatever of it changes changes the name, but for
/// the instants of routine answers and the head of the log, which would make an event a day. It has the instant of the last
/// change, so that what comes back to an earlier state is another event. The finding itself is `finding_info.uid` throughout.
fn event_uid(detail: &FindingDetail, producer: &Producer<'_>) -> String {
    let (finding, opening) = (&detail.finding, detail.course.opening);
    let (status, told) = (Status::of(detail, producer.now).0, Told::of(detail).count);
    let proof = Proof::of(&detail.credential_now).as_str();
    let state = format!("{opening}/{}/{status}/{told}/{proof}", finding.severity);
    let quiet = finding.exempt.as_ref().map(|exempt| exempt.until).or(finding.pause_until);
    let (changed, quiet) = (changed(detail).as_millis(), quiet.map_or(0, Timestamp::as_millis));
    format!("{}/{}/{state}/{changed}/{quiet}", producer.ledger_id, finding_name(finding.id))
}

/// When what is told last changed: it opened, it closed, somebody was told, or what is believed of its key became another.
fn changed(detail: &FindingDetail) -> Timestamp {
    let later = [detail.finding.closed_at, Told::of(detail).last, detail.credential_now.liveness_since];
    later.into_iter().flatten().fold(detail.finding.opened_at, Timestamp::max)
}

/// The key, and the connection that it was pasted into.
fn resources(detail: &FindingDetail) -> Value {
    let (finding, key) = (&detail.finding, &detail.credential_now);
    let mut credential = json!({
        "uid": finding.credential, "type": "API key", "namespace": finding.provider,
        "data": {"secret_since": key.secret_since.to_string(), "secret_since_from": key.provenance.as_str(), "key_tail": key.key_tail},
    });
    if let Some(region) = &key.region {
        credential["region"] = region.as_str().into();
    }
    let mut connection = json!({
        "uid": format!("{}/{}", finding.source, finding.connection_id), "type": "Connection", "namespace": finding.account_id,
    });
    if let Some(name) = &finding.connection_name {
        connection["name"] = name.as_str().into();
    }
    json!([credential, connection])
}

/// The facts that the finding rests on, what is proven of the key, and who was told.
fn evidence(detail: &FindingDetail) -> Map<String, Value> {
    let key = &detail.credential_now;
    let told = Told::of(detail);
    let mut facts = detail.finding.evidence.clone();
    let mut note = |name: &str, fact: Value| _ = facts.insert(name.to_owned(), fact);
    if detail.finding.evidence.contains_key("liveness") {
        note("liveness", detail.finding.liveness.as_str().into()); // of one instant, with the proof beside it
    }
    note("proof", Proof::of(key).as_str().into());
    for (name, at) in [
        ("last_accepted_at", key.accepted_at),
        ("first_refused_at", key.refused_first),
        ("last_refused_at", key.refused_last),
        ("died_at", key.died_at),
        ("newer_accepted_at", key.outlived_at),
        ("first_told_at", told.first),
        ("last_told_at", told.last),
    ] {
        if let Some(at) = at {
            note(name, at.to_string().into());
        }
    }
    note("notices_sent", told.count.into());
    note("notices_maybe_sent", told.maybe.into());
    facts
}

const fn severity(severity: Severity) -> (u8, &'static str) {
    match severity {
        Severity::Low => (2, "Low"),
        Severity::Medium => (3, "Medium"),
        Severity::High => (4, "High"),
        Severity::Critical => (5, "Critical"),
    }
}

struct Activity(u32, &'static str);

impl Activity {
    const fn of(detail: &FindingDetail) -> Self {
        match detail.finding.state {
            FindingState::Closed => Self(3, "Close"),
            FindingState::Exempt => Self(2, "Update"),
            FindingState::Open if detail.course.opening > 1 => Self(2, "Update"),
            FindingState::Open => Self(1, "Create"),
        }
    }
}

struct Status(u8, &'static str);

impl Status {
    /// Once somebody was told, or says that it is known, it is in progress; suppressed is what the operator accepts for a while.
    fn of(detail: &FindingDetail, now: Timestamp) -> Self {
        let is_known = Told::of(detail).count > 0 || detail.finding.pause_until.is_some_and(|until| until > now);
        match detail.finding.state {
            FindingState::Closed => Self(4, "Resolved"),
            FindingState::Exempt => Self(3, "Suppressed"),
            FindingState::Open if is_known => Self(2, "In Progress"),
            FindingState::Open => Self(1, "New"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::story::tests::finding;

    const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);
    const PRODUCER: Producer<'_> = Producer { ledger_id: "ledger", version: "1", now: NOW, log: None };

    #[test]
    fn each_state_of_an_opening_is_an_event_of_its_own_and_the_finding_stays_one() {
        let mut exempt = finding(true);
        exempt.finding.state = FindingState::Exempt;
        let told = [finding(true), exempt, finding(false)].map(|detail| detection(&detail, &PRODUCER));
        let uids: std::collections::BTreeSet<&str> =
            told.iter().filter_map(|event| event["metadata"]["uid"].as_str()).collect();
        assert_eq!(uids.len(), 3, "{uids:?}");
        assert!(told.iter().all(|event| event["finding_info"]["uid"] == "ledger/F12"));
    }

    #[test]
    fn who_was_told_in_an_earlier_opening_was_not_told_of_this_one() {
        let mut detail = finding(true);
        let of = |detail: &FindingDetail| {
            let event = detection(detail, &PRODUCER);
            let facts = &event["evidences"][0]["data"];
            (event["status"].clone(), facts["notices_sent"].clone(), facts["first_told_at"].is_string())
        };
        assert_eq!(of(&detail), (json!("In Progress"), json!(1), true));
        detail.course.opening = 2;
        assert_eq!(of(&detail), (json!("New"), json!(0), false));
    }

    #[test]
    fn what_comes_back_to_an_earlier_state_is_another_event_and_a_routine_answer_is_none() {
        let uid = |detail: &FindingDetail| detection(detail, &PRODUCER)["metadata"]["uid"].clone();
        let first = finding(true);
        let mut routine = first.clone();
        routine.credential_now.asked_at = Some(NOW);
        assert_eq!(uid(&routine), uid(&first));
        let mut back = first.clone();
        back.credential_now.liveness_since = Some(NOW);
        let mut milder = first.clone();
        milder.finding.severity = crate::domain::finding::Severity::Low;
        let mut paused = first.clone();
        paused.finding.pause_until = Some(NOW - crate::domain::time::days(1));
        let names = [&first, &back, &milder, &paused].map(|detail| uid(detail).to_string());
        assert_eq!(std::collections::BTreeSet::from(names).len(), 4, "its key, its severity, a pause that is over");
    }

    #[test]
    fn what_is_told_anew_has_a_name_and_a_time_of_its_own() {
        let of = |detail: &FindingDetail| {
            let event = detection(detail, &PRODUCER);
            (event["metadata"]["uid"].clone(), event["time"].clone())
        };
        let mut untold = finding(true);
        untold.credential_now.liveness_since = None;
        let told = untold.clone();
        untold.notices.clear();
        assert_eq!(of(&untold).1, untold.finding.opened_at.as_millis());
        assert_eq!(Some(of(&told).1), told.notices[0].sent_at.map(|at| at.as_millis().into()));
        let mut reminded = told.clone();
        reminded.notices.push(told.notices[0].clone());
        let mut proven = told.clone();
        proven.credential_now.shredding = Some(crate::domain::belief::Shredding::ProvenUnsettled);
        let names: std::collections::BTreeSet<String> =
            [&untold, &told, &reminded, &proven].map(|detail| of(detail).0.to_string()).into();
        assert_eq!(names.len(), 4, "{names:?}");
        let mut asked = told.clone();
        asked.credential_now.asked_at = Some(NOW);
        assert_eq!(of(&asked), of(&told), "an answer a day is no event a day");
    }

    #[test]
    fn a_pause_that_is_over_is_no_word_that_it_is_known() {
        let mut detail = finding(true);
        detail.notices.clear();
        let mut status = |until: Timestamp| {
            (detail.finding.pause, detail.finding.pause_until) = (Some("snoozed".to_owned()), Some(until));
            detection(&detail, &PRODUCER)["status"].clone()
        };
        let second = std::time::Duration::from_secs(1);
        assert_eq!([status(NOW + second), status(NOW)], [json!("In Progress"), json!("New")]);
    }
}
