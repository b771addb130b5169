//! From end to end through a mail server of other people's making: Debian's Postfix, with STARTTLS and a login, into an inbox.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use keysweep::app::scan::{ScanOptions, ScanSummary};
use keysweep::app::{App, tell_policy};
use keysweep::config::{self, ConfigChoice};
use keysweep::demo::clock::VirtualClock;
use keysweep::demo::estate::Estate;
use keysweep::demo::home::Home;
use keysweep::demo::inbox::Inbox;
use keysweep::demo::world::{KeyState, Simulated, World};
use keysweep::domain::time::{Timestamp, days, hours};
use keysweep::ledger::read::MailState;
use keysweep::notify::preview;
use keysweep::ports::{Clock as _, Quiet};
use keysweep::providers::Catalogue;
use mail_parser::MessageParser;

use crate::estate::{Connection, Estate as SmallEstate, Read, wait_for};
use crate::mail_server::certify;
use crate::support::postfix::Postfix;

const USER: &str = "keysweep";
const PASSWORD: &str = "pass word/with:signs@";
const START: Timestamp = Timestamp::from_secs(1_790_000_000);

/// The demo's estate under a keysweep whose mail goes through Postfix.
struct House {
    app: App<VirtualClock>,
    clock: VirtualClock,
    postfix: Postfix,
    _world: World,
}

impl House {
    async fn new(folder: &Path) -> Self {
        certify(folder);
        let postfix = Postfix::start(folder, USER, PASSWORD);
        let home = Home::create(&folder.join("home")).expect("an empty folder");
        let (world, inbox) = (World::start().await.expect("a port"), Inbox::start().await.expect("a port"));
        let estate = Estate::seeded(START);
        estate.make_known(&world);
        let [ops, front] = [1, 2].map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port))); // nobody listens
        home.write_config(&world, &inbox, ops, front).expect("a folder that can be written");
        home.write_inventory(&estate).expect("a folder that can be written");
        let url = postfix.url(USER, PASSWORD, &folder.join("ca.pem"));
        std::fs::write(home.folder().join("smtp.url"), url).expect("a folder that can be written");
        let choice = ConfigChoice::usual(Some(home.config()));
        let catalogue = Catalogue::shipped().expect("the catalogue");
        let (settings, _) = config::load(&choice, &[], &catalogue.names()).expect("a good configuration");
        let clock = VirtualClock::starting_at(START);
        let app = App::open(settings, &[], clock.clone(), None).await.expect("a keysweep");
        Self { app, clock, postfix, _world: world }
    }

    async fn scan(&self) -> ScanSummary {
        self.app.scan(ScanOptions { probe: true, notify: true }, &Quiet).await.expect("a scan")
    }

    /// How many mails are due.
    async fn due(&self) -> u64 {
        let policy = tell_policy(&self.app.settings, &self.app.catalogue);
        let preview = preview(&self.app.ledger, &policy, self.clock.now()).await.expect("a preview");
        preview.mails.len() as u64
    }

    /// The inbox, once everything that the ledger calls sent lies in it; `before` of it did already.
    async fn arrived(&self, before: usize) -> Vec<(String, Vec<u8>)> {
        let sent = self.app.ledger.mails(Some(MailState::Sent), keysweep::domain::ids::MailId(0), 1000).await;
        let sent = sent.expect("the outbox").len();
        let all = wait_for("Postfix lays it into the inbox", || {
            let all = self.postfix.inbox();
            (all.len() >= sent).then_some(all)
        });
        assert_eq!(all.len(), sent, "each mail once: {}", self.postfix.log());
        assert!(sent >= before);
        all
    }
}

fn ids(mails: &[(String, Vec<u8>)]) -> BTreeSet<String> {
    mails.iter().map(|(to, raw)| Read::new(to, raw).message_id).collect()
}

