//! Half a year of mail, in virtual time, by the daemon's own loop: three dozen accounts in seven zones, quiet hours and
//! weekdays, a cap, a ramp, the security contact, a brake, pauses, and a mail server that is busy at the worst of times.
//! Checked from what arrived, and held against what the ledger says of it.

mod estate;
mod stage;
mod steps;

use std::collections::{BTreeMap, BTreeSet};

use keysweep::demo::inbox::Behaviour;
use keysweep::domain::action::Act;
use keysweep::domain::ids::{FindingId, MailId, PersonId, ScanId};
use keysweep::domain::time::{Timestamp, days, hours};
use keysweep::ledger::Ledger;
use keysweep::ledger::read::{EventRow, FindingDetail, FindingFilter, MailRow};
use keysweep::ports::notify::MailMode;

use self::estate::{CONTACT, CROWD, END, Estate, SHARED, START, is_open};
use self::stage::{Event, Stage};
use crate::estate::Read;
use crate::unattended::script::at;

/// People who are told for the first time in one run.
const RAMP: u32 = 3;
/// Mails that an address gets in a day.
const PER_DAY: usize = 1;
/// When people are written to: just before the quiet hours of some, and within those of others.
const MAIL: &str = "50 5,11,17 * * *";

/// A span of the story.
type Span = (Timestamp, Timestamp);

/// When the mail server takes nothing: over an evening, and over the night in which the brake is pulled.
fn busy() -> [Span; 2] {
    [(at("2026-10-14T16:00:00Z"), at("2026-10-14T19:00:00Z")), (at("2026-11-27T05:00:00Z"), at("2026-11-28T09:00:00Z"))]
}

/// When the operator lets the first mails leave, and when they take the brake off.
fn released() -> [Timestamp; 2] {
    [START + days(9) + hours(10), at("2026-12-01T10:00:00Z")]
}

/// Whose reminders wait, and when. The last is taken back before its end.
fn pauses() -> [(&'static str, Span); 3] {
    let from = START + days(30);
    [
        ("c002", (from, from + days(40))),
        ("c005", (from + days(3), from + days(3) + days(30))),
        ("c008", (START + days(60), START + days(75))),
    ]
}

fn script() -> Vec<(Timestamp, Event)> {
    let [ramp, brake] = released();
    let mut script =
        vec![(ramp, Event::Release(MailMode::Ramp { people: RAMP })), (brake, Event::Release(MailMode::Released))];
    for (from, to) in busy() {
        script.push((from, Event::Mail(Behaviour::RefuseData("451 4.3.2 come back later".to_owned()))));
        script.push((to, Event::Mail(Behaviour::Accept)));
    }
    let [snoozed, acknowledged, resumed] = pauses();
    let pause = |(connection, (from, _)): (&'static str, Span), by_reader, act| {
        (from, Event::Pause { connection, by_reader, act })
    };
    let (until, later) = ((snoozed.1).1, (acknowledged.1).1);
    script.push(pause(snoozed, true, Act::Snooze { until }));
    script.push(pause(acknowledged, false, Act::Acknowledge { until: later }));
    let ((connection, (_, back)), long) = (resumed, (resumed.1).0 + days(80));
    script.push(pause(resumed, true, Act::Snooze { until: long }));
    script.push((back, Event::Pause { connection, by_reader: true, act: Act::Resume }));
    script
}

#[test]
fn half_a_year_of_mail_by_the_readers_clocks() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let stage = Stage::set(script()).await;
        stage.play().await;
        let ledger = stage.ground.ledger().await;
        let told = Told::read(&ledger, stage.arrived.take()).await;
        ledger.close().await;
        let estate = Estate::foreseen();
        let wrong = [
            nothing_came_in_quiet_hours(&estate, &told),
            no_address_got_more_than_it_may(&estate, &told),
            nothing_left_before_it_was_released_and_a_ramp_took_a_few_a_run(&told),
            nothing_left_while_the_brake_was_on(&told),
            what_people_read_is_what_the_ledger_says_and_came_once(&estate, &told),
            steps::every_step_was_told_in_time(&estate, &told),
            steps::no_step_was_told_early_or_in_a_pause(&told),
            steps::a_death_was_told_once_to_whoever_had_been_told_of_the_key(&told),
        ];
        let wrong = wrong.concat();
        assert!(wrong.is_empty(), "{} promises broken:\n{}", wrong.len(), wrong.join("\n"));
    });
}

