//! One calm mail per person: never by accident, never twice, never to somebody who may not be written to.

use keysweep::demo::inbox::Behaviour;
use keysweep::demo::world::{KeyState, Simulated};
use serde_json::json;

use crate::estate::{Connection, Estate, Read, one_stale_key, stale_keys, wait_for};

const K1: &str = "kit_00000000000000000000000000000001";
const K2: &str = "kit_00000000000000000000000000000002";
const K3: &str = "kit_00000000000000000000000000000003";
const K4: &str = "kit_00000000000000000000000000000004";
const K5: &str = "kit_00000000000000000000000000000005";

/// Account `a` has an owner, a maker and a bystander; the people of the others may not be written to.
fn mixed_estate() -> Estate {
    let estate = Estate::new();
    estate.people(&[
        ["a", "owner-a", "owner", "active", "true"],
        ["a", "maker-a", "member", "active", "true"],
        ["a", "bystander-a", "member", "active", "true"],
        ["b", "suspended-owner", "owner", "suspended", "true"],
        ["b", "suspended-maker", "member", "suspended", "true"],
        ["c", "removed-owner", "owner", "removed", "true"],
        ["c", "maker-c", "member", "active", "true"],
        ["d", "unverified-owner", "owner", "active", "false"],
        ["e", "owner-e", "owner", "active", "true"],
    ]);
    estate.connections(&[
        Connection::active("a-own", "a", "owner-a", K1),
        Connection::active("a-made", "a", "maker-a", K2).deleted(),
        Connection::active("b-one", "b", "suspended-maker", K3),
        Connection::active("c-one", "c", "maker-c", K4),
        Connection::active("d-one", "d", "unverified-owner", K5),
    ]);
    for key in [K1, K2, K3, K4, K5] {
        estate.world.set(Simulated::Kit, None, key, KeyState::Live);
    }
    estate
}

#[test]
fn nothing_is_mailed_before_the_release_then_one_digest_a_person_and_never_again() {
    let estate = mixed_estate();
    let ran = estate.notify();
    assert!(ran.err.contains("preview"), "{}", ran.err);
    let preview = estate.run(&["mail", "preview", "--format", "json"]).exits(0).json();
    assert_eq!((&preview["released"], &preview["people"]), (&json!(false), &json!(3)), "{preview:#}");
    assert_eq!(estate.readers(), [""; 0]);

    estate.release();
    assert_eq!(estate.readers(), [""; 0], "the release itself sends nothing");
    estate.run(&["scan"]).exits(0);
    assert_eq!(estate.readers(), [""; 0], "a scan mails with --notify only");

    estate.notify();
    let told = ["maker-a@example.org", "maker-c@example.org", "owner-a@example.org"];
    assert_eq!(estate.readers(), told);
    for _ in 0..2 {
        estate.notify();
        assert_eq!(estate.readers(), told, "nobody is told the same twice");
    }
}

#[test]
fn an_owner_is_told_of_the_whole_account_and_a_member_of_what_they_made() {
    let estate = mixed_estate();
    estate.release();
    estate.notify();
    let mails = estate.mails();
    let of = |to: &str| mails.iter().find(|mail| mail.to == to).expect("a mail");
    let tells = |mail: &Read, name: &str| (mail.text.contains(name), mail.html.contains(name));
    let owner = of("owner-a@example.org");
    assert_eq!((tells(owner, "List a-own"), tells(owner, "List a-made")), ((true, true), (true, true)));
    let maker = of("maker-a@example.org");
    assert_eq!((tells(maker, "List a-own"), tells(maker, "List a-made")), ((false, false), (true, true)));
    for mail in &mails {
        for other in ["List b-one", "List d-one"] {
            assert_eq!(tells(mail, other), (false, false), "{} is told of another account", mail.to);
        }
    }
}

/// The inventory's reader is more lenient than mail is.
#[test]
fn an_address_that_no_mail_can_be_written_to_keeps_no_other_mail_from_going() {
    let estate = Estate::new();
    estate.people(&[
        ["a", "owner..a", "owner", "active", "true"],
        ["a", "maker-a", "member", "active", "true"],
        ["b", "owner-b", "owner", "active", "true"],
    ]);
    estate.connections(&[
        Connection::active("a-one", "a", "maker-a", K1),
        Connection::active("b-one", "b", "owner-b", K2),
    ]);
    for key in [K1, K2] {
        estate.world.set(Simulated::Kit, None, key, KeyState::Live);
    }
    estate.release();
    estate.notify();
    assert_eq!(estate.readers(), ["maker-a@example.org", "owner-b@example.org"]);
}

