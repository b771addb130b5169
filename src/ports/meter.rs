//! Where the stages say what they did, for the numbers of the process.
//!
//! Every method does nothing by default: who doesn't count pays nothing. Words come from closed lists, so that every
//! series can be there, at zero, before anything has happened. Nothing here names a connection, a person or an address.

use std::fmt;
use std::time::Duration;

use super::activation::Job;
use super::announce::MessageEnd;
use super::events::{NotTaken, Taken};
use super::notify::MailEnd;
use crate::domain::action::Act;
use crate::domain::belief::Liveness;
use crate::domain::event::EventKind;
use crate::domain::ids::ProviderName;
use crate::domain::outcome::Answer;
use crate::domain::time::Timestamp;

/// Counts what the stages do. Cheap enough to be called for every single probe.
pub trait Meter: Send + Sync {
    /// A provider was asked about one credential, or could not be.
    fn probed(&self, _provider: &ProviderName, _answer: &Answer) {}
    /// A pass that asked a provider is over: it answered, or why it is said not to.
    fn answering(&self, _provider: &ProviderName, _heard: Result<(), &str>) {}
    /// A credential's liveness changed, and the ledger has it.
    fn moved(&self, _provider: &ProviderName, _to: Liveness) {}
    /// A credential's liveness would have changed, had its provider not been blind.
    fn held(&self, _provider: &ProviderName) {}
    /// Of what a credential was told not everything counts, because its provider is blind.
    fn blinded(&self, _provider: &ProviderName) {}
    /// One try to send a mail is over, and the ledger has it.
    fn mailed(&self, _outcome: MailOutcome) {}
    /// A message that came to the return path was handled, and the ledger has what followed.
    fn bounced(&self, _outcome: BounceOutcome) {}
    /// One try to tell an endpoint of the operator's is over, and the ledger has it.
    fn announced(&self, _outcome: AnnounceOutcome) {}
    /// An event of a source was taken, or not.
    fn told(&self, _source: &str, _kind: EventKind, _outcome: EventOutcome) {}
    /// An event of a source was taken at this instant.
    fn heard_of(&self, _source: &str, _at: Timestamp) {}
    /// A request to the listener's place for events was turned away before its source was known.
    fn turned_away(&self, _why: EventRefusal) {}
    /// A stage is over, well or badly.
    fn stage(&self, _stage: Stage, _took: Duration) {}
    /// A job is over.
    fn job(&self, _job: Job, _outcome: JobOutcome) {}
    /// A part that keysweep depends on was just seen to work, or not to.
    fn part(&self, _part: PartName, _up: bool) {}
    /// The configuration was read at this instant, at the start or again: true where it is now in force.
    fn reloaded(&self, _at: Timestamp, _successful: bool) {}
    /// So many spans of traces came to their end.
    fn traced(&self, _end: SpanEnd, _count: u64) {}
}

/// Counts nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unmetered;

impl Meter for Unmetered {}

/// A closed list of words.
macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$of:meta])* $variant:ident = $word:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$of])* $variant,)*
        }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The one word, in snake case.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    )*};
}

