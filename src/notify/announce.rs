//! The operator's own endpoints are told of the log: planned from it by a cursor each, and sent oldest first.
//!
//! A message is planned in the transaction that moves the cursor, and is what it is from then on. So a kill loses nothing;
//! what was handed over and not recorded is handed over again, under the same identity. Nothing overtakes: while an
//! endpoint does not take a message, what comes after it waits, and no other endpoint does.

use std::time::Duration;

use serde_json::Map;

use super::Backoff;
use crate::domain::announce::{Entry, form, is_told};
use crate::domain::time::Timestamp;
use crate::ports::announce::{AnnounceLedger, Courier, Endpoint, MessageEnd, NotTaken, Waiting};
use crate::ports::meter::{AnnounceOutcome, Meter};
use crate::ports::{Clock, Event, LedgerError, Progress};

/// Entries that are read, and at most told in one digest, together.
const PAGE: usize = 500;
/// Messages that one pass hands over to one endpoint: other work waits for it.
const MESSAGES: usize = 500;

/// An endpoint that wants to be left alone for longer is asked again all the same.
const LONGEST_PAUSE: Duration = Duration::from_secs(86_400);

/// Everything that telling them needs.
pub struct AnnounceTools<'a, L, Q, C, G> {
    /// where the log and the messages are
    pub ledger: &'a L,
    /// carries them
    pub courier: &'a Q,
    /// tells the time
    pub clock: &'a C,
    /// says when to stop
    pub progress: &'a G,
    /// counts what is done
    pub meter: &'a dyn Meter,
    /// the ledger's own name
    pub ledger_id: &'a str,
    /// the waits between tries
    pub retry: &'a Backoff,
}

/// What a pass brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Announced {
    /// messages that were taken
    pub sent: u64,
    /// messages that were not, and are tried again
    pub failed: u64,
    /// messages that are left
    pub given_up: u64,
}

/// Plans what the log has that these endpoints were not told, and hands over what is due.
///
/// # Errors
/// Where the ledger fails. An endpoint that fails is none.
pub async fn announce<L, Q, C, G>(
    tools: &AnnounceTools<'_, L, Q, C, G>,
    endpoints: &[Endpoint],
) -> Result<Announced, LedgerError>
where
    L: AnnounceLedger,
    Q: Courier,
    C: Clock,
    G: Progress,
{
    let mut sum = Announced::default();
    for endpoint in endpoints {
        plan(tools, endpoint).await?;
        hand_over(tools, endpoint, &mut sum).await?;
    }
    Ok(sum)
}

async fn plan<L, Q, C, G>(tools: &AnnounceTools<'_, L, Q, C, G>, endpoint: &Endpoint) -> Result<(), LedgerError>
where
    L: AnnounceLedger,
    C: Clock,
    G: Progress,
{
    let mut after = tools.ledger.told_up_to(&endpoint.name).await?;
    loop {
        let page = tools.ledger.entries(after, PAGE).await?;
        let Some(last) = page.last().map(|entry| entry.id) else { return Ok(()) };
        let told: Vec<Entry> = page.into_iter().filter(|entry| is_told(&entry.kind)).collect();
        let messages = form(&told, endpoint.form, &endpoint.name, tools.ledger_id);
        tools.ledger.plan_messages(tools.clock.now(), &endpoint.name, last, &messages).await?;
        after = last;
        if tools.progress.stopping() {
            return Ok(()); // the cursor stands where it was told up to
        }
    }
}

async fn hand_over<L, Q, C, G>(
    tools: &AnnounceTools<'_, L, Q, C, G>,
    endpoint: &Endpoint,
    sum: &mut Announced,
) -> Result<(), LedgerError>
where
    L: AnnounceLedger,
    Q: Courier,
    C: Clock,
    G: Progress,
{
    for _ in 0..MESSAGES {
        if tools.progress.stopping() {
            return Ok(());
        }
        let Some(message) = tools.ledger.next_message(&endpoint.name).await? else { return Ok(()) };
        let now = tools.clock.now();
        if message.due_at > now {
            return Ok(());
        }
        let taken = tools.courier.carry(&endpoint.name, &message, now).await;
        let now = tools.clock.now();
        let (end, counter) = match taken {
            Ok(()) => (MessageEnd::Sent, &mut sum.sent),
            Err(error) if now.since(message.formed_at) >= endpoint.give_up_after => {
                tracing::error!(webhook = endpoint.name, %error, "a message is given up: it was not taken for too long");
                (MessageEnd::GivenUp { error: error.why }, &mut sum.given_up)
            }
            Err(error) => {
                tracing::warn!(webhook = endpoint.name, %error, "a message was not taken, and is tried again");
                let retry_at = next_try(tools.retry, endpoint, &message, &error, now);
                (MessageEnd::Failed { retry_at, error: error.why }, &mut sum.failed)
            }
        };
        *counter += 1;
        let events: Vec<Event> = matches!(end, MessageEnd::GivenUp { .. })
            .then(|| Event {
                at: now,
                kind: "webhook.given_up",
                subject: format!("webhook:{}", endpoint.name),
                data: Map::from_iter([("message".to_owned(), message.message_id.as_str().into())]),
            })
            .into_iter()
            .collect();
        tools.ledger.record_message(now, message.id, &end, &events).await?;
        tools.meter.announced(AnnounceOutcome::from(&end));
        tools.progress.advance(1);
        if !matches!(end, MessageEnd::Sent) {
            return Ok(()); // nothing overtakes, and whoever did not answer is not asked again in this pass
        }
    }
    Ok(())
}

/// Our own wait, or a longer one that the endpoint asks for; but no longer than until the message would be given up, so that
/// it is tried once more before.
fn next_try(retry: &Backoff, endpoint: &Endpoint, message: &Waiting, error: &NotTaken, now: Timestamp) -> Timestamp {
    let left = endpoint.give_up_after.saturating_sub(now.since(message.formed_at));
    let asked = error.pause.unwrap_or_default().min(LONGEST_PAUSE).min(left);
    now + retry.wait(message.attempts, message.id.unsigned_abs()).max(asked)
}
