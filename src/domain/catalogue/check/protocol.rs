//! The ways in: addresses, questions, and what answers may mean.

use regex::Regex;
use url::{Host, Url};

use super::Fault;
use crate::domain::catalogue::{
    AnswerRow, Blank, Customer, Endpoint, JsonTest, Label, Probe, ProbeAuth, Protocol, ProtocolKind, Provider,
    Template, Word,
};

pub(super) fn check(provider: &Provider, faults: &mut Vec<Fault>) {
    if provider.protocols.is_empty() {
        faults.push(Fault::new("protocol", "there is none", "add a [[protocol]]"));
    }
    for (index, protocol) in provider.protocols.iter().enumerate() {
        let at = format!("protocol[{index}]");
        if provider.protocols[..index].iter().any(|other| other.name == protocol.name) {
            let what = format!("there is another protocol of the name {:?}", protocol.name);
            faults.push(Fault::new(format!("{at}.name"), what, "give each a name of its own"));
        }
        shape(protocol, &at, faults);
        for (index, endpoint) in protocol.endpoints.iter().enumerate() {
            self::endpoint(protocol.kind, endpoint, &format!("{at}.endpoint[{index}]"), faults);
        }
        for (index, probe) in protocol.probes.iter().enumerate() {
            self::probe(provider, probe, &format!("{at}.probe[{index}]"), faults);
        }
        for (index, row) in protocol.replies.iter().enumerate() {
            let at = format!("{at}.reply[{index}]");
            reason(row.verdict, row.reason.is_some(), &at, faults);
            disputed(row.verdict, row.disputed.as_ref(), &at, faults);
        }
    }
}

fn shape(protocol: &Protocol, at: &str, faults: &mut Vec<Fault>) {
    if protocol.endpoints.is_empty() {
        faults.push(Fault::new(format!("{at}.endpoint"), "there is none", "add a [[protocol.endpoint]]"));
    }
    let (probes, replies) = (!protocol.probes.is_empty(), !protocol.replies.is_empty());
    match protocol.kind {
        ProtocolKind::Http if !probes || replies => {
            faults.push(Fault::new(
                at,
                "over HTTP there are probes and no replies",
                "add a [[protocol.probe]], and no reply",
            ));
        }
        ProtocolKind::Smtp if probes || !replies => {
            faults.push(Fault::new(
                at,
                "over SMTP there are replies and no probes",
                "add a [[protocol.reply]], and no probe",
            ));
        }
        ProtocolKind::Http | ProtocolKind::Smtp => {}
    }
    let pace = protocol.pace.map(|pace| (pace.requests, pace.per_seconds));
    match (protocol.kind, pace) {
        (ProtocolKind::Http, Some(_)) => {
            let todo = "write it as requests and per_seconds under [limits]";
            faults.push(Fault::new(format!("{at}.pace"), "the pace over HTTP is the provider's", todo));
        }
        (ProtocolKind::Smtp, Some((0, _) | (_, 0))) => {
            faults.push(Fault::new(format!("{at}.pace"), "it has a 0", "write 1 or more"));
        }
        _ => {}
    }
}