#[tokio::test]
async fn the_demo_estates_mails_go_through_postfix_once_and_the_next_step_sends_exactly_the_due_ones() {
    let folder = tempfile::Builder::new().prefix("keysweep-it-").tempdir().expect("a temporary folder");
    let house = House::new(folder.path()).await;
    house.app.scan(ScanOptions { probe: true, notify: false }, &Quiet).await.expect("a scan");
    house.app.ledger.release_mail(house.clock.now()).await.expect("the ledger");
    let due = house.due().await;
    assert!(due >= 3, "the estate has something to say: {due}");

    let notified = house.scan().await.notified.expect("it mailed");
    assert_eq!((notified.sent, notified.stopped.as_deref()), (due, None), "{}", house.postfix.log());
    let first = house.arrived(0).await;
    assert_eq!(first.len() as u64, due);
    let log = house.postfix.log();
    assert!(log.contains("sasl_username=keysweep@example.org"), "{log}");
    for (reader, raw) in &first {
        let mail = MessageParser::default().parse(raw).expect("a mail that can be read");
        let received = mail.header_raw("Received").expect("Postfix says how it came");
        assert!(received.contains("ESMTPSA"), "over TLS and with a login: {received}");
        assert_eq!(mail.to().and_then(|to| to.first()).and_then(|to| to.address()), Some(reader.as_str()));
    }

    house.clock.go_on_to(START + hours(1));
    assert_eq!(house.scan().await.notified.expect("it looked").sent, 0, "a second run sends nothing");
    assert_eq!(house.arrived(first.len()).await.len(), first.len());

    // Nothing of the estate's ladders falls due between the first day and the third, but for what grows old meanwhile.
    house.clock.go_on_to(START + days(7) + hours(1));
    house.app.scan(ScanOptions { probe: true, notify: false }, &Quiet).await.expect("a scan");
    let due = house.due().await;
    assert!(due > 0, "a week later reminders are due");
    let notified = house.scan().await.notified.expect("it mailed");
    assert_eq!(notified.sent, due, "exactly the due ones");
    let all = house.arrived(first.len()).await;
    assert_eq!(all.len(), first.len() + notified.sent as usize);
    let before = ids(&first);
    let reminders = all.iter().filter(|(to, raw)| !before.contains(&Read::new(to, raw).message_id));
    let threaded = reminders.filter(|(_, raw)| raw.windows(12).any(|window| window == b"In-Reply-To:"));
    assert!(threaded.count() > 0, "a reminder threads with the mail that it reminds of");
    assert_eq!(house.scan().await.notified.expect("it looked").sent, 0, "and then nothing again");
}

#[test]
fn what_postfix_sends_back_is_told_to_the_next_in_line() {
    const KEY: &str = "kit_0000000000000000000000000000gone";
    let folder = tempfile::Builder::new().prefix("keysweep-it-").tempdir().expect("a temporary folder");
    certify(folder.path());
    let postfix = Postfix::start(folder.path(), USER, PASSWORD);
    let small = SmallEstate::new();
    let mailbox = postfix.bounces();
    let mail = format!(
        "return_path = \"bounces@example.org\"\nbounces = \"{}\"\nsecurity_contact = \"security@example.org\"",
        mailbox.display()
    );
    small.configure(&postfix.url(USER, PASSWORD, &folder.path().join("ca.pem")), &mail, "");
    small.people(&[["a", "gone", "owner", "active", "true"]]);
    small.connections(&[Connection::active("c1", "a", "gone", KEY)]);
    small.world.set(Simulated::Kit, None, KEY, KeyState::Live);
    small.release();
    small.notify();
    assert_eq!(small.outbox()[0].1, "sent", "Postfix took it: {}", postfix.log());

    let reports = || std::fs::read_dir(mailbox.join("new")).map_or(0, Iterator::count);
    wait_for("Postfix sends it back", || (reports() == 1).then_some(()));
    for _ in 0..2 {
        small.notify();
        let told = wait_for("the next in line has it", || Some(postfix.inbox()).filter(|inbox| !inbox.is_empty()));
        let readers: Vec<&str> = told.iter().map(|(reader, _)| reader.as_str()).collect();
        assert_eq!(readers, ["security@example.org"], "{}", postfix.log());
        let read = Read::new(&told[0].0, &told[0].1);
        assert!(read.text.contains("List c1"), "{}", read.text);
    }
    let states: Vec<String> = small.outbox().into_iter().map(|(_, state)| state).collect();
    assert_eq!(states, ["bounced", "sent"]);
    let suppressed = small.run(&["mail", "suppressed", "--format", "json"]).exits(0).json();
    assert!(suppressed[0]["reason"].as_str().is_some_and(|why| why.contains("unknown user")), "{suppressed}");
    assert_eq!((reports(), std::fs::read_dir(mailbox.join("cur")).map_or(0, Iterator::count)), (0, 1));
}
