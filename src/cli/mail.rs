//! `mail …`: who would get what, and letting mail leave.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::Write;

use serde_json::json;

use super::args::{MailVerb, ReleaseArgs, TextFormat};
use super::output::table;
use super::words::minute;
use super::{CliError, Done, bounce, lists, reader, sample, suppressed, told, trial, who};
use crate::app::{AppError, counted, tell_policy, time_by};
use crate::config::{Env, Settings};
use crate::domain::brake::Braked;
use crate::domain::ids::PersonId;
use crate::domain::time::Timestamp;
use crate::ledger::read::{PutOff, Reader};
use crate::ledger::{Ledger, OpenError};
use crate::notify::{Planned, Preview, preview};
use crate::ports::notify::{MailMode, NotifyLedger, WaitReason};
use crate::providers::Catalogue;

/// Mails and domains that are shown one by one.
const SHOWN: usize = 10;
/// People who are looked up together.
const PAGE: usize = 1_000;

/// Shows who would get what, or lets mail leave.
pub async fn run(what: MailVerb, settings: Settings, env: &Env) -> Result<Done, CliError> {
    match what {
        MailVerb::Preview { format } => {
            let sight = Sight::of(&reader(&settings).await?, &settings).await?;
            if format == TextFormat::Json { lists::json(&sight.document()) } else { sight.show() }
        }
        MailVerb::Test { address, form } => trial::run(&settings, env, &address, form).await,
        MailVerb::Bounce { from, form } => bounce::run(&settings, env, from.as_deref(), form).await,
        MailVerb::Suppressed { addresses, format } => suppressed::list(&settings, addresses, format).await,
        MailVerb::Unsuppress { who, form } => suppressed::lift(&settings, &who, form).await,
        MailVerb::Sample(args) => sample::run(&args, &settings),
        MailVerb::Release(args) => release(args, &settings, env).await,
    }
}

async fn release(args: ReleaseArgs, settings: &Settings, env: &Env) -> Result<Done, CliError> {
    let ledger = match Ledger::open(&settings.ledger.url).await {
        // A daemon looks at each run whether mail may leave, so it need not stop for this.
        Err(OpenError::Held { .. }) => Ledger::open_beside(&settings.ledger.url).await?,
        opened => opened?,
    };
    let sight = Sight::of(&ledger, settings).await?;
    let mode = match (args.baseline, args.ramp) {
        (true, _) => MailMode::Baseline,
        (false, Some(people)) => MailMode::Ramp { people: people.unwrap_or(settings.mail.telling.ramp_size) },
        (false, None) => MailMode::Released,
    };
    ledger.release_mail_by(time_by(&ledger).await?, mode, who(env).as_ref()).await?;
    let next = "The daemon's next run of mail, or the next `keysweep scan --notify`,";
    let words = match mode {
        MailMode::Baseline if ledger.mail_mode().await? == MailMode::Baseline => {
            "The first whole scan will be recorded and not told; what is new after it is mailed.".to_owned()
        }
        MailMode::Baseline => {
            "What is open now is recorded and not told; what is new, reopens or grows worse is mailed.".to_owned()
        }
        MailMode::Ramp { people } => {
            let people = counted(u64::from(people), "person", "people");
            format!("Mail is released, to {people} a run, the worst first. {next} begins; due are {}.", sight.amount())
        }
        MailMode::Released | MailMode::Preview => format!("Mail is released. {next} sends {}.", sight.amount()),
    };
    let unset = match settings.mail.sending {
        Some(_) => "",
        None => "mail.smtp_url and mail.from are not set yet: set both first.\n",
    };
    let document =
        json!({"mode": mode_word(mode).0, "ramp": mode_word(mode).1, "can_mail": unset.is_empty(), "told": words});
    told::tell(args.form, &format!("{words}\n{unset}"), &document)?;
    Ok(Done::Ok)
}

/// How mail leaves, in a word, and to how many people a run where that is limited.
const fn mode_word(mode: MailMode) -> (&'static str, Option<u32>) {
    match mode {
        MailMode::Preview => ("preview", None),
        MailMode::Ramp { people } => ("ramp", Some(people)),
        MailMode::Baseline => ("baseline", None),
        MailMode::Released => ("released", None),
    }
}

