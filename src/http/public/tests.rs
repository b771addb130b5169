//! The listener over real connections and a real ledger: what a link lets its holder do, and what nobody can do without.

mod events;
mod house;

use std::sync::atomic::Ordering;

use self::house::{Answer, END, House, LINK, NOW, believe, judge, opened, person, place, refused};
use super::*;
use crate::domain::belief::{Belief, Liveness, Shredding};
use crate::domain::finding::{Anew, FindingChange, Opened, RuleName};
use crate::domain::ids::FindingId;
use crate::domain::outlived::Outlived;
use crate::domain::record::PersonStatus;
use crate::domain::time::{days, hours};
use crate::ports::collect::{CollectChunk, CollectLedger as _, PersonWrite};

#[tokio::test]
async fn a_get_shows_what_was_found_and_acts_on_nothing() {
    let house = House::open().await;
    for query in ["", "?told=destroyed", "?act=destroy&sure=yes", "?told=%3Cb%3E"] {
        let shown = house.get(&format!("{}{query}", place(&LINK))).await;
        assert_eq!(shown.status, 200, "{query}");
        assert!(shown.body.contains("<h1>Reset &lt;the&gt; secret of conn-1</h1>"), "{}", shown.body);
        assert!(shown.body.contains("<li>First &lt;this&gt;.</li>"), "{}", shown.body);
        assert!(shown.body.contains("rel=\"noreferrer noopener\""), "the provider learns nothing of the address");
        for act in ["check", "reset", "not-mine", "compromised"] {
            assert!(shown.body.contains(&format!("name=\"act\" value=\"{act}\"")), "{act}: {}", shown.body);
        }
        assert!(!shown.body.contains("value=\"destroy\""), "a key in use would be sealed anew");
        assert!(!shown.body.contains("<script") && !shown.body.contains(&LINK.expose()), "{}", shown.body);
    }
    assert!(house.get(&place(&END)).await.body.contains("value=\"mute\""));
    let head = house.ask("HEAD", &place(&LINK), "", "").await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    assert_eq!(house.acts().await, Vec::<String>::new());
}

#[tokio::test]
async fn every_answer_is_sealed_whatever_it_is() {
    let house = House::open().await;
    let hash = STANDARD.encode(Sha256::digest(STYLE));
    let long = "x".repeat(4000);
    for (method, path, body, status) in [
        ("GET", place(&LINK), "", 200),
        ("GET", place(&END), "", 200),
        ("GET", "/".to_owned(), "", 404),
        ("GET", "/a/".to_owned(), "", 404),
        ("GET", format!("/u/{}", Token::new([9; 32]).expose()), "", 404),
        ("DELETE", place(&LINK), "", 405),
        ("PUT", place(&LINK), "act=reset", 405),
        ("POST", place(&LINK), "act=reset", 403),
        ("POST", place(&LINK), "strange=1", 400),
        ("POST", place(&LINK), long.as_str(), 413),
    ] {
        let answer = house.ask(method, &path, "", body).await;
        assert_eq!(answer.status, status, "{method} {path}");
        let csp = answer.header("content-security-policy");
        assert!(csp.starts_with("default-src 'none'; style-src 'sha256-") && csp.contains(&hash), "{csp}");
        assert!(csp.contains("form-action 'self'") && csp.contains("frame-ancestors 'none'"), "{csp}");
        for (name, value) in [
            ("referrer-policy", "no-referrer"),
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            ("strict-transport-security", "max-age=31536000"),
            ("x-robots-tag", "noindex, nofollow"),
            ("set-cookie", ""),
        ] {
            assert_eq!(answer.header(name), value, "{name} of {method} {path}");
        }
        let styled = answer.body.contains(&format!("<style>{STYLE}</style>"));
        assert!(styled || answer.status == 405 || answer.status == 413, "{method} {path}: {}", answer.body);
    }
}

