//! A credential: what is believed of it, who uses it, what was found about it, and what happened.

use super::DONE;
use super::findings;
use super::frame::{Ask, Scene};
use super::query::{Query, path};
use super::sheet::{ActField, ActForm, Acts, Cell, Column, Part, Sheet, Table};
use super::story;
use super::trouble::Trouble;
use crate::http::access::Right;
use crate::ledger::read::{CredentialRow, Cursor, FindingFilter, Longer, Meant, Moment, Order};
use crate::report::text::second;
use crate::report::words::stands;

/// Findings that are listed here; a key that thousands share has more.
const FINDINGS: usize = 50;

/// The page of the credential whose fingerprint ends with these digits.
///
/// # Errors
/// Where there is none, and where the ledger doesn't answer.
pub(super) async fn sheet(ask: &Ask, name: &str) -> Result<Sheet, Trouble> {
    let done = Query::read(ask.query.as_deref(), &[DONE])?.has(DONE);
    let nothing = || {
        let what = "There is no credential of this name. A credential is named by the last twelve hex digits of its \
                    fingerprint; the list of credentials has those that there are.";
        Trouble::Nothing(what.to_owned())
    };
    let mut moment = ask.ledger.at_one_moment().await?;
    let id = match moment.credential_number(name).await? {
        Meant::Nothing => return Err(nothing()),
        Meant::One(id) => id,
        Meant::Several(several) => return which(ask, &mut moment, &several).await,
    };
    let told = story::of(ask, &mut moment, id).await?.ok_or_else(nothing)?;
    let row = told.credential();
    let about = FindingFilter { credential: Some(row.id), ..FindingFilter::default() };
    let listed = moment.findings_page(&about, Cursor::start(Order::Worst), FINDINGS).await?;
    let found = Table {
        id: "findings",
        title: "Findings".to_owned(),
        columns: findings::columns(),
        rows: listed.rows.iter().map(|row| findings::cells(row, &ask.scene.facts())).collect(),
        empty: "Nothing was ever found about it.".to_owned(),
        note: match listed.next {
            None => String::new(),
            Some(_) => {
                "There are more: look in the list of findings, in all states, for the credential's name.".to_owned()
            }
        },
        ..Table::default()
    };
    let mut parts = vec![
        story::credential(row, &ask.scene),
        story::uses(&told),
        Part::Table(found),
        story::course(&told, "course", "What happened"),
    ];
    parts.extend(acts(row, name, &ask.scene));
    Ok(Sheet {
        heading: format!("Credential {}", row.credential),
        noted: done.then(|| noted(row)),
        lead: vec![match row.placeholder {
            true => {
                "It stands in for a row of the inventory without a secret: there is no key, and it is not counted as \
                     one."
                    .to_owned()
            }
            false => format!("It is {}: {}.", row.liveness, stands(row)),
        }],
        parts,
    })
}

/// How it stands, for who has just acted.
fn noted(row: &CredentialRow) -> String {
    match row.compromised_at {
        Some(at) => format!(
            "As it stands, it counts as leaked since {}, by the operator's word. A scan judges that, and then a finding opens \
             in every account that has the key.",
            second(at)
        ),
        None => "As it stands, no operator says that it leaked. The next scan judges that.".to_owned(),
    }
}

/// What who may act can say of it. What stands in for a key can't leak.
fn acts(row: &CredentialRow, name: &str, scene: &Scene) -> Option<Part> {
    if row.placeholder || !scene.may(Right::Act) {
        return None;
    }
    // What is left empty stays as it was said before.
    let is_said = row.compromised_at.is_some();
    let day = if is_said { "On which day, if it was another" } else { "On which day, if it was not today" };
    let said = ActForm {
        follows: match row.died_at {
            Some(_) => "It counts as leaked. It is proven dead already, so nothing opens. Do not write the key itself.",
            None => {
                "It counts as leaked, and a scan begins: a finding opens in every account that has the key, its people \
                 are told, and it stays until the provider's refusal is proven. Do not write the key itself."
            }
        }
        .to_owned(),
        fields: vec![
            ActField::day(("at", day), None, [None, Some(scene.now)]),
            ActField {
                name: "note",
                label: "What is known of it, in a sentence",
                kind: "text",
                value: String::new(),
                bounds: Default::default(),
                required: false,
            },
        ],
        buttons: vec![("leaked", "It leaked".to_owned())],
        ..ActForm::default()
    };
    let back = ActForm {
        follows: "The operator's word is taken back; what the platform says of it stays. The next scan judges that."
            .to_owned(),
        buttons: vec![("not-leaked", "It did not leak after all".to_owned())],
        ..ActForm::default()
    };
    let forms = if is_said { vec![said, back] } else { vec![said] };
    Some(Part::Acts(Acts { title: "Did it leak?", action: path("/credentials", name), forms }))
}

/// The page of a name that several have.
async fn which(ask: &Ask, moment: &mut Moment, several: &[Longer]) -> Result<Sheet, Trouble> {
    let mut rows = Vec::with_capacity(several.len());
    for longer in several {
        let Some(detail) = moment.credential_by_id(longer.id).await? else { continue };
        let row = detail.credential;
        rows.push(vec![
            Cell::text(&longer.name).to(format!("/credentials/{}", longer.name)),
            Cell::provider(&ask.scene.title(&row.provider), &row.provider),
            Cell::text(&if row.key_tail.is_empty() { String::new() } else { format!("…{}", row.key_tail) }),
            Cell::text(row.liveness.as_str()),
            Cell::number(u64::from(row.open_uses)),
        ]);
    }
    let columns = ["Credential", "Provider", "Key", "The key is"].map(Column::text);
    Ok(Sheet {
        heading: "Which credential?".to_owned(),
        lead: vec!["Several credentials end in these digits. More of their digits tell them apart.".to_owned()],
        parts: vec![Part::Table(Table {
            id: "list",
            title: format!("{} credentials", rows.len()),
            columns: columns.into_iter().chain([Column::number("Open uses")]).collect(),
            rows,
            ..Table::default()
        })],
        ..Sheet::default()
    })
}
