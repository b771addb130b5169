//! A credential's story on a page: the same sentences as `keysweep explain` prints.

use super::findings::of_account;
use super::frame::{Ask, Scene};
use super::query::sentence;
use super::sheet::{Cell, Column, Course, Fact, Facts, Happened, Part, Table};
use super::trouble::Trouble;
use super::words::{count, harmless_line};
use crate::domain::ids::CredentialId;
use crate::http::told;
use crate::ledger::read::{CredentialRow, Moment};
use crate::report::story::{Story, credential_pairs, use_span};
use crate::report::text::second;

/// Uses that are listed; a key that thousands share is read elsewhere.
const USES: usize = 50;

/// The story, as far as the visitor may know it.
///
/// # Errors
/// Where the ledger doesn't answer.
pub(super) async fn of(ask: &Ask, moment: &mut Moment, id: CredentialId) -> Result<Option<Story>, Trouble> {
    Ok(told::story(moment, id, &ask.scene.visitor).await?)
}

/// What is believed of a credential, and why.
pub(super) fn credential(row: &CredentialRow, scene: &Scene) -> Part {
    let mut facts = vec![
        Fact::of("credential", Cell::text(&row.credential).to(format!("/credentials/{}", row.credential))),
        Fact::of("provider", Cell::provider(&scene.title(&row.provider), &row.provider)),
    ];
    if !row.key_tail.is_empty() {
        facts.push(Fact::of("key", Cell::text(&format!("…{}", row.key_tail))));
    }
    facts.extend(credential_pairs(row).iter().filter_map(|(name, value)| Fact::told(name, value)));
    let id = format!("credential-{}", row.credential);
    Part::Facts(Facts { id, title: "The credential".to_owned(), facts })
}

/// Who uses it.
pub(super) fn uses(story: &Story) -> Part {
    let row = |used: &crate::ledger::read::CredentialUse| {
        let name = format!("{}/{}", used.source, used.connection_id);
        vec![
            Cell::text(&name).to(format!("/connections/{}", used.connection)),
            of_account(&used.source, &used.account_id),
            Cell::text(used.status.as_str()),
            Cell::line(&use_span(used)),
        ]
    };
    let left = story.uses().len().saturating_sub(USES) as u64 + story.uses_left_out();
    Part::Table(Table {
        id: "uses",
        title: "Used by".to_owned(),
        columns: ["Connection", "Account", "Status", "Used"].map(Column::text).into(),
        rows: story.uses().iter().take(USES).map(row).collect(),
        empty: "No connection uses it.".to_owned(),
        note: match left {
            0 => String::new(),
            left => format!("And {} more.", count(left)),
        },
        ..Table::default()
    })
}

/// What happened, oldest first.
pub(super) fn course(story: &Story, id: &str, title: &str) -> Part {
    let entries =
        story.entries().iter().map(|entry| Happened { at: second(entry.at), what: harmless_line(&entry.what) });
    let left_out = story.left_out().iter().map(|left| format!("Left out: {}.", harmless_line(left)));
    Part::Course(Course {
        id: id.to_owned(),
        title: title.to_owned(),
        entries: entries.collect(),
        left_out: left_out.chain(story.warning().map(|warning| sentence(&warning))).collect(),
    })
}
