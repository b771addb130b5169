//! The simulated providers: what they answer is a real body, and what it means the catalogue says.

use std::collections::BTreeMap;
use std::time::Duration;

use keysweep::domain::catalogue::{Example, Probe, Protocol, ProtocolKind, Provider, Word, classify, classify_reply};
use keysweep::domain::ids::ProviderName;
use keysweep::domain::outcome::{Answer, Dated, Part, Reason, Verdict, combine};
use keysweep::domain::secret::Secret;
use keysweep::domain::time::Timestamp;
use keysweep::ports::Clock as _;
use keysweep::ports::probe::{Prober, Question};
use regex::Regex;

use super::dice::Dice;
use super::faults::{self, Fault};
use super::stage::Stage;
use super::world::{Key, Standing};

/// What an answer really said, whatever the program makes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gave {
    /// the provider let the key in somewhere
    Let,
    /// it turned the key away everywhere
    Refused,
    /// it turned the key away somewhere, and the rest was not heard
    Partly,
    /// nothing was heard
    Nothing,
}

/// One question and its answer, as the world saw it.
#[derive(Clone, Debug)]
pub struct Heard {
    /// the key, by number
    pub key: usize,
    /// what was said
    pub gave: Gave,
    /// whether the key is really refused everywhere at this instant
    pub really_refused: bool,
    /// whether everybody at this provider was refused, and since when
    pub bulk: Option<Timestamp>,
}

/// What one way in did.
enum Did {
    Let(Part),
    Refused(Part),
    Nothing(Part, Option<Duration>),
}

impl Prober for Stage {
    async fn ask(&self, question: &Question<'_>) -> Answer {
        tokio::task::yield_now().await; // so that several are under way at once
        let (parts, retry_after, gave) = self.answer(question);
        let outcome = combine(&parts);
        self.tally.borrow_mut().verdicts.add(&outcome.to_string());
        self.note(question, gave);
        // Whoever answers over HTTP dates the answer, and no provider's clock is wrong.
        let is_dated = parts.iter().any(|part| part.protocol == "rest" && part.status.is_some());
        let date = is_dated.then(|| self.dated());
        Answer {
            outcome,
            parts,
            at: self.now(),
            took: Duration::ZERO,
            retry_after,
            date,
            kind: None,
            is_mistaken: false,
        }
    }

    fn in_flight(&self, _: &ProviderName) -> Option<usize> {
        Some(8)
    }

    async fn time(&self, provider: &ProviderName) -> Option<Dated> {
        let number = provider.as_str().bytes().fold(0, |sum, byte| sum * 31 + u64::from(byte));
        let asked = [self.plan.seed, self.step.get(), number, 6];
        let fault = faults::of_answer(&self.weather.borrow().troubles, &asked);
        fault.is_none().then(|| self.dated())
    }

    fn control(&self, provider: &ProviderName) -> Option<(Option<String>, Secret)> {
        self.plan.guard.control_for(provider)
    }
}

impl Stage {
    fn dated(&self) -> Dated {
        Dated { ours: self.our_now(), theirs: self.world.borrow().now }
    }

    fn note(&self, question: &Question<'_>, gave: Gave) {
        let world = self.world.borrow();
        let Some(key) = world.key_of(question.secret.expose()) else { return };
        let weather = self.weather.borrow();
        self.heard.borrow_mut().push(Heard {
            key,
            gave,
            really_refused: !world.keys[key].is_accepted(world.now),
            bulk: weather.bulk.get(question.provider).map(|(since, _)| *since),
        });
    }

    fn answer(&self, question: &Question<'_>) -> (Vec<Part>, Option<Duration>, Gave) {
        let mut parts: Vec<Part> = Vec::new();
        let Some(provider) = self.catalogue.get(question.provider) else { return (parts, None, Gave::Nothing) };
        let (mut refused, mut nothing) = (0, 0);
        for (protocol, endpoint, probe) in ways(provider, question, &self.shapes) {
            let earlier = |part: &&Part| part.protocol != protocol.name;
            if parts.iter().filter(earlier).any(|part| part.verdict != Verdict::Refused) {
                break;
            }
            match self.one(question, protocol, endpoint, probe, parts.len()) {
                Did::Let(part) => {
                    parts.push(part);
                    return (parts, None, Gave::Let);
                }
                Did::Refused(part) => {
                    refused += 1;
                    parts.push(part);
                }
                Did::Nothing(part, wait) => {
                    nothing += 1;
                    parts.push(part);
                    if wait.is_some() {
                        return (parts, wait, if refused > 0 { Gave::Partly } else { Gave::Nothing });
                    }
                }
            }
        }
        let gave = match (refused, nothing) {
            (0, _) => Gave::Nothing,
            (_, 0) => Gave::Refused,
            _ => Gave::Partly,
        };
        (parts, None, gave)
    }

