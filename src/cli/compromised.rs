//! `compromised`: the operator says that a key leaked, or that it didn't after all.

use serde_json::json;

use super::args::CompromisedArgs;
use super::find::{Found, find, the_one};
use super::words::second;
use super::{CliError, Done, reader, told, who};
use crate::app::{counted, time_by};
use crate::config::{Env, Settings};
use crate::domain::compromise::{Noted, WordError, word};
use crate::domain::ids::CredentialId;
use crate::ledger::read::{CredentialDetail, MOST_USES, Moment};
use crate::ledger::{Ledger, OpenError};

/// Notes it in the ledger; the next scan judges it.
pub async fn run(args: CompromisedArgs, settings: &Settings, env: &Env) -> Result<Done, CliError> {
    let looking = reader(settings).await?;
    let now = time_by(&looking).await?;
    let word = if args.undo {
        None
    } else {
        let refused = |error: WordError| CliError::Other(format!("--{} {error}", error.field()));
        Some(word(args.at, args.note.as_deref(), now).map_err(refused)?)
    };
    let mut moment = looking.at_one_moment().await?;
    let id = named(&mut moment, &args.id).await?;
    let Some(detail) = moment.credential_by_id(id).await? else {
        return Err(CliError::Other(format!("the credential of {:?} is not in the ledger any more", args.id)));
    };
    drop(moment);
    looking.close().await;
    let ledger = match Ledger::open(&settings.ledger.url).await {
        // A daemon judges whatever is due, whoever made it so.
        Err(OpenError::Held { .. }) => Ledger::open_beside(&settings.ledger.url).await?,
        opened => opened?,
    };
    let noted = ledger.compromise(id, word.as_ref(), now, who(env).as_ref()).await?;
    ledger.close().await;
    let document = json!({
        "credential": detail.credential.credential, "provider": detail.credential.provider.to_string(),
        "changed": noted.changed, "compromised_at": noted.stands.as_ref().map(|leak| leak.at.to_string()),
    });
    told::tell(args.form, &told(&detail, &noted), &document)?;
    Ok(Done::Ok)
}

/// The one credential that an id names.
async fn named(moment: &mut Moment, id: &str) -> Result<CredentialId, CliError> {
    let connections = match find(moment, id).await? {
        Found::Finding(detail) => return Ok(detail.course.credential_number),
        Found::Credential(detail) => return Ok(detail.credential.id),
        Found::Connections(connections) => connections,
    };
    let used = the_one(id, &connections)?.uses.last();
    let used = used.ok_or_else(|| CliError::Other(format!("the connection {id:?} has never had a credential")))?;
    Ok(used.credential.id)
}

/// What was noted, of which key, and what follows.
fn told(detail: &CredentialDetail, noted: &Noted) -> String {
    let row = &detail.credential;
    let tail = if row.key_tail.is_empty() { String::new() } else { format!(", key …{}", row.key_tail) };
    let name = format!("Credential {} ({}{tail})", row.credential, row.provider);
    match &noted.stands {
        _ if !noted.changed => format!("{name}: that is what the ledger has already; nothing is changed.\n"),
        None => format!(
            "{name} no longer counts as leaked by the operator's word; what the platform says of it stays. The next scan \
             judges that.\n"
        ),
        Some(leak) => {
            let all = counted(detail.uses.len() as u64 + detail.uses_left_out, "use", "uses");
            let are = if row.open_uses == 1 { "is" } else { "are" };
            let bound = if row.open_uses as usize >= MOST_USES { "At least " } else { "" };
            let proven = if row.died_at.is_some() { " It is proven dead already, so nothing opens." } else { "" };
            format!(
                "{name} counts as leaked since {}. {bound}{} of its {all} {are} open. The next scan judges that: a finding \
                 opens in every account that has it, and stays until the provider's refusal is proven.{proven}\n",
                second(leak.at),
                row.open_uses
            )
        }
    }
}
