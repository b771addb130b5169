//! Each section's keys, read and checked against each other.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono_tz::Tz;

use super::http::http;
use super::inventories::inventories;
use super::links::links;
use super::policy::{Known, policy};
use super::problem::Fault;
use super::reader::{Log, Section};
use super::run::run;
use super::schedule::schedule;
use super::secret_ref::{Env, SecretRef};
use super::settings::{
    CatalogueSettings, Chosen, Control, EscrowSettings, LedgerSettings, LedgerUrl, LivenessSettings, MailSettings,
    ProviderSettings, Sending, Settings,
};
use super::shown::{HIDDEN, Shown};
use super::telemetry::telemetry;
use super::telling::telling;
use super::templates::templates;
use super::tree::{Node, Origin, Table, Value};
use super::values::{address, duration, durations, mailbox, number, one_of, pace, return_path, some_time, text, words};
use super::webhooks::webhooks;
use crate::domain::ids::ProviderName;
use crate::domain::policy::{Hold, LivenessPolicy};
use crate::domain::spelling::nearest;
use crate::domain::time::days;
use crate::providers::catalogue::{Catalogue, CatalogueProblem};

/// More of anything at once is a slip of the finger.
const MANY: u32 = 10_000;

/// Reads the merged tree. What is wrong goes to the log; then the settings are not to be used.
pub(super) fn read(
    tree: &Table,
    defaults: &Table,
    log: &Log,
    base: &Path,
    env: &Env,
    known_providers: &[&str],
) -> Settings {
    let root = Section::root(tree, defaults, log);
    let schedule = schedule(root.section("schedule"));
    let inventories = inventories(&root, base, schedule.zone);
    let (catalogue, own_providers) = catalogue(root.section("catalogue"), base, log);
    let known_providers: Vec<&str> =
        known_providers.iter().copied().chain(own_providers.iter().map(String::as_str)).collect();
    let own_catalogue = catalogue.directory.clone();
    let sources: Vec<String> = inventories.iter().map(|one| one.name.clone()).collect();
    let sources: Vec<&str> = sources.iter().map(String::as_str).collect();
    let known = Known { providers: &known_providers, sources: &sources, zone: schedule.zone };
    let mut settings = Settings {
        ledger: ledger(root.section("ledger"), base, env),
        escrow: escrow(root.section("escrow"), base, !inventories.is_empty()),
        inventories,
        webhooks: webhooks(&root, base),
        catalogue,
        liveness: liveness(root.section("liveness")),
        providers: providers(&root.section("providers"), base, &known_providers),
        policy: policy(root.section("policy"), known),
        links: links(root.section("links")),
        mail: mail(root.section("mail"), base, schedule.zone, own_catalogue.as_deref(), log),
        run: run(root.section("run")),
        http: http(root.section("http"), base),
        schedule,
        telemetry: telemetry(root.section("telemetry"), base),
        shown: Vec::new(),
    };
    root.close();
    show(tree, "", log, &mut settings.shown);
    settings
}

fn ledger(section: Section<'_>, base: &Path, env: &Env) -> LedgerSettings {
    // A path may be shown. Anything else may hold a login, or be meant to.
    if !section
        .find("url", |node| Ok(matches!(&node.value, Value::Text(text) if text.starts_with("sqlite:"))))
        .unwrap_or(true)
    {
        section.hide("url");
    }
    let url = section.get("url", |node| {
        let text = text(node)?;
        match text.split_once(':') {
            Some(("env" | "file" | "cred", _)) => {
                let place = SecretRef::parse("ledger.url", &text, base)?;
                // Needed by every command that has to do with the ledger: found out at once.
                let url = place.resolve(env).map_err(|error| {
                    let words = error.to_string();
                    let words = words.strip_prefix("ledger.url: ").unwrap_or(&words);
                    let (what, todo) = words.split_once("; ").unwrap_or((words, "correct it"));
                    Fault::new(what, todo)
                })?;
                ledger_url(url.expose(), base)
            }
            _ => ledger_url(&text, base),
        }
    });
    section.close();
    LedgerSettings { url }
}

/// The address, from the value itself. It is not quoted in what is wrong with it.
fn ledger_url(text: &str, base: &Path) -> Result<LedgerUrl, Fault> {
    let (kind, place) = text.split_once(':').unwrap_or((text, ""));
    match (kind, place.strip_prefix("//").unwrap_or(place)) {
        ("sqlite", "") => Err(Fault::new("the path is missing", "write \"sqlite:\" and a path")),
        ("sqlite", ":memory:") => Ok(LedgerUrl::new(text)),
        ("sqlite", path) => match base.join(path).to_str() {
            Some(path) => Ok(LedgerUrl::new(&format!("sqlite:{path}"))),
            None => Err(Fault::new(
                "it is in a folder whose name is not UTF-8",
                "write an absolute path to another folder, or rename the folder",
            )),
        },
        ("postgres" | "postgresql", "") => {
            Err(Fault::new("the server is missing", "write \"postgres://USER@HOST/DATABASE\""))
        }
        ("postgres" | "postgresql", _) => Ok(LedgerUrl::new(text)),
        _ => Err(Fault::new(
            "this is the address of neither SQLite nor PostgreSQL",
            "write \"sqlite:\" and a path, or \"postgres://USER@HOST/DATABASE\"",
        )),
    }
}