    /// One way in is asked.
    fn one(
        &self,
        question: &Question<'_>,
        protocol: &Protocol,
        endpoint: &str,
        probe: Option<&Probe>,
        nth: usize,
    ) -> Did {
        let world = self.world.borrow();
        let key = world.key_of(question.secret.expose()).map(|number| (number, &world.keys[number]));
        let nth_of_key = self.questions.borrow().get(question.secret.expose()).copied().unwrap_or(0);
        if nth == 0 {
            *self.questions.borrow_mut().entry(question.secret.expose().to_owned()).or_default() += 1;
        }
        let number = key.map_or(u64::MAX, |(number, _)| number as u64);
        let asked = [self.plan.seed, self.step.get(), number, nth_of_key, nth as u64];
        let part =
            |verdict, status| Part { protocol: protocol.name.clone(), endpoint: endpoint.to_owned(), verdict, status };
        let weather = self.weather.borrow();
        let outage = weather.outages.get(question.provider).map(|(fault, _)| *fault);
        // What looks like the operator's own control is let in always: only a weakened guard has one.
        let Some((number, key)) = key else { return Did::Let(part(Verdict::Accepted, Some(200))) };
        if let Some(fault) = outage.or_else(|| faults::of_answer(&weather.troubles, &asked)) {
            self.tally.borrow_mut().faults.add(fault.as_str());
            let (verdict, status, wait) =
                faulty(fault, key, protocol, endpoint, probe, &mut Dice::of(&asked), world.now);
            return Did::Nothing(part(verdict, status), wait);
        }
        let everybody = weather.bulk.contains_key(question.provider);
        let stray = weather.strays.contains_key(&number);
        let standing = if stray || everybody { Standing::Revoked } else { key.at(&protocol.name, endpoint, world.now) };
        if everybody && key.is_accepted(world.now) {
            self.tally.borrow_mut().faults.add("a bulk refusal");
        } else if stray && key.is_accepted(world.now) {
            self.tally.borrow_mut().faults.add("a stray refusal");
        }
        let word = match (standing, probe) {
            // ConvertKit's forms are for its other kind of key, which none of these is.
            (Standing::Alive | Standing::Limited, Some(probe)) if probe.key_kind.as_deref() == Some("api_key") => {
                Word::Refused
            }
            (Standing::Alive, _) => Word::Accepted,
            (Standing::Limited, Some(probe)) if says(probe, Word::Limited) => Word::Limited,
            (Standing::Limited, _) => Word::Accepted,
            (Standing::Suspended | Standing::Revoked, _) => Word::Refused,
        };
        let (verdict, status) = honest(protocol, probe, word, &mut Dice::of(&asked));
        let part = part(verdict, status);
        if word == Word::Refused { Did::Refused(part) } else { Did::Let(part) }
    }
}

fn says(probe: &Probe, word: Word) -> bool {
    probe.examples.iter().any(|example| example.verdict == word)
}

fn some_example<'a>(probe: &'a Probe, word: Word, dice: &mut Dice) -> Option<&'a Example> {
    let of_word: Vec<&Example> = probe.examples.iter().filter(|example| example.verdict == word).collect();
    (!of_word.is_empty()).then(|| of_word[dice.index(of_word.len())])
}

/// A proper answer: one of those that the catalogue's file shows.
fn honest(protocol: &Protocol, probe: Option<&Probe>, word: Word, dice: &mut Dice) -> (Verdict, Option<u16>) {
    let Some(probe) = probe else {
        let replies: Vec<_> = protocol.reply_examples.iter().filter(|example| example.verdict == word).collect();
        let reply = replies[dice.index(replies.len())];
        return (classify_reply(&protocol.replies, reply.code, &reply.text).0, Some(reply.code));
    };
    let example = some_example(probe, word, dice).expect("an example of each proper answer");
    let body = example.body.as_bytes();
    (classify(&probe.answers, example.status, example.content_type.as_deref(), body).0, Some(example.status))
}

const HTML: Option<&str> = Some("text/html");
const JSON: Option<&str> = Some("application/json");
const PAGE: &[u8] = b"<html><body><h1>Sign in to go on</h1></body></html>";

