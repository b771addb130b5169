//! Settings that contradict each other, in the words of a senior colleague.

use std::time::Duration;

use super::inventories::Place;
use super::problem::Warning;
use super::secret_ref::SecretRef;
use super::settings::{ProviderSettings, Settings};
use super::shown::HIDDEN;
use crate::domain::ids::ProviderName;
use crate::domain::policy::{Hold, RulePolicy};
use crate::domain::time::{days, hours, words};
use crate::inventory::{Address, Protection};

/// Everything that is allowed and probably not meant.
pub(super) fn find(settings: &Settings) -> Vec<Warning> {
    let mut found = Vec::new();
    let mut say = |key: &str, sentence: String| {
        found.push(Warning { place: settings.place_of(key), key: key.to_owned(), sentence });
    };
    holding(settings, &mut say);
    holding_long(settings, &mut say);
    asking(settings, &mut say);
    for (name, own) in &settings.providers {
        provider(settings, name, own, &mut say);
    }
    mailing(settings, &mut say);
    linking(settings, &mut say);
    telling(settings, &mut say);
    literals(settings, &mut say);
    reading(settings, &mut say);
    found
}

fn reading(settings: &Settings, say: &mut impl FnMut(&str, String)) {
    for one in &settings.inventories {
        let Place::Sql(queries) = &one.place else { continue };
        // where the address is elsewhere, `doctor` looks at it
        let address = queries.url.literal().and_then(|url| Address::parse(url, &queries.base).ok());
        if let Some(what) = address.and_then(|address| unprotected(address.protection())) {
            say(queries.url.setting(), what.to_owned());
        }
    }
}

/// What is said of the way to a database; `None` where nobody on it can do harm.
pub fn unprotected(way: Protection) -> Option<&'static str> {
    match way {
        Protection::Sure => None,
        Protection::Unchecked => Some(
            "secrets come from another machine, and whoever stands in its place on the way is not noticed: add \
             sslmode=verify-full (PostgreSQL) or ssl-mode=verify_identity (MySQL, MariaDB)",
        ),
        Protection::Plain => Some(
            "secrets come from another machine, perhaps without TLS: add sslmode=verify-full (PostgreSQL) or \
             ssl-mode=verify_identity (MySQL, MariaDB)",
        ),
    }
}

fn holding(settings: &Settings, say: &mut impl FnMut(&str, String)) {
    let (retention, settle) = (settings.escrow.retention, settings.liveness.settle.value);
    if settings.escrow.hold != Hold::None && retention < settle {
        say(
            "escrow.retention",
            format!(
                "copies are destroyed after {}, before a dead credential has settled ({}): many will stay unproven",
                words(retention),
                words(settle)
            ),
        );
    }
}

fn holding_long(settings: &Settings, say: &mut impl FnMut(&str, String)) {
    let retention = settings.escrow.retention;
    if settings.escrow.hold != Hold::None && retention > days(730) {
        say(
            "escrow.retention",
            format!("copies that can't be proven dead are held for {}; 90d is usual", words(retention)),
        );
    }
}

fn telling(settings: &Settings, say: &mut impl FnMut(&str, String)) {
    for (index, one) in settings.webhooks.iter().enumerate().filter(|(_, one)| one.inside) {
        say(
            &format!("webhook[{index}].dangerous_inside"),
            format!("messages to {:?} go to any address, and without TLS if it says so", one.name),
        );
    }
    for (index, one) in settings.inventories.iter().enumerate() {
        if one.schedule.is_some() && settings.schedule.scan.is_none() {
            say(
                &format!("inventory[{index}].schedule"),
                "schedule.scan is off, so `keysweep run` reads nothing by itself, this source neither".to_owned(),
            );
        }
        if let Place::Http(lists) = &one.place
            && lists.inside
        {
            say(
                &format!("inventory[{index}].dangerous_inside"),
                format!("the login and the secrets of {:?} may go over the network without TLS", one.name),
            );
        }
    }
    if settings.mail.operator.is_some() && settings.mail.sending.is_none() {
        say("mail.operator", "nobody is told by mail, for there is no mail server: set mail.smtp_url too".to_owned());
    }
}

fn asking(settings: &Settings, say: &mut impl FnMut(&str, String)) {
    let liveness = &settings.liveness;
    if liveness.unproven_after < liveness.confirm_gap.value {
        say(
            "liveness.unproven_after",
            "a refusal is called unproven before it can be confirmed; make it longer than confirm_gap".to_owned(),
        );
    }
    if liveness.timeout < liveness.connect_timeout {
        say("liveness.connect_timeout", "it is longer than timeout, which ends the question first".to_owned());
    }
    let mailjet = ProviderName::new("mailjet");
    let own = settings.providers.get(&mailjet).and_then(|own| own.confirm_gap);
    let general = liveness.confirm_gap.explicit.then_some(liveness.confirm_gap.value);
    if own.or(general).is_some_and(|gap| gap < hours(2)) {
        let key = if own.is_some() { "providers.mailjet.confirm_gap" } else { "liveness.confirm_gap" };
        say(
            key,
            "Mailjet's SMTP accepts an old secret for more than an hour after it was reset; with less than 2h a \
             secret that still sends may be called dead"
                .to_owned(),
        );
    }
}

