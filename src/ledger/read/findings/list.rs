//! Lists of findings: by number, worst first, newest first, each page from an index.
//!
//! What is open is a small part of what ever was, and of one severity or rule smaller still. So the sorted lists are read
//! lane by lane, a lane being the findings of one state, or of one state and severity: in each of them an index has the
//! order that is asked for, and a page reads as much of it as it shows. A filter by rule, provider or source looks through a
//! lane until the page is full, in the index alone. What is narrowed to one connection, credential or account, or looked for by name, is few;
//! it is read whole, and sorted. Lists by number are the table's own order; narrowed to a state, rule, severity, provider or source, they
//! are read from an index of their own.

use super::{FindingFilter, FindingRow, FindingState};
use crate::domain::finding::{RuleName, Severity};
use crate::domain::ids::{FindingId, ProviderName};
use crate::domain::time::Timestamp;
use crate::ledger::Ledger;
use crate::ledger::judge::subjects::exempt_column;
use crate::ledger::packed::size;
use crate::ledger::read::moment::Moment;
use crate::ledger::read::paging::{Cursor, Page};
use crate::ledger::read::search::{Search, tail};
use crate::ledger::session::{Bind, Session};
use crate::ledger::sql::Sql;
use crate::ports::LedgerError;

impl FindingFilter {
    /// The states that match.
    fn states(&self) -> impl Iterator<Item = FindingState> {
        let matches = |state: &FindingState| {
            self.state.is_none_or(|wanted| wanted == *state) && !(self.current && *state == FindingState::Closed)
        };
        FindingState::ALL.into_iter().filter(matches)
    }

    /// True where all that there are match, but for what an index leads to.
    const fn is_of_all(&self) -> bool {
        self.state.is_none()
            && !self.current
            && self.rule.is_none()
            && self.severity.is_none()
            && self.at_least.is_none()
            && self.provider.is_none()
            && self.source.is_none()
    }

    /// True where an index leads to all that can match.
    const fn is_narrow(&self) -> bool {
        self.connection.is_some() || self.credential.is_some() || self.account.is_some() || self.search.is_some()
    }
}

impl Ledger {
    /// Findings with numbers above `after`, ascending.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn findings(
        &self,
        filter: &FindingFilter,
        after: FindingId,
        limit: usize,
    ) -> Result<Vec<FindingRow>, LedgerError> {
        by_number(&mut self.look("list findings").await?, filter, (after.0, i64::MAX), limit).await
    }

    /// A page of at most `limit` findings behind a place, in the order of the list that it is a place in.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn findings_page(
        &self,
        filter: &FindingFilter,
        from: Cursor,
        limit: usize,
    ) -> Result<Page<FindingRow>, LedgerError> {
        self.at_one_moment().await?.findings_page(filter, from, limit).await
    }
}

impl Moment {
    /// As [`Ledger::findings`].
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn findings(
        &mut self,
        filter: &FindingFilter,
        after: FindingId,
        limit: usize,
    ) -> Result<Vec<FindingRow>, LedgerError> {
        by_number(self.line("list findings"), filter, (after.0, i64::MAX), limit).await
    }

    /// As [`Ledger::findings_page`].
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn findings_page(
        &mut self,
        filter: &FindingFilter,
        from: Cursor,
        limit: usize,
    ) -> Result<Page<FindingRow>, LedgerError> {
        let wanted = limit.saturating_add(1);
        let line = self.line("list findings");
        let place: fn(&FindingRow) -> Cursor = match from {
            Cursor::Number(_) => |row| Cursor::Number(row.id.0),
            Cursor::Latest(_) => |row| Cursor::Latest(row.id.0),
            Cursor::Worst { .. } => |row| Cursor::Worst { severity: row.severity, since: row.since, id: row.id.0 },
            Cursor::Newest { .. } => |row| Cursor::Newest { opened_at: row.opened_at, id: row.id.0 },
        };
        let rows = match from {
            Cursor::Number(after) => by_number(line, filter, (after, i64::MAX), wanted).await?,
            Cursor::Latest(before) => latest(line, filter, before, wanted).await?,
            Cursor::Worst { severity, since, id } => worst(line, filter, (severity, since, id), wanted).await?,
            Cursor::Newest { opened_at, id } => newest(line, filter, (opened_at, id), wanted).await?,
        };
        Ok(Page::of(rows, limit, place))
    }
}

