//! Sealed copies, sealed anew under another master key.

use super::meta::{MASTER_KEY_ID, SET, WRAPPED_KEY};
use super::packed::{pack, size};
use super::sql::Sql;
use super::{Ledger, escrow};
use crate::domain::ids::CredentialId;
use crate::domain::secret::Fingerprint;
use crate::ports::{Event, LedgerError, Progress};

/// Copies that are read and written together.
const PAGE: usize = 1_000;

/// What became of the sealed copies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rekeyed {
    /// copies that are sealed under the new key
    pub sealed: u64,
    /// credentials whose copy could not be opened under the old key either: it is destroyed, and the rows that show their
    /// secrets are read anew
    pub lost: Vec<CredentialId>,
}

impl Ledger {
    /// Puts the ledger under another master key: `wrapped` is its own key under that one, with its id, and `reseal` seals a
    /// copy anew; `None` where it can't be opened: such a copy is of no use to anybody, and is held no more. All of it in one transaction: a ledger under two keys would be one that
    /// half of each opens.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement; then nothing has changed.
    pub async fn rekey(
        &self,
        wrapped: (&str, &str),
        event: Event,
        reseal: impl Fn(&Fingerprint, &str) -> Option<String>,
        progress: &impl Progress,
    ) -> Result<Rekeyed, LedgerError> {
        let mut tx = self.write("put the ledger under another master key").await?;
        progress.stage("rekey", Some(tx.number(&COUNT, []).await?.unsigned_abs()));
        let (mut done, mut after) = (Rekeyed::default(), 0);
        loop {
            let page: Vec<(i64, CredentialId, Fingerprint, String)> =
                tx.rows("escrow", &HELD, [after.into(), size(PAGE).into()]).await?;
            let Some((last, ..)) = page.last() else { break };
            after = *last;
            let (mut copies, mut lost) = (Vec::with_capacity(page.len()), Vec::new());
            for (id, credential, fingerprint, sealed) in &page {
                match reseal(fingerprint, sealed) {
                    Some(copy) => copies.push((id, copy)),
                    None => lost.push(*credential),
                }
            }
            tx.run(&RESEAL, [pack(&copies)?.into()]).await?;
            done.sealed += copies.len() as u64;
            escrow::shred(&mut tx, &lost).await?;
            tx.run(&SHOW_AGAIN, [pack(&lost)?.into()]).await?;
            done.lost.append(&mut lost);
            progress.advance(page.len() as u64);
        }
        let (key_id, key) = wrapped;
        for (name, value) in [(MASTER_KEY_ID, key_id), (WRAPPED_KEY, key)] {
            tx.run(&SET, [name.into(), value.into()]).await?;
        }
        tx.run(&TO_SCRUB, []).await?;
        tx.log(&[event]).await?;
        tx.commit().await?;
        progress.done();
        Ok(done)
    }
}

pub(super) const COUNT: Sql = sql!("SELECT count(*) FROM escrow WHERE held = 1");

pub(super) const HELD: Sql = sql!(
    "SELECT " [page by "e.id": "e.id, e.credential_id, k.fingerprint, e.sealed"] "
     FROM (SELECT id, credential_id, sealed FROM escrow WHERE held = 1 AND id > $1 ORDER BY id LIMIT $2) AS e
     JOIN credential AS k ON k.id = e.credential_id"
);

/// SQLite writes over a copy of the same length where it stands.
pub(super) const RESEAL: Sql = sql!(
    "UPDATE escrow SET sealed = v.sealed FROM " [tuples "$1" v (0 id bigint, 1 sealed text)] " WHERE escrow.id = v.id"
);

/// Without a digest a row counts as changed, so that its secret is looked at, and sealed where no copy is held.
pub(super) const SHOW_AGAIN: Sql = sql!(
    "UPDATE connection SET digest = ''
     WHERE id IN (SELECT connection_id FROM use WHERE credential_id IN " [within "$1" bigint] ")"
);

/// PostgreSQL keeps the older copies until the table is written anew.
pub(super) const TO_SCRUB: Sql = sql!(["DELETE FROM meta WHERE key = 'to_scrub'"
    | "INSERT INTO meta (key, value) VALUES ('to_scrub', txid_current()::text)
       ON CONFLICT (key) DO UPDATE SET value = excluded.value"]);
