//! A row of the connections' inventory, checked.

use std::borrow::Cow;

use zeroize::Zeroize;

use super::cells::{Cell, Cells, Contract};
use crate::domain::ids::ProviderName;
use crate::domain::record::{Auth, ConnectionRecord, FieldProblem, RecordStatus, UsedFor};
use crate::domain::secret::{Secret, could_be_key};
use crate::domain::time::Timestamp;

/// The fields of a connection (DESIGN.md 10).
pub(super) static CONTRACT: Contract = Contract {
    names: &[
        "connection_id",
        "account_id",
        "provider",
        "name",
        "status",
        "created_at",
        "updated_at",
        "deleted_at",
        "secret_set_at",
        "last_sync_at",
        "key_id",
        "secret",
        "secret_ref",
        "secret_version",
        "auth",
        "region",
        "base_url",
        "created_by",
        "running_jobs",
        "used_for",
        "compromised_at",
        "tags",
    ],
    required: 3,
    id: CONNECTION_ID,
    within: None,
};

const CONNECTION_ID: usize = 0;
pub(super) const ACCOUNT_ID: usize = 1;
pub(super) const PROVIDER: usize = 2;
const NAME: usize = 3;
pub(super) const STATUS: usize = 4;
const CREATED_AT: usize = 5;
pub(super) const UPDATED_AT: usize = 6;
pub(super) const DELETED_AT: usize = 7;
const SECRET_SET_AT: usize = 8;
const LAST_SYNC_AT: usize = 9;
const KEY_ID: usize = 10;
const SECRET: usize = 11;
const SECRET_REF: usize = 12;
const SECRET_VERSION: usize = 13;
const AUTH: usize = 14;
const REGION: usize = 15;
const BASE_URL: usize = 16;
const CREATED_BY: usize = 17;
const RUNNING_JOBS: usize = 18;
const USED_FOR: usize = 19;
pub(super) const COMPROMISED_AT: usize = 20;
const TAGS: usize = 21;

const STATUSES: [(&str, RecordStatus); 3] =
    [("active", RecordStatus::Active), ("paused", RecordStatus::Paused), ("deleted", RecordStatus::Deleted)];
const AUTHS: [(&str, Auth); 2] = [("key", Auth::Key), ("oauth", Auth::Oauth)];
const USES: [(&str, UsedFor); 3] =
    [("sync", UsedFor::Sync), ("transactional", UsedFor::Transactional), ("smtp", UsedFor::Smtp)];

/// What the end of a known connection may tell beside itself: the secret, what it is and where it is asked, and what still runs
/// with it.
const OF_AN_END: [usize; 13] = [
    CONNECTION_ID,
    PROVIDER,
    STATUS,
    UPDATED_AT,
    DELETED_AT,
    SECRET_SET_AT,
    KEY_ID,
    SECRET,
    AUTH,
    REGION,
    BASE_URL,
    RUNNING_JOBS,
    COMPROMISED_AT,
];
/// What is known of a key at one provider says nothing of one at another.
const OF_A_PROVIDER: [usize; 3] = [KEY_ID, REGION, BASE_URL];

/// Makes an end's row of what it tells and of what is known. Its other facts stay as they are known: those that an end brings
/// along may be older, and a platform that has just deleted a row may have few of them.
pub(super) fn end(cells: &mut Cells<'_>, known: &ConnectionRecord) {
    for field in (0..CONTRACT.names.len()).filter(|field| !OF_AN_END.contains(field)) {
        cells.take(field);
    }
    fill(cells, known);
}