pub(super) async fn by_number(
    line: &mut Session,
    filter: &FindingFilter,
    range: (i64, i64),
    limit: usize,
) -> Result<Vec<FindingRow>, LedgerError> {
    let statement = match filter {
        FindingFilter { search: Some(_), .. } => &PAGE_OF_FEW,
        FindingFilter { connection: Some(_), .. } => &PAGE_OF_CONNECTION,
        FindingFilter { credential: Some(_), .. } => &PAGE_OF_CREDENTIAL,
        FindingFilter { account: Some(_), .. } => &PAGE_OF_ACCOUNT,
        filter if filter.is_of_all() => &PAGE,
        _ => &PAGE_OF_STATES,
    };
    lane(line, statement, filter, range, limit, (filter.state, None)).await
}

async fn latest(
    line: &mut Session,
    filter: &FindingFilter,
    before: i64,
    limit: usize,
) -> Result<Vec<FindingRow>, LedgerError> {
    let statement = match filter {
        filter if filter.is_narrow() => &LATEST_OF_FEW,
        filter if filter.is_of_all() => &LATEST,
        _ => &LATEST_OF_STATES,
    };
    lane(line, statement, filter, (before, 0), limit, (filter.state, None)).await
}

/// Severity by severity, and in each of them the lanes of all states together.
async fn worst(
    line: &mut Session,
    filter: &FindingFilter,
    (from, since, id): (Severity, Timestamp, i64),
    limit: usize,
) -> Result<Vec<FindingRow>, LedgerError> {
    let statement = if filter.is_narrow() { &WORST_OF_FEW } else { &WORST };
    let mut rows = Vec::new();
    let lanes = Severity::ALL.into_iter().rev().filter(|severity| *severity <= from);
    let lanes = lanes.filter(|severity| filter.severity.is_none_or(|wanted| *severity == wanted));
    for severity in lanes.filter(|severity| filter.at_least.is_none_or(|least| *severity >= least)) {
        let left = limit.saturating_sub(rows.len());
        if left == 0 {
            break;
        }
        let behind = if severity == from { (since.as_millis(), id) } else { (i64::MIN, 0) };
        let mut alike = Vec::new();
        for state in filter.states() {
            alike.extend(lane(line, statement, filter, behind, left, (Some(state), Some(severity))).await?);
        }
        alike.sort_by_key(|row| (row.since, row.id));
        alike.truncate(left);
        rows.append(&mut alike);
    }
    Ok(rows)
}

async fn newest(
    line: &mut Session,
    filter: &FindingFilter,
    (opened_at, id): (Timestamp, i64),
    limit: usize,
) -> Result<Vec<FindingRow>, LedgerError> {
    let statement = if filter.is_narrow() { &NEWEST_OF_FEW } else { &NEWEST };
    let mut rows = Vec::new();
    for state in filter.states() {
        rows.extend(lane(line, statement, filter, (opened_at.as_millis(), id), limit, (Some(state), None)).await?);
    }
    rows.sort_by_key(|row| std::cmp::Reverse((row.opened_at, row.id)));
    rows.truncate(limit);
    Ok(rows)
}

/// One statement's rows. All of them take the same values.
async fn lane(
    line: &mut Session,
    statement: &Sql,
    filter: &FindingFilter,
    (from, to): (i64, i64),
    limit: usize,
    (state, severity): (Option<FindingState>, Option<Severity>),
) -> Result<Vec<FindingRow>, LedgerError> {
    let search = filter.search.as_ref();
    let digits = search.and_then(Search::digits);
    let binds: [Bind<'_>; 17] = [
        from.into(),
        to.into(),
        size(limit).into(),
        state.map(FindingState::as_str).into(),
        filter.rule.map(RuleName::as_str).into(),
        filter.at_least.map_or(0, |severity| severity as i64).into(),
        filter.account.as_deref().into(),
        filter.connection.map(|id| id.0).into(),
        filter.credential.map(|id| id.0).into(),
        i64::from(filter.current).into(),
        filter.provider.as_ref().map(ProviderName::as_str).into(),
        filter.source.as_deref().into(),
        search.and_then(Search::finding).map(|id| id.0).into(),
        search.map(Search::text).into(),
        digits.as_deref().map(tail).into(),
        digits.as_deref().into(),
        severity.or(filter.severity).map(Severity::as_str).into(),
    ];
    line.rows("finding", statement, binds).await
}

/// A page of findings from a list of numbers.
macro_rules! page_from {
    ($order:literal, $($numbers:tt)*) => {
        sql!(
            "SELECT " [page by $order:
                "f.id, f.rule, f.severity, s.name, c.id, c.external_id, c.name, a.external_id, k.provider,
                 substr(k.fingerprint, 53), k.liveness, f.state, " [fill exempt_column] ", f.opened_at, f.closed_at, f.since, f.mailed,
                 f.pause, f.pause_until, f.baseline, "
                [json "f.evidence"]] "
             FROM (" $($numbers)* ") AS page
             JOIN finding AS f ON f.id = page.id
             JOIN connection AS c ON c.id = f.connection_id
             JOIN source AS s ON s.id = c.source_id
             JOIN account AS a ON a.id = f.account_id
             JOIN credential AS k ON k.id = f.credential_id"
        )
    };
}