/// Everything that a preview shows.
struct Sight {
    now: Timestamp,
    mode: MailMode,
    braked: Option<Braked>,
    preview: Preview,
    /// what was planned before and waits
    put_off: Vec<PutOff>,
    /// distinct addresses
    people: u64,
    /// mails by the domain that they go to, the most first
    domains: Vec<(String, u64)>,
    /// who the worst mails are to
    readers: HashMap<PersonId, Reader>,
}

impl Sight {
    async fn of(ledger: &Ledger, settings: &Settings) -> Result<Self, CliError> {
        let catalogue = Catalogue::load(settings.catalogue.directory.as_deref()).map_err(AppError::from)?;
        let policy = tell_policy(settings, &catalogue);
        let now = time_by(ledger).await?;
        let preview = preview(ledger, &policy, now).await?;
        let mut readers = HashMap::new();
        let (mut people, mut domains) = (BTreeSet::new(), BTreeMap::<String, u64>::new());
        for (number, page) in preview.mails.chunks(PAGE).enumerate() {
            let ids: Vec<PersonId> = page.iter().map(|mail| mail.person).collect();
            for reader in ledger.readers(&ids).await? {
                let address = reader.address.as_ref().map_or("", |address| address.expose());
                people.insert(address.to_lowercase());
                let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain);
                *domains.entry(domain.to_lowercase()).or_default() += 1;
                if number == 0 {
                    readers.insert(reader.id, reader);
                }
            }
        }
        let mut domains: Vec<(String, u64)> = domains.into_iter().collect();
        domains.sort_by_key(|(_, mails)| std::cmp::Reverse(*mails)); // stable: by name within a count
        let (mode, braked) = (ledger.mail_mode().await?, ledger.braked().await?);
        let put_off = ledger.put_off().await?;
        Ok(Self { now, mode, braked, people: people.len() as u64, preview, put_off, domains, readers })
    }

    /// Account, member and masked address: the operator need not see whom a mail goes to to know who is meant.
    fn who(&self, mail: &Planned) -> [String; 3] {
        let Some(reader) = self.readers.get(&mail.person) else { return Default::default() };
        let address = reader.address.as_ref().map(ToString::to_string).unwrap_or_default();
        [reader.account.clone(), reader.member.clone(), address]
    }

    fn document(&self) -> serde_json::Value {
        let worst = self.preview.mails.iter().take(SHOWN).map(|mail| {
            let [account, member, address] = self.who(mail);
            json!({
                "account_id": account, "member_id": member, "address": address, "severity": mail.worst.as_str(),
                "findings": mail.findings,
            })
        });
        let domains = self.domains.iter().map(|(domain, mails)| json!({"domain": domain, "mails": mails}));
        let brake = self
            .braked
            .map(|braked| json!({"since": braked.since.to_string(), "new": braked.new, "allowed": braked.allowed}));
        let (mode, ramp) = mode_word(self.mode);
        json!({
            "released": self.mode.lets_leave(), "mode": mode, "ramp": ramp, "brake": brake,
            "mails": self.preview.mails.len(), "people": self.people, "findings": self.preview.findings,
            "held": self.preview.held, "nobody": self.preview.nobody, "domains": domains.collect::<Vec<_>>(),
            "put_off": self.put_off, "worst": worst.collect::<Vec<_>>(),
        })
    }

    fn show(&self) -> Result<Done, CliError> {
        let mut out = anstream::stdout();
        writeln!(out, "{}. This would send {}.", self.leaving(), self.amount())?;
        for (what, findings) in [
            ("Waiting, because the key is being refused and that is not confirmed yet", self.preview.held),
            ("With nobody who may be told", self.preview.nobody),
        ] {
            if findings > 0 {
                writeln!(out, "{what}: {}.", counted(findings, "finding", "findings"))?;
            }
        }
        for put_off in &self.put_off {
            writeln!(out, "{}", waiting(put_off, self.now))?;
        }
        if !self.preview.mails.is_empty() {
            let row = |mail: &Planned| {
                let [account, member, address] = self.who(mail);
                vec![account, member, address, mail.worst.to_string(), mail.findings.to_string()]
            };
            let rows = self.preview.mails.iter().take(SHOWN).map(row).collect();
            writeln!(out, "{}", table(&["account", "member", "address", "worst", "findings"], rows))?;
            let rows = self.domains.iter().take(SHOWN).map(|(domain, mails)| vec![domain.clone(), mails.to_string()]);
            writeln!(out, "{}", table(&["domain", "mails"], rows.collect()))?;
            let more = self.domains.len().saturating_sub(SHOWN) as u64;
            if more > 0 {
                writeln!(out, "and {} more; --format json has all of them", counted(more, "domain", "domains"))?;
            }
        }
        if !self.mode.lets_leave() || self.braked.is_some() {
            writeln!(out, "To let mail leave: keysweep mail release [--ramp N | --baseline]")?;
        }
        Ok(Done::Ok)
    }

    fn leaving(&self) -> String {
        if let Some(braked) = self.braked {
            let new = counted(braked.new, "finding is", "findings are");
            return format!(
                "The brake is on since {}: {new} new, far more than usual (up to {}). Nothing leaves",
                braked.since, braked.allowed
            );
        }
        match self.mode {
            MailMode::Preview => "Mail is in preview: nothing leaves".to_owned(),
            MailMode::Ramp { people } => {
                let people = counted(u64::from(people), "person", "people");
                format!("Mail is released, to {people} a run who were never written to")
            }
            MailMode::Baseline => "Mail waits for the baseline: nothing leaves before the first whole scan".to_owned(),
            MailMode::Released => "Mail is released".to_owned(),
        }
    }

    fn amount(&self) -> String {
        let mails = counted(self.preview.mails.len() as u64, "mail", "mails");
        let people = counted(self.people, "person", "people");
        format!("{mails} to {people} about {}", counted(self.preview.findings, "finding", "findings"))
    }
}

