//! The ladders of half a year: each step was told once and in time, none early, and a death once.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr as _;
use std::time::Duration;

use keysweep::domain::finding::RuleName;
use keysweep::domain::ladder::ladder;
use keysweep::domain::time::{Timestamp, days, hours};
use keysweep::ledger::read::{FindingDetail, NoticeRow};

use super::estate::{CONTACT, END, Estate, SHARED, ZONE, opens};
use super::{MAIL, Told, busy, pauses, released};

/// A mail's longest wait, and the fifth that it is spread over; the schedules' jitter.
const A_RETRY: Duration = Duration::from_secs(6 * 3_600 * 120 / 100 + 120);

/// By when a reader must have been told of what is due at `due`.
struct Reckoning<'a> {
    estate: &'a Estate,
    told: &'a Told,
    runs: Vec<Timestamp>,
}

impl Reckoning<'_> {
    fn told_by(&self, address: &str, connection: &str, due: Timestamp) -> Timestamp {
        let mut from = due.max(self.released(due));
        let (on, off) = self.told.brake();
        loop {
            let paused = pauses().into_iter().filter(|(paused, _)| *paused == connection).map(|(_, span)| span);
            let waits = paused.chain([(on, off)]).find(|(begin, end)| *begin <= from && from < *end);
            let Some((_, end)) = waits else { break };
            from = end;
        }
        let by = self.after_run(address, from);
        // Trouble on the way: it begins anew after it.
        let trouble = busy().into_iter().map(|(begin, end)| (begin, end + A_RETRY)).chain([(on, off)]);
        let over = trouble.filter(|(begin, end)| *begin <= by && from < *end).map(|(_, end)| end).max();
        over.map_or(by, |over| by.max(self.after_run(address, over)))
    }

    /// A run, the reader's hours, and room in their day: with two readers behind one address, twice.
    fn after_run(&self, address: &str, from: Timestamp) -> Timestamp {
        let zone = self.estate.zone_of(address);
        let run = self.runs.iter().copied().find(|run| *run >= from).unwrap_or(END);
        let turns = if address == SHARED { 2 } else { 1 };
        let free = (0..turns).fold(opens(run, zone), |at, _| opens(at + days(1) + hours(1), zone));
        free + hours(1)
    }

    fn released(&self, due: Timestamp) -> Timestamp {
        let ended = self.told.ramp_ended();
        if due < ended { ended.max(released()[0]) } else { due }
    }
}

fn runs() -> Vec<Timestamp> {
    let cron = croner::Cron::from_str(MAIL).expect("an expression");
    let from = super::START.to_datetime().with_timezone(&ZONE);
    cron.iter_after(from).map(|at| Timestamp::from(at.to_utc())).take_while(|at| *at < END).collect()
}

/// What is wrong with when the steps were told, to whoever is to be told of each.
pub fn every_step_was_told_in_time(estate: &Estate, told: &Told) -> Vec<String> {
    let reckoning = Reckoning { estate, told, runs: runs() };
    let (mut wrong, mut checked) = (Vec::new(), BTreeMap::<&str, usize>::new());
    for FindingDetail { finding, course, notices, .. } in &told.findings {
        if finding.rule == RuleName::OwnerUnreachable {
            continue; // it is never mailed
        }
        let (steps, connection) = (ladder(finding.rule), finding.connection_id.as_str());
        let tail = (1..).map_while(|times| Some(steps.days().last()? + times * steps.then_every()?));
        let refused = estate.over_at(connection, finding.opened_at);
        let over = refused.into_iter().chain(finding.closed_at).chain([END]).min().unwrap_or(END);
        let mut readers = estate.told_of(&finding.account_id, connection);
        let nobody = readers.is_empty();
        readers.push(CONTACT);
        for (step, day) in (0..).zip(steps.days().iter().copied().chain(tail)) {
            let due = finding.opened_at + days(u64::from(day));
            if due >= over {
                break;
            }
            for address in readers.iter().filter(|address| **address != CONTACT || nobody || steps.escalates(step)) {
                let by = reckoning.told_by(address, connection, due);
                if over <= by {
                    continue;
                }
                let of_reader =
                    notices.iter().filter(|it| told.addresses.get(&it.person).is_some_and(|at| at == address));
                let of_step = of_reader.filter(|it| it.opening == course.opening && it.step >= step && !it.closing);
                if !of_step.filter_map(|it| it.sent_at).any(|sent_at| due <= sent_at && sent_at <= by) {
                    let rule = finding.rule.as_str();
                    wrong.push(format!("step {step} of {rule} on {connection}, due at {due}, to {address} by {by}"));
                }
                *checked.entry(if *address == CONTACT { "the security contact" } else { "readers" }).or_default() += 1;
            }
        }
    }
    println!("steps that were to be told: {checked:?}");
    assert!(checked["readers"] > 200 && checked["the security contact"] > 10, "{checked:?}");
    wrong
}

