//! `providers show`: everything that is known of one provider, with the source of each fact.

use std::io::{self, Write};

use serde_json::json;

use crate::cli::args::TextFormat;
use crate::cli::output::{pairs, plain, table};
use crate::cli::{CliError, lists};
use crate::domain::catalogue::{
    AnswerRow, Endpoint, Half, JsonTest, JsonType, Probe, ProbeAuth, Protocol, Provider, Word, classify, verdict,
};
use crate::domain::ids::ProviderName;
use crate::domain::remedy::{Remedies, Situation};
use crate::domain::spelling::nearest;
use crate::providers::catalogue::Catalogue;

/// Prints one provider, whole.
pub fn show(catalogue: &Catalogue, name: &str, format: TextFormat) -> Result<(), CliError> {
    let provider = catalogue.get(&ProviderName::new(name)).ok_or_else(|| unknown(catalogue, name))?;
    let file = super::file(catalogue, provider);
    if format == TextFormat::Json {
        lists::json(&json!({"file": file, "provider": provider}))?;
        return Ok(());
    }
    let mut out = anstream::stdout();
    writeln!(out, "{} ({}), {}\n", plain(&provider.title), provider.name, plain(&file))?;
    write!(out, "{}", pairs(&facts(provider)))?;
    for protocol in &provider.protocols {
        self::protocol(&mut out, protocol)?;
    }
    remedies(&mut out, "for people", &provider.remedies)?;
    if let Some(grant) = &provider.remedies.oauth {
        remedies(&mut out, "for people, where the connection was made by permission (OAuth)", grant)?;
    }
    kinds(&mut out, "for people", provider, &provider.remedies)?;
    for (language, texts) in provider.translations() {
        let heading = format!("for people who read {language}");
        remedies(&mut out, &heading, &texts)?;
        kinds(&mut out, &heading, provider, &texts)?;
    }
    Ok(())
}

fn unknown(catalogue: &Catalogue, name: &str) -> CliError {
    let names = catalogue.names();
    let meant = nearest(name, names.iter().copied());
    let meant = meant.map_or_else(String::new, |meant| format!("did you mean {meant:?}? "));
    CliError::Usage(format!("there is no provider {name:?}; {meant}known are {}", names.join(", ")))
}

fn facts(provider: &Provider) -> Vec<(&'static str, String)> {
    let (credential, rotation) = (&provider.credential, &provider.rotation);
    let kinds = credential.kinds.iter().map(|kind| {
        let shape = kind.shape.as_ref().map_or_else(String::new, |shape| format!(" {shape}"));
        format!("{} ({}){}{shape}", kind.title, kind.name, if kind.wanted { ", wanted" } else { "" })
    });
    let grace = match rotation.grace_hours {
        Some(hours) => format!("the old value lives for up to {hours} h"),
        None => "the old value dies at once".to_owned(),
    };
    let rotated = [
        if rotation.overlap { "several values side by side".to_owned() } else { "hard cut".to_owned() },
        grace,
        if rotation.self_service { "self-service" } else { "by a ticket to support" }.to_owned(),
        match rotation.shown_once {
            Some(true) => "shown once",
            Some(false) => "can be seen again",
            None => "whether it is shown once is not known",
        }
        .to_owned(),
    ];
    let hours = |hours: u64| format!("{hours} h");
    let refusal = provider.refusal.as_ref();
    vec![
        ("connected by", super::connected_by(provider.connects_by).to_owned()),
        ("key_id", credential.key_id.as_ref().map(half).unwrap_or_default()),
        ("secret", half(&credential.secret)),
        ("kinds", kinds.collect::<Vec<_>>().join("; ")),
        ("", credential.disputed.as_ref().map(|what| format!("disputed: {what}")).unwrap_or_default()),
        ("", credential.source.to_string()),
        ("pace", format!("{}, {} at once", super::pace(&provider.limits), provider.limits.in_flight)),
        ("", provider.limits.source.to_string()),
        ("max age", format!("{} d: {}", provider.age.max_days, provider.age.why)),
        ("", provider.age.source.to_string()),
        ("rotation", format!("{}: {}", rotated.join(", "), rotation.why)),
        ("", rotation.disputed.as_ref().map(|what| format!("disputed: {what}")).unwrap_or_default()),
        ("", rotation.source.to_string()),
        ("confirm gap", rotation.confirm_gap_hours.map(hours).unwrap_or_default()),
        ("settle", rotation.settle_days.map(|days| format!("{days} d")).unwrap_or_default()),
        (
            "refusals",
            refusal.map(|refusal| format!("count only after an acceptance: {}", refusal.why)).unwrap_or_default(),
        ),
        ("", refusal.map(|refusal| refusal.source.to_string()).unwrap_or_default()),
    ]
}

fn half(half: &Half) -> String {
    let looks = half.looks.as_ref().map_or_else(String::new, |looks| format!(", {looks}"));
    format!("{}{looks}", half.title)
}

fn protocol(out: &mut impl Write, protocol: &Protocol) -> io::Result<()> {
    writeln!(out, "\n== {} ({})", plain(&protocol.title), plain(&protocol.name))?;
    let rows = protocol.endpoints.iter().map(endpoint).collect();
    writeln!(out, "{}", table(&["endpoint", "regions", "address", "source"], rows))?;
    for probe in &protocol.probes {
        self::probe(out, probe)?;
    }
    if !protocol.replies.is_empty() {
        let rows = protocol.replies.iter().map(|row| {
            let said = row.contains.as_ref().map_or_else(String::new, |text| format!("with {text:?}"));
            let example = protocol.reply_examples.iter().find(|example| example.code == row.code);
            let example = example.map(|example| example.name.clone()).unwrap_or_default();
            vec![row.code.to_string(), plain(&said), meaning(row.verdict, row.reason), example, row.source.to_string()]
        });
        let pace = protocol
            .pace
            .map_or_else(String::new, |pace| format!(", {}", super::rate(pace.requests, pace.per_seconds)));
        writeln!(
            out,
            "\nasks by a login{pace}\n{}",
            table(&["reply", "text", "means", "example", "source"], rows.collect())
        )?;
    }
    Ok(())
}