fn escrow(section: Section<'_>, base: &Path, needed: bool) -> EscrowSettings {
    const HOLDS: &[(&str, Hold)] =
        &[("until-proven", Hold::UntilProven), ("at-deletion", Hold::AtDeletion), ("none", Hold::None)];
    let master_key = section.find_secret("master_key", |key, node| SecretRef::parse(key, &secret_text(node)?, base));
    let hold = section.find("hold", one_of(HOLDS));
    if needed {
        let todo = "choose \"until-proven\" (held until the provider's refusal is proven, at most through retention), \
                    \"at-deletion\" (held while the connection is open, then for one look) or \"none\" (never held; \
                    nothing is proven)";
        section.report_missing(
            "hold",
            Fault::new("how long copies of credentials are held is your promise to make", todo),
        );
    }
    let retention = section.get("retention", some_time);
    section.close();
    EscrowSettings {
        master_key: master_key.unwrap_or_else(SecretRef::nowhere),
        hold: hold.unwrap_or(Hold::None),
        retention,
    }
}

/// The folder of the operator's own files, and the names of the providers in it. What is wrong with a file is told at its
/// own place.
fn catalogue(section: Section<'_>, base: &Path, log: &Log) -> (CatalogueSettings, Vec<String>) {
    let directory = section.find("directory", text).map(|path| base.join(path));
    section.close();
    let Some(folder) = &directory else { return (CatalogueSettings::default(), Vec::new()) };
    let names = match Catalogue::load(Some(folder)) {
        Ok(catalogue) => catalogue.names().into_iter().map(str::to_owned).collect(),
        Err(error) => {
            let report = |problem: CatalogueProblem| {
                let place = problem.place();
                log.report_at(place, &problem.key, Fault::new(problem.what, problem.todo));
            };
            error.0.into_iter().for_each(report);
            Vec::new()
        }
    };
    (CatalogueSettings { directory }, names)
}

fn liveness(section: Section<'_>) -> LivenessSettings {
    let usual = LivenessPolicy::default();
    let chosen = |key, default| {
        let set = section.find(key, some_time);
        Chosen { value: set.unwrap_or(default), explicit: set.is_some() }
    };
    let settings = LivenessSettings {
        probe_every: section.get("probe_every", some_time),
        confirm_gap: chosen("confirm_gap", usual.confirm_gap),
        settle: chosen("settle", usual.settle),
        unproven_after: section.get("unproven_after", some_time),
        in_flight: section.get("in_flight", count),
        timeout: section.get("timeout", some_time),
        connect_timeout: section.get("connect_timeout", some_time),
    };
    section.close();
    settings
}

fn providers(section: &Section<'_>, base: &Path, known: &[&str]) -> BTreeMap<ProviderName, ProviderSettings> {
    let mut all = BTreeMap::new();
    for (name, section) in section.named() {
        if known.contains(&name) {
            all.insert(ProviderName::new(name), provider(section, base));
        } else {
            let meant = nearest(name, known.iter().copied());
            let meant = meant.map_or_else(String::new, |meant| format!("did you mean \"{meant}\"? "));
            let todo = format!("{meant}known are {}", known.join(", "));
            section.report_here(Fault::new("there is no such provider", todo));
        }
    }
    all
}

fn provider(section: Section<'_>, base: &Path) -> ProviderSettings {
    let settings = ProviderSettings {
        max_age: section.find("max_age", some_time),
        warn_before: section.find("warn_before", duration),
        pace: section.find("pace", pace),
        in_flight: section.find("in_flight", count),
        confirm_gap: section.find("confirm_gap", some_time),
        settle: section.find("settle", some_time),
        control: section.find_section("control").and_then(|section| control(section, base)),
        protocols: section.find("protocols", words),
        dangerous_test_endpoints: section.find("dangerous_test_endpoints", endpoints).unwrap_or_default(),
    };
    section.close();
    settings
}

fn control(section: Section<'_>, base: &Path) -> Option<Control> {
    let key_id = section.find("key_id", text);
    let secret = section.find_secret("secret", |key, node| SecretRef::parse(key, &secret_text(node)?, base));
    section.report_missing("secret", Fault::new("it is missing", "set it, or leave the control out"));
    section.close();
    Some(Control { key_id, secret: secret? })
}

fn endpoints(node: &Node) -> Result<BTreeMap<String, url::Url>, Fault> {
    let Value::Table(table) = &node.value else {
        let todo = "write e.g. { rest = \"http://127.0.0.1:18081\" }";
        return Err(Fault::new(format!("this is {}, not addresses by protocol", node.kind()), todo));
    };
    table
        .iter()
        .map(|(protocol, node)| {
            let of_protocol = |fault: Fault| Fault::new(format!("{protocol}: {}", fault.what), fault.todo);
            Ok((protocol.clone(), address(node).map_err(of_protocol)?))
        })
        .collect()
}