fn endpoint(kind: ProtocolKind, endpoint: &Endpoint, at: &str, faults: &mut Vec<Fault>) {
    let base = format!("{at}.base");
    let scheme = if kind == ProtocolKind::Http { "https" } else { "smtp" };
    // Any label will do: what counts is that the whole is an address.
    let filled = endpoint.base.fill(|blank| (blank == Blank::Customer).then_some("customer"));
    let Some(filled) = filled else {
        let what = "the only blank that an address may have is {customer}";
        faults.push(Fault::new(base, what, "take the credential out of the address"));
        return;
    };
    let address = Url::parse(&filled).ok().filter(|address| address.scheme() == scheme);
    // The host of an address that is not a web address is not looked at by the parser.
    let host = address.as_ref().and_then(Url::host_str).and_then(|host| Host::parse(host).ok());
    match (address, host) {
        (Some(address), Some(Host::Domain(_))) => {
            if kind == ProtocolKind::Http
                && (address.path() != "/" || address.query().is_some() || address.port().is_some())
            {
                let todo = "write the host alone; the path belongs to the probe";
                faults.push(Fault::new(base, "the address has a port, a path or a query", todo));
            }
        }
        _ => {
            let todo = format!("write {scheme}:// and the provider's host by name");
            faults.push(Fault::new(base, format!("{:?} is no address of a provider", endpoint.base.to_string()), todo));
        }
    }
    match (&endpoint.customer, endpoint.base.needs(Blank::Customer)) {
        (Some(customer), true) => self::customer(customer, &format!("{at}.customer"), faults),
        (None, false) => {}
        _ => {
            let todo = "write {customer} in base and say under customer where it comes from, or neither";
            faults.push(Fault::new(format!("{at}.base"), "{customer} and customer belong together", todo));
        }
    }
}

fn customer(customer: &Customer, at: &str, faults: &mut Vec<Fault>) {
    if customer.secret.is_none() && customer.region.is_none() && !customer.base_url {
        faults.push(Fault::new(at, "it names no place to look", "write secret, region or base_url = true"));
    }
    for (key, pattern) in [("secret", &customer.secret), ("region", &customer.region)] {
        let Some(pattern) = pattern else { continue };
        if Regex::new(pattern).map_or(true, |regex| regex.captures_len() < 2) {
            let todo = "write a regular expression whose first group is the customer's part of the host";
            faults.push(Fault::new(format!("{at}.{key}"), format!("{pattern:?} has no group"), todo));
        }
    }
    // `.com` would let a customer name any host under it.
    let narrow = |suffix: &String| {
        suffix
            .strip_prefix('.')
            .is_some_and(|rest| rest.split('.').count() >= 2 && rest.split('.').all(|l| !l.is_empty()))
    };
    if customer.suffixes.is_empty() || !customer.suffixes.iter().all(narrow) {
        let todo = "write the provider's own ends of hosts, each like \".api.example.com\"";
        faults.push(Fault::new(format!("{at}.suffixes"), "they would let customers choose whom we ask", todo));
    }
}

fn probe(provider: &Provider, probe: &Probe, at: &str, faults: &mut Vec<Fault>) {
    let mut fault = |key: &str, what: String, todo: &str| faults.push(Fault::new(format!("{at}.{key}"), what, todo));
    if !probe.path.starts_with('/') || probe.path.contains(['?', '#', '{']) {
        let todo = "begin with a slash, and leave queries to query and the credential to auth";
        fault("path", format!("{:?} is no path", probe.path), todo);
    }
    if let Some(Err(error)) = probe.when_secret.as_ref().map(|shape| Regex::new(shape)) {
        fault("when_secret", error.to_string().replace('\n', " "), "write a regular expression");
    }
    if let Some(kind) = probe.key_kind.as_ref().filter(|kind| provider.credential.kind(kind).is_none()) {
        fault("key_kind", format!("there is no kind {kind:?}"), "name it in a [[credential.kind]]");
    }
    let (names, templates): (Vec<&str>, Vec<&Template>) = match &probe.auth {
        ProbeAuth::Basic(name, password) => (Vec::new(), vec![name, password]),
        ProbeAuth::Header(name, value) => (vec![name], vec![value]),
        ProbeAuth::Query(_, value) => (Vec::new(), vec![value]),
    };
    if !templates.iter().any(|template| template.needs(Blank::Secret)) {
        fault("auth", "the secret is not in it".to_owned(), "write {secret} where it goes");
    }
    if templates.iter().any(|template| template.needs(Blank::Customer)) {
        fault("auth", "{customer} belongs to addresses".to_owned(), "write {secret} and {key_id} only");
    }
    if templates.iter().any(|template| template.needs(Blank::KeyId)) && provider.credential.key_id.is_none() {
        fault("auth", "it needs {key_id}".to_owned(), "describe the public half as credential.key_id");
    }
    let token = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
    for name in probe.headers.iter().map(|(name, _)| name.as_str()).chain(names).filter(|name| !token(name)) {
        fault("headers", format!("{name:?} is no header's name"), "write letters, digits and hyphens");
    }
    if !probe.answers.iter().any(|row| row.verdict == Word::Accepted) {
        fault("answer", "no row accepts".to_owned(), "say what a good key is answered: without that nothing is learnt");
    }
    for (index, row) in probe.answers.iter().enumerate() {
        answer(row, &format!("{at}.answer[{index}]"), faults);
    }
    for (index, example) in probe.examples.iter().enumerate() {
        reason(example.verdict, example.reason.is_some(), &format!("{at}.example[{index}]"), faults);
    }
}

