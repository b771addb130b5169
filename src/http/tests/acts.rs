//! What operators do on pages and through the API: each role, each refusal, done twice, and who did it.

use serde_json::{Value, json};

use super::house::Answer;
use super::roles::{AUDITOR, SECOND, VIEWER, listed, shown};
use super::*;
use crate::domain::time::{Timestamp, days};

/// A source that holds something back, an open finding, one that the configuration accepts, a closed one, and a blind provider.
const ESTATE: &str = "
    INSERT INTO source (id, name, last_complete, last_read, held_back) VALUES (1, 'platform', 1780000000000, 1780000000000, 1), (2, 'gone', 1, 1, 4);
    INSERT INTO account (id, source_id, external_id) VALUES (1, 1, 'acct');
    INSERT INTO connection (id, source_id, external_id, account_id, provider, name, status, auth, facts_at, digest, absent_since)
      VALUES (1, 1, 'c-1', 1, 'mailjet', 'Shop', 'active', 'key', 0, '', NULL),
             (2, 1, 'c-2', 1, 'mailjet', 'Shop', 'active', 'key', 0, '', 1);
    INSERT INTO credential (id, fingerprint, source_id, provider, liveness, belief, secret_since, provenance)
      VALUES (1, printf('%064x', 1), 1, 'mailjet', 'live', '{\"liveness\":\"live\"}', 1000, 'connected'),
             (2, printf('%064x', 2), 1, 'mailjet', 'live', '{\"liveness\":\"live\"}', 1000, 'connected');
    INSERT INTO use (connection_id, credential_id, account_id, since) VALUES (1, 1, 1, 5), (2, 2, 1, 5);
    INSERT INTO finding (id, rule, connection_id, credential_id, account_id, state, opening, severity, since, opened_at, evidence, mailed, exempt_until, exempt_reason, exempt_terms)
      VALUES (1, 'secret-stale', 1, 1, 1, 'open', 1, 'high', 1, 2, '{}', 1, NULL, NULL, NULL),
             (2, 'secret-stale', 2, 2, 1, 'exempt', 1, 'high', 1, 2, '{}', 1, 1890000000000, 'moving', 'all'),
             (3, 'connection-broken', 2, 2, 1, 'closed', 1, 'high', 1, 2, '{}', 1, NULL, NULL, NULL);
    UPDATE credential SET probe_at = 1890000000000;
    INSERT INTO sight (provider, protocol, endpoint, answers, state)
      VALUES ('mailjet', 'rest', 'default', '[]', '{\"blind\":{\"since\":1000,\"why\":\"refused\",\"from\":1000}}');";

async fn house() -> House {
    let house = House::open_to(with_token(), listed()).await;
    house.seed(ESTATE);
    let mailjet = crate::domain::ids::ProviderName::new("mailjet");
    let protocol_names = vec!["rest".to_owned(), "smtp".to_owned()];
    let about = crate::http::page::ProviderAbout { protocol_names, ..Default::default() };
    house.world.about.lock().unwrap().providers.insert(mailjet, about);
    house.world.about.lock().unwrap().sources.insert("platform".to_owned(), "csv".to_owned());
    house
}

fn with_body(method: &str, path: &str, headers: &str, kind: &str, body: &str) -> String {
    let more = format!("{headers}Content-Type: {kind}\r\nContent-Length: {}\r\n", body.len());
    format!("{}{body}", request(method, path, &more))
}

impl House {
    async fn post(&self, path: &str, body: &Value) -> Answer {
        self.ask(&with_body("POST", path, &shown(SECOND), "application/json", &body.to_string())).await
    }

    async fn press(&self, path: &str, body: &str) -> Answer {
        let headers = format!("{}Accept: text/html\r\nSec-Fetch-Site: same-origin\r\n", shown(SECOND));
        self.ask(&with_body("POST", path, &headers, "application/x-www-form-urlencoded", body)).await
    }

    /// The latest entry of the log: what, of what, and by whom.
    async fn logged(&self) -> (String, String, Value) {
        let events = self.get("/api/v1/events?limit=200").await.json();
        let last = events["items"].as_array().unwrap().last().cloned().unwrap_or_default();
        let word = |name: &str| last[name].as_str().unwrap_or_default().to_owned();
        (word("kind"), word("subject"), last["data"]["who"].clone())
    }
}

const ACKNOWLEDGE: &str = "/api/v1/findings/F1/acknowledge";
const SNOOZE: &str = "/api/v1/findings/F1/snooze";

fn date(at: Timestamp) -> Value {
    json!({ "until": at.to_string() })
}

