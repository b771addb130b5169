//! What a refusal needs beside it to prove anything.

use super::{Estate, settings};
use crate::support::{Settings, hex, pair};

#[test]
fn an_estate_that_was_never_accepted_is_never_dead_however_often_it_is_refused() {
    let mut estate = Estate::new(&settings("confirm_gap = \"100ms\"\nsettle = \"100ms\""));
    let ids = ["one", "two", "three", "four", "five"];
    for id in ids {
        estate.key(id, "refuse"); // the wrong column was mapped
    }
    estate.delete("five");
    let asked = |id: &str| estate.site.providers.asked("convertkit", id);
    estate.site.scan_until("each was refused often enough to prove the point", |scan| {
        assert_eq!(scan.findings(), Vec::<String>::new());
        ids.iter().all(|id| asked(id) >= 4)
    });
    for id in ids {
        assert_eq!(estate.site.liveness(id), "suspect", "{id}");
        let credential = estate.site.credential(id);
        assert_eq!(credential["no_control"], true, "{credential:#}");
        assert_eq!(credential["held"], true);
    }

    // one that is accepted shows that the question is put rightly
    estate.key("six", "accept");
    estate.until("one", "dead");
    estate.until("five", "shredded");
    assert_eq!(
        estate.site.scan().findings(),
        ["four", "one", "three", "two"].map(|id| format!("connection-broken medium {id} dead"))
    );
}

#[test]
fn a_value_that_is_of_another_kind_dies_only_after_an_acceptance_of_its_own() {
    let mut estate = Estate::new(&settings("confirm_gap = \"100ms\"\nsettle = \"100ms\""));
    let (of_kit, of_convertkit) = (|id| format!("kit_{}", hex(id)), hex);
    for (id, secret, does) in [
        ("good", of_kit("good"), "accept"),
        ("left", of_kit("left"), "refuse"),
        ("other", of_convertkit("other"), "refuse"),
        ("new", of_convertkit("new"), "accept"),
    ] {
        estate.inventory.add(id, "a1", "kit", &[("secret", &secret)]);
        estate.site.providers.set("kit", id, "", &secret, does);
    }
    estate.delete("left");
    estate.delete("other");
    estate.until("new", "live");
    estate.site.providers.does("kit", "new", "refuse");
    for id in ["left", "new"] {
        estate.until(id, "dead");
    }
    let asked = |estate: &Estate| estate.site.providers.asked("kit", "other");
    estate.site.scan_until("it was refused often enough to prove the point", |_| asked(&estate) >= 4);
    let credential = estate.site.credential("other");
    let told = (&credential["liveness"], &credential["no_control"], &credential["held"]);
    assert_eq!(told, (&"suspect".into(), &true.into(), &true.into()), "its neighbour says nothing for it");
}

#[test]
fn what_another_source_sees_accepted_proves_nothing_here() {
    let rest = "[[inventory]]\nname = \"second\"\nkind = \"jsonl\"\npath = \"second.jsonl\"".to_owned();
    let two = Settings { rest, ..settings("confirm_gap = \"100ms\"\nsettle = \"100ms\"") };
    let mut estate = Estate::new(&two);
    estate.key("refused", "refuse"); // perhaps by our own mistake in reading this source
    let row = |secret: &str| {
        format!(
            "{{\"connection_id\":\"x\",\"account_id\":\"b1\",\"provider\":\"convertkit\",\"secret\":\"{secret}\"}}\n"
        )
    };
    std::fs::write(estate.site.path("second.jsonl"), row(&hex("good"))).expect("a folder that can be written");
    estate.site.providers.set("convertkit", "good", "", &hex("good"), "accept");
    estate
        .site
        .scan_until("it was refused often enough", |_| estate.site.providers.asked("convertkit", "refused") >= 4);
    assert_eq!(estate.site.liveness("refused"), "suspect");
    assert_eq!(estate.site.liveness("x"), "live");
}

/// An account's Mailjet keys that are all refused, beside a credential of the operator's own.
fn with_a_control_that_does(control: &str, ids: &[&str]) -> Estate {
    let mut with_control = settings("confirm_gap = \"100ms\"\nsettle = \"1h\"");
    with_control.mailjet = format!(
        "protocols = [\"rest\"]\ncontrol = {{ key_id = \"{}\", secret = \"file:control\" }}",
        pair("control").0
    );
    let mut estate = Estate::new(&with_control);
    std::fs::write(estate.site.path("control"), format!("{}\n", pair("control").1)).expect("a writable folder");
    let others = ids.iter().map(|id| (*id, "refuse"));
    for (word, does) in others.chain([("control", control)]) {
        let (key_id, secret) = pair(word);
        estate.site.providers.set("mailjet", word, &key_id, &secret, does);
    }
    for id in ids {
        estate.inventory.mailjet(id, "a1", id);
    }
    estate.write();
    estate
}

