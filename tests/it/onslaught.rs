//! `kill -9` at random, again and again, between a finding and the record of its mail: every notice arrives, and none
//! twice but out of the window from DATA to the record, under the same Message-ID and with the same contents.
//!
//! `KEYSWEEP_KILLS` sets how often it is killed, and `KEYSWEEP_SEED` when; `docs/testing.md` has the long form.

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use keysweep::demo::world::{KeyState, Simulated};
use serde_json::json;

use crate::estate::{Connection, Estate, Read, stale_keys_on, wait_for};
use crate::mail_server::MailServer;
use crate::support::{Kind, Ran};

/// Owners, with one notice each.
const NOTICES: usize = 500;
/// Sessions with the mail server side by side: so many mails can be in the window at once.
const SESSIONS: usize = 4;
/// How often it is killed with every run of the tests.
const USUAL: usize = 30;
/// Longer than a whole undisturbed run takes before its first mail.
const START_AT_MOST: Duration = Duration::from_millis(1500);
/// Seconds that the server takes for each message, so that a run is long enough to be killed in, and the window wide.
const PAUSE: f64 = 0.02;

/// Chance that can be played again (xorshift64*).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: Duration) -> Duration {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let part = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32;
        limit.mul_f64(part as f64 / f64::from(u32::MAX))
    }
}

fn setting(name: &str, usual: usize) -> usize {
    std::env::var(name).map_or(usual, |text| text.parse().expect("a whole number"))
}

/// What one kill met, by the most advanced thing that was under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Met {
    /// no digest was formed yet
    BeforeForming,
    /// mails were formed, and none was claimed or begun
    Formed,
    /// mails were claimed, and none was begun
    Claimed,
    /// so many were between DATA and their record
    Window(usize),
}

/// The Message-IDs of the outbox by state, as the dead process left them: read from its files, not by the program, which
/// would tidy up.
fn left_behind(estate: &Estate) -> BTreeMap<String, BTreeSet<String>> {
    let query = "SELECT state || ' ' || message_id FROM mail";
    let lines = match estate.schema() {
        Some(schema) => schema.query(query),
        None => {
            let mut sqlite = Command::new("sqlite3");
            sqlite.arg("-readonly").arg(estate.path("ledger.db")).arg(query);
            Ran::from(sqlite.output().expect("sqlite3")).exits(0).out
        }
    };
    let mut states: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (state, id) in lines.lines().filter_map(|line| line.split_once(' ')) {
        states.entry(state.to_owned()).or_default().insert(id.trim_matches(['<', '>']).to_owned());
    }
    states
}

fn start(estate: &Estate) -> Child {
    let mut command = estate.command(&["scan", "--notify"]);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts")
}

/// Kills it at that instant, or sees it end before.
fn killed(mut run: Child, after: Duration) -> bool {
    let begun = Instant::now();
    let ended = loop {
        match run.try_wait().expect("a child") {
            Some(_) => break true,
            None if begun.elapsed() >= after => break false,
            None => std::thread::sleep(Duration::from_millis(1)),
        }
    };
    if !ended {
        run.kill().expect("SIGKILL");
        run.wait().expect("a child");
    }
    !ended
}

/// What a siege saw.
#[derive(Default)]
struct Siege {
    kills: usize,
    met: BTreeMap<Met, usize>,
    /// how often each Message-ID was found in the window
    in_window: BTreeMap<String, usize>,
}

impl Siege {
    fn look(&mut self, estate: &Estate) {
        let states = left_behind(estate);
        let count = |state: &str| states.get(state).map_or(0, BTreeSet::len);
        let met = match (count("sending"), count("claimed"), states.is_empty()) {
            (0, 0, true) => Met::BeforeForming,
            (0, 0, false) => Met::Formed,
            (0, ..) => Met::Claimed,
            (window, ..) => Met::Window(window),
        };
        self.kills += 1;
        *self.met.entry(met).or_default() += 1;
        for id in states.get("sending").into_iter().flatten() {
            *self.in_window.entry(id.clone()).or_default() += 1;
        }
        assert!(count("sending") <= SESSIONS, "a mail was begun and left: {states:?}");
    }
}

/// Kills until it was killed so often, or until everything is said: first at any point of a start, then mostly while mails
/// go out.
fn besiege(estate: &Estate, kills: usize, dice: &mut Dice, server: &MailServer) -> Siege {
    let mut siege = Siege::default();
    while siege.kills < kills {
        if siege.kills < kills / 4 {
            if killed(start(estate), dice.below(START_AT_MOST)) {
                siege.look(estate);
            }
            continue;
        }
        let few = (NOTICES / kills / 2).max(1);
        let before = server.taken_count();
        let mut run = start(estate);
        let ended = wait_for("a few more mails", || match run.try_wait().expect("a child") {
            Some(_) => Some(true),
            None => (server.taken_count() >= before + few).then_some(false),
        });
        if ended && server.taken_count() == before {
            break; // there was nothing left to say
        }
        if !ended && killed(run, dice.below(Duration::from_millis(40))) {
            siege.look(estate);
        }
    }
    siege
}

