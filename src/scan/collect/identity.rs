//! Which credential a row means, where its fingerprint alone doesn't tell.

use super::Reading;
use super::chunk::{Fresh, Known};
use crate::domain::diff::Value;
use crate::domain::facts::Provenance;
use crate::domain::record::{Auth, ConnectionRecord};
use crate::domain::secret::Fingerprint;
use crate::domain::time::Timestamp;
use crate::ports::Vault;
use crate::ports::collect::{KnownCredential, KnownUse};

/// The stand-ins that a row without a secret may mean.
pub(super) fn stand_ins<L, V: Vault>(reading: &Reading<'_, L, V>, record: &ConnectionRecord) -> Vec<Fingerprint> {
    let plain = stand_in(reading, record, None);
    record.secret_set_at.map(|set| stand_in(reading, record, Some(set))).into_iter().chain([plain]).collect()
}

/// The stand-in of a row without a secret: by its version, else by the date of a replacement, where there was one.
pub(super) fn stand_in<L, V: Vault>(
    reading: &Reading<'_, L, V>,
    record: &ConnectionRecord,
    replaced: Option<Timestamp>,
) -> Fingerprint {
    let replaced = || replaced.map(|set| format!("set at {set}"));
    let version = record.secret_version.clone().or_else(replaced);
    reading.vault.placeholder(&reading.spec.name, &record.connection_id, version.as_deref())
}

/// What a row tells of the credential of its open use beside its own fingerprint.
pub(super) fn value<L, V: Vault>(reading: &Reading<'_, L, V>, row: &Fresh, known: &Known) -> Option<Value> {
    let open = known.connections.get(&row.known?)?.open_use()?;
    let record = &row.record;
    match &row.fingerprint {
        Some(shown) if *shown != open.fingerprint => {
            let bare = reading.vault.fingerprint(&record.provider, None, record.secret.as_ref()?);
            (bare == open.fingerprint).then_some(Value::Same)
        }
        // a permission's tokens are replaced by themselves
        None if open.placeholder && record.auth == Some(Auth::Key) => {
            unshown(reading, record, open, known.credentials.get(&open.fingerprint)?)
        }
        _ => None,
    }
}

/// The row has no secret: only its version, or its date, tells that there is another.
fn unshown<L, V: Vault>(
    reading: &Reading<'_, L, V>,
    record: &ConnectionRecord,
    open: &KnownUse,
    used: &KnownCredential,
) -> Option<Value> {
    if record.secret_version.is_none() {
        return is_replaced(record, used).then_some(Value::Other);
    }
    if stand_in(reading, record, None) == open.fingerprint {
        return None;
    }
    let unversioned = ConnectionRecord { secret_version: None, ..record.clone() };
    let before = [None, Some(used.secret_since)].map(|set| stand_in(reading, &unversioned, set));
    Some(if before.contains(&open.fingerprint) { Value::Same } else { Value::Other })
}

/// A date that has moved on is that of another secret. Where only the connection's own date was known, it says of the same
/// secret when it was set.
pub(super) fn is_replaced(record: &ConnectionRecord, used: &KnownCredential) -> bool {
    let is_later = record.secret_set_at.is_some_and(|set| set > used.secret_since);
    is_later && record.secret_version.is_none() && used.provenance != Provenance::Connected
}