/// Everything that people were told.
struct Told {
    findings: Vec<FindingDetail>,
    mails: BTreeMap<MailId, MailRow>,
    /// by the number of the person
    addresses: BTreeMap<PersonId, String>,
    log: Vec<EventRow>,
    arrived: Vec<(Timestamp, Read)>,
}

impl Told {
    async fn read(ledger: &Ledger, arrived: Vec<(Timestamp, Read)>) -> Self {
        const ALL: usize = 1_000_000;
        let mut findings = Vec::new();
        for finding in ledger.findings(&FindingFilter::default(), FindingId(0), ALL).await.expect("a ledger") {
            findings.extend(ledger.finding(finding.id).await.expect("a ledger"));
        }
        let mails = ledger.mails(None, MailId(0), ALL).await.expect("a ledger");
        let people: BTreeSet<PersonId> = mails.iter().map(|mail| mail.person).collect();
        let readers = ledger.readers(&people.into_iter().collect::<Vec<_>>()).await.expect("a ledger");
        let address = |reader: keysweep::ledger::read::Reader| Some((reader.id, reader.address?.expose().to_owned()));
        Self {
            findings,
            mails: mails.into_iter().map(|mail| (mail.id, mail)).collect(),
            addresses: readers.into_iter().filter_map(address).collect(),
            log: ledger.events(0, ALL).await.expect("a ledger"),
            arrived,
        }
    }

    /// When something was logged.
    fn logged(&self, kind: &str) -> Vec<Timestamp> {
        self.log.iter().filter(|event| event.kind == kind).map(|event| event.at).collect()
    }

    /// From when on the brake was on, and until when.
    fn brake(&self) -> Span {
        let (on, off) = (self.logged("mail.brake_on"), self.logged("mail.brake_off"));
        assert_eq!((on.len(), off.len()), (1, 1), "the brake is pulled once and taken off once: {on:?} {off:?}");
        (on[0], off[0])
    }

    /// When the ramp was over.
    fn ramp_ended(&self) -> Timestamp {
        self.logged("mail.released").into_iter().find(|at| *at > released()[0]).expect("an end of the ramp")
    }

    /// When the mail of this Message-ID arrived, and what it says.
    fn arrival(&self, mail: &MailRow) -> Option<&(Timestamp, Read)> {
        self.arrived.iter().find(|(_, read)| read.message_id == mail.message_id.trim_matches(['<', '>']))
    }
}

fn nothing_came_in_quiet_hours(estate: &Estate, told: &Told) -> Vec<String> {
    let late = told.arrived.iter().filter(|(at, read)| !is_open(*at, estate.zone_of(&read.to)));
    late.map(|(at, read)| format!("{} got a mail at {at}, in a quiet hour", read.to)).collect()
}

fn no_address_got_more_than_it_may(estate: &Estate, told: &Told) -> Vec<String> {
    let (mut wrong, mut full) = (Vec::new(), 0);
    let addresses: BTreeSet<&str> = told.arrived.iter().map(|(_, read)| read.to.as_str()).collect();
    for address in addresses {
        let (zone, mut days_of) = (estate.zone_of(address), BTreeMap::<_, usize>::new());
        let got: Vec<Timestamp> =
            told.arrived.iter().filter(|(_, read)| read.to == address).map(|(at, _)| *at).collect();
        for at in &got {
            *days_of.entry(at.to_datetime().with_timezone(&zone).date_naive()).or_default() += 1;
            let in_a_day = got.iter().filter(|other| **other <= *at && at.since(**other) < days(1)).count();
            if in_a_day > PER_DAY {
                wrong.push(format!("{address} got {in_a_day} mails in the 24 hours before {at}"));
            }
        }
        let most = days_of.iter().filter(|(_, count)| **count > PER_DAY);
        wrong.extend(most.map(|(day, count)| format!("{address} got {count} mails on {day}")));
        full += got.windows(2).filter(|pair| pair[1].since(pair[0]) < days(1) + hours(1)).count();
    }
    println!("{} mails arrived, {full} of them as soon as the cap let them", told.arrived.len());
    assert!(told.arrived.len() > 150, "only {} mails arrived", told.arrived.len());
    assert!(full > 3, "the cap held back only {full} mails");
    wrong
}