#[tokio::test]
async fn what_is_not_in_the_pages_language_says_in_which_it_is() {
    let house = House::open().await;
    let english = house.get(&place(&LINK)).await.body;
    assert!(english.matches(" lang=").count() == 1 && english.contains("<html lang=\"en\">"), "{english}");
    let source = house.world.ledger.source("platform", NOW).await.unwrap().id;
    let reads = async |locale: &str| {
        let reader = PersonWrite { locale: Some(locale.to_owned()), ..person(source, PersonStatus::Active, locale) };
        let chunk = CollectChunk { now: Some(NOW), people: vec![reader], ..CollectChunk::default() };
        house.world.ledger.commit_collect(&chunk).await.unwrap();
        house.get(&place(&LINK)).await.body
    };
    let german = reads("de").await;
    for marked in ["<html lang=\"de\">", "<ol lang=\"en\">", "<span lang=\"en\">It dies.", "<li lang=\"en\">All of it"]
    {
        assert!(german.contains(marked), "{marked}: {german}");
    }
    assert!(
        german.contains("<h1>Reset") && german.contains("<li>An import"),
        "the mail's own words are German: {german}"
    );
    // The operator's own language of mails is one that the page doesn't speak.
    let french = reads("fr").await;
    for marked in ["<html lang=\"en\">", "<h1 lang=\"fr\">", "<dd lang=\"fr\">", "<li lang=\"fr\">An import", "<ol>"] {
        assert!(french.contains(marked), "{marked}: {french}");
    }
}

#[tokio::test]
async fn instants_are_those_of_the_readers_clock() {
    let house = House::open().await;
    let source = house.world.ledger.source("platform", NOW).await.unwrap().id;
    let zone = Some("Europe/Berlin".to_owned());
    let reader =
        PersonWrite { locale: Some("de".to_owned()), timezone: zone, ..person(source, PersonStatus::Active, "z") };
    let chunk = CollectChunk { now: Some(NOW), people: vec![reader], ..CollectChunk::default() };
    house.world.ledger.commit_collect(&chunk).await.unwrap();
    house.send(&LINK, "act=reset").await;
    let page = house.get(&place(&LINK)).await.body;
    assert!(page.contains("22. September 2026, 16:13 CEST") && !page.contains("UTC"), "{page}");
}

#[tokio::test]
async fn links_that_lead_nowhere_all_look_the_same() {
    let house = House::open().await;
    let unknown = house.get(&place(&Token::new([9; 32]))).await;
    assert_eq!(unknown.status, 404);
    let same = |answer: Answer, what: &str| {
        let mut headers = answer.headers;
        headers.insert("date".to_owned(), unknown.header("date").to_owned());
        assert_eq!((answer.status, &answer.body, &headers), (404, &unknown.body, &unknown.headers), "{what}");
    };
    same(house.get("/a/garbage").await, "what never was a token");
    same(house.get(&format!("/a/{}", "A".repeat(43))).await, "the token that stands for none");
    same(house.get("/a/%FF").await, "what is no text");
    same(house.get("/elsewhere").await, "no place at all");
    house.world.clock.store(days(31).as_millis() as i64, Ordering::Relaxed);
    same(house.get(&place(&LINK)).await, "a link that has ended");
    same(house.send(&LINK, "act=reset").await, "an act through it");
    house.world.clock.store(0, Ordering::Relaxed);
    let source = house.world.ledger.source("platform", NOW).await.unwrap().id;
    for (status, digest) in [(PersonStatus::Suspended, "p2"), (PersonStatus::Removed, "p3")] {
        let people = vec![person(source, status, digest)];
        let chunk = CollectChunk { now: Some(NOW), people, ..CollectChunk::default() };
        house.world.ledger.commit_collect(&chunk).await.unwrap();
        same(house.get(&place(&LINK)).await, "somebody who may no longer");
        same(house.send(&LINK, "act=reset").await, "an act of theirs");
        same(house.get(&place(&END)).await, "their other link");
    }
    let people = vec![person(source, PersonStatus::Active, "p4")];
    let chunk = CollectChunk { now: Some(NOW), people, ..CollectChunk::default() };
    house.world.ledger.commit_collect(&chunk).await.unwrap();
    assert_eq!(house.get(&place(&LINK)).await.status, 200);
    let anew = FindingChange::Anew { id: FindingId(1), opened: Opened { opening: 2, ..opened() }, why: Anew::Worsened };
    judge(&house.world.ledger, anew).await;
    same(house.get(&place(&LINK)).await, "a finding that has begun anew");
    judge(&house.world.ledger, FindingChange::Closed { id: FindingId(1), why: "dead" }).await;
    same(house.get(&place(&LINK)).await, "one that has closed since, however well");
    assert_eq!(house.acts().await, ["finding.worsened", "finding.closed"]);
}

