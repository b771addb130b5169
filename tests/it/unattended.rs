//! Two years unattended, in virtual time: clocks change in three zones, the daemon is stopped and dies, and what it
//! depends on fails. Every due scan ran once, every stale secret was told in time, and nothing was told twice.

mod platform;
pub mod script;
mod stage;

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr as _;
use std::time::Duration;

use keysweep::domain::finding::RuleName;
use keysweep::domain::ids::{FindingId, MailId};
use keysweep::domain::ladder::ladder;
use keysweep::domain::time::{Timestamp, days};
use keysweep::ledger::Ledger;
use keysweep::ledger::read::{FindingDetail, FindingFilter, MailRow};
use keysweep::ports::activation::Job;

use self::platform::{Platform, connection_id};
use self::script::{AT_ONCE, END, MAIL, START, Trouble, chapters, latest};
use self::stage::{Done, Stage};
use crate::estate::Read;

/// What failed is tried again within an hour, and a mail within six and the fifth that they are spread over.
const A_RETRY: Duration = Duration::from_secs(3600 + 120);
const A_MAILS_RETRY: Duration = Duration::from_secs(6 * 3600 * 120 / 100 + 120);

#[test]
fn two_years_unattended() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let (acts, troubles) = script::troubles();
        let stage = Stage::set(Platform::foreseen(START, END), START, &chapters()[0], acts).await;
        stage.play().await;
        assert!(stage.lives.get() > 30, "it was started {} times only", stage.lives.get());

        let ledger = stage.ground.ledger().await;
        let told = Told::read(&ledger).await;
        ledger.close().await;
        let mails: Vec<Read> = stage.ground.inbox.mails().iter().map(Read::from).collect();
        let done = stage.done.borrow();
        let reckoning = Reckoning { due: Due::reckoned(), troubles };
        let platform = Platform::foreseen(START, END);
        let wrong = [
            every_instant_was_served_once(&done, Job::Scan, &reckoning.due.scans, &reckoning.troubles),
            every_instant_was_served_once(&done, Job::Mail, &reckoning.due.mails, &reckoning.troubles),
            every_stale_secret_was_told_in_time(&platform, &told, &reckoning),
            every_step_was_taken_in_time(&platform, &told, &reckoning),
            nothing_was_told_twice(&told, &mails),
        ]
        .concat();
        assert!(wrong.is_empty(), "{} promises broken:\n{}", wrong.len(), wrong.join("\n"));
    });
}

/// The instants of the schedules, by other hands than ours.
struct Due {
    scans: Vec<Timestamp>,
    mails: Vec<Timestamp>,
}

impl Due {
    fn reckoned() -> Self {
        let chapters = chapters();
        let ends = chapters.iter().skip(1).map(|next| next.from).chain([END]);
        let (mut scans, mut mails) = (Vec::new(), Vec::new());
        for (chapter, end) in chapters.iter().zip(ends) {
            let instants = |text: &str| {
                let cron = croner::Cron::from_str(text).expect("an expression");
                let from = chapter.from.to_datetime().with_timezone(&chapter.zone);
                let all = cron.iter_after(from).map(|at| Timestamp::from(at.to_utc()));
                all.take_while(|at| *at < end).collect::<Vec<_>>()
            };
            scans.extend(instants(chapter.scan));
            mails.extend(instants(MAIL));
        }
        Self { scans, mails }
    }
}

/// What must have been done until when.
struct Reckoning {
    due: Due,
    troubles: Vec<Trouble>,
}

impl Reckoning {
    /// By when a scan must have seen what is so from `at` on.
    fn seen_by(&self, at: Timestamp) -> Timestamp {
        latest(&self.troubles, next(&self.due.scans, at), A_RETRY)
    }

    /// By when people must have been told what there is to tell from `at` on.
    fn told_by(&self, at: Timestamp) -> Timestamp {
        latest(&self.troubles, next(&self.due.mails, at), A_MAILS_RETRY)
    }
}

fn next(instants: &[Timestamp], at: Timestamp) -> Timestamp {
    instants.iter().copied().find(|instant| *instant >= at).unwrap_or(END)
}

/// What the ledger says that people were told.
struct Told {
    findings: Vec<FindingDetail>,
    mails: Vec<MailRow>,
}

impl Told {
    async fn read(ledger: &Ledger) -> Self {
        const ALL: usize = 100_000;
        let mut findings = Vec::new();
        for finding in ledger.findings(&FindingFilter::default(), FindingId(0), ALL).await.expect("a ledger") {
            findings.extend(ledger.finding(finding.id).await.expect("a ledger"));
        }
        Self { findings, mails: ledger.mails(None, MailId(0), ALL).await.expect("a ledger") }
    }
}

/// What is wrong with when a job ran. The runs that ended well serve every instant, and each of them serves some.
fn every_instant_was_served_once(done: &[Done], job: Job, due: &[Timestamp], troubles: &[Trouble]) -> Vec<String> {
    let mut wrong = Vec::new();
    let well: Vec<Timestamp> = done.iter().filter(|done| done.job == job && done.well).map(|done| done.at).collect();
    for pair in well.windows(2) {
        if !due.iter().any(|instant| pair[0] < *instant && *instant <= pair[1]) {
            wrong.push(format!("the {job} at {} had nothing to do after the one at {}", pair[1], pair[0]));
        }
    }
    for instant in due.iter().copied().filter(|instant| *instant + days(5) < END) {
        let (served, by) = (next(&well, instant), latest(troubles, instant, A_RETRY));
        if served > by {
            wrong.push(format!("the {job} of {instant} ran at {served}, and not until {by}"));
        }
    }
    let in_peace = |instant: &&Timestamp| latest(troubles, **instant, A_RETRY) == **instant + AT_ONCE;
    let share = due.iter().filter(in_peace).count() * 100 / due.len();
    assert!(share > 50, "only {share} % of the instants of the {job} were without trouble");
    wrong
}

