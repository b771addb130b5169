//! The prober against simulated providers on loopback.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::Duration;

use url::Url;

use super::{Catalogue, CatalogueProber, ProviderSettings};
use crate::demo::world::{ConvertKitKind, KeyState, Simulated, World};
use crate::domain::ids::ProviderName;
use crate::domain::outcome::{Answer, Outcome, Reason};
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;
use crate::ports::Clock;
use crate::ports::probe::{Prober, Question};

const KEY: &str = "0123456789abcdef0123456789abcdef";
const SECRET: &str = "fedcba9876543210fedcba9876543210";

#[derive(Clone, Copy)]
struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(1_790_000_000)
    }
}

fn settings(rest: Url) -> ProviderSettings {
    ProviderSettings {
        pace: None,
        in_flight: 4,
        test_endpoints: BTreeMap::from([("rest".to_owned(), rest)]),
        protocols: None,
        control: None,
        timeout: Duration::from_millis(300),
        connect_timeout: Duration::from_millis(200),
    }
}

fn prober(provider: &str, rest: Url) -> CatalogueProber<Noon> {
    let settings = BTreeMap::from([(ProviderName::new(provider), settings(rest))]);
    CatalogueProber::new(&Catalogue::shipped().unwrap(), settings, Noon, "keysweep-test").unwrap()
}

async fn ask(provider: &str, rest: Url, key_id: Option<&str>, secret: &str) -> Answer {
    let (name, secret) = (ProviderName::new(provider), Secret::new(secret));
    let question = Question { provider: &name, key_id, secret: &secret, region: None, base_url: None };
    prober(provider, rest).ask(&question).await
}

async fn mailjet(state: KeyState) -> Answer {
    let world = World::start().await.unwrap();
    world.set(Simulated::Mailjet, Some(KEY), SECRET, state);
    ask("mailjet", world.address(Simulated::Mailjet), Some(KEY), SECRET).await
}

#[tokio::test]
async fn every_state_of_a_key_has_its_outcome() {
    // A protocol without a prober stays unasked: what REST refuses is only partly refused. It is not even thought of
    // where REST did not refuse.
    let partly = Outcome::PartlyRefused(Reason::NoProber);
    for (state, expected) in [
        (KeyState::Live, Outcome::Accepted),
        (KeyState::Limited, Outcome::Limited),
        (KeyState::Refused, partly),
        (KeyState::RateLimited { retry_after: None }, Outcome::Unknown(Reason::RateLimited)),
        (KeyState::ServerError, Outcome::Unknown(Reason::ServerError)),
        (KeyState::HtmlForbidden, Outcome::Unknown(Reason::Blocked)),
        (KeyState::Garbage, Outcome::Unknown(Reason::Garbled)),
        (KeyState::HalfBody, Outcome::Unknown(Reason::Garbled)),
        (KeyState::Hangs, Outcome::Unknown(Reason::Timeout)),
    ] {
        let shown = format!("{state:?}");
        assert_eq!(mailjet(state).await.outcome, expected, "{shown}");
    }
}

#[tokio::test]
async fn a_reason_says_why_nothing_was_learnt() {
    for (state, expected) in [
        (KeyState::RateLimited { retry_after: None }, Reason::RateLimited),
        (KeyState::ServerError, Reason::ServerError),
        (KeyState::HtmlForbidden, Reason::Blocked),
        (KeyState::Garbage, Reason::Garbled),
        (KeyState::HalfBody, Reason::Garbled),
        (KeyState::Hangs, Reason::Timeout),
    ] {
        let world = World::start().await.unwrap();
        let shown = format!("{state:?}");
        world.set(Simulated::Kit, None, "kit_0123456789abcdef", state);
        let answer = ask("kit", world.address(Simulated::Kit), None, "kit_0123456789abcdef").await;
        assert_eq!(answer.outcome, Outcome::Unknown(expected), "{shown}");
    }
}

#[tokio::test]
async fn a_redirect_is_unknown_and_its_target_is_never_visited() {
    let (world, elsewhere) = (World::start().await.unwrap(), World::start().await.unwrap());
    let target = elsewhere.address(Simulated::Kit).join("v4/account").unwrap();
    world.set(Simulated::Kit, None, "kit_redirected", KeyState::Redirect(target.to_string()));
    let answer = ask("kit", world.address(Simulated::Kit), None, "kit_redirected").await;
    assert_eq!(answer.outcome, Outcome::Unknown(Reason::Redirect));
    assert_eq!(world.requests().len(), 1);
    assert!(elsewhere.requests().is_empty());
}

