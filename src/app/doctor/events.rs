//! Events: can they come, and when did one come last?

use super::check::{Check, Part};
use super::{Doctor, Seen};
use crate::config::InventorySettings;
use crate::ledger::Ledger;

/// Looks at the way of events into one source; nothing where it takes none.
pub(super) async fn look(doctor: &Doctor<'_>, index: usize, inventory: &InventorySettings) -> Option<Check> {
    if inventory.events_secrets.is_empty() {
        return None;
    }
    let setting = format!("inventory[{index}].events_secret");
    let http = &doctor.settings.http;
    let (Some(_), Some(url)) = (http.public_listen, &http.public_url) else {
        let what = "no event can come: they come to the public listener, and it is off".to_owned();
        let todo = "set http.public_listen and http.public_url";
        return Some(Check::warning(Part::Source, setting, what, todo).of(&inventory.name));
    };
    let last = match Ledger::open_read_only(&doctor.settings.ledger.url).await {
        Ok(ledger) => ledger.last_event(&inventory.name).await.ok().flatten(),
        Err(_) => None, // what is wrong with the ledger is told of the ledger
    };
    let last = last.map_or_else(|| "none has come yet".to_owned(), |at| format!("the last one came at {at}"));
    Some(Check::ok(Part::Source, setting, format!("events come to {url}events; {last}")).of(&inventory.name))
}

/// All that there is to look at in a source that is not read.
pub(super) async fn alone(doctor: &Doctor<'_>, index: usize, inventory: &InventorySettings) -> Seen {
    Vec::from_iter(look(doctor, index, inventory).await).into()
}