#[tokio::test]
async fn a_post_acts_once_and_leads_back_to_the_page() {
    let house = House::open().await;
    for _ in 0..2 {
        let sent = house.send(&LINK, "act=reset").await;
        assert_eq!((sent.status, sent.header("location")), (303, "?told=reset"));
    }
    assert_eq!(house.acts().await, ["finding.reset_said"]);
    let page = house.get(&format!("{}?told=reset", place(&LINK))).await.body;
    assert!(page.contains("role=\"status\">Thank you. Mailjet is asked"), "{page}");
    assert!(page.contains("Reminders wait until 22 September 2026, 14:13 UTC"), "{page}");
    assert!(!page.contains("value=\"reset\"") && page.contains("value=\"resume\""), "{page}");
    let snoozed = house.send(&LINK, "act=snooze&days=14").await;
    assert_eq!((snoozed.status, snoozed.header("location")), (303, "?told=snoozed"));
    for (form, told) in [
        ("act=snooze&days=400", "?told=unfit"),
        ("act=destroy", "?told=unsure"),
        ("act=destroy&sure=yes", "?told=unfit"),
        ("act=resume", "?told=resumed"),
        ("act=not-mine", "?told=disowned"),
        ("act=resume", "?told=resumed"),
        ("act=compromised", "?told=compromised"),
    ] {
        let sent = house.send(&LINK, form).await;
        assert_eq!((sent.status, sent.header("location")), (303, told), "{form}");
    }
}

#[tokio::test]
async fn a_form_that_is_not_from_the_page_does_nothing() {
    let house = House::open().await;
    let nonce = LINK.nonce();
    let right = format!("nonce={nonce}&act=reset");
    for (headers, body, status) in [
        ("", "act=reset".to_owned(), 403),
        ("", format!("nonce={}&act=reset", END.nonce()), 403),
        ("", format!("nonce={}&act=reset", "0".repeat(32)), 403),
        ("Sec-Fetch-Site: cross-site\r\n", right.clone(), 403),
        ("Sec-Fetch-Site: same-site\r\n", right.clone(), 403),
        ("Origin: https://elsewhere.example.org\r\n", right.clone(), 403),
        ("Origin: http://keys.example.org\r\n", right.clone(), 403),
        ("", format!("nonce={nonce}&act=mute"), 400),
        ("", "List-Unsubscribe=One-Click".to_owned(), 400),
        ("", format!("nonce={nonce}&act=acknowledge"), 400),
        ("", String::new(), 400),
    ] {
        let answer = house.ask("POST", &place(&LINK), headers, &body).await;
        assert_eq!(answer.status, status, "{headers} {body}");
    }
    assert_eq!(house.send(&END, "act=reset").await.status, 400, "a link does what it is for");
    assert_eq!(house.acts().await, Vec::<String>::new());
    let fine = house.ask("POST", &place(&LINK), "Origin: https://keys.example.org\r\n", &right).await;
    assert_eq!(fine.status, 303);
}

#[tokio::test]
async fn check_again_now_rings_waits_and_shows_the_evidence() {
    let house = House::open().await;
    let sent = house.send(&LINK, "act=check").await;
    assert_eq!((sent.status, sent.header("location")), (303, "?told=checked"));
    assert_eq!(house.world.rung.load(Ordering::Relaxed), 1);
    let page = house.get(&format!("{}?told=checked", place(&LINK))).await.body;
    let told = "Mailjet refused it over REST and SMTP just now. That counts as proof once it is refused again, at the \
                earliest on 21 September 2026, 16:13 UTC.";
    assert!(page.contains(told), "{page}");
    house.world.clock.store(days(1).as_millis() as i64, Ordering::Relaxed);
    let page = house.get(&format!("{}?told=checked", place(&LINK))).await.body;
    assert!(!page.contains("just now") && page.contains("Mailjet refused it on 21 September 2026"), "{page}");
    house.world.clock.store(0, Ordering::Relaxed);
    for _ in 0..4 {
        assert_eq!(house.send(&LINK, "act=check").await.header("location"), "?told=checked");
    }
    assert_eq!(house.send(&LINK, "act=check").await.header("location"), "?told=too-often");
    let page = house.get(&format!("{}?told=too-often", place(&LINK))).await.body;
    assert!(page.contains("class=\"note warn\"") && !page.contains("value=\"check\""), "{page}");
}

