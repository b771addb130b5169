//! `[[webhook]]`: the operator's own endpoints.

use std::path::Path;
use std::time::Duration;

use super::problem::Fault;
use super::reader::Section;
use super::secret_ref::SecretRef;
use super::sections::secret_text;
use super::tree::Node;
use super::values::{flag, one_of, plain_name, some_time};
use crate::domain::announce::Form;
use crate::domain::time::days;

/// One endpoint of the operator's.
#[derive(Clone, Debug)]
pub struct WebhookSettings {
    /// what lists and the log call it
    pub name: String,
    /// in what form it takes messages
    pub form: Form,
    /// where it is: of some kinds the address is itself a secret
    pub url: SecretRef,
    /// what messages are signed with
    pub secret: Option<SecretRef>,
    /// true where it may be anywhere, and without TLS
    pub inside: bool,
    /// a message that it did not take for so long is left
    pub give_up_after: Duration,
}

/// How long an endpoint may not take a message, where nothing else is said.
pub const GIVE_UP_AFTER: Duration = days(3);

pub(super) fn webhooks(root: &Section<'_>, base: &Path) -> Vec<WebhookSettings> {
    root.each_named("webhook", |section| webhook(section, base), |one| &one.name)
}

fn webhook(section: &Section<'_>, base: &Path) -> WebhookSettings {
    const FORMS: &[(&str, Form)] = &[("standard", Form::Standard), ("slack", Form::Slack)];
    let secret = |key: &str, node: &Node| SecretRef::parse(key, &secret_text(node)?, base);
    let form = section.find("kind", one_of(FORMS)).unwrap_or_default();
    let url = section.find_secret("url", secret);
    section
        .report_missing("url", Fault::new("the address is missing", "write e.g. url = \"env:KEYSWEEP_WEBHOOK_URL\""));
    let signed = section.find_secret("secret", secret);
    if form == Form::Standard {
        let todo = "make one with `echo whsec_$(openssl rand -base64 32)` and name where it is, as in \"env:NAME\"";
        section.report_missing("secret", Fault::new("what messages are signed with is missing", todo));
    }
    WebhookSettings {
        name: section.get("name", name),
        form,
        url: url.unwrap_or_else(SecretRef::nowhere),
        secret: signed,
        inside: section.find("dangerous_inside", flag).unwrap_or(false),
        give_up_after: section.find("give_up_after", some_time).unwrap_or(GIVE_UP_AFTER),
    }
}

/// It stands in the identity of messages, in the log and in the ledger.
fn name(node: &Node) -> Result<String, Fault> {
    let name = plain_name(node)?;
    if name == OPERATOR {
        return Err(Fault::new(format!("{OPERATOR:?} is what mail.operator is called"), "take another name"));
    }
    Ok(name)
}

/// The name of the endpoint that is `mail.operator`.
pub const OPERATOR: &str = "operator-mail";
