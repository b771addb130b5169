//! Whatever happens to daemon and clock, and in whatever order.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// One thing that happens.
#[derive(Clone, Debug)]
enum Happens {
    /// the daemon goes about its work for so many minutes; its runs take so many seconds, and end so
    Work { minutes: u64, run: u64, well: bool },
    /// somebody rings
    Ring(Job),
    /// it dies, in the middle of a run if there is one, and is back after so many minutes
    Down { minutes: u64 },
    /// the wall clock is set, by so many minutes
    Jump { minutes: i64 },
}

fn happens() -> impl Strategy<Value = Happens> {
    const YEAR: i64 = 365 * 24 * 60;
    let jump = prop_oneof![-90_i64..90, Just(60), Just(-60), Just(YEAR), Just(-YEAR), -YEAR..YEAR];
    prop_oneof![
        5 => (1_u64..150, prop_oneof![0_u64..90, 0_u64..9000], proptest::bool::weighted(0.7))
            .prop_map(|(minutes, run, well)| Happens::Work { minutes, run, well }),
        1 => proptest::sample::select(&Job::ALL[..]).prop_map(Happens::Ring),
        2 => prop_oneof![0_u64..120, 0_u64..5000].prop_map(|minutes| Happens::Down { minutes }),
        2 => jump.prop_map(|minutes| Happens::Jump { minutes }),
    ]
}

/// The daemon, and beside it what was promised, reckoned in the plainest way.
struct World {
    timetables: BTreeMap<Job, (Cron, Timetable)>,
    jitter: Duration,
    plan: Plan,
    now: Timestamp,
    /// of each job, up to where instants were served
    served: BTreeMap<Job, Timestamp>,
    rung: Vec<Job>,
    /// a run that is under way, and for how long still
    running: Option<(Job, Timestamp, Duration, bool)>,
}

impl World {
    fn new(zone: Tz, jitter: Duration) -> Self {
        let now = at("2026-10-24T20:10:00Z");
        let texts = [(Job::Scan, "*/15 * * * *"), (Job::Mail, "30 2 * * *"), (Job::Upkeep, "30 3 * * 0")];
        let timetables: BTreeMap<_, _> = texts
            .into_iter()
            .map(|(job, text)| {
                let cron = Cron::parse(text, zone).unwrap();
                (job, (cron.clone(), Timetable::new(Some(cron), jitter, seed("a ledger", job))))
            })
            .collect();
        let plan = Plan::new(|job| (timetables[&job].1.clone(), None), now);
        let served = Job::ALL.into_iter().map(|job| (job, now)).collect();
        Self { timetables, jitter, plan, now, served, rung: Vec::new(), running: None }
    }

    fn restart(&mut self) {
        let kept = |job| serde_json::to_string(self.plan.last_run(job)).unwrap();
        let last = |job| serde_json::from_str(&kept(job)).unwrap();
        self.plan = Plan::new(|job| (self.timetables[&job].1.clone(), Some(last(job))), self.now);
        self.rung.clear();
        self.running = None;
        self.clock_was_read();
    }

    /// The one way in which instants may come again: the clock is far behind what was served.
    fn clock_was_read(&mut self) {
        for job in Job::ALL {
            let (next, after) = self.two_after(job, self.served[&job]);
            let held = after.since(next).clamp(hours(1), hours(24));
            if self.served[&job].since(self.now) > held {
                self.served.insert(job, self.now);
            }
        }
    }

    fn two_after(&self, job: Job, served: Timestamp) -> (Timestamp, Timestamp) {
        let cron = &self.timetables[&job].0;
        let next = cron.next_after(served).unwrap();
        (next, cron.next_after(next).unwrap())
    }

    fn work(&mut self, minutes: u64, run: u64, well: bool) {
        let mut left = Duration::from_secs(minutes * 60);
        while left > Duration::ZERO {
            let step = self.plan.look(self.now).step;
            self.clock_was_read();
            let spent = match (self.running, step) {
                (Some((job, begun, rest, well)), Step::Wait(wait)) => {
                    self.go_on(job, begun, rest.min(wait), rest, well)
                }
                (None, Step::Wait(wait)) => {
                    self.nothing_is_due(wait);
                    wait
                }
                (None, Step::Begin(job)) => {
                    self.begin(job, Duration::from_secs(run), well);
                    Duration::ZERO
                }
                (Some((running, ..)), Step::Begin(job)) => panic!("{job} is to begin while {running} is running"),
            };
            self.now = self.now + spent.min(left);
            left = left.saturating_sub(spent.max(Duration::from_millis(1)));
        }
    }

    fn begin(&mut self, job: Job, span: Duration, well: bool) {
        let asked_for = self.rung.contains(&job) || self.plan.last_run(job).failures() > 0;
        let (next, _) = self.two_after(job, self.served[&job]);
        assert!(asked_for || next <= self.now, "{job} runs at {} though all is served until {next}", self.now);
        self.rung.retain(|rung| *rung != job);
        self.plan.begin(job, self.now);
        self.running = Some((job, self.now, span, well));
    }

    fn go_on(&mut self, job: Job, begun: Timestamp, spent: Duration, rest: Duration, well: bool) -> Duration {
        if spent < rest {
            self.running = Some((job, begun, rest - spent, well));
            return spent;
        }
        self.now = self.now + spent;
        self.plan.end(job, self.now, well);
        self.running = None;
        if well {
            let served = self.served[&job].max(begun);
            self.served.insert(job, served);
        }
        Duration::ZERO
    }

    /// Waiting is right only while nothing is owed, and for no longer than a jump may stay unnoticed.
    fn nothing_is_due(&self, wait: Duration) {
        assert!(wait > Duration::ZERO && wait <= MINUTE, "{wait:?}");
        assert!(self.rung.is_empty(), "{:?} was rung for at {}", self.rung, self.now);
        for job in Job::ALL {
            let (next, after) = self.two_after(job, self.served[&job]);
            let last = self.plan.last_run(job);
            let put_off = last.failures() > 0 && last.ended().is_some_and(|ended| self.now.since(ended) < hours(1));
            assert!(put_off || self.now < next + self.jitter, "{job} is owed since {next} at {}", self.now);
            let longest = 2 * after.since(next).max(hours(1)) + self.jitter;
            let until = self.plan.next(job).unwrap();
            assert!(until.since(self.now) <= longest, "{job} at {} waits until {until}", self.now);
        }
    }

    fn happens(&mut self, what: &Happens) {
        match *what {
            Happens::Work { minutes, run, well } => self.work(minutes, run, well),
            Happens::Ring(job) => {
                self.plan.ring(job, self.now);
                self.rung.push(job);
            }
            Happens::Down { minutes } => {
                self.now = self.now + Duration::from_secs(minutes * 60);
                self.restart();
            }
            Happens::Jump { minutes } => {
                let by = Duration::from_secs(minutes.unsigned_abs() * 60);
                self.now = if minutes < 0 { self.now - by } else { self.now + by };
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_instant_is_served_by_one_run_or_with_its_neighbours_and_none_twice(
        history in proptest::collection::vec(happens(), 1..40),
        zone in proptest::sample::select(&[Tz::UTC, Tz::Europe__Berlin, Tz::Australia__Lord_Howe][..]),
        jitter in prop_oneof![Just(0_u64), 0_u64..600],
    ) {
        let mut world = World::new(zone, Duration::from_secs(jitter));
        for what in &history {
            world.happens(what);
        }
    }
}
