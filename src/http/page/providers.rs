//! The providers: what the catalogue says of each, and what the estate has there.

use super::frame::{Ask, Scene};
use super::query::{Query, path};
use super::sheet::{ActForm, Acts, Cell, Column, Fact, Facts, Part, Sheet, Table, Words};
use super::trouble::Trouble;
use super::{DONE, ProviderAbout, known, sight};
use crate::domain::age::AgeBand;
use crate::domain::belief::Liveness;
use crate::domain::facts::ConnectionStatus;
use crate::domain::finding::RuleName;
use crate::domain::ids::ProviderName;
use crate::http::access::Right;
use crate::ledger::read::ProviderOverview;

/// The list of all of them.
///
/// # Errors
/// Where a field is given: there is none.
pub(super) fn list(ask: &Ask) -> Result<Sheet, Trouble> {
    Query::read(ask.query.as_deref(), &[])?;
    let scene = &ask.scene;
    let row = |(name, title): &(String, String)| {
        let name = ProviderName::new(name);
        let numbers = numbers(scene, &name);
        let open = numbers.connections.get(&ConnectionStatus::Active).copied().unwrap_or_default()
            + numbers.connections.get(&ConnectionStatus::Paused).copied().unwrap_or_default();
        let about = scene.about.providers.get(&name);
        let sight = sight::provider(&scene.facts(), &name);
        vec![
            Cell::provider(title, &name),
            Cell::number(open),
            Cell::number(numbers.credentials.get(&Liveness::Live).copied().unwrap_or_default()),
            Cell::number(numbers.tombstones),
            Cell::number(found(scene, &name).iter().map(|(_, count)| count).sum()),
            Cell::text(about.map_or("not in the catalogue", |about| &about.max_age)),
            Cell::text(sight.word).small(sight.since()),
        ]
    };
    let table = Table {
        id: "list",
        title: "In the catalogue, and in the ledger".to_owned(),
        columns: vec![
            Column::text("Provider"),
            Column::number("Open connections"),
            Column::number("Live credentials"),
            Column::number("Uses left behind"),
            Column::number("Open findings"),
            Column::text("Secrets may be as old as"),
            Column::text("In sight"),
        ],
        rows: known::providers(scene).iter().map(row).collect(),
        empty: "The catalogue is empty.".to_owned(),
        note: "`keysweep providers show NAME` prints all that the catalogue says of one.".to_owned(),
        ..Table::default()
    };
    Ok(Sheet {
        heading: "Providers".to_owned(),
        lead: uncounted(scene),
        parts: vec![Part::Table(table)],
        ..Sheet::default()
    })
}

/// The page of one.
///
/// # Errors
/// Where neither the catalogue nor the ledger knows it, and where the ledger doesn't answer.
pub(super) async fn one(ask: &Ask, name: &str) -> Result<Sheet, Trouble> {
    let done = Query::read(ask.query.as_deref(), &[DONE])?.has(DONE);
    let (scene, name) = (&ask.scene, ProviderName::new(name));
    if !known::providers(scene).iter().any(|(known, _)| *known == name.as_str()) {
        let what = "There is no provider of this name, neither in the catalogue nor in the ledger.";
        return Err(Trouble::Nothing(what.to_owned()));
    }
    let mut parts = Vec::new();
    let mut lead = uncounted(scene);
    match scene.about.providers.get(&name) {
        Some(about) => parts.extend(catalogue(about)),
        None => lead.push("It is not in the catalogue, so its keys are not asked about.".to_owned()),
    }
    parts.insert(0, in_sight(scene, &name));
    parts.push(estate(scene, &name));
    parts.push(rules(scene, &name));
    let blind = ask.ledger.blind_endpoints().await?.iter().any(|(scope, _)| scope.provider == name);
    if blind && scene.may(Right::Act) {
        parts.insert(1, acts(&name));
    }
    Ok(Sheet { heading: scene.title(&name), noted: done.then(|| noted(blind).to_owned()), lead, parts })
}

/// How it stands, for who has just acted.
const fn noted(blind: bool) -> &'static str {
    match blind {
        true => "As it stands, it is blind: none of its refusals is believed.",
        false => {
            "As it stands, its refusals count from the next scan on. What is said of it below is from the last count of the \
             estate."
        }
    }
}

