//! What happens in two years, and when: foreseen, so that what must follow can be reckoned beside it.

use std::time::Duration;

use chrono_tz::Tz;
use keysweep::demo::inbox::Behaviour;
use keysweep::domain::time::{Timestamp, days, hours};
use keysweep::ports::activation::Job;

/// When the story begins.
pub const START: Timestamp = Timestamp::from_secs(1_791_590_400); // 2026-10-10T00:00:00Z
/// When it ends.
pub const END: Timestamp = Timestamp::from_secs(1_854_748_800); // 2028-10-10T00:00:00Z

/// A time under one configuration.
#[derive(Clone, Copy, Debug)]
pub struct Chapter {
    /// from when on: the file is changed then, and read again within a minute
    pub from: Timestamp,
    /// whose clocks are gone by
    pub zone: Tz,
    /// when it is scanned
    pub scan: &'static str,
}

/// When people are written to: a time of the day that a change of the clocks leaves out in all three zones.
pub const MAIL: &str = "15 2 * * *";

/// Six changes of the clocks in three zones. Around each it is scanned every hour, else every twelve: that is time enough.
pub fn chapters() -> Vec<Chapter> {
    const OFTEN: &str = "0 * * * *";
    const SELDOM: &str = "0 */12 * * *";
    let (berlin, new_york, lord_howe) = (Tz::Europe__Berlin, Tz::America__New_York, Tz::Australia__Lord_Howe);
    [
        ("2026-10-10T00:00:00Z", berlin, SELDOM),
        ("2026-10-23T00:25:00Z", berlin, OFTEN),
        ("2026-10-28T00:25:00Z", berlin, SELDOM),
        ("2027-03-26T00:25:00Z", berlin, OFTEN),
        ("2027-03-31T00:25:00Z", berlin, SELDOM),
        ("2027-06-01T00:25:00Z", new_york, SELDOM),
        ("2027-11-05T00:25:00Z", new_york, OFTEN),
        ("2027-11-10T00:25:00Z", new_york, SELDOM),
        ("2028-03-10T00:25:00Z", new_york, OFTEN),
        ("2028-03-15T00:25:00Z", new_york, SELDOM),
        ("2028-03-20T00:25:00Z", lord_howe, SELDOM),
        ("2028-03-31T00:25:00Z", lord_howe, OFTEN),
        ("2028-04-05T00:25:00Z", lord_howe, SELDOM),
        ("2028-09-28T00:25:00Z", lord_howe, OFTEN),
        ("2028-10-03T00:25:00Z", lord_howe, SELDOM),
    ]
    .map(|(from, zone, scan)| Chapter { from: at(from), zone, scan })
    .to_vec()
}

/// Clocks change while the daemon is down: Berlin's second pass, New York's gap, Lord Howe's half hour.
fn down_over_changes() -> [(Timestamp, Duration); 3] {
    [
        (at("2026-10-25T00:40:00Z"), hours(1)),
        (at("2028-03-12T06:30:00Z"), hours(2)),
        (at("2028-09-30T14:00:00Z"), hours(3)),
    ]
}

/// An instant as people write it.
pub fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).expect("an instant")
}

/// Something that happens.
#[derive(Clone, Debug)]
pub enum Act {
    /// the platform's lists, or what the provider accepts, are others than before
    Platform,
    /// the lists can't be read, or can be read again
    Source { is_there: bool },
    /// the provider answers every question with 503, or as it should
    Provider { is_well: bool },
    /// what the mail server does from now on
    Mail(Behaviour),
    /// the configuration is another one, and is read again
    Chapter(Chapter),
    /// the daemon is told to stop, and started again after so long
    Stop { down: Duration },
    /// the daemon dies in the middle of its next job of this kind, after so many steps of it
    Die { job: Job, steps: u32 },
}

/// A time in which not everything can be as it should.
#[derive(Clone, Copy, Debug)]
pub struct Trouble {
    /// from then
    pub from: Timestamp,
    /// until then
    pub to: Timestamp,
}

/// What goes wrong, in its order.
pub fn troubles() -> (Vec<(Timestamp, Act)>, Vec<Trouble>) {
    let (mut acts, mut troubles) = (Vec::new(), Vec::new());
    let mut between = |from: Timestamp, span: Duration, begins: Act, ends: Option<Act>| {
        acts.push((from, begins));
        acts.extend(ends.map(|ends| (from + span, ends)));
        troubles.push(Trouble { from, to: from + span });
    };
    for (from, down) in down_over_changes() {
        between(from, down, Act::Stop { down }, None);
    }
    // Every eleven days, at any time of the day, something of the list.
    for number in 1..=65_u32 {
        let from = START + days(11 * u64::from(number)) + Duration::from_secs(u64::from(number) * 17_777 % 86_400);
        let steps = number * 7 % 60;
        match number % 10 {
            0 => between(from, days(4), Act::Stop { down: days(4) }, None),
            1 => between(from, hours(9), Act::Source { is_there: false }, Some(Act::Source { is_there: true })),
            2 => between(from, days(2), Act::Provider { is_well: false }, Some(Act::Provider { is_well: true })),
            3 => between(from, days(3), busy(), Some(Act::Mail(Behaviour::Accept))),
            4 => between(from, hours(13), Act::Die { job: Job::Scan, steps }, None),
            5 => between(from, hours(24), Act::Die { job: Job::Mail, steps }, None),
            6 => between(from, Duration::from_secs(600), Act::Stop { down: Duration::from_secs(600) }, None),
            7 => between(from, hours(30), refusing(), Some(Act::Mail(Behaviour::Accept))),
            8 => between(from, hours(1), Act::Stop { down: Duration::ZERO }, None),
            _ => between(from, hours(25), Act::Stop { down: hours(25) }, None),
        }
    }
    acts.extend(chapters().into_iter().skip(1).map(|chapter| (chapter.from, Act::Chapter(chapter))));
    (acts, troubles)
}

fn busy() -> Act {
    Act::Mail(Behaviour::RefuseData("451 4.3.2 come back later".to_owned()))
}

fn refusing() -> Act {
    Act::Mail(Behaviour::RefuseMessage("554 5.7.1 not from you".to_owned()))
}

/// The schedules' jitter, and a second for the work.
pub const AT_ONCE: Duration = Duration::from_secs(31);

/// The latest that something may be done which is to be done at `at`: at once, or soon after all trouble is over.
pub fn latest(troubles: &[Trouble], at: Timestamp, after_trouble: Duration) -> Timestamp {
    let mut latest = at + AT_ONCE;
    while let Some(trouble) = troubles.iter().find(|it| it.from <= latest && it.to + after_trouble > latest) {
        latest = trouble.to + after_trouble;
    }
    latest
}