#[tokio::test]
async fn retry_after_is_heard_and_no_other_way_is_tried_meanwhile() {
    let answer = mailjet(KeyState::RateLimited { retry_after: Some(120) }).await;
    assert_eq!(answer.outcome, Outcome::Unknown(Reason::RateLimited));
    assert_eq!(answer.retry_after, Some(Duration::from_secs(120)));
}

#[tokio::test]
async fn an_accepted_key_costs_one_get_and_endpoints_behind_one_address_are_asked_once() {
    let world = World::start().await.unwrap();
    world.set(Simulated::Mailjet, Some(KEY), SECRET, KeyState::Live);
    ask("mailjet", world.address(Simulated::Mailjet), Some(KEY), SECRET).await;
    ask("mailjet", world.address(Simulated::Mailjet), Some(KEY), "00000000000000000000000000000000").await;
    let seen = world.requests();
    assert_eq!(seen.len(), 2);
    assert!(seen.iter().all(|request| request.method == "GET"));
}

#[tokio::test]
async fn a_pasted_api_key_of_convertkit_is_found_by_its_own_question() {
    let world = World::start().await.unwrap();
    let (key, secret) = ("abcdefghij0123456789_K", "a-secret-that-is-longer-than-a-key_0123456789");
    world.set_convertkit(key, ConvertKitKind::ApiKey, KeyState::Live);
    world.set_convertkit(secret, ConvertKitKind::ApiSecret, KeyState::Live);
    let answer = ask("convertkit", world.address(Simulated::ConvertKit), None, key).await;
    assert_eq!((answer.outcome, answer.kind.as_deref()), (Outcome::Accepted, Some("api_key")));
    let answer = ask("convertkit", world.address(Simulated::ConvertKit), None, secret).await;
    assert_eq!((answer.outcome, answer.kind.as_deref()), (Outcome::Accepted, Some("api_secret")));
    let answer = ask("convertkit", world.address(Simulated::ConvertKit), None, "another-secret-of-some-length").await;
    assert_eq!((answer.outcome, answer.parts.len()), (Outcome::Refused, 1), "no key looks like this: one question");
}

#[tokio::test]
async fn a_closed_port_is_no_connection_and_a_mailjet_key_without_its_public_half_is_no_copy() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nowhere: Url = format!("http://{free}/").parse().unwrap();
    let answer = ask("kit", nowhere.clone(), None, "kit_0123").await;
    assert_eq!(answer.outcome, Outcome::Unknown(Reason::Connect));
    let answer = ask("mailjet", nowhere, None, SECRET).await;
    assert_eq!(answer.parts[0].verdict, crate::domain::outcome::Verdict::Unknown(Reason::NoCopy));
}

#[tokio::test]
async fn whoever_hangs_up_was_not_reached_and_whoever_speaks_no_http_answers_nonsense() {
    for (words, reason) in
        [("", Reason::Connect), ("HTTP/1.1 200 OK\r\nConte", Reason::Connect), ("220 smtp\r\n", Reason::Garbled)]
    {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address: Url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 4096]).unwrap();
            stream.write_all(words.as_bytes()).unwrap();
        });
        assert_eq!(ask("kit", address, None, "kit_0123").await.outcome, Outcome::Unknown(reason), "{words:?}");
        tokio::task::spawn_blocking(move || server.join().unwrap()).await.unwrap();
    }
}

/// Answers the questions one after another, each over a connection of its own; returns how many came.
fn answering(answers: Vec<&'static str>) -> (Url, std::thread::JoinHandle<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
    let server = std::thread::spawn(move || {
        for answer in &answers {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 4096]).unwrap();
            write!(stream, "HTTP/1.1 {answer}").unwrap();
        }
        listener.set_nonblocking(true).unwrap();
        answers.len() + usize::from(listener.accept().is_ok())
    });
    (address, server)
}

const FORMS: &str =
    "200 OK\r\nContent-Type: application/json\r\nContent-Length: 12\r\nConnection: close\r\n\r\n{\"forms\":[]}";