/// A page of those that are among some, in an order.
macro_rules! page_of {
    ($order:literal, $($among:tt)*) => {
        page_from!($order, "SELECT f.id FROM finding AS f WHERE " $($among)* [fill filtered] " ORDER BY " $order " LIMIT $3")
    };
}

/// A page of a lane, behind a row whose `$key` is $1 and whose number is $2: first those that are alike in the key, then
/// those beyond. Asked for at once, as `(key, id) > ($1, $2)`, SQLite would walk all that are alike up to the number; and a
/// first scan opens everything at one instant.
macro_rules! lane_of {
    ($lane:literal, $key:literal, $order:literal, $alike:literal, $beyond:literal, $place:literal) => {
        page_from!(
            $order,
            "SELECT id FROM (
               SELECT id, place FROM (SELECT f.id, " $key " AS place FROM finding AS f WHERE " $lane " AND " $alike [fill filtered]
                                      " ORDER BY " $order " LIMIT $3) AS alike
               UNION ALL
               SELECT id, place FROM (SELECT f.id, " $key " AS place FROM finding AS f WHERE " $lane " AND " $beyond [fill filtered]
                                      " ORDER BY " $order " LIMIT $3) AS beyond
             ) AS both_of_them ORDER BY " $place " LIMIT $3"
        )
    };
}

/// A page by number of what a filter leaves, state by state: an index has each of them in that order, with all that lists are
/// filtered by. What few findings are is then looked for in that index alone.
macro_rules! states_of {
    ($order:literal, $number:literal, $beyond:literal) => {
        page_from!(
            $order,
            "SELECT id FROM (
               SELECT id FROM (SELECT f.id FROM finding AS f
                               WHERE f.state || ':' = 'open:' AND ($4 IS NULL OR $4 = 'open') AND " $beyond [fill filtered]
                              " ORDER BY " $order " LIMIT $3) AS open
               UNION ALL
               SELECT id FROM (SELECT f.id FROM finding AS f
                               WHERE f.state || ':' = 'exempt:' AND ($4 IS NULL OR $4 = 'exempt') AND " $beyond [fill filtered]
                              " ORDER BY " $order " LIMIT $3) AS exempt
               UNION ALL
               SELECT id FROM (SELECT f.id FROM finding AS f
                               WHERE f.state || ':' = 'closed:' AND ($4 IS NULL OR $4 = 'closed') AND " $beyond [fill filtered]
                              " ORDER BY " $order " LIMIT $3) AS closed
             ) AS all_of_them ORDER BY " $number " LIMIT $3"
        )
    };
}

/// What a filter asks of each finding, beside what leads to it. Severities count as in [`Severity`]: low is 0.
macro_rules! filtered {
    ($dialect:ident) => {
        " AND ($10 = 0 OR f.state <> 'closed') AND ($5 IS NULL OR f.rule = $5) AND ($17 IS NULL OR f.severity = $17)
          AND CASE f.severity WHEN 'critical' THEN 3 WHEN 'high' THEN 2 WHEN 'medium' THEN 1 ELSE 0 END >= $6
          AND ($11 IS NULL OR f.provider = $11)
          AND ($12 IS NULL OR f.source_id = (SELECT o.id FROM source AS o WHERE o.name = $12))"
    };
}

/// Source by source, since an account's id is found only within one.
macro_rules! of_account {
    ($dialect:ident) => {
        "f.account_id IN (SELECT a.id FROM source AS s CROSS JOIN account AS a WHERE a.source_id = s.id AND a.external_id = $7)"
    };
}

/// What is narrowed or looked for by name: the numbers of all that can match.
macro_rules! few {
    ($dialect:ident) => {
        dialect!($dialect
            "f.id IN (SELECT x.id FROM finding AS x WHERE x.connection_id = $8
                      UNION ALL SELECT x.id FROM finding AS x WHERE $8 IS NULL AND x.credential_id = $9
                      UNION ALL SELECT x.id FROM source AS s CROSS JOIN account AS a CROSS JOIN finding AS x
                                WHERE $8 IS NULL AND $9 IS NULL AND $14 IS NULL
                                  AND a.source_id = s.id AND a.external_id = $7 AND x.account_id = a.id
                      UNION ALL SELECT x.id FROM finding AS x WHERE $8 IS NULL AND $9 IS NULL AND x.id = $13
                      UNION ALL SELECT x.id FROM source AS s CROSS JOIN connection AS c CROSS JOIN finding AS x
                                WHERE $8 IS NULL AND $9 IS NULL
                                  AND c.source_id = s.id AND x.connection_id = c.id
                                  AND c.external_id IN ($14, CASE WHEN substr($14, 1, length(s.name) + 1) = s.name || '/'
                                                             THEN substr($14, length(s.name) + 2) END)
                      UNION ALL SELECT x.id FROM source AS s CROSS JOIN account AS a CROSS JOIN finding AS x
                                WHERE $8 IS NULL AND $9 IS NULL
                                  AND a.source_id = s.id AND a.external_id = $14 AND x.account_id = a.id
                      UNION ALL SELECT x.id FROM credential AS k CROSS JOIN finding AS x
                                WHERE $8 IS NULL AND $9 IS NULL AND substr(k.fingerprint, 57) = $15
                                  AND substr(k.fingerprint, 65 - length($16)) = $16 AND x.credential_id = k.id)
             AND ($8 IS NULL OR f.connection_id = $8) AND ($9 IS NULL OR f.credential_id = $9)
             AND ($7 IS NULL OR $7 = (SELECT a.external_id FROM account AS a WHERE a.id = f.account_id))
             AND ($14 IS NULL OR f.id = $13
                  OR $14 = (SELECT c.external_id FROM connection AS c WHERE c.id = f.connection_id)
                  OR $14 = (SELECT s.name || '/' || c.external_id FROM connection AS c JOIN source AS s ON s.id = c.source_id
                            WHERE c.id = f.connection_id)
                  OR $14 = (SELECT a.external_id FROM account AS a WHERE a.id = f.account_id)
                  OR $16 = (SELECT substr(k.fingerprint, 65 - length($16)) FROM credential AS k WHERE k.id = f.credential_id))
             AND ($4 IS NULL OR " ["+" | ""] "f.state = $4)")
    };
}

pub(in crate::ledger) const PAGE: Sql = page_of!("f.id", "f.id > $1 AND f.id <= $2 AND ($4 IS NULL OR f.state = $4)");

pub(in crate::ledger) const PAGE_OF_STATES: Sql = states_of!("f.id", "id", "f.id > $1 AND f.id <= $2");

pub(in crate::ledger) const LATEST_OF_STATES: Sql = states_of!("f.id DESC", "id DESC", "f.id < $1");

pub(in crate::ledger) const PAGE_OF_ACCOUNT: Sql =
    page_of!("f.id", "f.id > $1 AND f.id <= $2 AND ($4 IS NULL OR f.state = $4) AND " [fill of_account]);

pub(in crate::ledger) const PAGE_OF_CONNECTION: Sql = page_of!(
    "f.id",
    "f.id > $1 AND f.id <= $2 AND f.connection_id = $8 AND ($9 IS NULL OR f.credential_id = $9)
     AND ($4 IS NULL OR f.state = $4) AND ($7 IS NULL OR " [fill of_account] ")"
);

pub(in crate::ledger) const PAGE_OF_CREDENTIAL: Sql = page_of!(
    "f.id",
    "f.id > $1 AND f.id <= $2 AND f.credential_id = $9 AND ($4 IS NULL OR f.state = $4)
     AND ($7 IS NULL OR " [fill of_account] ")"
);

pub(in crate::ledger) const PAGE_OF_FEW: Sql = page_of!("f.id", "f.id > $1 AND f.id <= $2 AND " [fill few]);

pub(in crate::ledger) const LATEST: Sql = page_of!("f.id DESC", "f.id < $1 AND ($4 IS NULL OR f.state = $4)");

pub(in crate::ledger) const LATEST_OF_FEW: Sql = page_of!("f.id DESC", "f.id < $1 AND " [fill few]);

pub(in crate::ledger) const WORST: Sql = lane_of!(
    "f.state || ' ' || f.severity = $4 || ' ' || $17",
    "f.since",
    "f.since, f.id",
    "f.since = $1 AND f.id > $2",
    "f.since > $1",
    "place, id"
);

pub(in crate::ledger) const WORST_OF_FEW: Sql =
    page_of!("f.since, f.id", ["+" | ""] "f.severity = $17 AND (f.since, f.id) > ($1, $2) AND " [fill few]);

pub(in crate::ledger) const NEWEST: Sql = lane_of!(
    "f.state || ' ' = $4 || ' '",
    "f.opened_at",
    "f.opened_at DESC, f.id DESC",
    "f.opened_at = $1 AND f.id < $2",
    "f.opened_at < $1",
    "place DESC, id DESC"
);

pub(in crate::ledger) const NEWEST_OF_FEW: Sql =
    page_of!("f.opened_at DESC, f.id DESC", "(f.opened_at, f.id) < ($1, $2) AND " [fill few]);

#[cfg(test)]
mod tests;