/// What was told before its day, out of its order, or while its reminders were to wait.
pub fn no_step_was_told_early_or_in_a_pause(told: &Told) -> Vec<String> {
    let (mut wrong, mut superseded) = (Vec::new(), 0);
    for FindingDetail { finding, course, notices, .. } in &told.findings {
        superseded += notices.iter().filter(|notice| notice.state == "superseded").count();
        let mut last: BTreeMap<_, &NoticeRow> = BTreeMap::new();
        for notice in notices.iter().filter(|notice| notice.state == "sent" && !notice.closing) {
            let Some(sent_at) = notice.sent_at else { continue };
            let days_of = ladder(finding.rule).days();
            let (step, written) = (notice.step as usize, days_of.len() - 1);
            let tail = u64::from(ladder(finding.rule).then_every().unwrap_or(0)) * step.saturating_sub(written) as u64;
            let day = u64::from(days_of[step.min(written)]) + tail;
            let (name, whom) = (&finding.connection_id, notice.person);
            if notice.opening == course.opening && sent_at < finding.opened_at + days(day) {
                wrong.push(format!("step {step} on {name} was told to {whom} at {sent_at}, before its day"));
            }
            for (paused, (from, to)) in pauses() {
                if paused == name && finding.rule == RuleName::SecretStale && from < sent_at && sent_at < to {
                    wrong.push(format!("step {step} on {name} was told to {whom} at {sent_at}, in a pause"));
                }
            }
            if let Some(before) = last.insert((notice.person, notice.opening), notice)
                && (before.step >= notice.step || before.sent_at >= notice.sent_at)
            {
                wrong.push(format!("step {step} on {name} was told to {whom} out of its order: {before:?}"));
            }
        }
    }
    println!("{superseded} steps were overtaken by a tighter one before they could be told");
    wrong
}

/// What is wrong with the notes that end tombstones.
pub fn a_death_was_told_once_to_whoever_had_been_told_of_the_key(told: &Told) -> Vec<String> {
    let (mut wrong, mut noted) = (Vec::new(), 0);
    for FindingDetail { finding, course, notices, .. } in &told.findings {
        let died = course.closed_why.as_deref() == Some("dead") && finding.rule == RuleName::RevocationMissing;
        let of_opening = |closing| {
            let sent = notices.iter().filter(move |it| it.opening == course.opening && it.closing == closing);
            sent.filter(|it| it.state == "sent")
        };
        let knew: BTreeSet<_> = of_opening(false).map(|it| it.person).collect();
        let heard: Vec<_> = of_opening(true).map(|it| it.person).collect();
        let once: BTreeSet<_> = heard.iter().copied().collect();
        let is_right = if died { once == knew } else { heard.is_empty() };
        if !is_right || once.len() != heard.len() {
            let (name, rule) = (&finding.connection_id, finding.rule.as_str());
            wrong.push(format!("{rule} on {name}: {knew:?} knew of it, and the note was told to {heard:?}"));
        }
        noted += heard.len();
    }
    println!("{noted} people were told that a key is refused");
    assert!(noted > 8, "only {noted} notes of a death");
    wrong
}
