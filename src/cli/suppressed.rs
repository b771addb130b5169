//! `mail suppressed` and `mail unsuppress`: addresses that are left alone, and the way back.

use std::io::Write as _;

use serde_json::json;

use super::args::{Form, TextFormat};
use super::output::table;
use super::{CliError, Done, lists, reader, told};
use crate::app::time_by;
use crate::config::Settings;
use crate::domain::ids::PersonId;
use crate::ledger::read::Suppressed;
use crate::ledger::{Ledger, OpenError};

/// Lists them; addresses masked, unless they are asked for.
pub async fn list(settings: &Settings, addresses: bool, format: TextFormat) -> Result<Done, CliError> {
    let looking = reader(settings).await?;
    let all = looking.suppressed(time_by(&looking).await?).await?;
    let address = |one: &Suppressed| match (&one.address, addresses) {
        (Some(address), true) => address.expose().to_owned(),
        (Some(address), false) => address.to_string(),
        (None, _) => String::new(),
    };
    if format == TextFormat::Json {
        let rows = all.iter().map(|one| {
            json!({
                "person": one.person, "account_id": one.account, "member_id": one.member, "address": address(one),
                "until": one.until.to_string(), "reason": one.reason,
            })
        });
        return lists::json(&rows.collect::<Vec<_>>());
    }
    let mut out = anstream::stdout();
    if all.is_empty() {
        writeln!(out, "No address is left alone.")?;
        return Ok(Done::Ok);
    }
    let rows = all.iter().map(|one| {
        let (account, member) = (one.account.clone(), one.member.clone());
        vec![one.person.to_string(), account, member, address(one), one.until.to_string(), one.reason.clone()]
    });
    writeln!(out, "{}", table(&["person", "account", "member", "address", "until", "reason"], rows.collect()))?;
    Ok(Done::Ok)
}

/// Lets one address be written to again, which may be several people's; it may be named by one of them.
pub async fn lift(settings: &Settings, who: &str, form: Form) -> Result<Done, CliError> {
    let looking = reader(settings).await?;
    let now = time_by(&looking).await?;
    let all = looking.suppressed(now).await?;
    looking.close().await;
    let people: Vec<PersonId> = all.iter().filter(|one| is_meant(one, who)).map(|one| one.person).collect();
    if people.is_empty() {
        return Err(CliError::Other(
            "nobody of that address or number is left alone; `keysweep mail suppressed` lists those who are".to_owned(),
        ));
    }
    let ledger = match Ledger::open(&settings.ledger.url).await {
        // A daemon asks for each mail whether its address is left alone, so it need not stop for this.
        Err(OpenError::Held { .. }) => Ledger::open_beside(&settings.ledger.url).await?,
        opened => opened?,
    };
    let freed = ledger.unsuppress(&people, now).await?;
    ledger.close().await;
    let sentence = format!(
        "{} {} again. What was not said to them meanwhile, the next run of mail says where it still holds.\n",
        freed.len(),
        if freed.len() == 1 { "person can be written to" } else { "people can be written to" }
    );
    told::tell(form, &sentence, &json!({"people": freed, "freed": freed.len()}))?;
    Ok(Done::Ok)
}

fn is_meant(one: &Suppressed, who: &str) -> bool {
    let who = who.trim();
    if who.contains('@') {
        return one.address.as_ref().is_some_and(|address| address.expose().eq_ignore_ascii_case(who));
    }
    one.person.to_string() == who
}
