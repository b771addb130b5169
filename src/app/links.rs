//! The links of mails, made from the ledger's key and the public address.

use std::time::Duration;

use url::Url;

use super::App;
use crate::domain::ids::{FindingId, MailId, PersonId};
use crate::domain::link::{ActionLink, Token};
use crate::escrow::Escrow;
use crate::ports::Clock;
use crate::ports::links::{Issued, Links};

/// Makes links.
pub(super) struct LinkMaker<'a> {
    vault: &'a Escrow,
    base: &'a Url,
    life: Duration,
}

impl<C: Clock> App<C> {
    /// What makes the links of mails; `None` where nobody serves the pages that they would lead to.
    pub(super) fn link_maker(&self) -> Option<LinkMaker<'_>> {
        let http = &self.settings.http;
        let base = http.public_url.as_ref().filter(|_| http.public_listen.is_some())?;
        Some(LinkMaker { vault: &self.vault, base, life: self.settings.links.life })
    }
}

impl LinkMaker<'_> {
    fn issued(&self, place: &str, token: &Token) -> Issued {
        let link = ActionLink::new(format!("{}{place}/{}", self.base, token.expose()));
        Issued { link, hash: token.hash() }
    }
}

impl Links for LinkMaker<'_> {
    fn action(&self, mail: MailId, person: PersonId, finding: FindingId) -> Issued {
        self.issued("a", &self.vault.action_token(mail, person, finding))
    }

    fn unsubscribe(&self, mail: MailId, person: PersonId) -> Issued {
        self.issued("u", &self.vault.unsubscribe_token(mail, person))
    }

    fn life(&self) -> Duration {
        self.life
    }
}