fn mail(section: Section<'_>, base: &Path, zone: Tz, catalogue: Option<&Path>, log: &Log) -> MailSettings {
    let settings = MailSettings {
        sending: sending(&section, base),
        return_path: section.find("return_path", return_path),
        bounces: bounces(&section, base),
        reply_to: section.find("reply_to", mailbox),
        platform: section.get("platform", text),
        templates: templates(&section, base, catalogue, log),
        telling: telling(&section, zone),
        operator: section.find("operator", mailbox),
        recheck_after: section.get("recheck_after", duration),
        sessions: section.get("sessions", number(1..=100)) as usize,
        timeout: section.get("timeout", some_time),
        retry: section.get("retry", durations),
        retry_jitter: section.get("retry_jitter", number(0..=100)),
        per_minute: section.find("per_minute", number(1..=1_000_000)).and_then(NonZeroU32::new),
        per_domain_per_minute: section.find("per_domain_per_minute", number(1..=1_000_000)).and_then(NonZeroU32::new),
        suppress_for: section.get("suppress_for", duration),
        keep_for: section.get("keep_for", long_enough),
    };
    section.close();
    settings
}

/// As long as links, returned mails and auditors may ask for a mail.
fn long_enough(node: &Node) -> Result<Duration, Fault> {
    match duration(node)? {
        span if span < days(100) => {
            Err(Fault::new("it must be 100 days or more", "write e.g. \"730d\": who was told what is evidence"))
        }
        span => Ok(span),
    }
}

fn sending(section: &Section<'_>, base: &Path) -> Option<Sending> {
    let from = section.find("from", mailbox);
    let smtp_url = section.find_secret("smtp_url", |key, node| SecretRef::parse(key, &secret_text(node)?, base));
    if smtp_url.is_some() {
        let todo = "write e.g. from = \"Key hygiene <keys@example.org>\"";
        section.report_missing("from", Fault::new("mails need a sender", todo));
    }
    Some(Sending { smtp_url: smtp_url?, from: from? })
}

fn bounces(section: &Section<'_>, base: &Path) -> Option<PathBuf> {
    let mailbox = section.find("bounces", text).map(|path| base.join(path));
    if mailbox.is_some() {
        let todo = "write e.g. return_path = \"bounces@mail.example.org\"";
        section.report_missing("return_path", Fault::new("what comes back can't be told apart without it", todo));
    }
    mailbox
}

fn count(node: &Node) -> Result<usize, Fault> {
    number(1..=MANY)(node).map(|count| count as usize)
}

/// Like [`text`], without a word about the value.
pub(super) fn secret_text(node: &Node) -> Result<String, Fault> {
    match &node.value {
        Value::Text(text) => Ok(text.clone()),
        _ => Err(Fault::new("this is not text", "write \"env:NAME\", \"file:PATH\" or \"cred:NAME\"")),
    }
}

fn show(table: &Table, path: &str, log: &Log, shown: &mut Vec<Shown>) {
    for (key, node) in table {
        let key = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        show_node(node, key, log, shown);
    }
}

fn show_node(node: &Node, key: String, log: &Log, shown: &mut Vec<Shown>) {
    match &node.value {
        Value::Table(inner) => show(inner, &key, log, shown),
        Value::List(items) if items.iter().any(|item| matches!(item.value, Value::Table(_))) => {
            for (index, item) in items.iter().enumerate() {
                show_node(item, format!("{key}[{index}]"), log, shown);
            }
        }
        _ => {
            let value = if log.is_secret(&key) { secret_in_toml(&key, node) } else { in_toml(node) };
            let origin = if node.origin == Origin::Default { "default".to_owned() } else { log.place(&node.origin) };
            shown.push(Shown { key, value, origin, from_env: node.is_env() });
        }
    }
}

fn secret_in_toml(key: &str, node: &Node) -> String {
    if let Value::List(items) = &node.value {
        return format!("[{}]", items.iter().map(|item| secret_in_toml(key, item)).collect::<Vec<_>>().join(", "));
    }
    match secret_text(node).and_then(|text| SecretRef::parse(key, &text, Path::new(""))) {
        Ok(place) if !place.is_literal() => format!("\"{place}\""),
        _ => HIDDEN.to_owned(),
    }
}

fn in_toml(node: &Node) -> String {
    match &node.value {
        Value::Text(text) => toml::Value::String(text.clone()).to_string(),
        Value::Integer(number) => number.to_string(),
        Value::Flag(flag) => flag.to_string(),
        Value::Other(text) => text.clone(),
        Value::List(items) => format!("[{}]", items.iter().map(in_toml).collect::<Vec<_>>().join(", ")),
        Value::Table(_) => "{}".to_owned(),
    }
}