/// What was planned before and waits, in a sentence.
fn waiting(put_off: &PutOff, now: Timestamp) -> String {
    let (why, ending) = match put_off.reason {
        WaitReason::Cap => ("Waiting for room among the mails of a day", ""),
        WaitReason::Held => {
            ("Waiting, because the key is being refused and that is not confirmed yet", ", until a next run")
        }
        WaitReason::Quiet => ("Waiting for quiet hours to end", ""),
        WaitReason::Ramp => ("Waiting for their turn in the ramp", ", until a next run"),
    };
    let ending = match (put_off.from, put_off.until) {
        (_, Some(until)) if until <= now => ", until now: they go with the next run".to_owned(),
        (Some(from), Some(until)) if from == until => format!(", until {}", minute(until)),
        (Some(from), Some(until)) => format!(", from {} until {}", minute(from), minute(until)),
        _ => ending.to_owned(),
    };
    let notices = counted(put_off.notices, "notice", "notices");
    format!("{why}: {notices} to {}{ending}.", counted(put_off.people, "person", "people"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::hours;

    #[test]
    fn what_waits_is_told_with_an_end_that_is_still_to_come() {
        let now = Timestamp::from_secs(1_790_000_000);
        let told = |from, until| {
            let put_off = PutOff { reason: WaitReason::Quiet, notices: 3, people: 1, from, until };
            waiting(&put_off, now)
        };
        let (one, two) = (Some(now + hours(1)), Some(now + hours(2)));
        let words = "Waiting for quiet hours to end: 3 notices to 1 person";
        assert_eq!(told(one, one), format!("{words}, until {}.", minute(now + hours(1))));
        assert_eq!(
            told(one, two),
            format!("{words}, from {} until {}.", minute(now + hours(1)), minute(now + hours(2)))
        );
        for over in [now, now - hours(1)] {
            assert_eq!(told(Some(over), Some(over)), format!("{words}, until now: they go with the next run."));
        }
        assert_eq!(told(None, None), format!("{words}."));
    }
}