/// A faulty answer, and what the catalogue makes of it.
fn faulty(
    fault: Fault,
    key: &Key,
    protocol: &Protocol,
    endpoint: &str,
    probe: Option<&Probe>,
    dice: &mut Dice,
    now: Timestamp,
) -> (Verdict, Option<u16>, Option<Duration>) {
    let unknown = |reason| (Verdict::Unknown(reason), None, None);
    if let Some(reason) = fault.silent() {
        return unknown(reason);
    }
    let Some(probe) = probe else {
        // A mail server that is busy, shut or not itself.
        let (code, text) =
            *dice.pick(&[(454, "4.7.0 temporary authentication failure"), (421, "try later"), (200, "ok")]);
        return (classify_reply(&protocol.replies, code, text).0, Some(code), None);
    };
    let wait = matches!(fault, Fault::TooManyFor | Fault::Overloaded)
        .then(|| *dice.pick(&[Duration::from_secs(1), Duration::from_secs(120), Duration::from_secs(7 * 86_400)]));
    let is_in = matches!(key.at(&protocol.name, endpoint, now), Standing::Alive | Standing::Limited);
    let true_word = if is_in { Word::Accepted } else { Word::Refused };
    let (status, content_type, body): (u16, Option<&str>, Vec<u8>) = match fault {
        Fault::HalfBody => {
            let whole = some_example(probe, true_word, dice).expect("an example of each proper answer");
            let half = whole.body.as_bytes()[..whole.body.len() / 2].to_vec();
            // Half of nothing is the whole of it: where the true answer has no body, something else breaks off.
            if half.is_empty() {
                (200, JSON, b"{\"Count\":".to_vec())
            } else {
                (whole.status, whole.content_type.as_deref(), half)
            }
        }
        Fault::Garbage => (200, JSON, vec![0, 0xff, b'}', b'{', 0xc3]),
        Fault::Portal => (200, HTML, PAGE.to_vec()),
        Fault::Wall401 => (401, HTML, PAGE.to_vec()),
        Fault::Wall403 => (403, HTML, PAGE.to_vec()),
        Fault::TooMany | Fault::TooManyFor => (429, Some("text/plain"), b"Retry later".to_vec()),
        Fault::Internal => {
            (500, JSON, b"{\"ErrorInfo\":\"\",\"ErrorMessage\":\"Internal\",\"StatusCode\":500}".to_vec())
        }
        Fault::Overloaded => (503, HTML, PAGE.to_vec()),
        Fault::NotFound => (404, HTML, PAGE.to_vec()),
        Fault::Redirect => (302, HTML, Vec::new()),
        Fault::Awkward => match some_example(probe, Word::Unknown, dice) {
            Some(example) => (example.status, example.content_type.as_deref(), example.body.clone().into_bytes()),
            None => (418, None, Vec::new()),
        },
        Fault::Timeout | Fault::Connect | Fault::Dns | Fault::Tls | Fault::Reset => return unknown(Reason::Unexpected),
    };
    let verdict = classify(&probe.answers, status, content_type, &body).0;
    let wait = wait.map(|wait| wait.min(keysweep::ports::probe::LONGEST_RETRY_AFTER));
    (verdict, Some(status), wait)
}

/// The ways in for this credential, in the catalogue's order.
fn ways<'a>(
    provider: &'a Provider,
    question: &Question<'_>,
    shapes: &BTreeMap<String, Regex>,
) -> Vec<(&'a Protocol, &'a str, Option<&'a Probe>)> {
    let mut ways = Vec::new();
    for protocol in &provider.protocols {
        let of = |region: &str| {
            let knows = |name: &String| name.eq_ignore_ascii_case(region);
            protocol.endpoints.iter().find(|endpoint| endpoint.regions.iter().any(knows))
        };
        let endpoints: Vec<_> = match question.region.and_then(of) {
            Some(endpoint) => vec![endpoint],
            None => protocol.endpoints.iter().collect(),
        };
        for endpoint in endpoints {
            match protocol.kind {
                ProtocolKind::Smtp => ways.push((protocol, endpoint.name.as_str(), None)),
                ProtocolKind::Http => {
                    let fits = |probe: &&Probe| {
                        let shape = probe.when_secret.as_ref().and_then(|shape| shapes.get(shape));
                        shape.is_none_or(|shape| shape.is_match(question.secret.expose()))
                    };
                    let probes = protocol.probes.iter().filter(fits);
                    ways.extend(probes.map(|probe| (protocol, endpoint.name.as_str(), Some(probe))));
                }
            }
        }
    }
    ways
}