fn answer(row: &AnswerRow, at: &str, faults: &mut Vec<Fault>) {
    reason(row.verdict, row.reason.is_some(), at, faults);
    disputed(row.verdict, row.disputed.as_ref(), at, faults);
    let said_of_the_key = match row.verdict {
        Word::Accepted => (200..300).contains(&row.status),
        Word::Refused => matches!(row.status, 200..=299 | 400..=428 | 430..=499),
        Word::Limited => matches!(row.status, 400..=428 | 430..=499),
        Word::Unknown => (100..600).contains(&row.status),
    };
    if !said_of_the_key {
        let what = format!("a {} is never {}", row.status, row.verdict.as_str());
        faults.push(Fault::new(
            format!("{at}.status"),
            what,
            "it says nothing of the key: write unknown, or leave the row out",
        ));
    }
    match row.verdict {
        Word::Accepted if !row.names_something() => {
            let todo = "name something in json: any page can say 200";
            faults.push(Fault::new(at, "it accepts whatever the body says", todo));
        }
        Word::Refused | Word::Limited if !row.is_enveloped() && !row.source.has(Label::Recorded) => {
            let todo = "name the type of JSON and something in it: a firewall says the same. An answer without it must have \
                        been recorded ([R])";
            faults.push(Fault::new(at, "it needs the provider's own envelope", todo));
        }
        Word::Accepted | Word::Limited | Word::Refused | Word::Unknown => {}
    }
    if row.content_type.as_ref().is_some_and(|wanted| wanted.chars().any(|c| c.is_ascii_uppercase())) {
        faults.push(Fault::new(format!("{at}.content_type"), "it has upper-case letters", "write it in lower case"));
    }
    for (index, test) in row.json.iter().enumerate() {
        json(test, &format!("{at}.json[{index}]"), faults);
    }
}

fn json(test: &JsonTest, at: &str, faults: &mut Vec<Fault>) {
    if !test.at.is_empty() && !test.at.starts_with('/') {
        let todo = "write a JSON pointer, as in /errors/0/code, or nothing for the whole body";
        faults.push(Fault::new(format!("{at}.at"), format!("{:?} is no pointer", test.at), todo));
    }
    let more = test.is.is_some() || test.equals.is_some() || test.not_equals.is_some() || !test.contains_any.is_empty();
    if test.absent && more {
        faults.push(Fault::new(at, "what is absent is nothing else", "write absent = true alone"));
    }
}

fn reason(verdict: Word, given: bool, at: &str, faults: &mut Vec<Fault>) {
    if (verdict == Word::Unknown) != given {
        let todo = "give one to unknown, and to nothing else";
        faults.push(Fault::new(at, "a reason belongs to unknown", todo));
    }
}

fn disputed(verdict: Word, disputed: Option<&String>, at: &str, faults: &mut Vec<Fault>) {
    if verdict == Word::Refused && disputed.is_some() {
        let todo = "write limited or unknown: where sources disagree, nobody is called dead";
        faults.push(Fault::new(at, "sources disagree about a refusal", todo));
    }
}
