//! How single values are read. Each says what is wrong and what would be right.

use std::ops::RangeInclusive;
use std::time::Duration;

use lettre::message::Mailbox;
use url::Url;

use super::problem::Fault;
use super::settings::Pace;
use super::tree::{Node, Value};
use crate::domain::secret::could_be_key;
use crate::domain::time::days;
use crate::domain::verp::ReturnPath;

const DURATION: &str = "write e.g. \"1h\" or \"90d\"";
const PACE: &str = "write e.g. \"10/s\", \"120/m\", \"100/h\" or \"unpaced\"";

/// Text with something in it.
pub(super) fn text(node: &Node) -> Result<String, Fault> {
    match &node.value {
        Value::Text(text) if text.trim().is_empty() => {
            Err(Fault::new("it is empty", "give it a value or leave it out"))
        }
        Value::Text(text) => Ok(text.trim().to_owned()),
        _ => Err(Fault::new(format!("this is {}, not text", node.kind()), "write it in quotes")),
    }
}

/// A length of time with a unit of exact length.
pub(super) fn duration(node: &Node) -> Result<Duration, Fault> {
    if let Value::Integer(number) = node.value {
        return Err(Fault::new(format!("{number} has no unit"), DURATION));
    }
    read_span(&text(node)?)
}

/// A length of time as people type it, read as in the configuration.
///
/// # Errors
/// What is wrong with it, and what to write.
pub fn span(text: &str) -> Result<Duration, String> {
    read_span(text.trim()).map_err(|fault| format!("{}; {}", fault.what, fault.todo))
}

fn read_span(text: &str) -> Result<Duration, Fault> {
    if text.parse::<f64>().is_ok() {
        return Err(Fault::new(format!("{} has no unit", quoted(text)), DURATION));
    }
    // humantime takes a month for 30.44 days; nobody means that
    if text.split(|c: char| !c.is_alphabetic()).any(is_inexact) {
        return Err(Fault::new(format!("{}: months and years have no exact length", quoted(text)), "write it in days"));
    }
    humantime::parse_duration(text).map_err(|_| Fault::new(format!("{} is not a duration", quoted(text)), DURATION))
}

/// A length of time that is not nothing.
pub(super) fn some_time(node: &Node) -> Result<Duration, Fault> {
    match duration(node)? {
        Duration::ZERO => Err(Fault::new("it must be longer than nothing", DURATION)),
        span => Ok(span),
    }
}

/// A day or more: what is counted in days.
pub(super) fn some_days(node: &Node) -> Result<Duration, Fault> {
    match duration(node)? {
        span if span < days(1) => Err(Fault::new("it must be a day or more", "write it in days, as in \"60d\"")),
        span => Ok(span),
    }
}

/// A list of lengths of time, at least one.
pub(super) fn durations(node: &Node) -> Result<Vec<Duration>, Fault> {
    let items = list(node)?;
    if items.is_empty() {
        return Err(Fault::new("the list is empty", "name at least one duration, as in [\"1m\", \"1h\"]"));
    }
    items.iter().map(some_time).collect()
}

/// A list of words, at least one.
pub(super) fn words(node: &Node) -> Result<Vec<String>, Fault> {
    let items = list(node)?;
    if items.is_empty() {
        return Err(Fault::new("the list is empty", "name at least one, or leave the key out"));
    }
    items.iter().map(text).collect()
}

/// A whole number within a range.
pub(super) fn number(range: RangeInclusive<u32>) -> impl Fn(&Node) -> Result<u32, Fault> {
    move |node| {
        let todo = format!("write a whole number from {} to {}", range.start(), range.end());
        let number = match &node.value {
            Value::Integer(number) => *number,
            // a variable can only hold text
            Value::Text(text) if node.is_env() => text
                .trim()
                .parse()
                .map_err(|_| Fault::new(format!("{} is not a number", quoted(text)), todo.clone()))?,
            _ => return Err(Fault::new(format!("this is {}, not a number", node.kind()), todo)),
        };
        match u32::try_from(number) {
            Ok(fitting) if range.contains(&fitting) => Ok(fitting),
            _ => Err(Fault::new(format!("{number} is out of range"), todo)),
        }
    }
}

/// True or false.
pub(super) fn flag(node: &Node) -> Result<bool, Fault> {
    match &node.value {
        Value::Flag(flag) => Ok(*flag),
        _ => Err(Fault::new(format!("this is {}, not true or false", node.kind()), "write true or false, no quotes")),
    }
}