const NO_ACCOUNT: &str = "401 Unauthorized\r\nContent-Type: application/json\r\nContent-Length: 34\r\nConnection: close\r\n\r\n\
                          {\"error\":\"Authorization Failed\" } ";
const TROUBLE: &str = "503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
const LIMIT: &str =
    "429 Too Many Requests\r\nContent-Type: text/plain\r\nContent-Length: 11\r\nConnection: close\r\n\r\nRetry later";

#[tokio::test]
async fn of_which_kind_a_value_is_only_the_refusal_of_the_other_question_tells() {
    let key = "abcdefghij0123456789_K";
    let accepted = Outcome::Accepted;
    for (answers, outcome, kind) in [
        (&[NO_ACCOUNT, FORMS][..], accepted, Some("api_key")),
        (&[TROUBLE, FORMS], accepted, None),
        (&[LIMIT], Outcome::Unknown(Reason::RateLimited), None), // and nothing more is asked
        (&[TROUBLE, NO_ACCOUNT], Outcome::Unknown(Reason::ServerError), None),
    ] {
        let (address, server) = answering(answers.to_vec());
        let answer = ask("convertkit", address, None, key).await;
        assert_eq!((answer.outcome, answer.kind.as_deref()), (outcome, kind), "{answers:?}");
        let asked = tokio::task::spawn_blocking(move || server.join().unwrap()).await.unwrap();
        assert_eq!(asked, answers.len(), "{answers:?}");
    }
}

#[tokio::test]
async fn a_pause_that_is_asked_for_is_heard_whatever_the_status_unless_the_question_was_answered() {
    for (answer, pause) in [
        ("477 Moving\r\nRetry-After: 86400\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", Some(86_400)),
        (
            "401 Unauthorized\r\nRetry-After: 60\r\nContent-Type: application/json\r\nContent-Length: 68\r\nConnection: close\r\n\r\n\
          {\"status\":\"error\",\"message\":\"x\",\"category\":\"INVALID_AUTHENTICATION\"}",
            None,
        ),
    ] {
        let (address, server) = answering(vec![answer]);
        let answer = ask("hubspot", address, None, "pat-na1-0123").await;
        assert_eq!(answer.retry_after, pause.map(Duration::from_secs), "{:?}", answer.outcome);
        assert_eq!(answer.outcome == Outcome::Refused, pause.is_none(), "{:?}", answer.outcome);
        tokio::task::spawn_blocking(move || server.join().unwrap()).await.unwrap();
    }
}

#[tokio::test]
async fn a_body_without_end_is_cut_while_it_is_read() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address: Url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = [0; 4096];
        let _ = stream.read(&mut head).unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n").unwrap();
        let mut sent = 0_usize;
        while sent < 64 * 1024 * 1024 && stream.write_all(&[b'x'; 8192]).is_ok() {
            sent += 8192;
        }
        sent
    });
    let answer = ask("kit", address, None, "kit_0123").await;
    assert_eq!(answer.outcome, Outcome::Unknown(Reason::Garbled));
    // Not joined on this thread: the connection is closed by a task of the same runtime.
    let sent = tokio::task::spawn_blocking(move || server.join().unwrap()).await.unwrap();
    assert!(sent < 16 * 1024 * 1024, "the connection is dropped long before the end");
}

#[test]
fn a_setting_for_a_protocol_that_is_not_there_is_refused_by_name() {
    let mut wrong = settings("http://127.0.0.1:1/".parse().unwrap());
    wrong.test_endpoints.insert("soap".to_owned(), "http://127.0.0.1:1/".parse().unwrap());
    let settings = BTreeMap::from([(ProviderName::new("kit"), wrong)]);
    let error = CatalogueProber::new(&Catalogue::shipped().unwrap(), settings, Noon, "test").err().unwrap();
    assert!(error.to_string().contains("soap") && error.to_string().contains("rest"), "{error}");
}

