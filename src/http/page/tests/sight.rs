//! "Am I blind?": what is said in which situation, and how bad it is.

use super::*;
use crate::http::page::sight::provider;
use crate::ledger::read::MailState;

impl World {
    /// What Mailjet has answered.
    fn answers(&mut self) -> &mut AnswersOverview {
        &mut self.overview().providers.get_mut(&ProviderName::new("mailjet")).unwrap().answers
    }
}

/// A situation, how bad it is, and what is then said.
type Case = (fn(&mut World), Level, &'static str);

const OF_OTHERS: &[Case] = &[
    (|_| {}, Level::Well, "main: up: 2,000 rows read whole 1 h ago"),
    (
        |world| world.source().error = Some("cut short".to_owned()),
        Level::Trouble,
        "main: not read: last read whole 1 h ago; cut short",
    ),
    (|world| world.source().quarantined = 1, Level::Look, "1 row is set aside: `keysweep inventory check main`"),
    (
        |world| world.source().held_back = 40,
        Level::Look,
        "40 entries are gone from the list at once and held back: believed by a button under Sources, or by \
         `keysweep inventory accept main` while the daemon is stopped",
    ),
    (|world| world.overview().sources.clear(), Level::Unknown, "main: not read yet"),
    (|world| world.about.sources.clear(), Level::Look, "no [[inventory]] is configured"),
    (
        |world| world.about.sources = BTreeMap::from([("new".to_owned(), "csv".to_owned())]),
        Level::Look,
        "main: not read any more: no [[inventory]] names it; its 2,000 rows were last read 1 h ago; what they said still counts",
    ),
    (
        |world| {
            world.source().rows = 0;
            world.about.sources.clear();
        },
        Level::Look,
        "none: nothing to read: no [[inventory]] is configured ; \nMailjet",
    ),
    (|world| world.overview = None, Level::Unknown, "main: not known yet: the estate is being counted"),
    (
        |world| drop(world.health.given_up.insert(ProviderName::new("mailjet"), trouble("10 failures in a row"))),
        Level::Trouble,
        "Mailjet: given up: no definite answer since the first of its failures, 5 h ago; 10 failures in a row",
    ),
    (
        |world| world.overview().blind.push(blind("default")),
        Level::Trouble,
        "Mailjet: blind: since 5 h ago; rest/default: keys that were live are refused or limited in bulk. No refusal there is believed \
         until that ends; `keysweep providers trust mailjet` ends it",
    ),
    (
        |world| {
            world.overview().blind.push(blind("default"));
            world.health.given_up.insert(ProviderName::new("mailjet"), trouble("10 failures in a row"));
        },
        Level::Trouble,
        "they stay due.; blind since 5 h ago: rest/default",
    ),
    (|world| world.mode = Some(MailMode::Preview), Level::Look, "`keysweep mail release` lets it leave"),
    (|world| world.about.mails = false, Level::Look, "set smtp_url and from in [mail]"),
    (
        |world| {
            world.overview().outbox.mails.insert(MailState::Failed, 3);
            world.overview().outbox.oldest_waiting = Some(NOW - days(2));
        },
        Level::Look,
        "Outbox: waiting: 3 mails wait, the oldest formed 2 d ago",
    ),
];

const OF_ANSWERS: &[Case] = &[
    (|_| {}, Level::Well, "Mailjet: answering"),
    (
        |world| {
            let answers = world.answers();
            (answers.unclear, answers.unclear_since, answers.answered_at) = (4, Some(NOW - days(20)), None);
        },
        Level::Trouble,
        "Mailjet: no answer: nothing definite since 20 d ago; 4 keys were asked about",
    ),
    (
        |world| (world.answers().unclear, world.answers().unclear_since) = (4, Some(NOW - days(20))),
        Level::Trouble,
        "Mailjet: no answer: nothing definite since 1 h ago",
    ),
    (
        |world| (world.answers().unclear, world.answers().unclear_since) = (3, Some(NOW - days(20))),
        Level::Well,
        "Mailjet: answering",
    ),
    (|world| world.answers().asked = 0, Level::Unknown, "Mailjet: not asked yet"),
    (|world| *world.answers() = AnswersOverview::default(), Level::Well, "Mailjet: nothing to ask"),
    (
        |world| {
            (world.answers().unclear, world.answers().unclear_since) = (4, Some(NOW - days(20)));
            world.overview().blind.push(blind("default"));
        },
        Level::Trouble,
        "Mailjet: blind: since 5 h ago",
    ),
    (
        |world| {
            world.health.given_up.insert(ProviderName::new("mailjet"), trouble("10 failures in a row"));
            *world.answers() = AnswersOverview::default();
        },
        Level::Well,
        "Mailjet: nothing to ask",
    ),
];

const OF_READINGS: &[Case] = &[
    (
        |world| {
            (world.source().last_complete, world.source().last_changes) = (Some(NOW - days(3)), Some(NOW - hours(1)));
        },
        Level::Well,
        "main: up: read whole 3 d ago; what changed was read 1 h ago",
    ),
    (
        |world| (world.source().last_complete, world.source().last_changes) = (None, Some(NOW - hours(1))),
        Level::Look,
        "main: up, with remarks: never read whole ; what changed was read 1 h ago",
    ),
    (
        |world| {
            let source = world.source();
            (source.last_complete, source.last_changes) = (Some(NOW - days(3)), Some(NOW - hours(1)));
            source.error = Some("cut short".to_owned());
        },
        Level::Trouble,
        "main: not read: last read whole 3 d ago; cut short; what changed was read 1 h ago",
    ),
    (
        |world| world.source().last_changes = Some(NOW - days(9)),
        Level::Well,
        "main: up: 2,000 rows read whole 1 h ago; \n",
    ),
];

const OF_KEYSWEEP: &[Case] = &[
    (
        |world| drop(world.health.parts.insert(PartName::Smtp, trouble("refused"))),
        Level::Trouble,
        "Mail server: in trouble: first 5 h ago; refused",
    ),
    (
        |world| drop(world.health.parts.insert(PartName::Clock, trouble("an hour off"))),
        Level::Trouble,
        "Clock: in trouble",
    ),
    (
        |world| world.health.config = Some(trouble("mail.from: bad")),
        Level::Trouble,
        "Configuration: refused: first 5 h ago; mail.from: bad",
    ),
    (|world| (world.mode, world.lists) = (None, None), Level::Trouble, "Ledger: no answer"),
    (|world| world.job(Job::Scan).next = Some(NOW - hours(1)), Level::Trouble, "Scan: late: it was due 1 h ago"),
    (
        |world| world.job(Job::Scan).last_success = Some(NOW - days(1)),
        Level::Look,
        "Scan: incomplete: last run 1 h ago; last whole run: 24 h ago",
    ),
    (
        |world| {
            *world.job(Job::Scan) =
                JobState { running_since: Some(NOW - hours(2)), next: Some(NOW - hours(1)), ..JobState::default() }
        },
        Level::Well,
        "Scan: running: begun 2 h ago",
    ),
    (
        |world| world.job(Job::Scan).running_since = Some(NOW - hours(2)),
        Level::Well,
        "Scan: running: begun 2 h ago; done the last time, 1 h ago",
    ),
    (
        |world| {
            let scan = world.job(Job::Scan);
            (scan.running_since, scan.last_success) = (Some(NOW - hours(2)), Some(NOW - days(3)));
        },
        Level::Look,
        "Scan: running: begun 2 h ago; incomplete the last time, 1 h ago; last whole run: 3 d ago",
    ),
    (
        |world| {
            let began = Some(NOW - days(3));
            let next = began.map(|began| began + hours(1));
            *world.job(Job::Scan) = JobState { running_since: next, last_run: began, last_success: began, next }
        },
        Level::Look,
        "Scan: running: begun 2 d ago; last whole run: 3 d ago",
    ),
    (
        |world| {
            let began = Some(NOW - hours(30));
            let next = began.map(|began| began + days(1));
            *world.job(Job::Mail) = JobState { running_since: next, last_run: began, last_success: began, next }
        },
        Level::Well,
        "Mail: running: begun 6 h ago; done the last time, 30 h ago",
    ),
    (
        |world| *world.job(Job::Scan) = JobState { running_since: Some(NOW - days(3)), ..JobState::default() },
        Level::Look,
        "Scan: running: begun 3 d ago; last whole run: never yet",
    ),
    (
        |world| *world.job(Job::Upkeep) = JobState { next: Some(NOW + hours(9)), ..JobState::default() },
        Level::Well,
        "Upkeep: not due yet",
    ),
    (|world| world.job(Job::Scan).next = None, Level::Look, "Scan: off"),
    (|_| {}, Level::Well, "Event log: whole: its chain was looked at 1 h ago"),
    (
        |world| world.overview().log.broken = true,
        Level::Trouble,
        "Event log: broken: it is not as it was written, found 1 h ago; `keysweep audit verify` says where",
    ),
    (
        |world| world.overview().log = LogOverview::default(),
        Level::Unknown,
        "Event log: not looked at yet:  ; upkeep does that",
    ),
];

#[test]
fn whatever_keeps_keysweep_from_seeing_is_said_with_what_to_do() {
    for (happens, level, said) in [OF_OTHERS, OF_ANSWERS, OF_READINGS, OF_KEYSWEEP].concat() {
        let mut world = World::well();
        happens(&mut world);
        let (worst, all) = world.sight();
        assert!(format!("{all}\n").contains(said), "{said:?} is not in:\n{all}");
        assert_eq!(worst, level, "{all}");
        world.page();
    }
}

#[test]
fn a_provider_has_one_word_wherever_it_is_spoken_of() {
    let mut world = World::well();
    world.health.given_up.insert(ProviderName::new("mailjet"), trouble("10 failures in a row"));
    let scene = world.scene();
    let name = ProviderName::new("mailjet");
    let line = provider(&scene.facts(), &name);
    let sight = panels(&scene.facts()).into_iter().flat_map(|panel| panel.lines).find(|line| line.name == "Mailjet");
    assert_eq!(Some(&line), sight.as_ref());
    let sentences = line.sentences();
    assert_eq!(sentences[0], "Given up: no definite answer since the first of its failures, 5 h ago.");
    assert_eq!(sentences.len(), 2, "{sentences:?}");
}