#[tokio::test]
async fn an_operator_has_reminders_wait_and_come_again_and_the_log_says_who_it_was() {
    let house = house().await;
    let until = NOW + days(30);
    let answer = house.post(ACKNOWLEDGE, &json!({})).await;
    let done = json!({"id": "F1", "changed": true, "until": until.to_string()});
    assert_eq!((answer.status, answer.json()), (200, done), "{}", answer.body);
    let who = || ("finding:1".to_owned(), json!("the-operator"));
    let (kind, subject, by) = house.logged().await;
    assert_eq!((kind.as_str(), (subject, by)), ("finding.acknowledged", who()));
    let again = house.post(ACKNOWLEDGE, &date(until + Duration::from_secs(300))).await.json();
    let first = json!({"id": "F1", "changed": false, "until": until.to_string()});
    assert_eq!(again, first, "done twice is done once, and what was said first stands");
    assert_eq!(house.get("/api/v1/findings/F1").await.json()["finding"]["pause_until"], until.to_string());
    let snoozed = house.post(SNOOZE, &date(NOW + days(3))).await;
    assert_eq!(snoozed.json()["changed"], true, "{}", snoozed.body);
    assert_eq!(house.get("/api/v1/findings/F1").await.json()["finding"]["pause"], "snoozed");
    let resumed = house.ask(&request("POST", "/api/v1/findings/F1/resume", &shown(SECOND))).await;
    assert_eq!(resumed.json(), json!({"id": "F1", "changed": true, "until": null}));
    assert_eq!(house.get("/api/v1/findings/F1").await.json()["finding"]["pause"], Value::Null);
    let story = house.get("/api/v1/findings/F1/story").await.body;
    for said in ["acknowledged by the operator (the-operator): reminders wait until", "F1 come again"] {
        assert!(story.contains(said), "{said}: {story}");
    }
}