#[test]
fn a_person_who_becomes_reachable_is_told_then() {
    let estate = mixed_estate();
    estate.release();
    estate.notify();
    let before = estate.readers();
    estate.people(&[
        ["a", "owner-a", "owner", "active", "true"],
        ["a", "maker-a", "member", "active", "true"],
        ["a", "bystander-a", "member", "active", "true"],
        ["b", "suspended-owner", "owner", "suspended", "true"],
        ["b", "suspended-maker", "member", "suspended", "true"],
        ["c", "removed-owner", "owner", "removed", "true"],
        ["c", "maker-c", "member", "active", "true"],
        ["d", "unverified-owner", "owner", "active", "true"],
        ["e", "owner-e", "owner", "active", "true"],
    ]);
    estate.notify();
    let mut now = before;
    now.push("unverified-owner@example.org".to_owned());
    assert_eq!(estate.readers(), now);
}

#[test]
fn a_mail_that_is_put_off_is_sent_later_and_once() {
    for put_off in [
        Behaviour::RefuseRecipient("450 4.2.0 later".to_owned()),
        Behaviour::RefuseData("451 4.3.0 later".to_owned()),
        Behaviour::RefuseMessage("451 4.3.0 later".to_owned()),
    ] {
        let estate = one_stale_key();
        estate.release();
        estate.inbox.behave(put_off.clone());
        let ran = estate.notify();
        assert!(ran.err.contains("wait for another try"), "{}", ran.err);
        let [(message_id, state)] = estate.outbox().try_into().expect("one mail");
        assert_eq!((state.as_str(), estate.readers().len()), ("failed", 0), "{put_off:?}");

        estate.inbox.behave(Behaviour::Accept);
        estate.notify();
        estate.notify();
        let mails = estate.mails();
        assert_eq!(mails.iter().map(|mail| &mail.message_id).collect::<Vec<_>>(), [&message_id], "{put_off:?}");
        assert_eq!(estate.outbox(), [(message_id, "sent".to_owned())]);
    }
}

#[test]
fn a_mail_whose_answer_was_not_heard_is_sent_again_under_the_same_message_id() {
    let estate = one_stale_key();
    estate.release();
    estate.configure(&format!("smtp://{}", estate.inbox.address()), "retry = [\"500ms\"]", "");
    estate.inbox.behave(Behaviour::DropAfterData);
    estate.notify();
    assert_eq!(estate.outbox().iter().map(|(_, state)| state.as_str()).collect::<Vec<_>>(), ["maybe_sent"]);
    assert!(estate.run(&["mails", "show", "1"]).exits(0).out.contains("perhaps: a server took it"));
    estate.inbox.behave(Behaviour::Accept);
    wait_for("it is sent again", || {
        estate.notify();
        (estate.readers().len() > 1).then_some(())
    });
    estate.notify();
    let mails = estate.mails();
    assert_eq!(mails.len(), 2, "the one that may have arrived, and the one that did");
    assert_eq!(mails[0].message_id, mails[1].message_id);
    assert_eq!(estate.outbox(), [(mails[0].message_id.clone(), "sent".to_owned())]);
}

#[test]
fn an_address_that_its_server_does_not_know_is_left_alone_until_it_is_another() {
    let estate = one_stale_key();
    estate.release();
    estate.inbox.behave(Behaviour::RefuseRecipient("550 5.1.1 no such user".to_owned()));
    estate.notify();
    estate.inbox.behave(Behaviour::Accept);
    estate.notify();
    assert_eq!(estate.readers(), [""; 0], "it is suppressed");
    estate.write("people.csv", "account_id,member_id,email,role,verified\na,owner,another@example.org,owner,true\n");
    estate.notify();
    estate.notify();
    assert_eq!(estate.readers(), ["another@example.org"]);
}

#[test]
fn a_refusal_that_is_our_own_fault_loses_no_mail_and_suppresses_nobody() {
    let estate = stale_keys(8);
    estate.release();
    estate.inbox.behave(Behaviour::RefuseRecipient("550 5.7.1 relaying denied".to_owned()));
    let ran = estate.notify();
    assert!(ran.err.contains("our own fault"), "the operator is told: {}", ran.err);
    assert_eq!(estate.readers(), [""; 0]);
    estate.inbox.behave(Behaviour::Accept);
    wait_for("every owner is told", || {
        estate.notify();
        (estate.readers().len() >= 8).then_some(())
    });
    estate.notify();
    let readers: Vec<String> = (0..8).map(|number| format!("o{number:02}@example.org")).collect();
    assert_eq!(estate.readers(), readers, "each of them once");
}