/// What who may act can do about its blindness.
fn acts(name: &ProviderName) -> Part {
    let trust = ActForm {
        follows: "From the next scan on its refusals count again: a key that is refused becomes suspect at once, and dead once \
                  that is confirmed. For 7 days, or until most keys are accepted, refusals in bulk are believed. Look at a \
                  few of its keys by yourself first."
            .to_owned(),
        buttons: vec![("trust", "Believe its refusals again".to_owned())],
        ..ActForm::default()
    };
    Part::Acts(Acts { title: "It is blind", action: path("/providers", name.as_str()), forms: vec![trust] })
}

/// Where the numbers are none because nobody has counted.
fn uncounted(scene: &Scene) -> Vec<String> {
    let words = || "The estate has not been counted yet: no number here is known.".to_owned();
    scene.overview.is_none().then(words).into_iter().collect()
}

fn numbers(scene: &Scene, name: &ProviderName) -> ProviderOverview {
    scene.overview.as_ref().and_then(|overview| overview.providers.get(name)).cloned().unwrap_or_default()
}

/// Open findings by rule.
fn found(scene: &Scene, name: &ProviderName) -> Vec<(RuleName, u64)> {
    let of = |rule: RuleName| {
        let all = scene.overview.iter().flat_map(|overview| &overview.findings);
        (rule, all.filter(|kind| kind.provider == *name && kind.rule == rule).map(|kind| kind.count).sum())
    };
    RuleName::ALL.into_iter().map(of).filter(|(_, count)| *count > 0).collect()
}

fn in_sight(scene: &Scene, name: &ProviderName) -> Part {
    let sentences = sight::provider(&scene.facts(), name).sentences();
    Part::Words(Words { id: "sight", title: "Is it in sight?".to_owned(), sentences })
}

fn catalogue(about: &ProviderAbout) -> [Part; 2] {
    let told = |pairs: &[(&str, &str)]| pairs.iter().filter_map(|(name, value)| Fact::told(name, value)).collect();
    let age = told(&[
        ("secrets may be as old as", &about.max_age),
        ("  because", &about.why),
        ("told before that", &about.warn_before),
        ("asked over", &about.protocols),
    ]);
    let reset = told(&[
        ("where", &about.path),
        ("address", &about.link),
        ("the old value", &about.old_value),
        ("what else stops", &about.breaks),
    ]);
    [
        Part::Facts(Facts { id: "age".to_owned(), title: "The rules there".to_owned(), facts: age }),
        Part::Facts(Facts { id: "reset".to_owned(), title: "Where a key is reset".to_owned(), facts: reset }),
    ]
}

fn estate(scene: &Scene, name: &ProviderName) -> Part {
    let numbers = numbers(scene, name);
    let number = |label: &str, number: u64, list: &str, field: (&str, &str)| {
        Fact::of(label, Cell::number(number).in_list(list, &[("provider", name.as_str()), field]))
    };
    let mut facts = Vec::new();
    for status in ConnectionStatus::ALL {
        let count = numbers.connections.get(&status).copied().unwrap_or_default();
        let label = format!("connections, {}", status.as_str());
        facts.push(number(&label, count, "/connections", ("status", status.as_str())));
    }
    for liveness in Liveness::ALL {
        let count = numbers.credentials.get(&liveness).copied().unwrap_or_default();
        facts.push(number(&format!("credentials, {liveness}"), count, "/credentials", ("liveness", liveness.as_str())));
    }
    let old: u64 = AgeBand::ALL.iter().filter_map(|band| numbers.ages.get(band)).sum();
    facts.push(Fact::of("secrets in use whose age matters", Cell::number(old)));
    facts.push(Fact::of("uses left behind", Cell::number(numbers.tombstones)));
    let oldest = Cell::maybe(numbers.oldest_since, scene.now, "none");
    let oldest = if numbers.is_oldest_a_bound() { oldest.small("at least") } else { oldest };
    facts.push(Fact::of("oldest secret", oldest));
    facts.push(Fact::of("oldest use left behind", Cell::maybe(numbers.oldest_tombstone, scene.now, "none")));
    Part::Facts(Facts { id: "estate".to_owned(), title: "The estate there".to_owned(), facts })
}

fn rules(scene: &Scene, name: &ProviderName) -> Part {
    let row = |(rule, count): (RuleName, u64)| {
        let list = [("provider", name.as_str()), ("rule", rule.as_str())];
        vec![Cell::text(rule.as_str()).in_list("/findings", &list), Cell::number(count)]
    };
    Part::Table(Table {
        id: "findings",
        title: "Open findings".to_owned(),
        columns: vec![Column::text("Rule"), Column::number("Open")],
        rows: found(scene, name).into_iter().map(row).collect(),
        empty: "No finding is open.".to_owned(),
        ..Table::default()
    })
}