words! {
    /// How a try to send a mail ended.
    MailOutcome {
        /// the server took it
        Sent = "sent",
        /// it may have arrived
        MaybeSent = "maybe_sent",
        /// not taken; tried again
        Failed = "failed",
        /// the address was refused for good
        AddressRefused = "address_refused",
        /// nothing was left to say, or nobody to say it to
        Cancelled = "cancelled",
        /// what it would say waits for a confirmation
        Held = "held",
        /// its turn comes later: more would leave at once than the settings allow, or its reader has quiet hours by now
        PutOff = "put_off",
    }

    /// What a message that came to the return path came to.
    BounceOutcome {
        /// there is no such address any more: it is left alone, and the next in line is told
        AddressRefused = "address_refused",
        /// likewise, but the reader has another address by now: they are told there
        AddressChanged = "address_changed",
        /// the mail came back for what may be otherwise tomorrow
        Passing = "passing",
        /// the mail came back, and not for the address: our reputation or our mail is at fault
        Ours = "ours",
        /// the mail has not come back: it is delayed, or was handed on
        NotFinal = "not_final",
        /// it was known before
        Repeated = "repeated",
        /// its mail is just being sent: it is to be handled later
        Waiting = "waiting",
        /// it is no report: an answer of a machine, or unasked mail
        NotAReport = "not_a_report",
        /// a report that came to no address that names a mail
        Unaddressed = "unaddressed",
        /// the address that it came to was not made here, or was changed
        Forged = "forged",
        /// the address that it came to is believed no more
        Expired = "expired",
        /// no mail of this ledger has the number
        UnknownMail = "unknown_mail",
        /// it is longer than a mebibyte, or could not be read
        Unreadable = "unreadable",
    }

    /// How a try to tell an endpoint ended.
    AnnounceOutcome {
        /// it took the message
        Sent = "sent",
        /// it did not; tried again
        Failed = "failed",
        /// it did not for too long: the message is left
        GivenUp = "given_up",
    }

    /// What became of an event of a source.
    EventOutcome {
        /// what it says is known now
        Done = "done",
        /// newer facts were known, and it says nothing beside them
        Late = "late",
        /// it was taken before
        Repeated = "repeated",
        /// it leaves out what is not known yet
        Unknown = "unknown",
        /// its row would be set aside
        Unfit = "unfit",
        /// the ledger could not be written to
        Busy = "busy",
    }

    /// Why a request with an event was turned away before its source was known.
    EventRefusal {
        /// no source takes events
        Nowhere = "nowhere",
        /// the signature is missing, wrong or old
        Unsigned = "unsigned",
        /// the body is not understood
        Unread = "unread",
        /// the body is too long
        TooLarge = "too_large",
        /// too many came at once
        TooOften = "too_often",
    }

    /// What somebody asked for, through a link or at the command line.
    ActName {
        /// that the provider be asked at once
        Check = "check",
        /// reminders wait, because the secret was reset
        Reset = "reset",
        /// reminders wait
        Snooze = "snooze",
        /// the operator knows of it
        Acknowledge = "acknowledge",
        /// reminders come again
        Resume = "resume",
        /// it is somebody else's
        NotMine = "not_mine",
        /// that the copy be destroyed
        Destroy = "destroy",
        /// others know the secret, or don't after all
        Compromised = "compromised",
        /// no mails about low severities
        Mute = "mute",
        /// such mails again
        Unmute = "unmute",
    }

    /// What became of it.
    ActOutcome {
        /// it was done
        Done = "done",
        /// it was so already
        Nothing = "nothing",
        /// it may not be done, by them or as it stands
        Refused = "refused",
    }

    /// A part of a scan.
    Stage {
        /// the inventory is read
        Collect = "collect",
        /// the providers are asked
        Probe = "probe",
        /// the rules speak
        Judge = "judge",
        /// people are told
        Notify = "notify",
    }

    /// How a job ended.
    JobOutcome {
        /// everything was done
        Complete = "complete",
        /// a source could not be read whole, a provider was given up, or mails wait for another try
        Incomplete = "incomplete",
        /// it ended in an error
        Failed = "failed",
        /// it was told to stop
        Interrupted = "interrupted",
    }

    /// What became of a span of a trace.
    SpanEnd {
        /// the collector has it
        Sent = "sent",
        /// it was dropped: more of them waited than may
        Crowded = "crowded",
        /// it was dropped: the collector did not take it
        Refused = "refused",
    }

    /// A part that keysweep depends on, its own and others'.
    PartName {
        /// the ledger can be written to
        Ledger = "ledger",
        /// the mail server lets us in
        Smtp = "smtp",
        /// the sources can be read
        Inventory = "inventory",
        /// our clock agrees with the world's
        Clock = "clock",
    }
}

impl EventOutcome {
    /// What became of an event whose source is known.
    pub const fn of(told: &Result<Taken, NotTaken>) -> Self {
        match told {
            Ok(Taken::Done { .. }) => Self::Done,
            Ok(Taken::Late) => Self::Late,
            Ok(Taken::Repeated) => Self::Repeated,
            Err(NotTaken::Unknown(_)) => Self::Unknown,
            Err(NotTaken::Busy) => Self::Busy,
            // the first three never get here: without them the source is not known
            Err(NotTaken::Nowhere | NotTaken::Unsigned(_) | NotTaken::Unread(_) | NotTaken::Unfit(_)) => Self::Unfit,
        }
    }
}

impl From<Act> for ActName {
    fn from(act: Act) -> Self {
        match act {
            Act::Check => Self::Check,
            Act::Reset => Self::Reset,
            Act::Snooze { .. } => Self::Snooze,
            Act::Acknowledge { .. } => Self::Acknowledge,
            Act::Resume => Self::Resume,
            Act::NotMine => Self::NotMine,
            Act::Destroy => Self::Destroy,
            Act::Compromised => Self::Compromised,
        }
    }
}

impl From<&MessageEnd> for AnnounceOutcome {
    fn from(end: &MessageEnd) -> Self {
        match end {
            MessageEnd::Sent => Self::Sent,
            MessageEnd::Failed { .. } => Self::Failed,
            MessageEnd::GivenUp { .. } => Self::GivenUp,
        }
    }
}

impl From<&MailEnd> for MailOutcome {
    fn from(end: &MailEnd) -> Self {
        match end {
            MailEnd::Sent { .. } => Self::Sent,
            MailEnd::MaybeSent { .. } => Self::MaybeSent,
            MailEnd::Failed { .. } => Self::Failed,
            MailEnd::AddressRefused { .. } => Self::AddressRefused,
            MailEnd::Cancelled => Self::Cancelled,
            MailEnd::Held { .. } => Self::Held,
            MailEnd::PutOff { .. } => Self::PutOff,
        }
    }
}
