//! The list of findings: what is looked for, in which order, a page at a time.

use super::facts::Facts;
use super::frame::{Ask, Scene};
use super::query::{FROM, Query};
use super::sheet::{Cell, Choice, Column, Form, Part, Sheet, Table, TextField};
use super::sight;
use super::trouble::Trouble;
use super::words::counted;
use super::{LISTED, known};
use crate::domain::finding::{RuleName, Severity};
use crate::ledger::read::{FindingFilter, FindingRow, FindingState, Order, Search, finding_name};

const LIST: &str = "/findings";
const FIELDS: [&str; 9] = ["q", "state", "rule", "severity", "provider", "source", "account", "sort", FROM];

/// The states that can be asked for: one, what is not closed, and all.
const STATES: [(&str, Shown); 5] = [
    ("open", Shown::One(FindingState::Open)),
    ("exempt", Shown::One(FindingState::Exempt)),
    ("closed", Shown::One(FindingState::Closed)),
    ("current", Shown::Current),
    ("all", Shown::All),
];

const ORDERS: [(&str, Order); 4] =
    [("worst", Order::Worst), ("newest", Order::Newest), ("latest", Order::Latest), ("number", Order::Number)];

/// How bad findings must be: exactly so, or at least.
const SEVERITIES: [(&str, Bad); 6] = [
    ("critical", Bad::As(Severity::Critical)),
    ("high", Bad::As(Severity::High)),
    ("medium", Bad::As(Severity::Medium)),
    ("low", Bad::As(Severity::Low)),
    ("high-or-worse", Bad::AtLeast(Severity::High)),
    ("medium-or-worse", Bad::AtLeast(Severity::Medium)),
];

#[derive(Clone, Copy)]
enum Bad {
    As(Severity),
    AtLeast(Severity),
}

#[derive(Clone, Copy)]
enum Shown {
    One(FindingState),
    Current,
    All,
}

/// The page of the list.
///
/// # Errors
/// Where a field means nothing, and where the ledger doesn't answer.
pub(super) async fn sheet(ask: &Ask) -> Result<Sheet, Trouble> {
    let query = Query::read(ask.query.as_deref(), &FIELDS)?;
    let order = query.one_of("sort", &ORDERS)?.unwrap_or(Order::Worst);
    let (provider, source) = (known::provider(ask, &query)?, known::source(ask, &query).await?);
    let filter = FindingFilter { provider, source, ..filter(&query)? };
    let page = ask.ledger.findings_page(&filter, query.cursor(order)?, LISTED).await?;
    let rows = page.rows.iter().map(|row| cells(row, &ask.scene.facts())).collect();
    let form = form(&query, &ask.scene);
    let table = Table {
        id: "list",
        title: title(page.rows.len(), page.next.is_some(), query.text(FROM).is_some()),
        columns: columns(),
        rows,
        empty: empty(&query, form.filled),
        ..Table::default()
    };
    let table = table.paged(&query, LIST, &page);
    Ok(Sheet { heading: "Findings".to_owned(), parts: vec![Part::Form(form), Part::Table(table)], ..Sheet::default() })
}

fn filter(query: &Query) -> Result<FindingFilter, Trouble> {
    let rules = RuleName::ALL.map(|rule| (rule.as_str(), rule));
    let bad = query.one_of("severity", &SEVERITIES)?;
    let shown = query.one_of("state", &STATES)?.unwrap_or(Shown::One(FindingState::Open));
    Ok(FindingFilter {
        state: if let Shown::One(state) = shown { Some(state) } else { None },
        current: matches!(shown, Shown::Current),
        rule: query.one_of("rule", &rules)?,
        at_least: if let Some(Bad::AtLeast(severity)) = bad { Some(severity) } else { None },
        severity: if let Some(Bad::As(severity)) = bad { Some(severity) } else { None },
        account: query.text("account").map(str::to_owned),
        search: query.text("q").and_then(Search::new),
        ..FindingFilter::default()
    })
}