/// The facts of a known connection, as far as a row would give them: for what an event leaves out.
fn fill(cells: &mut Cells<'_>, known: &ConnectionRecord) {
    let text = |text: &str| Cell::Text(Cow::Owned(text.to_owned()));
    let maybe = |value: Option<String>| value.map_or(Cell::Absent, |value| Cell::Text(Cow::Owned(value)));
    let time = |at: Option<Timestamp>| maybe(at.map(|at| at.to_string()));
    let auth = known.auth.and_then(|auth| AUTHS.iter().find(|(_, known)| *known == auth)).map(|(word, _)| *word);
    let is_elsewhere = matches!(cells.get(PROVIDER), Cell::Text(named)
        if ProviderName::new(named.trim()) != known.provider);
    let list = |words: Vec<&str>| Cell::List(words.into_iter().map(|word| Cow::Owned(word.to_owned())).collect());
    for (field, value) in [
        (ACCOUNT_ID, text(&known.account_id)),
        (PROVIDER, text(known.provider.as_str())),
        (NAME, maybe(known.name.clone())),
        (CREATED_AT, time(known.created_at)),
        (DELETED_AT, time(known.deleted_at)),
        (LAST_SYNC_AT, time(known.last_sync_at)),
        (KEY_ID, maybe(known.key_id.clone())),
        (AUTH, auth.map_or(Cell::Absent, text)),
        (REGION, maybe(known.region.clone())),
        (BASE_URL, maybe(known.base_url.clone())),
        (CREATED_BY, maybe(known.created_by.clone())),
        (RUNNING_JOBS, text(&known.running_jobs.to_string())),
        (USED_FOR, list(known.used_for.iter().map(|used| used.as_str()).collect())),
        (COMPROMISED_AT, time(known.compromised_at)),
        (TAGS, list(known.tags.iter().map(String::as_str).collect())),
    ] {
        if cells.is_empty(field) && !(is_elsewhere && OF_A_PROVIDER.contains(&field)) {
            cells.set(field, value);
        }
    }
}

/// The record, or the first field that is wrong, in the contract's order. What is wrong but not needed goes to `dropped`.
pub(super) fn build(
    mut cells: Cells<'_>,
    now: Timestamp,
    dropped: &mut Vec<FieldProblem>,
) -> Result<ConnectionRecord, FieldProblem> {
    // fields are read in the order in which they are written here
    let mut record = ConnectionRecord {
        connection_id: cells.required_id(CONNECTION_ID)?,
        account_id: cells.required_id(ACCOUNT_ID)?,
        provider: ProviderName::new(&cells.required_id(PROVIDER)?),
        name: cells.name(NAME)?,
        status: status(&mut cells)?,
        created_at: cells.past(CREATED_AT, now, dropped)?,
        updated_at: cells.time(UPDATED_AT, dropped)?,
        deleted_at: cells.past(DELETED_AT, now, dropped)?,
        secret_set_at: cells.past(SECRET_SET_AT, now, dropped)?,
        last_sync_at: cells.time(LAST_SYNC_AT, dropped)?,
        key_id: cells.text(KEY_ID)?,
        secret: secret(&mut cells, dropped)?,
        secret_ref: cells.text(SECRET_REF)?,
        secret_version: cells.text(SECRET_VERSION)?,
        auth: cells.word(AUTH, &AUTHS)?,
        region: cells.place(REGION, dropped)?,
        base_url: cells.place(BASE_URL, dropped)?,
        created_by: cells.id(CREATED_BY)?,
        running_jobs: cells.count(RUNNING_JOBS)?.unwrap_or_default(),
        used_for: cells.words(USED_FOR, &USES)?,
        compromised_at: cells.past_fact(COMPROMISED_AT, now, dropped)?,
        tags: cells.list(TAGS)?,
    };
    if let Some(secret) = record.secret.take() {
        if could_be_key(secret.expose()) {
            keep_apart(&secret, &mut record, &cells, dropped)?;
        }
        record.take_secret(secret);
    }
    Ok(record)
}

/// All but the secret itself is kept and shown. What a wrong mapping put beside it is left out, and told of; where it is an id, the
/// row is set aside, for an id can't be left out.
fn keep_apart(
    secret: &Secret,
    record: &mut ConnectionRecord,
    cells: &Cells<'_>,
    dropped: &mut Vec<FieldProblem>,
) -> Result<(), FieldProblem> {
    const TWICE: &str = "holds the secret too (not shown); look whether a column was mapped twice";
    let holds_it = |text: &str| text.contains(secret.expose());
    for (field, id) in [(CONNECTION_ID, &record.connection_id), (ACCOUNT_ID, &record.account_id)] {
        if holds_it(id) {
            return Err(cells.problem(field, TWICE));
        }
    }
    for (field, text) in [
        (NAME, &mut record.name),
        (KEY_ID, &mut record.key_id),
        (SECRET_REF, &mut record.secret_ref),
        (SECRET_VERSION, &mut record.secret_version),
        (REGION, &mut record.region),
        (BASE_URL, &mut record.base_url),
        (CREATED_BY, &mut record.created_by),
    ] {
        if text.take_if(|text| holds_it(text)).is_some() {
            dropped.push(cells.problem(field, TWICE));
        }
    }
    let tags = record.tags.len();
    record.tags.retain(|tag| !holds_it(tag));
    if record.tags.len() < tags {
        dropped.push(cells.problem(TAGS, TWICE));
    }
    Ok(())
}

