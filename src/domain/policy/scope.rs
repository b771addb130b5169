//! Which connections an entry of the operator's is about.

use std::fmt;

use crate::domain::ids::ProviderName;

/// What entries are held against: a connection's use of a credential.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// the name of the connection's source
    pub source: &'a str,
    /// the platform's id of the account
    pub account: &'a str,
    /// the platform's id of the connection
    pub connection: &'a str,
    /// the credential's provider
    pub provider: &'a ProviderName,
    /// what the inventory says of the connection under `tags`
    pub tags: &'a [String],
}

/// Everything that is named must fit; what is `None` fits anybody. Names are compared letter by letter.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope {
    /// the platform's id of one connection
    pub connection: Option<String>,
    /// the platform's id of one account
    pub account: Option<String>,
    /// a word among the connection's `tags`
    pub tag: Option<String>,
    /// the credential's provider
    pub provider: Option<ProviderName>,
    /// the name of a source
    pub source: Option<String>,
}

impl Scope {
    /// True where everything that is named fits.
    pub fn covers(&self, about: &About<'_>) -> bool {
        fn is(wanted: Option<&str>, found: &str) -> bool {
            wanted.is_none_or(|wanted| wanted == found)
        }
        is(self.account.as_deref(), about.account)
            && is(self.connection.as_deref(), about.connection)
            && self.provider.as_ref().is_none_or(|wanted| wanted == about.provider)
            && is(self.source.as_deref(), about.source)
            && self.tag.as_ref().is_none_or(|wanted| about.tags.contains(wanted))
    }

    /// How particular it is; the greater, the more. A connection outranks an account, that a tag, that a provider, and
    /// that a source, whatever else is named beside the lesser ones; of two that name the same greatest, the next
    /// decides.
    pub fn rank(&self) -> u8 {
        let named = [
            self.connection.is_some(),
            self.account.is_some(),
            self.tag.is_some(),
            self.provider.is_some(),
            self.source.is_some(),
        ];
        named.into_iter().fold(0, |rank, named| rank << 1 | u8::from(named))
    }

    /// True where nothing is named.
    pub fn is_everybody(&self) -> bool {
        self.rank() == 0
    }
}

/// `account "a-17", tag "legacy"`: each scope has its own words.
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_everybody() {
            return f.write_str("everybody");
        }
        let named = [
            ("connection", self.connection.as_deref()),
            ("account", self.account.as_deref()),
            ("tag", self.tag.as_deref()),
            ("provider", self.provider.as_ref().map(ProviderName::as_str)),
            ("source", self.source.as_deref()),
        ];
        let named = named.into_iter().filter_map(|(what, name)| name.map(|name| (what, name)));
        for (place, (what, name)) in named.enumerate() {
            write!(f, "{}{what} {name:?}", if place == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}