fn endpoint(endpoint: &Endpoint) -> Vec<String> {
    let from = endpoint.customer.as_ref().map_or_else(String::new, |customer| {
        let places = [
            customer.secret.is_some().then_some("the secret"),
            customer.region.is_some().then_some("the region"),
            customer.base_url.then_some("base_url"),
        ];
        let places: Vec<&str> = places.into_iter().flatten().collect();
        format!(", {{customer}} from {}, under {}", places.join(" or "), customer.suffixes.join(" or "))
    });
    let regions = if endpoint.regions.is_empty() { "any".to_owned() } else { endpoint.regions.join(", ") };
    vec![endpoint.name.clone(), regions, plain(&format!("{}{from}", endpoint.base)), endpoint.source.to_string()]
}

fn probe(out: &mut impl Write, probe: &Probe) -> io::Result<()> {
    let query: Vec<String> = probe.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
    let auth = match &probe.auth {
        ProbeAuth::Basic(name, password) => format!("Basic {name}:{password}"),
        ProbeAuth::Header(name, value) => format!("{name}: {value}"),
        ProbeAuth::Query(name, value) => format!("in the query, {name}={value}"),
    };
    writeln!(out, "\nasks GET {}{}, {}", plain(&probe.path), plain(&query), plain(&auth))?;
    let more = [
        ("as", probe.key_kind.clone().unwrap_or_default()),
        (
            "only where",
            probe.when_secret.as_ref().map(|shape| format!("the secret is like {shape}")).unwrap_or_default(),
        ),
        ("source", probe.source.to_string()),
    ];
    write!(out, "{}", pairs(&more))?;
    let rows = probe.answers.iter().enumerate().map(|(index, row)| answer(probe, index, row)).collect();
    let headers = ["status", "type", "body", "means", "example", "source"];
    writeln!(out, "{}", table(&headers, rows))
}

fn answer(probe: &Probe, index: usize, row: &AnswerRow) -> Vec<String> {
    let meets = |example: &&crate::domain::catalogue::Example| {
        let content_type = example.content_type.as_deref();
        classify(&probe.answers, example.status, content_type, example.body.as_bytes()).1 == Some(index)
    };
    let example = probe.examples.iter().find(meets).map(|example| plain(&example.name)).unwrap_or_default();
    let disputed = row.disputed.as_ref().map_or_else(String::new, |what| format!("\ndisputed: {}", plain(what)));
    vec![
        row.status.to_string(),
        row.content_type.clone().unwrap_or_else(|| "any".to_owned()),
        plain(&body(row)),
        meaning(row.verdict, row.reason),
        example,
        format!("{}{disputed}", plain(&row.source.to_string())),
    ]
}

fn meaning(word: Word, reason: Option<crate::domain::outcome::Reason>) -> String {
    verdict(word, reason).to_string()
}

/// What a row asks of a body, in words.
fn body(row: &AnswerRow) -> String {
    let mut parts = Vec::new();
    if row.empty {
        parts.push("empty".to_owned());
    }
    if let Some(text) = &row.contains {
        parts.push(format!("with {text:?}"));
    }
    parts.extend(row.json.iter().map(test));
    if parts.is_empty() { "any".to_owned() } else { parts.join(", ") }
}

fn test(test: &JsonTest) -> String {
    let at = if test.at.is_empty() { "the body" } else { &test.at };
    if test.absent {
        return format!("no {at}");
    }
    let mut said = at.to_owned();
    if let Some(is) = test.is {
        said.push_str(match is {
            JsonType::Array => " is a list",
            JsonType::Boolean => " is true or false",
            JsonType::Number => " is a number",
            JsonType::Object => " is an object",
            JsonType::String => " is text",
        });
    }
    if let Some(value) = &test.equals {
        said.push_str(&format!(" = {value}"));
    }
    if let Some(value) = &test.not_equals {
        said.push_str(&format!(" ≠ {value}"));
    }
    if !test.contains_any.is_empty() {
        said.push_str(&format!(" with {:?}", test.contains_any.join("\" or \"")).replace("\\\"", "\""));
    }
    said
}

/// Where a kind of value has steps of its own.
fn kinds(out: &mut impl Write, heading: &str, provider: &Provider, whole: &Remedies) -> io::Result<()> {
    for (name, kind) in &whole.kinds {
        let known = provider.credential.kinds.iter().find(|known| known.name == *name);
        let title = known.map_or(name, |known| &known.title);
        remedies(out, &format!("{heading}, where the value is the {}", plain(title)), kind)?;
    }
    Ok(())
}

fn remedies(out: &mut impl Write, heading: &str, remedies: &Remedies) -> io::Result<()> {
    writeln!(out, "\n== {heading}")?;
    let known = [
        ("path", remedies.path.clone()),
        ("link", remedies.link.clone()),
        ("old value", remedies.old_value.clone()),
        ("breaks", remedies.breaks.clone()),
        ("source", remedies.source.to_string()),
    ];
    write!(out, "{}", pairs(&known))?;
    for situation in Situation::ALL {
        let Some(steps) = remedies.steps.get(&situation) else { continue };
        writeln!(out, "\n{}", situation.as_str())?;
        for (index, step) in steps.iter().enumerate() {
            writeln!(out, "  {}. {}", index + 1, plain(step))?;
        }
    }
    Ok(())
}