#[tokio::test]
async fn what_can_not_be_done_is_a_problem_that_names_what_is_at_fault_and_changes_nothing() {
    let house = house().await;
    let (until, far) = (NOW + days(3), NOW + days(91));
    for (path, body, status, field) in [
        (SNOOZE, json!({}), 400, "until"),
        (SNOOZE, json!({"until": "tomorrow"}), 400, "until"),
        (SNOOZE, date(NOW), 409, "until"),
        (SNOOZE, date(far), 409, "until"),
        (ACKNOWLEDGE, json!({"untill": "x"}), 400, "untill"),
        (ACKNOWLEDGE, json!([]), 400, "body"),
        (SNOOZE, json!([until.to_string()]), 400, "body"),
        ("/api/v1/credentials/000000000001/compromised", json!([null, "note"]), 400, "body"),
        ("/api/v1/findings/F2/acknowledge", json!({}), 409, "id"),
        ("/api/v1/findings/F3/acknowledge", json!({}), 409, "id"),
        ("/api/v1/findings/F9/acknowledge", json!({}), 404, "id"),
        ("/api/v1/findings/12/acknowledge", json!({}), 400, "id"),
        ("/api/v1/credentials/000000000001/compromised", json!({"at": far.to_string()}), 409, "at"),
        ("/api/v1/credentials/000000000001/compromised", json!({"note": "key_canary_0123456789abcdef"}), 409, "note"),
        ("/api/v1/credentials/000000000009/compromised", json!({}), 404, "name"),
        ("/api/v1/providers/nobody/trust", json!({}), 404, "name"),
        ("/api/v1/providers/mailjet/trust", json!({"protocol": "smtp"}), 409, "name"),
        ("/api/v1/providers/mailjet/trust", json!({"protocol": "REST"}), 400, "protocol"),
        ("/api/v1/providers/mailjet/trust", json!({"protocol": "ftp"}), 400, "protocol"),
        ("/api/v1/sources/gone/accept", json!({}), 404, "name"),
    ] {
        let answer = house.post(path, &body).await;
        assert_eq!(
            (answer.status, answer.json()["field"].as_str()),
            (status, Some(field)),
            "{path} {body}: {}",
            answer.body
        );
        assert!(!answer.body.contains("canary"), "{}", answer.body);
    }
    let detail = async |path: &str, body| house.post(path, &body).await.json()["detail"].as_str().unwrap().to_owned();
    let protocols = detail("/api/v1/providers/mailjet/trust", json!({"protocol": "REST"})).await;
    assert_eq!(protocols, "mailjet has no such protocol; it has: rest, smtp");
    let how_far = detail(SNOOZE, date(far)).await;
    assert_eq!(how_far, "F1: the date must lie ahead, and no further than links.longest_pause (90d)");
    let bare = house.ask(&with_body("POST", SNOOZE, &shown(SECOND), "text/plain", "{}")).await;
    assert_eq!(bare.status, 415);
    let large = house.ask(&with_body("POST", SNOOZE, &shown(SECOND), "application/json", &" ".repeat(9000))).await;
    assert_eq!(large.status, 413);
    assert_eq!(house.logged().await.0, "", "nothing is in the log");
    assert!(house.world.rung.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_leak_is_noted_and_taken_back_and_only_its_beginning_asks_for_a_scan() {
    let house = house().await;
    let path = "/api/v1/credentials/000000000001/compromised";
    let leaked = house.post(path, &json!({"at": (NOW - days(2)).to_string(), "note": "in a paste"})).await;
    let at = (NOW - days(2)).to_string();
    let done = json!({"credential": "000000000001", "changed": true, "compromised_at": at});
    assert_eq!((leaked.status, leaked.json()), (200, done), "{}", leaked.body);
    assert_eq!(*house.world.rung.lock().unwrap(), [Job::Scan]);
    let (kind, _, who) = house.logged().await;
    assert_eq!((kind.as_str(), who), ("credential.compromised", json!("the-operator")));
    let page = house.get("/credentials/000000000001").await.body;
    assert!(page.contains("the operator (the-operator) says that it leaked at"), "{page}");
    for (body, changed, note) in [
        (json!({}), false, "in a paste"),
        (json!({"note": "in a paste"}), false, "in a paste"),
        (json!({"at": at}), false, "in a paste"),
        (json!({"note": "in two"}), true, "in two"),
        (json!({}), false, "in two"),
    ] {
        let again = house.post(path, &body).await;
        let done = json!({"credential": "000000000001", "changed": changed, "compromised_at": at});
        assert_eq!((again.status, again.json()), (200, done), "{body}: what it leaves out stays");
        let known = house.get("/api/v1/credentials/000000000001").await.json();
        assert_eq!(known["credential"]["compromised_note"], note, "{body}: {known}");
    }
    let pressed = house.press("/credentials/000000000001", "act=leaked&at=&note=").await;
    assert_eq!(pressed.status, 303, "{}", pressed.body);
    let known = house.get("/api/v1/credentials/000000000001").await.json();
    assert_eq!(known["credential"]["compromised_note"], "in two", "an empty form says nothing new");
    house.world.rung.lock().unwrap().truncate(1);
    let back = house.ask(&request("DELETE", path, &shown(SECOND))).await;
    assert_eq!((back.status, back.json()["changed"].as_bool()), (200, Some(true)), "{}", back.body);
    assert_eq!(house.ask(&request("DELETE", path, &shown(SECOND))).await.json()["changed"], false);
    assert_eq!(house.world.rung.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn what_is_held_back_is_believed_gone_and_a_blind_provider_believed_again() {
    let house = house().await;
    house.seed(
        "INSERT INTO person (id, source_id, account_id, member_id, email, role, status, verified, digest, absent_since)
           VALUES (1, 1, 1, 'm-1', 'here@example.org', 'owner', 'active', 1, '', NULL),
                  (2, 1, 1, 'm-2', 'gone@example.org', 'member', 'active', 1, '', 1);",
    );
    let accept = request("POST", "/api/v1/sources/platform/accept", &shown(SECOND));
    let accepted = house.ask(&accept).await;
    assert_eq!(accepted.json(), json!({"source": "platform", "ended": 1, "people": 1}), "{}", accepted.body);
    let events = house.get("/api/v1/events?limit=200").await.json();
    let kinds: Vec<_> =
        events["items"].as_array().unwrap().iter().map(|event| event["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["source.accepted", "use.ended"], "the word is before what follows from it");
    assert_eq!(events["items"][0]["data"]["who"], "the-operator");
    assert!(!house.get("/sources").await.body.contains("Believe that"), "there is nothing left to believe");
    let again = house.ask(&accept).await.json();
    assert_eq!(again, json!({"source": "platform", "ended": 0, "people": 0}), "done twice is done once");

    let trusted = house.post("/api/v1/providers/mailjet/trust", &json!({})).await;
    let word = &trusted.json()["trusted"][0];
    assert_eq!((trusted.status, word["endpoint"].as_str()), (200, Some("mailjet rest/default")), "{}", trusted.body);
    assert_eq!(house.logged().await.2, "the-operator");
    let again = house.post("/api/v1/providers/mailjet/trust", &json!({})).await;
    assert_eq!(again.status, 409, "{}", again.body);
}

#[tokio::test]
async fn the_pages_have_forms_for_who_may_act_and_each_leads_back_to_how_things_stand() {
    let house = house().await;
    let forms = [
        ("/findings/F1", "Acknowledge"),
        ("/credentials/000000000001", "It leaked"),
        ("/providers/mailjet", "Believe its refusals again"),
        ("/sources", "Believe that 1 row of platform is gone"),
    ];
    for (path, label) in forms {
        for (who, may) in [(SECOND, true), (AUDITOR, false), (VIEWER, false)] {
            let page = house.ask(&request("GET", path, &shown(who))).await;
            assert_eq!((page.status, page.body.contains(label)), (200, may), "{path} for {who}: {}", page.body);
        }
    }
    for (path, body, leads, said) in [
        (
            "/findings/F1",
            "act=snooze&until=2026-10-01",
            "/findings/F1?done",
            "it is snoozed: nobody is reminded before 2026-10-01",
        ),
        ("/findings/F1", "act=resume", "/findings/F1?done", "reminders come as its ladder says"),
        (
            "/credentials/000000000001",
            "act=leaked&at=&note=paste",
            "/credentials/000000000001?done",
            "it counts as leaked since",
        ),
        (
            "/credentials/000000000001",
            "act=not-leaked",
            "/credentials/000000000001?done",
            "no operator says that it leaked",
        ),
        ("/providers/mailjet", "act=trust", "/providers/mailjet?done", "its refusals count from the next scan on"),
        ("/sources", "act=accept&source=platform", "/sources?done", "nothing is held back"),
    ] {
        let pressed = house.press(path, body).await;
        assert_eq!((pressed.status, pressed.header("location")), (303, leads), "{path} {body}: {}", pressed.body);
        let page = house.get(leads).await;
        assert!(page.status == 200 && page.body.contains(said), "{said}: {}", page.body);
    }
    let form = house.get("/findings/F1").await.body;
    let last = (NOW + days(90)).to_string();
    assert!(form.contains(&format!("max=\"{}\"", &last[..10])), "the longest pause ends the calendar: {form}");
    let gone = house.get("/findings/F2").await.body;
    assert!(!gone.contains("Let reminders wait"), "what the configuration accepts has no form: {gone}");
}

#[tokio::test]
async fn a_form_that_means_nothing_or_comes_from_elsewhere_or_from_who_may_not_does_nothing() {
    let house = house().await;
    for (path, body, status, said) in [
        ("/findings/F1", "act=snooze&until=2020-01-01", 400, "Field until"),
        ("/findings/F1", "act=snooze", 400, "Choose a date"),
        ("/findings/F1", "act=destroy", 400, "Field act"),
        ("/findings/F1", "until=2026-10-01", 400, "Field act"),
        ("/findings/F2", "act=acknowledge&until=2026-10-01", 409, "he configuration accepts it"),
        ("/findings/F3", "act=acknowledge&until=2026-10-01", 409, "This was not done"),
        ("/findings/F9", "act=acknowledge&until=2026-10-01", 404, "There is no finding F9"),
        ("/findings/nine", "act=resume", 404, "no finding"),
        ("/credentials/000000000001", "act=leaked&note=key_canary_0123456789abcdef", 400, "Field note"),
        ("/credentials/nobody", "act=leaked", 404, "No credential ends in"),
        ("/providers/kit", "act=trust", 404, "no provider"),
        ("/sources", "act=accept&source=gone", 404, "no source"),
        ("/sources", "act=accept", 400, "Field source"),
    ] {
        let answer = house.press(path, body).await;
        assert!(
            answer.status == status && answer.body.contains(said),
            "{path} {body}: {} {}",
            answer.status,
            answer.body
        );
        assert!(!answer.body.contains("canary"), "{}", answer.body);
    }
    let form = "application/x-www-form-urlencoded";
    for (path, method) in
        [("/findings/F1", "POST"), (ACKNOWLEDGE, "POST"), ("/api/v1/credentials/000000000001/compromised", "DELETE")]
    {
        for headers in [
            format!("{}Sec-Fetch-Site: cross-site\r\n", shown(SECOND)),
            format!("{}Origin: https://elsewhere.test\r\n", shown(SECOND)),
            shown(AUDITOR),
            shown(VIEWER),
        ] {
            let answer = house.ask(&with_body(method, path, &headers, form, "act=resume")).await;
            assert_eq!(answer.status, 403, "{method} {path} {headers}");
        }
    }
    assert_eq!(house.logged().await.0, "", "nothing is in the log");
}