fn nothing_left_before_it_was_released_and_a_ramp_took_a_few_a_run(told: &Told) -> Vec<String> {
    let (released, ended) = (released()[0], told.ramp_ended());
    let early = told.arrived.iter().filter(|(at, _)| *at < released);
    let mut wrong: Vec<String> =
        early.map(|(at, read)| format!("{} got a mail at {at}, in preview", read.to)).collect();
    let mut known = BTreeSet::new();
    let mut first_in: BTreeMap<ScanId, BTreeSet<PersonId>> = BTreeMap::new();
    for mail in told.mails.values().filter(|mail| told.arrival(mail).is_some()) {
        if known.insert(mail.person) && mail.formed_at <= ended {
            first_in.entry(mail.scan).or_default().insert(mail.person);
        }
    }
    let most = first_in.iter().filter(|(_, people)| people.len() > RAMP as usize);
    wrong.extend(most.map(|(run, people)| format!("run {run} of the ramp told {} people", people.len())));
    println!("the ramp took {} runs, from {released} to {ended}", first_in.len());
    assert!(first_in.len() >= 3, "the ramp took {} runs", first_in.len());
    wrong
}

fn nothing_left_while_the_brake_was_on(told: &Told) -> Vec<String> {
    let (on, off) = told.brake();
    let late = told.arrived.iter().filter(|(at, _)| on <= *at && *at < off);
    let wrong = late.map(|(at, read)| format!("{} got a mail at {at}, while the brake was on", read.to)).collect();
    let stuck = told.mails.values().filter(|mail| mail.formed_at < on && mail.sent_at.is_some_and(|at| at >= on));
    let stuck = stuck.count();
    println!("the brake was on from {on} to {off}, over {stuck} mails that were formed before");
    assert!(stuck > 0, "no mail was on its way when the brake was pulled");
    assert_eq!(off, released()[1]);
    wrong
}

/// What people got more than once, or without a step, or not although the ledger says so.
fn what_people_read_is_what_the_ledger_says_and_came_once(estate: &Estate, told: &Told) -> Vec<String> {
    let (mut wrong, mut by_count) = (Vec::new(), 0);
    let mut names: BTreeMap<MailId, BTreeSet<String>> = BTreeMap::new();
    for FindingDetail { finding, notices, .. } in &told.findings {
        for notice in notices.iter().filter(|notice| notice.state == "sent") {
            let mail = notice.mail.expect("a notice that was sent is in a mail");
            names.entry(mail).or_default().insert(finding.connection_id.clone());
        }
    }
    let everything: BTreeSet<&String> = estate.keys.iter().map(|key| &key.connection).collect();
    for mail in told.mails.values() {
        let id = mail.message_id.trim_matches(['<', '>']);
        let copies: Vec<_> = told.arrived.iter().filter(|(_, read)| read.message_id == id).collect();
        match (copies.as_slice(), mail.sent_at) {
            ([], None) => {}
            ([(at, read)], Some(sent_at)) if *at == sent_at && told.addresses[&mail.person] == read.to => {
                let said: BTreeSet<String> = everything
                    .iter()
                    .filter(|name| read.text.contains(&format!("List {name}")))
                    .map(|name| (*name).clone())
                    .collect();
                let meant = names.remove(&mail.id).unwrap_or_default();
                let hidden = meant.len().saturating_sub(said.len());
                let counted =
                    hidden > 0 && said.len() >= 25 && read.text.contains(&format!("And {hidden} more finding"));
                by_count += usize::from(counted);
                if !(said == meant || counted && said.is_subset(&meant)) {
                    wrong.push(format!("{id} to {} tells of {said:?}, and its steps are of {meant:?}", read.to));
                }
            }
            (copies, sent_at) => wrong.push(format!("{id} arrived {} times; sent at {sent_at:?}", copies.len())),
        }
    }
    wrong.extend(names.iter().map(|(mail, names)| format!("{mail} never arrived, and was to tell of {names:?}")));
    println!("{by_count} mails told what is beyond 25 by count");
    assert!(by_count > 3, "{by_count} mails of {CROWD} findings");
    let readers: BTreeSet<&str> = told.arrived.iter().map(|(_, read)| read.to.as_str()).collect();
    assert!(readers.contains(CONTACT) && readers.contains(SHARED) && readers.len() > 30, "{readers:?}");
    assert!(told.arrived.iter().all(|(at, _)| *at < END));
    wrong
}