/// One of a few words.
pub(super) fn one_of<T: Copy>(words: &'static [(&'static str, T)]) -> impl Fn(&Node) -> Result<T, Fault> {
    move |node| {
        let text = text(node)?;
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning);
        found.ok_or_else(|| {
            let known: Vec<_> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
            Fault::new(format!("{} is not a choice", quoted(&text)), format!("write {}", known.join(" or ")))
        })
    }
}

/// A name of the operator's choice that stands in logs, lists and other systems.
pub(super) fn plain_name(node: &Node) -> Result<String, Fault> {
    let name = text(node)?;
    if is_plain_name(&name) {
        return Ok(name);
    }
    Err(Fault::new(format!("{} can't be a name", quoted(&name)), "take up to 40 letters, digits, - and _"))
}

/// A source's name, of which lists make `SOURCE/ID`.
pub(super) fn source_name(node: &Node) -> Result<String, Fault> {
    let name = text(node)?;
    if name.contains('/') {
        let todo = "take another, for lists write a connection as SOURCE/ID";
        return Err(Fault::new(format!("{} can't be a name: it holds a /", quoted(&name)), todo));
    }
    Ok(name)
}

/// True for 1 to 40 letters, digits, - and _.
pub fn is_plain_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    (1..=40).contains(&name.len()) && name.chars().all(plain)
}

/// A mail address, with or without a name.
pub(super) fn mailbox(node: &Node) -> Result<Mailbox, Fault> {
    let text = text(node)?;
    let todo = "write e.g. \"keys@example.org\" or \"Key hygiene <keys@example.org>\"";
    text.parse().map_err(|_| Fault::new(format!("{} is not a mail address", quoted(&text)), todo))
}

/// Where mails come back to.
pub(super) fn return_path(node: &Node) -> Result<ReturnPath, Fault> {
    let text = text(node)?;
    ReturnPath::parse(&text).map_err(|what| {
        let todo = "write a short plain address, as in \"bounces@mail.example.org\"";
        Fault::new(format!("{} does not do: {what}", quoted(&text)), todo)
    })
}

/// So many in a second, a minute or an hour.
pub(super) fn pace(node: &Node) -> Result<Pace, Fault> {
    let text = text(node)?;
    if text == "unpaced" {
        return Ok(Pace::Unpaced);
    }
    let parsed = text.split_once('/').and_then(|(count, unit)| {
        let count = count.trim().parse().ok().filter(|count| *count > 0)?;
        let seconds = match unit.trim() {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            _ => return None,
        };
        Some(Pace::Paced { count, per: Duration::from_secs(seconds) })
    });
    parsed.ok_or_else(|| Fault::new(format!("{} is not a pace", quoted(&text)), PACE))
}

/// An address with a host.
pub(super) fn address(node: &Node) -> Result<Url, Fault> {
    let text = text(node)?;
    let parsed = Url::parse(&text).ok().filter(Url::has_host);
    parsed.ok_or_else(|| {
        Fault::new(format!("{} is not an address", quoted(&text)), "write e.g. \"http://127.0.0.1:18081\"")
    })
}

/// A log filter that telemetry takes.
pub(super) fn log_filter(node: &Node) -> Result<String, Fault> {
    let text = text(node)?;
    match crate::telemetry::logs::check_filter(&text) {
        Ok(()) => Ok(text),
        Err(_) => Err(Fault::new(
            format!("{} is not a log filter", quoted(&text)),
            "write a level such as \"info\", or \"info,keysweep::scan=debug\"",
        )),
    }
}

/// The text in quotes, harmless and short. What could be a key stood in the wrong line, and is not shown.
pub(super) fn quoted(text: &str) -> String {
    const LONGEST: usize = 60;
    if could_be_key(text) {
        return "what stands here, which could be a key and isn't shown,".to_owned();
    }
    if text.chars().count() <= LONGEST {
        return format!("{text:?}");
    }
    format!("{:?}...", text.chars().take(LONGEST).collect::<String>())
}

/// The items of a list; of a variable, what stands between commas.
pub(super) fn list(node: &Node) -> Result<Vec<Node>, Fault> {
    match &node.value {
        Value::List(items) => Ok(items.clone()),
        Value::Text(text) if node.is_env() => {
            let item = |text: &str| Node { value: Value::Text(text.trim().to_owned()), origin: node.origin.clone() };
            Ok(text.split(',').map(item).collect())
        }
        _ => Err(Fault::new(format!("this is {}, not a list", node.kind()), "write it as in [\"one\", \"two\"]")),
    }
}

fn is_inexact(unit: &str) -> bool {
    matches!(unit, "M" | "month" | "months" | "y" | "yr" | "yrs" | "year" | "years")
}
