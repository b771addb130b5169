//! A row's facts as bytes, for a keyed digest.
//!
//! Every field has its place, every text its length, and every option a mark, so that no two different rows
//! have the same bytes.

use crate::domain::record::{Auth, ConnectionRecord, PersonRecord, PersonStatus, RecordStatus, Role, UsedFor};
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;

/// Changes whenever the encoding does: every row then counts as changed once.
const VERSION: u8 = 3;

/// Which volatile facts count as change, because a rule in force reads them (DESIGN.md 3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Watched {
    /// the day of the last synchronisation
    pub last_sync: bool,
}

/// Appends all facts of a row that count as change. Left out: `last_sync_at`, of which the day counts where it is
/// `watched`, and `running_jobs` while the row is open; of a deleted row it counts whether an import still runs. `updated_at` counts, because a newer row keeps
/// an older one out even where nothing else differs.
///
/// The secret is among the bytes: the digest must be keyed, and the caller wipes `out`.
pub fn connection_facts(record: &ConnectionRecord, watched: Watched, out: &mut Vec<u8>) {
    out.push(VERSION);
    text(out, &record.connection_id);
    text(out, &record.account_id);
    text(out, record.provider.as_str());
    optional(out, record.name.as_deref());
    out.push(match record.status {
        RecordStatus::Active => 0,
        RecordStatus::Paused => 1,
        RecordStatus::Deleted => 2,
    });
    instant(out, record.created_at);
    instant(out, record.updated_at);
    instant(out, record.deleted_at);
    instant(out, record.secret_set_at);
    instant(out, record.last_sync_at.filter(|_| watched.last_sync).map(Timestamp::day_start));
    optional(out, record.key_id.as_deref());
    optional(out, record.secret.as_ref().map(Secret::expose));
    optional(out, record.secret_ref.as_deref());
    optional(out, record.secret_version.as_deref());
    out.push(match record.auth {
        Some(Auth::Key) => 0,
        Some(Auth::Oauth) => 1,
        None => 2,
    });
    optional(out, record.region.as_deref());
    optional(out, record.base_url.as_deref());
    optional(out, record.created_by.as_deref());
    out.push(u8::from(record.status == RecordStatus::Deleted && record.running_jobs > 0));
    out.push(record.used_for.iter().map(|&used| used_bit(used)).fold(0, |bits, bit| bits | bit));
    instant(out, record.compromised_at);
    let mut tags: Vec<&str> = record.tags.iter().map(String::as_str).collect();
    tags.sort_unstable(); // a platform that gives a set in any order has changed nothing
    tags.dedup();
    length(out, tags.len());
    for tag in tags {
        text(out, tag);
    }
}

/// Appends all facts of a person's row; all of them count as change.
pub fn person_facts(record: &PersonRecord, out: &mut Vec<u8>) {
    out.push(VERSION);
    text(out, &record.account_id);
    text(out, &record.member_id);
    text(out, record.email.expose());
    out.push(match record.role {
        Role::Owner => 0,
        Role::Member => 1,
    });
    out.push(match record.status {
        PersonStatus::Active => 0,
        PersonStatus::Suspended => 1,
        PersonStatus::Removed => 2,
    });
    out.push(u8::from(record.verified));
    optional(out, record.locale.as_deref());
    optional(out, record.timezone.as_deref());
}

const fn used_bit(used: UsedFor) -> u8 {
    match used {
        UsedFor::Sync => 1,
        UsedFor::Transactional => 2,
        UsedFor::Smtp => 4,
    }
}

fn optional(out: &mut Vec<u8>, value: Option<&str>) {
    out.push(u8::from(value.is_some()));
    if let Some(value) = value {
        text(out, value);
    }
}

fn text(out: &mut Vec<u8>, value: &str) {
    length(out, value.len());
    out.extend_from_slice(value.as_bytes());
}

fn instant(out: &mut Vec<u8>, value: Option<Timestamp>) {
    out.push(u8::from(value.is_some()));
    if let Some(value) = value {
        out.extend_from_slice(&value.as_millis().to_le_bytes());
    }
}

fn length(out: &mut Vec<u8>, count: usize) {
    out.extend_from_slice(&(count as u64).to_le_bytes());
}