#[test]
fn a_mail_that_waits_is_not_sent_once_its_key_is_dead() {
    let estate = one_stale_key();
    estate.release();
    estate.inbox.behave(Behaviour::RefuseMessage("451 4.3.0 later".to_owned()));
    estate.configure(&format!("smtp://{}", estate.inbox.address()), "recheck_after = \"1ms\"", "");
    estate.notify();
    assert_eq!(estate.outbox().len(), 1);
    estate.world.set(Simulated::Kit, None, "kit_0000000000000000000000000000one", KeyState::Refused);
    estate.inbox.behave(Behaviour::Accept);
    estate.notify(); // refused once: what it says waits for the confirmation
    assert_eq!(estate.readers(), [""; 0]);
}

#[test]
fn a_mail_server_that_is_away_or_says_nothing_loses_no_mail() {
    let estate = one_stale_key();
    estate.release();
    estate.configure(&format!("smtp://{}", estate.inbox.address()), "timeout = \"200ms\"", "");
    estate.inbox.behave(Behaviour::Silent);
    let ran = estate.notify();
    assert!(ran.err.contains("no session with the mail server"), "{}", ran.err);
    estate.configure("smtp://127.0.0.1:1", "", ""); // nobody listens there
    estate.notify();
    estate.inbox.behave(Behaviour::Accept);
    estate.configure(&format!("smtp://{}", estate.inbox.address()), "", "");
    estate.notify();
    estate.notify();
    assert_eq!(estate.readers(), ["owner@example.org"]);
}

#[test]
fn an_address_that_is_left_alone_is_listed_masked_and_can_be_written_to_again() {
    let estate = one_stale_key();
    estate.release();
    estate.inbox.behave(Behaviour::RefuseRecipient("550 5.1.1 <owner@example.org> no such user".to_owned()));
    estate.notify();
    estate.inbox.behave(Behaviour::Accept);
    let masked = estate.run(&["mail", "suppressed"]).exits(0).out;
    assert!(masked.contains("5.1.1") && !masked.contains("owner@example.org"), "{masked}");
    let shown = estate.run(&["mail", "suppressed", "--addresses", "--format", "json"]).exits(0).json();
    assert_eq!(shown[0]["address"], "owner@example.org");
    let ran = estate.run(&["mail", "unsuppress", "nobody@example.org"]).exits(1);
    assert!(ran.err.contains("mail suppressed"), "{}", ran.err);
    estate.run(&["mail", "unsuppress", "OWNER@example.org"]).exits(0);
    assert_eq!(estate.run(&["mail", "suppressed", "--format", "json"]).exits(0).json(), json!([]));
    estate.notify();
    estate.notify();
    assert_eq!(estate.readers(), ["owner@example.org"], "what was not said is said now, once");
}

#[test]
fn mails_beyond_the_pace_wait_for_their_turn_and_none_is_lost() {
    let estate = stale_keys(5);
    estate.configure(&format!("smtp://{}", estate.inbox.address()), "per_domain_per_minute = 3", "");
    estate.release();
    let ran = estate.notify();
    assert_eq!(estate.readers().len(), 3, "{}", ran.err);
    assert!(ran.err.contains("2 mails wait for their turn"), "{}", ran.err);
    let states: Vec<String> = estate.outbox().into_iter().map(|(_, state)| state).collect();
    assert_eq!(states.iter().filter(|state| *state == "planned").count(), 2, "nothing is wrong with them: {states:?}");
    estate.configure(&format!("smtp://{}", estate.inbox.address()), "", "");
    estate.notify();
    assert_eq!(estate.readers().len(), 3, "their turn is at an instant, and that has not come");
}

#[test]
fn a_test_mail_shows_the_dialogue_and_touches_no_ledger() {
    let estate = one_stale_key();
    let ran = estate.run(&["mail", "test", "ops@example.org"]).exits(0);
    assert!(ran.out.contains("It took the mail: 250"), "{}", ran.out);
    let caught = estate.inbox.mails();
    assert_eq!((caught.len(), caught[0].to.as_slice()), (1, ["ops@example.org".to_owned()].as_slice()));
    estate.inbox.behave(Behaviour::RefuseRecipient("550 5.7.1 relaying denied".to_owned()));
    let ran = estate.run(&["mail", "test", "ops@example.org"]).exits(1);
    assert!(ran.out.contains("at MAIL and RCPT") && ran.out.contains("5.7.1"), "{}", ran.out);
    estate.run(&["mail", "test", "nobody"]).exits(2);
    assert!(!estate.path("ledger.db").exists());
}