/// What arrived of one estate, held against what each kill left behind.
fn hold_against(estate: &Estate, server: &MailServer, siege: &Siege) {
    let mails: Vec<Read> = server.taken().into_iter().map(|taken| taken.mail).collect();
    let mut by_id: BTreeMap<&str, Vec<&Read>> = BTreeMap::new();
    for mail in &mails {
        by_id.entry(&mail.message_id).or_default().push(mail);
    }
    let readers: BTreeSet<&str> = mails.iter().map(|mail| mail.to.as_str()).collect();
    println!(
        "killed {} times over {NOTICES} notices; met {:?}; {} mails found between DATA and their record; {} mails arrived, \
         at {} of {NOTICES} readers; {} sent again",
        siege.kills,
        siege.met,
        siege.in_window.values().sum::<usize>(),
        mails.len(),
        readers.len(),
        mails.len() - by_id.len(),
    );
    assert_eq!(readers.len(), NOTICES, "nobody is forgotten");
    assert_eq!(by_id.len(), NOTICES, "nobody is told under two Message-IDs");
    for (id, copies) in &by_id {
        let allowed = 1 + siege.in_window.get(*id).copied().unwrap_or(0);
        assert!(copies.len() <= allowed, "{id} came {} times, {allowed} allowed", copies.len());
        assert!(copies.iter().all(|copy| copy == &copies[0]), "{id} is the same mail, to the letter");
    }
    let states = left_behind(estate);
    assert_eq!(states.keys().collect::<Vec<_>>(), ["sent"], "nothing is left to be sent: {states:?}");
}

/// One estate after the other, until there were so many kills: all may be said before that.
fn killed_at_random(kind: Kind, wanted: usize) {
    let seed = setting("KEYSWEEP_SEED", 20_261_121);
    let mut dice = Dice(seed as u64 | 1);
    let mut kills = 0;
    while kills < wanted {
        let estate = stale_keys_on(kind, NOTICES);
        let server = MailServer::start(estate.folder.path(), &json!({"pause": PAUSE}));
        let smtp = format!("smtp://127.0.0.1:{}", server.port());
        estate.configure(&smtp, &format!("sessions = {SESSIONS}"), "");
        estate.release();
        let siege = besiege(&estate, wanted - kills, &mut dice, &server);
        server.behave(&json!({}));
        estate.notify();
        estate.notify();
        hold_against(&estate, &server, &siege);
        kills += siege.kills;
    }
    println!("killed {kills} times in all (seed {seed}): no notice missing, none twice but out of the window");
}

#[test]
fn killed_at_random_every_notice_arrives_and_none_twice_but_out_of_the_window() {
    killed_at_random(Kind::Sqlite, setting("KEYSWEEP_KILLS", USUAL));
}

#[test]
fn killed_at_random_every_notice_arrives_from_postgresql_as_well() {
    killed_at_random(Kind::Postgres, setting("KEYSWEEP_KILLS", USUAL / 3));
}

const KEPT: &str = "kit_000000000000000000000000000kept0";
const FIXED: &str = "kit_00000000000000000000000000fixed0";

#[test]
fn a_resend_out_of_the_window_drops_what_was_fixed_and_adds_nothing() {
    let estate = Estate::new();
    estate.people(&[["a", "owner", "owner", "active", "true"]]);
    let both = [Connection::active("kept", "a", "owner", KEPT), Connection::active("fixed", "a", "owner", FIXED)];
    estate.connections(&both);
    for key in [KEPT, FIXED] {
        estate.world.set(Simulated::Kit, None, key, KeyState::Live);
    }
    let server = MailServer::start(estate.folder.path(), &json!({"hang": true}));
    let recheck = "sessions = 1\nrecheck_after = \"1ms\"";
    estate.configure(&format!("smtp://127.0.0.1:{}", server.port()), recheck, "");
    estate.release();
    let mut run = start(&estate);
    wait_for("a mail without an answer", || (server.taken_count() == 1).then_some(()));
    run.kill().expect("SIGKILL");
    run.wait().expect("a child");
    server.behave(&json!({}));
    estate.world.set(Simulated::Kit, None, FIXED, KeyState::Refused);
    wait_for("it is sent again", || {
        estate.notify();
        (server.taken_count() > 1).then_some(())
    });
    let mails: Vec<Read> = server.taken().into_iter().map(|taken| taken.mail).collect();
    let (first, again) = (&mails[0], &mails[1]);
    assert_eq!(first.message_id, again.message_id);
    let tells = |mail: &Read| ["List kept", "List fixed"].map(|name| mail.text.contains(name));
    assert_eq!((tells(first), tells(again)), ([true, true], [true, false]), "{}", again.text);
}