fn form(query: &Query, scene: &Scene) -> Form {
    let word = |word: &str, label: &str| (word.to_owned(), label.to_owned());
    let states =
        [word("exempt", "exempt"), word("closed", "closed"), word("current", "open or exempt"), word("all", "all")];
    let severities = SEVERITIES.map(|(name, _)| word(name, &name.replace('-', " ")));
    let rules = RuleName::ALL.into_iter().map(|rule| word(rule.as_str(), rule.as_str()));
    let orders = [
        word("newest", "last opened first"),
        word("latest", "highest number first"),
        word("number", "lowest number first"),
    ];
    let filled = FIELDS.iter().any(|name| *name != FROM && query.text(name).is_some());
    Form {
        action: LIST,
        texts: vec![
            TextField::of(
                query,
                "q",
                "Look for",
                "F12, the id of a connection (or SOURCE/ID) or account, or a credential",
            ),
            TextField::of(query, "account", "Account", ""),
        ],
        choices: vec![
            Choice::of(query, ("state", "State"), "open", states),
            Choice::of(query, ("severity", "Severity"), "any", severities),
            Choice::of(query, ("rule", "Rule"), "any", rules),
            Choice::of(query, ("provider", "Provider"), "any", known::providers(scene)),
            Choice::of(query, ("source", "Source"), "any", known::sources(scene)),
            Choice::of(query, ("sort", "Order"), "worst first", orders),
        ],
        filled,
    }
}

/// How many there are on this page, and whether that is all.
pub(super) fn title(rows: usize, more: bool, later: bool) -> String {
    let rows = rows as u64;
    match (more, later) {
        (true, false) => format!("The first {rows}"),
        (true, true) => format!("The next {rows}"),
        (false, true) if rows == 0 => "Nothing more".to_owned(),
        (false, true) => format!("The last {rows}"),
        (false, false) => counted(rows, "in the list", "in the list"),
    }
}

/// Why nothing is listed. Who has chosen a state needs not be told to choose one.
fn empty(query: &Query, filled: bool) -> String {
    if !filled {
        return "No finding is open. A scan looks again; \"Scan now\" or `keysweep scan` starts one.".to_owned();
    }
    let whole = "Nothing matches. What is looked for must be whole: a finding's number, the id of a connection (alone or as \
                 SOURCE/ID) or account, or at least the last eight digits of a credential.";
    let more = match query.text("state") {
        None => " By default only open findings are listed: choose the state \"all\" to see the others too.",
        Some("all") => "",
        Some(_) => " Only findings of the chosen state are listed: choose the state \"all\" to see the others too.",
    };
    format!("{whole}{more}")
}

pub(super) fn columns() -> Vec<Column> {
    ["Finding", "Severity", "Rule", "State", "Provider", "Account", "Connection", "Since", "The key is"]
        .map(Column::text)
        .into()
}

/// An account, which leads to its findings. Its id counts only within its source.
pub(super) fn of_account(source: &str, account: &str) -> Cell {
    Cell::text(account).in_list(LIST, &[("source", source), ("account", account), ("state", "all")])
}

/// A finding in a line.
pub(super) fn cells(row: &FindingRow, facts: &Facts<'_>) -> Vec<Cell> {
    let name = finding_name(row.id);
    let connection = format!("/connections/{}", row.connection_number);
    vec![
        Cell::text(&name).to(format!("/findings/{name}")),
        Cell::severity(row.severity.as_str()),
        Cell::text(row.rule.as_str()),
        Cell::text(row.state.as_str()),
        Cell::provider(&sight::title(facts, &row.provider), &row.provider),
        of_account(&row.source, &row.account_id),
        Cell::text(&format!("{}/{}", row.source, row.connection_id)).to(connection),
        Cell::when(row.since, facts.now),
        Cell::text(row.liveness.as_str()).to(format!("/credentials/{}", row.credential)),
    ]
}