/// A relay that takes connections and says nothing, so that the one turn over SMTP is taken for as long as this lives.
#[tokio::test]
async fn refused_keys_that_wait_for_a_login_hold_up_no_question_over_rest() {
    let (world, silent) = (World::start().await.unwrap(), TcpListener::bind("127.0.0.1:0").unwrap());
    let mut settings = settings(world.address(Simulated::Mailjet));
    let relay = format!("smtp://{}", silent.local_addr().unwrap()).parse().unwrap();
    settings.test_endpoints.insert("smtp".to_owned(), relay);
    settings.pace = Some((1_000, Duration::from_secs(1))); // SMTP has its own
    (settings.in_flight, settings.timeout) = (1, Duration::from_secs(60));
    let (name, secret, dead) = (ProviderName::new("mailjet"), Secret::new(SECRET), Secret::new("0123"));
    world.set(Simulated::Mailjet, Some(KEY), SECRET, KeyState::Live);
    let settings = BTreeMap::from([(name.clone(), settings)]);
    let prober = CatalogueProber::new(&Catalogue::shipped().unwrap(), settings, Noon, "test").unwrap();
    assert!(prober.in_flight(&name).is_some_and(|width| width > 1), "more may be begun than go over REST at once");
    let about = |secret| Question { provider: &name, key_id: Some(KEY), secret, region: None, base_url: None };
    let questions: Vec<_> = (0..5).map(|_| about(&dead)).collect();
    let waiting = futures::future::join_all(questions.iter().map(|question| prober.ask(question)));
    let (asked, deadline) = (about(&secret), Duration::from_secs(30));
    let answered = async {
        while world.requests().len() < 5 {
            tokio::task::yield_now().await;
        }
        prober.ask(&asked).await
    };
    tokio::select! {
        biased;
        answer = tokio::time::timeout(deadline, answered) => assert_eq!(answer.unwrap().outcome, Outcome::Accepted),
        _ = waiting => panic!("the relay says nothing"),
    }
}

#[tokio::test]
async fn what_the_operator_leaves_out_is_said_where_a_refusal_rests_on_it() {
    let world = World::start().await.unwrap();
    let only_rest =
        ProviderSettings { protocols: Some(vec!["rest".to_owned()]), ..settings(world.address(Simulated::Mailjet)) };
    let name = ProviderName::new("mailjet");
    let all = BTreeMap::from([(name.clone(), only_rest)]);
    let prober = CatalogueProber::new(&Catalogue::shipped().unwrap(), all, Noon, "test").unwrap();
    let ask = async |secret: &str| {
        let secret = Secret::new(secret);
        let question = Question { provider: &name, key_id: Some(KEY), secret: &secret, region: None, base_url: None };
        let answer = prober.ask(&question).await;
        let said = answer.parts.iter().map(|part| format!("{} {}", part.protocol, part.verdict));
        (answer.outcome, said.collect::<Vec<_>>())
    };
    world.set(Simulated::Mailjet, Some(KEY), SECRET, KeyState::Live);
    assert_eq!(ask(SECRET).await, (Outcome::Accepted, vec!["rest accepted".to_owned()]));
    let refused = ["rest refused", "smtp not_asked"].map(str::to_owned).to_vec();
    assert_eq!(ask("another").await, (Outcome::Refused, refused));
}

#[tokio::test]
async fn where_rest_refuses_the_relay_decides() {
    let world = World::start().await.unwrap();
    let mut settings = settings(world.address(Simulated::Mailjet));
    settings.test_endpoints.insert("smtp".to_owned(), world.relay());
    let name = ProviderName::new("mailjet");
    let all = BTreeMap::from([(name.clone(), settings)]);
    let prober = CatalogueProber::new(&Catalogue::shipped().unwrap(), all, Noon, "test").unwrap();
    let secret = Secret::new(SECRET);
    let question = Question { provider: &name, key_id: Some(KEY), secret: &secret, region: None, base_url: None };
    world.set(Simulated::Mailjet, Some(KEY), SECRET, KeyState::Refused);
    assert_eq!(prober.ask(&question).await.outcome, Outcome::Refused);
    world.linger(KEY, SECRET);
    assert_eq!(prober.ask(&question).await.outcome, Outcome::Accepted);
    world.stop_lingering();
    assert_eq!(prober.ask(&question).await.outcome, Outcome::Refused);
    world.set(Simulated::Mailjet, Some(KEY), SECRET, KeyState::ServerError);
    let seen = world.requests().len();
    assert_eq!(prober.ask(&question).await.outcome, Outcome::Unknown(Reason::ServerError));
    assert!(world.requests()[seen..].iter().all(|request| request.method == "GET"), "no login where REST says nothing");
}