/// What is wrong with when people heard of secrets that had grown stale.
fn every_stale_secret_was_told_in_time(platform: &Platform, told: &Told, reckoning: &Reckoning) -> Vec<String> {
    let (mut wrong, mut checked) = (Vec::new(), 0);
    for key in platform.keys() {
        let stale_at = key.stale_at();
        let seen_by = reckoning.seen_by(stale_at);
        let told_by = reckoning.told_by(seen_by);
        if key.until.unwrap_or(END).min(END) <= told_by {
            continue; // it was replaced, or the story ended, before anybody had to be told
        }
        checked += 1;
        let of_key = |it: &&FindingDetail| {
            it.finding.rule == RuleName::SecretStale
                && it.finding.connection_id == connection_id(key.connection)
                && (stale_at..=stale_at + Duration::from_secs(1)).contains(&it.finding.since)
        };
        // Twice as old, it is told anew: here its first opening counts.
        let steps = told.findings.iter().filter(of_key).flat_map(|it| &it.notices);
        let first: Vec<_> = steps.filter(|it| it.opening == 1 && it.step == 0).filter_map(|it| it.sent_at).collect();
        if !matches!(first.as_slice(), [at] if (stale_at..=told_by).contains(at)) {
            wrong.push(format!("{key:?} was stale at {stale_at}, and told at {first:?} instead of until {told_by}"));
        }
    }
    assert!(checked > 35, "only {checked} stale secrets were to be told");
    wrong
}

/// What is wrong with when the steps of the findings' ladders were taken.
fn every_step_was_taken_in_time(platform: &Platform, told: &Told, reckoning: &Reckoning) -> Vec<String> {
    let (mut wrong, mut checked) = (Vec::new(), 0);
    for FindingDetail { finding, course, notices, .. } in &told.findings {
        let steps = ladder(finding.rule);
        let tail = (1..).map_while(|times| Some(steps.days().last()? + times * steps.then_every()?));
        // A secret that was replaced is refused at the last look before the mail, though no scan has seen the change.
        let of_connection = platform.keys().iter().filter(|key| finding.connection_id == connection_id(key.connection));
        let replaced = of_connection.filter_map(|key| key.until).filter(|until| *until > finding.opened_at).min();
        let over = replaced.into_iter().chain(finding.closed_at).chain([END]).min().unwrap_or(END);
        for (step, day) in steps.days().iter().copied().chain(tail).enumerate() {
            let due = finding.opened_at + days(u64::from(day));
            let told_by = reckoning.told_by(due);
            if over <= told_by {
                break;
            }
            checked += 1;
            // After a long trouble the latest step stands for those before it.
            let taken = notices.iter().filter(|it| it.opening == course.opening && it.step as usize >= step);
            if !taken.filter_map(|it| it.sent_at).any(|sent_at| due <= sent_at && sent_at <= told_by) {
                let (rule, connection) = (finding.rule.as_str(), &finding.connection_id);
                wrong.push(format!("step {step} of {rule} on {connection}, due at {due}, by {told_by}: {notices:?}"));
            }
        }
    }
    assert!(checked > 150, "only {checked} steps were to be taken");
    wrong
}

/// What people got more than once, or without a reason.
fn nothing_was_told_twice(told: &Told, arrived: &[Read]) -> Vec<String> {
    let mut wrong = Vec::new();
    let sent: BTreeMap<&str, &MailRow> = told
        .mails
        .iter()
        .filter(|mail| mail.sent_at.is_some())
        .map(|mail| (mail.message_id.trim_matches(['<', '>']), mail))
        .collect();
    let mut arrivals: BTreeMap<&str, usize> = BTreeMap::new();
    for mail in arrived {
        *arrivals.entry(mail.message_id.as_str()).or_default() += 1;
    }
    for (message_id, count) in &arrivals {
        // A process that dies between handing a mail over and noting the answer sends it again: there is no other way.
        if !sent.get(message_id).is_some_and(|mail| *count == 1 || mail.maybe_sent) {
            wrong.push(format!("{message_id} arrived {count} times; the ledger has {:?}", sent.get(message_id)));
        }
    }
    assert_eq!(arrivals.len(), sent.len(), "every mail that was sent arrived");

    let (mut steps, mut mentions) = (BTreeSet::new(), BTreeSet::new());
    for FindingDetail { finding, notices, .. } in &told.findings {
        for notice in notices.iter().filter(|notice| notice.sent_at.is_some()) {
            if !steps.insert((finding.id, notice.opening, notice.step, notice.person)) {
                wrong.push(format!("step {} of {:?} was told twice", notice.step, finding.id));
            }
            mentions.insert((notice.mail, finding.connection_name.clone().unwrap_or_default()));
        }
    }
    // What people read is what the steps say: nothing is told beside them.
    for mail in arrived {
        let id = sent.get(mail.message_id.as_str()).map(|mail| mail.id);
        for name in (0..10).map(|number| format!("List {number}")).filter(|name| mail.text.contains(name.as_str())) {
            if !mentions.contains(&(id, name.clone())) {
                wrong.push(format!("{} tells of {name} without a step", mail.message_id));
            }
        }
    }
    assert!(arrived.len() > 100, "only {} mails arrived", arrived.len());
    wrong
}