#[tokio::test]
async fn the_check_that_proves_it_fixed_leads_to_the_proof_and_to_nothing_to_do() {
    let house = House::open().await;
    house.world.proves.store(true, Ordering::Relaxed);
    let sent = house.send(&LINK, "act=check").await;
    assert_eq!((sent.status, sent.header("location")), (303, "?told=checked"));
    let page = house.get(&format!("{}?told=checked", place(&LINK))).await;
    assert_eq!(page.status, 200);
    for words in [
        "<h1>This is settled</h1>",
        "Mailjet refused it over REST and SMTP just now. That is confirmed: Mailjet no longer accepts it.",
        "Nothing is left to do about this point.",
        "Mailjet refused it on 21 September 2026",
    ] {
        assert!(page.body.contains(words), "{words}: {}", page.body);
    }
    assert!(!page.body.contains("<form") && !page.body.contains("First"), "{}", page.body);
    assert_eq!(house.send(&LINK, "act=snooze&days=7").await.header("location"), "?told=unfit");
    assert_eq!(house.get(&place(&LINK)).await.status, 200);
    house.world.clock.store(days(31).as_millis() as i64, Ordering::Relaxed);
    assert_eq!(house.get(&place(&LINK)).await.status, 404, "the link ends all the same");
}

#[tokio::test]
async fn the_proof_stays_on_the_page_when_the_copy_is_destroyed() {
    let house = House::open().await;
    let (ledger, confirmed) = (&house.world.ledger, NOW + hours(1));
    believe(ledger, confirmed, refused(Liveness::Dead, NOW, confirmed)).await;
    judge(ledger, FindingChange::Closed { id: FindingId(1), why: "dead" }).await;
    house.world.clock.store(hours(26).as_millis() as i64, Ordering::Relaxed);
    let settled = confirmed + hours(25);
    let accepted_at = Some(NOW - days(3));
    let known = Belief { accepted_at, died_at: Some(confirmed), ..refused(Liveness::Shredded, NOW, settled) };
    believe(ledger, settled, Belief { shredding: Some(Shredding::Proven), ..known }).await;
    let page = house.get(&place(&LINK)).await.body;
    for words in [
        "<h1>This is settled</h1>",
        "Mailjet refused it first on 21 September 2026, 14:13 UTC, and last on 22 September 2026, 16:13 UTC over REST and \
         SMTP. That is confirmed: Mailjet no longer accepts it. The copy of this key was destroyed on 22 September",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert!(!page.contains("accepted this key"), "{page}");
}

#[tokio::test]
async fn a_key_that_a_newer_secret_proves_dead_was_refused_by_nobody() {
    let house = House::open().await;
    judge(&house.world.ledger, FindingChange::Closed { id: FindingId(1), why: "dead" }).await;
    let outlived = Some(Outlived { at: NOW, by: None });
    let gone = Belief { liveness: Liveness::Shredded, since: Some(NOW), accepted_at: Some(NOW), ..Belief::default() };
    believe(&house.world.ledger, NOW, Belief { shredding: Some(Shredding::Proven), outlived, ..gone }).await;
    let page = house.get(&place(&LINK)).await.body;
    assert!(page.contains("<h1>This is settled</h1>"), "{page}");
    assert!(page.contains("Mailjet accepted a newer secret of the same key on 21 September 2026"), "{page}");
    assert!(!page.contains("refused it"), "{page}");
}

#[tokio::test]
async fn what_nobody_can_ask_about_is_confirmed_by_hand_and_stays_open() {
    let house = House::about(Opened { rule: RuleName::RevocationUnproven, ..opened() }).await;
    let gone = Belief { liveness: Liveness::Shredded, since: Some(NOW), ..Belief::default() };
    believe(&house.world.ledger, NOW, Belief { shredding: Some(Shredding::Unproven), ..gone }).await;
    let page = house.get(&place(&LINK)).await.body;
    assert!(page.contains("I have made sure that it no longer works"), "{page}");
    assert_eq!(house.send(&LINK, "act=reset").await.header("location"), "?told=reset");
    house.world.clock.store(days(29).as_millis() as i64, Ordering::Relaxed);
    let page = house.get(&format!("{}?told=reset", place(&LINK))).await.body;
    assert!(page.contains("Thank you. Your word is kept, and no more reminders come."), "{page}");
    assert!(page.contains("On 21 September 2026, 14:13 UTC an owner confirmed here by hand"), "{page}");
    assert!(page.contains("=\"resume\"") && !page.contains("=\"snooze\""), "{page}");
    assert_eq!(house.acts().await, ["finding.reset_confirmed"]);
}

#[tokio::test]
async fn a_key_that_works_again_is_settled_by_nothing() {
    let house = House::open().await;
    let ledger = &house.world.ledger;
    believe(ledger, NOW, refused(Liveness::Dead, NOW - hours(1), NOW)).await;
    judge(ledger, FindingChange::Closed { id: FindingId(1), why: "dead" }).await;
    assert!(house.get(&place(&LINK)).await.body.contains("<h1>This is settled</h1>"));
    let again = Belief { liveness: Liveness::Live, accepted_at: Some(NOW + hours(2)), ..Belief::default() };
    believe(ledger, NOW + hours(2), again).await;
    assert_eq!(house.get(&place(&LINK)).await.status, 404);
}

#[tokio::test]
async fn what_closed_for_another_reason_has_no_page() {
    let house = House::open().await;
    judge(&house.world.ledger, FindingChange::Closed { id: FindingId(1), why: "cleared" }).await;
    assert_eq!(house.get(&place(&LINK)).await.status, 404);
}

#[tokio::test]
async fn one_click_ends_mails_of_low_severity_and_the_page_has_a_way_back() {
    let house = House::open().await;
    for _ in 0..2 {
        let one_click = house.ask("POST", &place(&END), "", "List-Unsubscribe=One-Click").await;
        assert_eq!((one_click.status, one_click.body.as_str()), (200, ""));
    }
    let page = house.get(&place(&END)).await.body;
    assert!(page.contains("You get no more mails about points of low severity.") && page.contains("value=\"unmute\""));
    assert_eq!(house.send(&END, "act=unmute").await.header("location"), "?told=unmuted");
    let page = house.get(&format!("{}?told=unmuted", place(&END))).await.body;
    assert!(page.contains("come again") && page.contains("value=\"mute\""), "{page}");
    assert_eq!(house.acts().await, ["person.muted", "person.unmuted"]);
}

#[tokio::test]
async fn one_click_is_taken_in_parts_as_well() {
    let house = House::open().await;
    let part = |name: &str, value: &str| {
        format!("--b1\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n--b1--\r\n")
    };
    let kind = "Content-Type: Multipart/Form-Data; boundary=b1\r\n";
    for (headers, body, status) in [
        ("Content-Type: multipart/form-data\r\n", part("List-Unsubscribe", "One-Click"), 400),
        (kind, part("List-Unsubscribe", "yes"), 400),
        (kind, part("act", "mute"), 400),
        (kind, "--b1\r\nstrange".to_owned(), 400),
        (kind, part("List-Unsubscribe", &"x".repeat(4000)), 413),
    ] {
        let answer = house.ask("POST", &place(&END), headers, &body).await;
        assert_eq!(answer.status, status, "{headers}{body}");
    }
    assert_eq!(house.acts().await, Vec::<String>::new());
    let sent = house.ask("POST", &place(&END), kind, &part("List-Unsubscribe", "One-Click")).await;
    assert_eq!((sent.status, sent.body.as_str()), (200, ""));
    assert_eq!(house.acts().await, ["person.muted"]);
}

#[tokio::test]
async fn who_asks_too_often_is_put_off_by_address_whatever_links_they_try() {
    let house = House::open().await;
    let tries = async |from: &str, number: u8| {
        let path = place(&Token::new([number; 32]));
        house.ask("GET", &path, &format!("X-Forwarded-For: 198.51.100.1, {from}\r\n"), "").await.status
    };
    let mut statuses = Vec::new();
    for number in 10..=200 {
        statuses.push(tries("203.0.113.7", number).await);
    }
    assert!(statuses[..120].iter().all(|status| *status == 404), "{statuses:?}");
    assert_eq!(statuses.last(), Some(&429), "a link of one's own for each doesn't help");
    assert_eq!(tries("203.0.113.8", 10).await, 404, "another address is not put off");
}

#[tokio::test]
async fn who_asks_too_often_is_put_off_by_link() {
    let house = House::open().await;
    let mut statuses = Vec::new();
    for _ in 0..40 {
        statuses.push(house.get(&place(&LINK)).await.status);
    }
    assert!(statuses[..30].iter().all(|status| *status == 200), "{statuses:?}");
    assert_eq!(statuses.last(), Some(&429));
    let elsewhere = house.ask("GET", &place(&LINK), "X-Forwarded-For: 203.0.113.7\r\n", "").await;
    assert_eq!((elsewhere.status, elsewhere.header("retry-after")), (429, "60"), "the link itself is put off");
    assert_eq!(house.get(&place(&END)).await.status, 200, "another link is not");
}

#[tokio::test]
async fn a_stranger_is_answered_in_the_language_that_their_browser_asks_for() {
    let house = House::open().await;
    let answer = house.ask("GET", "/a/unknown", "Accept-Language: de-CH,de;q=0.9\r\n", "").await;
    assert!(answer.body.contains("<html lang=\"de\">") && answer.body.contains("Hier ist nichts"), "{}", answer.body);
}
