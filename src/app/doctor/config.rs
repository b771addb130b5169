//! Settings and the secrets that they name, as far as they can be judged without the world.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::Doctor;
use super::check::{Check, Part};
use crate::app::{AppError, build, faults};
use crate::config::{Problem, SecretRef};
use crate::escrow::MasterKey;
use crate::mail::SmtpMailer;

const MASTER_KEY: &str = "escrow.master_key";

/// What the other looks need of the configuration.
#[derive(Default)]
pub(super) struct Prepared {
    /// what was found
    pub(super) checks: Vec<Check>,
    /// the master key, where it could be had
    pub(super) master: Option<MasterKey>,
    /// the way to the mail server, where there is one and its settings are good
    pub(super) mailer: Option<SmtpMailer>,
}

/// Fetches every secret and puts the parts together that nobody has to be asked for.
pub(super) fn prepare(doctor: &Doctor<'_>) -> Prepared {
    let mut prepared = Prepared::default();
    for warning in doctor.warnings {
        let todo = "change it, or leave it where it is meant";
        prepared.checks.push(Check::warning(Part::Config, &warning.key, &warning.sentence, todo));
    }
    if doctor.settings.inventories.is_empty() {
        let words = AppError::NoInventory.to_string();
        prepared.checks.push(Check::told(Part::Config, "inventory", &words, "add an [[inventory]]"));
    }
    for secret in doctor.settings.secrets() {
        prepared.checks.extend(kept_openly(secret));
        if secret.setting() != MASTER_KEY
            && let Err(error) = secret.resolve(doctor.env)
        {
            prepared.checks.push(Check::told(Part::Config, secret.setting(), &error.to_string(), "correct it"));
        }
    }
    for remark in doctor.catalogue.remarks() {
        prepared.checks.push(Check::ok(Part::Config, "catalogue.directory", remark));
    }
    prepared.master(doctor);
    prepared.mail(doctor);
    for fault in faults(doctor.settings, doctor.catalogue, doctor.env) {
        let part = if fault.key == MASTER_KEY { Part::MasterKey } else { Part::Config };
        prepared.checks.push(of_fault(part, &fault));
    }
    if prepared.all_is_well() {
        prepared.checks.push(Check::ok(Part::Config, "", format!("{} is good", doctor.place)));
    }
    prepared
}

impl Prepared {
    fn master(&mut self, doctor: &Doctor<'_>) {
        let had = doctor.settings.escrow.master_key.resolve(doctor.env);
        match had.map(|text| MasterKey::parse(&text)) {
            Ok(master) => self.master = master.ok(), // what is wrong with it is told with all that is
            Err(error) => {
                self.checks.push(Check::told(Part::MasterKey, MASTER_KEY, &error.to_string(), "correct it"));
            }
        }
    }

    fn mail(&mut self, doctor: &Doctor<'_>) {
        let Some(sending) = &doctor.settings.mail.sending else {
            let what = "not set: nothing is mailed, findings are listed only";
            self.checks.push(Check::ok(Part::Mail, "mail.smtp_url", what));
            return;
        };
        let timeout = doctor.settings.mail.timeout.min(doctor.limit);
        // What is wrong with it is told with all that is.
        self.mailer = build::mailer(sending, timeout, doctor.env).ok().map(|(mailer, _)| mailer);
    }

    fn all_is_well(&self) -> bool {
        !self.checks.iter().any(|check| check.is_error() && check.part == Part::Config)
    }
}

/// What is wrong, with where it is written.
pub(super) fn of_fault(part: Part, fault: &Problem) -> Check {
    Check::error(part, &fault.key, format!("{}: {}", fault.place, fault.what), &fault.todo)
}

/// A warning where others than its owner may read the file that holds a secret.
fn kept_openly(secret: &SecretRef) -> Option<Check> {
    let path = secret.path()?;
    let others = mode(path)? & 0o077;
    let what = format!("{} may be read by others than its owner", path.display());
    let todo = format!("chmod 600 {}", path.display());
    (others & 0o044 != 0).then(|| Check::warning(Part::Config, secret.setting(), what, todo))
}

/// The permissions of a regular file.
pub(super) fn mode(path: &Path) -> Option<u32> {
    let metadata = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file)?;
    Some(metadata.permissions().mode())
}
