//! The part of `[mail]` that says who is told, and when.

use chrono_tz::Tz;

use super::problem::Fault;
use super::reader::Section;
use super::tree::Node;
use super::values::{flag, list, mailbox, number, one_of, quoted, text};
use crate::domain::brake::BrakePolicy;
use crate::domain::finding::RuleName;
use crate::domain::ladder::{Ladder, Ladders};
use crate::domain::quiet::{Quiet, QuietHours, Weekdays};
use crate::domain::record::Address;
use crate::domain::spelling::nearest;

/// More days, steps or mails are a slip of the finger.
const MANY: u32 = 10_000;

/// Who is told, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TellingSettings {
    /// the operator's own address for what nobody else can be told, or has not acted on
    pub security_contact: Option<Address>,
    /// how a new ledger begins
    pub first_run: FirstRun,
    /// people who are written to for the first time in one run of a ramp, at least one
    pub ramp_size: u32,
    /// when nobody is written to
    pub quiet: Quiet,
    /// mails that an address gets within 24 hours; `None` without a limit
    pub per_address_per_day: Option<u32>,
    /// when everything waits for the operator's word; `None` for never
    pub brake: Option<BrakePolicy>,
    /// the operator's own ladders
    pub ladders: Ladders,
}

/// How a new ledger begins to mail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FirstRun {
    /// not at all, until it is released
    #[default]
    Preview,
    /// with a few people at a time
    Ramp,
    /// with what is new after the first whole scan
    Baseline,
}

/// Reads it; `zone` is whose clocks count where a reader's own are not known.
pub(super) fn telling(section: &Section<'_>, zone: Tz) -> TellingSettings {
    const FIRST: &[(&str, FirstRun)] =
        &[("preview", FirstRun::Preview), ("ramp", FirstRun::Ramp), ("baseline", FirstRun::Baseline)];
    let some = |count: u32| (count > 0).then_some(count);
    let times = section.get("brake_times", number(0..=MANY));
    let at_least = section.get("brake_at_least", number(1..=MANY));
    TellingSettings {
        security_contact: section.find("security_contact", address),
        first_run: section.get("first_run", one_of(FIRST)),
        ramp_size: section.get("ramp_size", number(1..=MANY)),
        quiet: Quiet {
            hours: section.find("quiet", hours),
            weekdays: section.find("weekdays", weekdays).unwrap_or(Weekdays::ALL),
            zone,
            critical_too: section.get("quiet_critical", flag),
        },
        per_address_per_day: some(section.get("per_address_per_day", number(0..=MANY))),
        brake: some(times).map(|times| BrakePolicy { times, at_least }),
        ladders: section.find_section("ladder").as_ref().map(ladders).unwrap_or_default(),
    }
}

fn address(node: &Node) -> Result<Address, Fault> {
    let mailbox = mailbox(node)?;
    Address::parse(mailbox.email.as_ref()).ok_or_else(|| {
        Fault::new("this is no address that keysweep sends to", "write it plainly, as in \"security@example.org\"")
    })
}

fn hours(node: &Node) -> Result<QuietHours, Fault> {
    let text = text(node)?;
    let todo = "write when it begins and ends, as in \"20:00-08:00\"";
    QuietHours::parse(&text).map_err(|what| Fault::new(format!("{}: {what}", quoted(&text)), todo))
}

fn weekdays(node: &Node) -> Result<Weekdays, Fault> {
    let text = text(node)?;
    let todo = "write days in three letters, as in \"mon-fri\" or \"mon, wed, fri\"";
    Weekdays::parse(&text).map_err(|what| Fault::new(format!("{}: {what}", quoted(&text)), todo))
}

fn ladders(section: &Section<'_>) -> Ladders {
    let mut own = std::collections::BTreeMap::new();
    for (name, section) in section.named() {
        let Some(rule) = RuleName::parse(name) else {
            let names = || RuleName::ALL.into_iter().map(RuleName::as_str);
            let meant = nearest(name, names()).map_or_else(String::new, |meant| format!("did you mean \"{meant}\"? "));
            let todo = format!("{meant}rules are {}", names().collect::<Vec<_>>().join(", "));
            section.report_here(Fault::new("there is no such rule", todo));
            continue;
        };
        let days = section.find("days", days);
        section.report_missing("days", Fault::new("a ladder needs its days", "write e.g. days = [0, 7, 14, 30]"));
        let then_every = section.find("then_every", number(0..=MANY));
        let escalate_at = section.find("escalate_at", number(0..=MANY));
        match days.map(|days| Ladder::new(days, then_every, escalate_at)) {
            Some(Ok(ladder)) => _ = own.insert(rule, ladder),
            Some(Err((what, todo))) => section.report_here(Fault::new(what, todo)),
            None => {}
        }
        section.close();
    }
    Ladders::new(own)
}

fn days(node: &Node) -> Result<Vec<u32>, Fault> {
    list(node)?.iter().map(number(0..=MANY)).collect()
}