/// A status that is given is the truth; only without one does a date of deletion speak.
fn status(cells: &mut Cells<'_>) -> Result<RecordStatus, FieldProblem> {
    if let Some(status) = cells.word(STATUS, &STATUSES)? {
        return Ok(status);
    }
    // what is no date at all is quarantined when the date is read
    Ok(if cells.has_time(DELETED_AT) { RecordStatus::Deleted } else { RecordStatus::Active })
}

/// The secret as it was given: a literal, never interpreted. One that the export has masked was not given.
fn secret(cells: &mut Cells<'_>, dropped: &mut Vec<FieldProblem>) -> Result<Option<Secret>, FieldProblem> {
    let cell = cells.take(SECRET);
    let Cell::Text(text) = cell else {
        cells.set(SECRET, cell);
        return cells.raw(SECRET).map(|_| None);
    };
    cells.short_enough(SECRET, &text)?;
    let secret = Secret::new(&text);
    if let Cow::Owned(mut copy) = text {
        copy.zeroize(); // it had to be unescaped; a JSON parser's own scratch space is beyond our reach
    }
    if secret.is_empty() {
        return Ok(None);
    }
    if secret.expose().contains(['\n', '\r']) {
        return Err(cells.problem(SECRET, "holds a line end; a key is one line"));
    }
    if is_masked(&secret) {
        dropped.push(cells.problem(SECRET, MASKED));
        return Ok(None);
    }
    Ok(Some(secret))
}

const MASKED: &str =
    "is masked, and counts as not given; have the export write the secret itself, or leave the field empty";

/// What exports write in the place of a secret.
const IN_PLACE: [&str; 9] =
    ["redacted", "[redacted]", "<redacted>", "masked", "hidden", "filtered", "[filtered]", "null", "undefined"];
/// What they cover it with.
const MASK: [char; 3] = ['*', '•', '●'];
/// Part of one is covered.
const COVERED: [&str; 3] = ["****", "••••", "●●●●"];

/// Whether a text only says that there is a secret: taken for one, it would be the same in every row, and another than before.
fn is_masked(secret: &Secret) -> bool {
    let text = secret.expose();
    let is_covered = COVERED.iter().any(|run| text.contains(run));
    is_covered || IN_PLACE.iter().any(|word| text.eq_ignore_ascii_case(word)) || text.trim_matches(MASK).is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_the_place_of_a_secret_is_none() {
        for masked in ["***", "********", "••••••••", "abcd****wxyz", "re_●●●●", "REDACTED", "[Filtered]", "NULL"]
        {
            assert!(is_masked(&Secret::new(masked)), "{masked}");
        }
        for secret in ["kit_0123", "a*b", "null0123", "SG.x-y_z.…", "xxxxxxxxxxxxxxxx"] {
            assert!(!is_masked(&Secret::new(secret)), "{secret}");
        }
    }

    #[test]
    fn every_number_names_its_field() {
        let numbered = [
            (CONNECTION_ID, "connection_id"),
            (ACCOUNT_ID, "account_id"),
            (PROVIDER, "provider"),
            (NAME, "name"),
            (STATUS, "status"),
            (CREATED_AT, "created_at"),
            (UPDATED_AT, "updated_at"),
            (DELETED_AT, "deleted_at"),
            (SECRET_SET_AT, "secret_set_at"),
            (LAST_SYNC_AT, "last_sync_at"),
            (KEY_ID, "key_id"),
            (SECRET, "secret"),
            (SECRET_REF, "secret_ref"),
            (SECRET_VERSION, "secret_version"),
            (AUTH, "auth"),
            (REGION, "region"),
            (BASE_URL, "base_url"),
            (CREATED_BY, "created_by"),
            (RUNNING_JOBS, "running_jobs"),
            (USED_FOR, "used_for"),
            (COMPROMISED_AT, "compromised_at"),
            (TAGS, "tags"),
        ];
        assert_eq!(numbered.len(), CONTRACT.names.len());
        for (number, name) in numbered {
            assert_eq!(CONTRACT.names[number], name);
        }
    }
}