#[test]
fn the_operators_own_key_is_control_enough() {
    let mut estate = with_a_control_that_does("refuse", &["one"]);
    let asked = |estate: &Estate| estate.site.providers.asked("mailjet", "one");
    estate.site.scan_until("it was refused often enough", |_| asked(&estate) >= 4);
    assert_eq!(estate.site.liveness("one"), "suspect", "a control that is refused itself proves nothing");

    estate.site.providers.does("mailjet", "control", "accept");
    estate.until("one", "dead");
    assert_eq!(estate.site.scan().findings(), ["connection-broken medium one dead"]);
}

#[test]
fn the_operators_own_key_does_not_prove_a_source_dead_that_was_turned_away_whole() {
    let ids = ["one", "two", "three", "four", "five"]; // the wrong column was mapped
    let mut estate = with_a_control_that_does("accept", &ids);
    estate.site.scan_until("each was refused often enough to prove the point", |scan| {
        assert_eq!(scan.findings(), Vec::<String>::new());
        estate.site.providers.asked("mailjet", "control") >= 1
            && ids.iter().all(|id| estate.site.providers.asked("mailjet", id) >= 4)
    });
    for id in ids {
        assert_eq!(
            (estate.site.liveness(id).as_str(), &estate.site.credential(id)["no_control"]),
            ("suspect", &true.into())
        );
    }

    // one of their own shows that its rows are read rightly
    estate.site.providers.does("mailjet", "five", "accept");
    estate.until("five", "live");
    estate.until("one", "dead");
}

#[test]
fn mailjets_refusal_is_no_proof_while_its_smtp_was_not_asked() {
    let mut estate = Estate::new(&settings(""));
    let mut mailjet = Settings { mailjet: "confirm_gap = \"100ms\"\nsettle = \"100ms\"".to_owned(), ..settings("") };
    estate.site.configure(&mailjet);
    for (id, does) in [("control", "accept"), ("left", "accept")] {
        let (key_id, secret) = pair(id);
        estate.inventory.mailjet(id, "a1", id);
        estate.site.providers.set("mailjet", id, &key_id, &secret, does);
    }
    estate.delete("left");
    estate.until("left", "live");
    estate.site.providers.does("mailjet", "left", "refuse");
    estate.until("left", "suspect");
    estate.site.providers.forget_requests();
    let missing = ["revocation-missing critical left suspect"];
    estate.site.scan_until("it was refused three times more", |scan| {
        assert_eq!(scan.findings(), missing);
        estate.site.providers.asked("mailjet", "left") >= 3
    });
    assert_eq!(estate.site.liveness("left"), "suspect");
    let finding = estate.site.scan();
    let finding = finding.finding("revocation-missing", "left").expect("still open");
    assert_eq!(finding["evidence"]["refused_partly"], "no_prober", "it says what was not asked: {finding:#}");

    // the operator says that REST alone will do
    mailjet.mailjet += "\nprotocols = [\"rest\"]";
    estate.site.configure(&mailjet);
    estate.until("left", "shredded");
    assert_eq!(estate.site.scan().findings(), Vec::<String>::new());
}

#[test]
fn a_second_look_before_a_mail_is_no_confirmation_before_its_time() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime for the inbox");
    let inbox = runtime.block_on(keysweep::demo::inbox::Inbox::start()).expect("a free port");
    let rest = format!(
        "[mail]\nsmtp_url = \"smtp://{}\"\nfrom = \"keys@example.org\"\nrecheck_after = \"0s\"",
        inbox.address()
    );
    let mut estate = Estate::new(&Settings { rest, ..settings("confirm_gap = \"1h\"") });
    estate.key("control", "accept");
    estate.key("left", "accept");
    estate.delete("left");
    estate.site.scan();
    estate.site.run(&["mail", "release"]).exits(0);
    estate.does("left", "refuse");
    estate.site.providers.forget_requests();
    for _ in 0..3 {
        estate.site.run(&["scan", "--notify"]).exits(0);
    }
    assert!(estate.site.providers.asked("convertkit", "left") >= 3, "it was asked again and again");
    assert_eq!(estate.site.liveness("left"), "suspect", "the hour is not over");
    assert_eq!(inbox.mails().len(), 0, "and nobody is told of what is in doubt");
}
