//! What is remembered of the providers' endpoints and of our clock.

use serde_json::Value;

use crate::domain::action::OperatorName;
use crate::domain::blindness::{Blind, Scope, Sight, State, Window};
use crate::domain::clock::Clocks;
use crate::domain::ids::ProviderName;
use crate::domain::time::Timestamp;
use crate::ports::{Event, LedgerError};

use super::packed::pack;
use super::session::Session;
use super::sql::Sql;
use super::{Ledger, meta};

/// The key of `meta` under which the clocks are.
const CLOCKS: &str = "clocks";

impl Ledger {
    /// The endpoints that are blind, in the order of their names; the operator's word is heeded.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn blind_endpoints(&self) -> Result<Vec<(Scope, Blind)>, LedgerError> {
        blind(&mut self.look("read which providers are blind").await?).await
    }

    /// Notes the operator's word that what this provider says is to be believed, where it is blind. Returns the blind
    /// periods that it ends; whoever is asking providers heeds it from the next scan on.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn trust(
        &self,
        now: Timestamp,
        provider: &ProviderName,
        protocol: Option<&str>,
        by: Option<&OperatorName>,
    ) -> Result<Vec<(Scope, Blind)>, LedgerError> {
        let mut tx = self.write("note the operator's word on a provider").await?;
        let mut ended = blind(&mut tx).await?;
        ended.retain(|(scope, _)| scope.provider == *provider && protocol.is_none_or(|p| scope.protocol == p));
        let places: Vec<_> = ended.iter().map(|(s, _)| (&s.provider, &s.protocol, &s.endpoint)).collect();
        tx.run(&WORD, [pack(&places)?.into(), now.into()]).await?;
        let events: Vec<Event> = ended.iter().map(|(scope, period)| trusted(now, scope, period, by)).collect();
        tx.log(&events).await?;
        tx.commit().await?;
        Ok(ended)
    }

    /// What the providers say of our clock.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn clocks(&self) -> Result<Clocks, LedgerError> {
        clocks(&mut self.look("read what the providers say of our clock").await?).await
    }
}

fn trusted(now: Timestamp, scope: &Scope, period: &Blind, by: Option<&OperatorName>) -> Event {
    let mut data = serde_json::Map::new();
    let mut fact = |name: &str, value: Value| data.insert(name.to_owned(), value);
    fact("protocol", scope.protocol.as_str().into());
    fact("endpoint", scope.endpoint.as_str().into());
    fact("since", period.since.to_string().into());
    fact("why", period.why.as_str().into());
    fact("by", "word".into());
    if let Some(who) = by {
        fact("who", who.as_str().into());
    }
    Event { at: now, kind: "provider.sighted", subject: format!("provider:{}", scope.provider), data }
}

/// All of one provider's.
///
/// # Errors
/// [`LedgerError`], as for every statement.
pub(super) async fn sights(session: &mut Session, provider: &ProviderName) -> Result<Vec<(Scope, Sight)>, LedgerError> {
    type Row = (String, String, Window, State, Option<Timestamp>);
    let rows: Vec<Row> = session.rows("sight", &OF_PROVIDER, [provider.as_str().into()]).await?;
    let sight = |(protocol, endpoint, window, mut state, word): Row| {
        state.heed(word);
        (Scope { provider: provider.clone(), protocol, endpoint }, Sight { window, state })
    };
    Ok(rows.into_iter().map(sight).collect())
}

/// Those that are blind.
///
/// # Errors
/// [`LedgerError`], as for every statement.
pub(super) async fn blind(session: &mut Session) -> Result<Vec<(Scope, Blind)>, LedgerError> {
    type Row = (ProviderName, String, String, State, Option<Timestamp>);
    let rows: Vec<Row> = session.rows("sight", &STATES, []).await?;
    let period = |(provider, protocol, endpoint, mut state, word): Row| {
        state.heed(word);
        Some((Scope { provider, protocol, endpoint }, state.blind?))
    };
    let mut found: Vec<_> = rows.into_iter().filter_map(period).collect();
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(found)
}

/// What the providers say of our clock.
///
/// # Errors
/// [`LedgerError`], as for every statement.
pub(super) async fn clocks(session: &mut Session) -> Result<Clocks, LedgerError> {
    let Some(words) = session.text(&meta::GET, [CLOCKS.into()]).await? else { return Ok(Clocks::default()) };
    serde_json::from_str(&words).map_err(|error| LedgerError::Inconsistent {
        table: "meta",
        row: CLOCKS.to_owned(),
        what: error.to_string(),
    })
}

/// Writes what was heard, beside what is made of it.
///
/// # Errors
/// [`LedgerError`], as for every statement.
pub(super) async fn write(
    tx: &mut Session,
    sights: &[(Scope, Sight)],
    clocks: Option<&Clocks>,
) -> Result<(), LedgerError> {
    if !sights.is_empty() {
        let mut rows = Vec::with_capacity(sights.len());
        for (scope, sight) in sights {
            let (answers, state) = (pack(&sight.window)?, pack(&sight.state)?);
            rows.push((&scope.provider, &scope.protocol, &scope.endpoint, answers, state));
        }
        tx.run(&WRITE, [pack(&rows)?.into()]).await?;
    }
    if let Some(clocks) = clocks {
        tx.run(&meta::SET, [CLOCKS.into(), pack(clocks)?.into()]).await?;
    }
    Ok(())
}

pub(super) const OF_PROVIDER: Sql = sql!(
    "SELECT " [page "protocol, endpoint, " [json "answers"] ", " [json "state"] ", word_at"] " FROM sight WHERE provider = $1"
);

// One row an endpoint of the catalogue: a few dozen. A provider with nobody left to ask is not blind: nothing would ever end it.
pub(super) const STATES: Sql = sql!(
    "SELECT " [page "s.provider, s.protocol, s.endpoint, " [json "s.state"] ", s.word_at"] "
     FROM sight AS s
     WHERE EXISTS (SELECT 1 FROM credential AS k WHERE k.provider = s.provider AND k.probe_at IS NOT NULL)"
);

pub(super) const WRITE: Sql = sql!(
    "INSERT INTO sight (provider, protocol, endpoint, answers, state)
     SELECT v.provider, v.protocol, v.endpoint, v.answers, v.state
     FROM " [tuples "$1" v (0 provider text, 1 protocol text, 2 endpoint text, 3 answers text, 4 state text)] "
     WHERE true
     ON CONFLICT (provider, protocol, endpoint) DO UPDATE SET answers = excluded.answers, state = excluded.state"
);

pub(super) const WORD: Sql = sql!(
    "UPDATE sight SET word_at = $2
     FROM " [tuples "$1" v (0 provider text, 1 protocol text, 2 endpoint text)] "
     WHERE sight.provider = v.provider AND sight.protocol = v.protocol AND sight.endpoint = v.endpoint"
);
