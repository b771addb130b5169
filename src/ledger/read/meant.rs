//! What digits of a fingerprint mean: nearly always one credential. A million of them have two with the same twelve digits in
//! one estate of five hundred, and then nobody is to be told of the wrong one.

use std::collections::BTreeSet;

use super::credentials::CredentialDetail;
use super::moment::Moment;
use super::search::{digits, tail};
use crate::domain::ids::CredentialId;
use crate::domain::secret::Fingerprint;
use crate::ledger::Ledger;
use crate::ledger::sql::Sql;
use crate::ports::LedgerError;

/// What a name means.
#[derive(Clone, Debug, PartialEq)]
pub enum Meant<T> {
    /// nothing that is in the ledger
    Nothing,
    /// this one
    One(T),
    /// several, at most a hundred
    Several(Vec<Longer>),
}

/// A longer name, which means one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Longer {
    /// at least twelve of its last digits
    pub name: String,
    /// the ledger's number of the credential
    pub id: CredentialId,
}

impl Longer {
    /// What to say to whoever gave a name that means all of these.
    pub fn ask(name: &str, several: &[Self]) -> String {
        let names: Vec<&str> = several.iter().map(|longer| longer.name.as_str()).collect();
        format!("{} credentials end in {name}: say which of {}", several.len(), names.join(", "))
    }

    /// The shortest names of these, from `least` digits on, that tell them apart.
    fn of(found: &[(CredentialId, Fingerprint)], least: usize) -> Vec<Self> {
        let last = |fingerprint: &Fingerprint, length: usize| {
            let all = fingerprint.as_str();
            all.get(all.len().saturating_sub(length)..).unwrap_or(all).to_owned()
        };
        let is_enough = |length: &usize| {
            let names: BTreeSet<String> = found.iter().map(|(_, one)| last(one, *length)).collect();
            names.len() == found.len()
        };
        let length = (least..Fingerprint::DIGITS).find(is_enough).unwrap_or(Fingerprint::DIGITS);
        found.iter().map(|(id, one)| Self { name: last(one, length), id: *id }).collect()
    }
}

impl Ledger {
    /// What these digits mean: the last of a fingerprint, at least eight of them and at most all.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn credential(&self, name: &str) -> Result<Meant<CredentialDetail>, LedgerError> {
        self.at_one_moment().await?.credential(name).await
    }
}

impl Moment {
    /// As [`Ledger::credential`].
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn credential(&mut self, name: &str) -> Result<Meant<CredentialDetail>, LedgerError> {
        Ok(match self.credential_number(name).await? {
            Meant::Nothing => Meant::Nothing,
            Meant::One(id) => self.credential_by_id(id).await?.map_or(Meant::Nothing, Meant::One),
            Meant::Several(names) => Meant::Several(names),
        })
    }

    /// The same, by the ledger's number.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn credential_number(&mut self, name: &str) -> Result<Meant<CredentialId>, LedgerError> {
        let Some(digits) = digits(name) else { return Ok(Meant::Nothing) };
        let line = self.line("look up a credential");
        let found: Vec<(CredentialId, Fingerprint)> =
            line.rows("credential", &BY_NAME, [digits.as_str().into(), tail(&digits).into()]).await?;
        Ok(match found.as_slice() {
            [] => Meant::Nothing,
            [(id, _)] => Meant::One(*id),
            several => Meant::Several(Longer::of(several, digits.len().max(Fingerprint::SHORT))),
        })
    }
}

pub(in crate::ledger) const BY_NAME: Sql = sql!(
    "SELECT " [page by "id": "id, fingerprint"] "
     FROM (SELECT id, fingerprint FROM credential
           WHERE substr(fingerprint, 57) = $2 AND substr(fingerprint, 65 - length($1)) = $1 ORDER BY id LIMIT 100) AS named"
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::estate::Estate;
    use crate::ledger::place::Kind;

    on_both![a_name_that_several_have_means_none_of_them_and_says_how_each_is_called];

    fn names(meant: Meant<CredentialId>) -> Vec<String> {
        match meant {
            Meant::Nothing => Vec::new(),
            Meant::One(id) => vec![format!("#{id}")],
            Meant::Several(several) => several.into_iter().map(|longer| longer.name).collect(),
        }
    }

    async fn a_name_that_several_have_means_none_of_them_and_says_how_each_is_called(kind: Kind) {
        let estate = Estate::new(kind).await;
        estate.credential(1).await.credential(2).await.credential(3).await;
        estate
            .run("UPDATE credential SET fingerprint = substr(fingerprint, 1, 48) || 'aa000123456789ab' WHERE id = 1")
            .await
            .run("UPDATE credential SET fingerprint = substr(fingerprint, 1, 48) || 'ab000123456789ab' WHERE id = 2")
            .await
            .run("UPDATE credential SET fingerprint = substr(fingerprint, 1, 48) || 'ab000ffff56789ab' WHERE id = 3")
            .await;
        let meant = async |name: &str| {
            names(estate.ledger.at_one_moment().await.unwrap().credential_number(name).await.unwrap())
        };
        assert_eq!(meant("0123456789ab").await, ["a000123456789ab", "b000123456789ab"], "as short as tells them apart");
        assert_eq!(meant("a000123456789ab").await, ["#1"]);
        assert_eq!(meant("AB000123456789AB").await, ["#2"]);
        assert_eq!(meant(&format!("{}ab000123456789ab", "0".repeat(48))).await, ["#2"]);
        assert_eq!(meant("b000ffff56789ab").await, ["#3"]);
        assert_eq!(meant(&format!("{}ab000123456789ab", "f".repeat(48))).await, [""; 0]);
        let eight = ["0aa000123456789ab", "0ab000123456789ab", "0ab000ffff56789ab"].map(|name| &name[2..]);
        assert_eq!(meant("56789ab").await, [""; 0], "seven digits are too few");
        assert_eq!(meant("456789ab").await, &eight[..2]);
        assert!(matches!(estate.ledger.credential("456789ab").await.unwrap(), Meant::Several(two) if two.len() == 2));
        let two = ["1ab", "2ab"].map(|name| Longer { name: name.to_owned(), id: CredentialId(1) });
        assert_eq!(Longer::ask("ab", &two), "2 credentials end in ab: say which of 1ab, 2ab");
    }
}