fn provider(settings: &Settings, name: &ProviderName, own: &ProviderSettings, say: &mut impl FnMut(&str, String)) {
    let key = |key: &str| format!("providers.{name}.{key}");
    for (protocol, address) in &own.dangerous_test_endpoints {
        say(
            &key(&format!("dangerous_test_endpoints.{protocol}")),
            format!(
                "every credential of {name} is sent to {address} instead of the provider; never do this with real ones"
            ),
        );
    }
    if let Some(settle) = own.settle.filter(|settle| *settle > settings.escrow.retention) {
        say(
            &key("settle"),
            format!("it is {}, longer than escrow.retention: copies are destroyed before that", words(settle)),
        );
    }
    if let Some(max_age) = own.max_age.filter(|age| *age <= settings.warn_before(name)) {
        say(&key("max_age"), too_short(max_age));
    }
    if own.max_age.is_none() && own.warn_before.is_some_and(|before| usual_age(settings) <= before) {
        say(&key("warn_before"), due_at_once(settings));
    }
}

/// The greatest age of a secret where nothing else is said.
fn usual_age(settings: &Settings) -> Duration {
    settings.policy.max_age.unwrap_or(RulePolicy::default().max_age)
}

fn too_short(max_age: Duration) -> String {
    format!("it is {}, not longer than warn_before: every secret is due from its first day", words(max_age))
}

fn due_at_once(settings: &Settings) -> String {
    format!("it is not shorter than max_age ({}): every secret is due from its first day", words(usual_age(settings)))
}

fn mailing(settings: &Settings, say: &mut impl FnMut(&str, String)) {
    let policy = &settings.policy;
    if usual_age(settings) <= policy.warn_before {
        match policy.max_age {
            Some(max_age) => say("policy.max_age", too_short(max_age)),
            None => say("policy.warn_before", due_at_once(settings)),
        }
    }
    let has_sender = settings.shown.iter().any(|shown| shown.key == "mail.from");
    if settings.mail.sending.is_none() && has_sender {
        say("mail.from", "there is a sender, but without smtp_url nothing is mailed".to_owned());
    }
}

fn linking(settings: &Settings, say: &mut impl FnMut(&str, String)) {
    let http = &settings.http;
    if http.public_url.is_some() && http.public_listen.is_none() {
        say("http.public_url", "nothing listens for it: without public_listen mails have no links".to_owned());
    }
    let takes_events = settings.inventories.iter().any(|inventory| !inventory.events_secrets.is_empty());
    if http.public_listen.is_some() && settings.mail.sending.is_none() && !takes_events {
        say("http.public_listen", "without mail.smtp_url nobody gets a link that leads there".to_owned());
    }
    for (index, inventory) in settings.inventories.iter().enumerate() {
        if !inventory.events_secrets.is_empty() && http.public_listen.is_none() {
            let sentence = "no event can come: they come to /events of the public listener; set http.public_listen and \
                            http.public_url";
            say(&format!("inventory[{index}].events_secret"), sentence.to_owned());
        }
    }
    let is_said = settings.shown.iter().any(|shown| shown.key == "http.trust_forwarded" && shown.origin != "default");
    let is_behind_a_proxy = http.public_url.as_ref().is_some_and(|url| url.scheme() == "https");
    if http.public_listen.is_some() && is_behind_a_proxy && !is_said {
        say(
            "http.trust_forwarded",
            "all people come from the proxy that speaks TLS for public_url, and are one visitor where their number is \
             limited; set it to true where that proxy adds the client's address to X-Forwarded-For, else say false"
                .to_owned(),
        );
    }
}

fn literals(settings: &Settings, say: &mut impl FnMut(&str, String)) {
    let in_file = |key: &str| settings.shown.iter().any(|shown| shown.key == key && !shown.from_env);
    let literals = settings.secrets().into_iter().filter(|secret| secret.is_literal()).map(SecretRef::setting);
    // The ledger's address is no reference any more: it was fetched when it was read.
    let is_kept_here = settings.shown.iter().any(|shown| shown.key == "ledger.url" && shown.value == HIDDEN);
    let ledger = (is_kept_here && settings.ledger.url.has_password()).then_some("ledger.url");
    for key in literals.chain(ledger).filter(|key| in_file(key)) {
        say(
            key,
            "the secret itself stands here, where backups and colleagues see it; move it to env:NAME, file:PATH or \
             cred:NAME"
                .to_owned(),
        );
    }
}
