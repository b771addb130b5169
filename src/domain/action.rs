//! What people may do about a finding, and what that changes (DESIGN.md 9, links).
//!
//! | act | who | where | what it changes |
//! |---|---|---|---|
//! | check | owner, maker | a copy is held; a few times a day | the provider is asked at once |
//! | reset | owner, maker | a reset would end it | reminders wait for the settle window; the key is asked soon |
//! | snooze | operator, owner | open | reminders wait until a date |
//! | acknowledge | operator | open | the same, and nobody but the operator ends it |
//! | resume | operator, owner, maker | reminders wait, or it was not theirs | they no longer do; it is theirs again |
//! | not mine | owner, maker | open | this person is told no more of it; the next in line is |
//! | destroy | owner | a copy is held, of a key that nothing uses and nobody else has | the copy is destroyed |
//! | compromised | owner, maker | not proven dead | the key counts as leaked |
//!
//! Where a reset has come to nothing once its window is over ([`reset_failed`]), that is told once, beside the ladder.
//!
//! The maker is the member who made the connection. A person acts only while active and verified. Nothing that anybody says
//! closes a finding: only the provider's refusal does.

use std::time::Duration;

use super::belief::{Belief, Liveness};
use super::finding::RuleName;
use super::record::{PersonStatus, Role};
use super::time::{Timestamp, days, hours};

/// What somebody does about a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// has the provider asked at once
    Check,
    /// says that the secret was reset
    Reset,
    /// wants no reminder before a date
    Snooze {
        /// the date
        until: Timestamp,
    },
    /// the operator knows of it, and wants nobody reminded before a date
    Acknowledge {
        /// the date
        until: Timestamp,
    },
    /// wants to be reminded again
    Resume,
    /// says that it is somebody else's
    NotMine,
    /// wants the held copy destroyed
    Destroy,
    /// says that others know the secret
    Compromised,
}

/// What one of those who run keysweep is called in the event log: by the configuration, or by the system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorName(String);

impl OperatorName {
    /// The most characters of a name.
    const LONGEST: usize = 64;

    /// `None` for what is no name: nothing, more than a line, or longer than 64 characters. The log keeps it for good.
    pub fn new(name: &str) -> Option<Self> {
        let name = name.trim();
        let is_name = (1..=Self::LONGEST).contains(&name.chars().count()) && !name.chars().any(char::is_control);
        is_name.then(|| Self(name.to_owned()))
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Who acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// whoever runs keysweep
    Operator,
    /// a person of an account
    Member(Member),
}

/// A person, as far as it matters for what they may do about one finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// true where the finding's account is theirs
    pub of_account: bool,
    /// their role in it
    pub role: Role,
    /// whether the platform lets them in
    pub status: PersonStatus,
    /// whether the platform has verified the address that the link went to
    pub verified: bool,
    /// true where they made the connection
    pub maker: bool,
    /// true where they have said that it is not theirs
    pub disowned: bool,
    /// how often they have had its key checked during the last day, through whichever of its findings
    pub checks: u32,
    /// true while such a check waits for its answer
    pub checking: bool,
}

impl Member {
    /// True where this person may see and do anything about the finding at all.
    pub fn may_act(&self) -> bool {
        let is_theirs = self.of_account && (self.role == Role::Owner || self.maker);
        is_theirs && self.status == PersonStatus::Active && self.verified
    }
}

/// The finding and its key, as far as it matters for what may be done about them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Matter {
    /// true where it is open or exempt, in the opening that is meant
    pub open: bool,
    /// its rule
    pub rule: RuleName,
    /// what is believed of the key
    pub liveness: Liveness,
    /// whether a sealed copy is held
    pub held: bool,
    /// true where no connection uses the key any more, in whatever account
    pub idle: bool,
    /// true where no other account has, or had, the key
    pub alone: bool,
    /// true where somebody has already said that it leaked: of the key, or in this opening of the finding
    pub compromised: bool,
    /// true where the configuration accepts it for a while
    pub exempt: bool,
    /// why and until when reminders wait
    pub pause: Option<Pause>,
}

/// Reminders wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pause {
    /// why
    pub why: Why,
    /// until when; then it is as if it had never been
    pub until: Timestamp,
}

/// Why reminders wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// a person wants to be left alone with it for a while
    Snoozed,
    /// the operator knows of it
    Acknowledged,
    /// somebody says that the secret was reset, and the provider's refusal has yet to be confirmed
    Pending,
    /// an owner says so of a key that nobody can ask about any more: nothing else is going to show it
    Confirmed,
}

impl Why {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Snoozed, Self::Acknowledged, Self::Pending, Self::Confirmed];

    /// The one word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Snoozed => "snoozed",
            Self::Acknowledged => "acknowledged",
            Self::Pending => "pending",
            Self::Confirmed => "confirmed",
        }
    }

    /// The reason of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|why| why.as_str() == word)
    }
}

/// For good, as far as reminders go: the reader won't see the end of it.
const FOR_GOOD: Duration = days(36_525);

/// An acknowledgement without a date.
pub const ACKNOWLEDGED: Duration = days(30);

/// How far people may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActPolicy {
    /// no pause is longer
    pub longest_pause: Duration,
    /// how long reminders wait once somebody says that the secret was reset: at least the time that a refusal takes to be confirmed
    pub reset_window: Duration,
    /// how often a person may have one key checked within 24 hours
    pub checks_per_day: u32,
}

impl Default for ActPolicy {
    fn default() -> Self {
        Self { longest_pause: days(90), reset_window: hours(24), checks_per_day: 5 }
    }
}

/// What an act changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// it is so already: done twice is done once
    Nothing,
    /// the provider is to be asked at once
    Check,
    /// reminders wait
    Pause(Pause),
    /// whoever resumes is told again, and reminders no longer wait, unless the operator has said so and another resumes
    Resume,
    /// the person is told no more of it
    Disown,
    /// the copy is destroyed
    Destroy,
    /// the key counts as leaked
    Compromise,
}

/// Why an act is not done. The page and the command line say what to do instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// this person may not act on it, or not like this
    #[error("this is not for you to decide")]
    NotYours,
    /// the finding has closed, or begun anew
    #[error("it is settled, or has begun anew")]
    Over,
    /// it makes no sense for a finding of this rule, or in its present state
    #[error("this can't be done about it as it stands")]
    Unfit,
    /// there is no copy to ask with, or to destroy
    #[error("no copy of the key is held")]
    NoCopy,
    /// the day's checks are used up
    #[error("it has been checked often enough for today")]
    TooOften,
    /// there is no such finding
    #[error("there is no such finding")]
    Unknown,
    /// the configuration accepts it until a date, and only the configuration takes that back
    #[error("the configuration accepts it for a while, and nobody is reminded of it")]
    Exempt,
    /// the date is not between now and the longest pause
    #[error("the date must lie ahead, and no further than links.longest_pause")]
    BadDate,
}

/// Two wishes for quiet that end so near to each other are one: a form that was sent twice.
const SAME: Duration = Duration::from_secs(600);

/// What `act` by `actor` changes at `now`.
///
/// # Errors
/// [`Refusal`], and then nothing changes.
pub fn decide(act: Act, actor: &Actor, matter: &Matter, now: Timestamp, policy: &ActPolicy) -> Result<Change, Refusal> {
    if let Actor::Member(member) = actor
        && !member.may_act()
    {
        return Err(Refusal::NotYours);
    }
    if !matter.open {
        return Err(Refusal::Over);
    }
    if matter.exempt && *actor == Actor::Operator {
        return Err(Refusal::Exempt);
    }
    let pause = matter.pause.filter(|pause| pause.until > now);
    match (act, actor) {
        (Act::Check, Actor::Member(member)) => check(member, matter, policy),
        (Act::Reset, Actor::Member(_)) if !resets(matter.rule) => Err(Refusal::Unfit),
        (Act::Reset, Actor::Member(member)) => {
            let (why, span) =
                if confirms(member, matter) { (Why::Confirmed, FOR_GOOD) } else { (Why::Pending, policy.reset_window) };
            // Saying it twice doesn't make the window longer.
            let is_said = pause.is_some_and(|pause| pause.why == why);
            Ok(if is_said { Change::Nothing } else { quiet(pause, Pause { why, until: now + span }) })
        }
        // The owner answers for the account: a member's word does not keep mail from them for weeks (decision 47).
        (Act::Snooze { .. }, Actor::Member(member)) if member.role != Role::Owner => Err(Refusal::NotYours),
        (Act::Snooze { until }, _) => dated(until, now, policy).map(|until| {
            let wanted = Pause { why: Why::Snoozed, until };
            if *actor == Actor::Operator { replaced(pause, wanted) } else { quiet(pause, wanted) }
        }),
        (Act::Acknowledge { until }, Actor::Operator) => {
            dated(until, now, policy).map(|until| replaced(pause, Pause { why: Why::Acknowledged, until }))
        }
        (Act::Resume, _) => resume(actor, pause),
        (Act::NotMine, Actor::Member(member)) => Ok(if member.disowned { Change::Nothing } else { Change::Disown }),
        (Act::Destroy, Actor::Member(member)) => destroy(member, matter),
        (Act::Compromised, Actor::Member(_)) => compromise(matter),
        // The operator has verbs of their own for these: `probe`, `compromised`, `[escrow] hold`.
        (Act::Check | Act::Reset | Act::NotMine | Act::Destroy | Act::Compromised, Actor::Operator)
        | (Act::Acknowledge { .. }, Actor::Member(_)) => Err(Refusal::NotYours),
    }
}

/// Whether a reset can only be confirmed by hand, by whom it is asked for: nothing uses the key, and nobody can ask about it
/// (DESIGN.md 4, 9).
fn confirms(member: &Member, matter: &Matter) -> bool {
    let is_left_behind = match matter.rule {
        RuleName::RevocationMissing | RuleName::RevocationUnproven => true,
        RuleName::SecretCompromised => matter.idle,
        _ => false,
    };
    member.role == Role::Owner && is_left_behind && !matter.held
}

/// It also takes back that it is somebody else's, whatever reminders wait for.
fn resume(actor: &Actor, pause: Option<Pause>) -> Result<Change, Refusal> {
    let disowned = matches!(actor, Actor::Member(member) if member.disowned);
    match pause {
        _ if disowned => Ok(Change::Resume),
        None => Ok(Change::Nothing),
        Some(Pause { why: Why::Acknowledged, .. }) if *actor != Actor::Operator => Err(Refusal::NotYours),
        Some(_) => Ok(Change::Resume),
    }
}

fn check(member: &Member, matter: &Matter, policy: &ActPolicy) -> Result<Change, Refusal> {
    if !matter.held {
        return Err(Refusal::NoCopy);
    }
    if member.checking {
        return Ok(Change::Nothing);
    }
    if member.checks >= policy.checks_per_day { Err(Refusal::TooOften) } else { Ok(Change::Check) }
}

fn destroy(member: &Member, matter: &Matter) -> Result<Change, Refusal> {
    if member.role != Role::Owner {
        return Err(Refusal::NotYours);
    }
    if matter.liveness == Liveness::Shredded {
        return Ok(Change::Nothing);
    }
    if !matter.held {
        return Err(Refusal::NoCopy);
    }
    // A key in use would be sealed anew, and another account's proof is not this one's to give up.
    if matter.idle && matter.alone { Ok(Change::Destroy) } else { Err(Refusal::Unfit) }
}

fn compromise(matter: &Matter) -> Result<Change, Refusal> {
    let is_dead = matter.liveness == Liveness::Dead;
    if matter.compromised || matter.rule == RuleName::SecretCompromised {
        return Ok(Change::Nothing);
    }
    if is_dead || !resets(matter.rule) { Err(Refusal::Unfit) } else { Ok(Change::Compromise) }
}

/// Whether a reset that somebody spoke of has come to nothing: the provider has accepted the key since the end of the window,
/// at `over`, in which its refusal was to be confirmed. What it accepted before that proves nothing: a key may be reset some
/// minutes after it was said, and live on for some hours after it was reset.
pub fn reset_failed(over: Timestamp, belief: &Belief) -> bool {
    belief.liveness == Liveness::Live && belief.accepted_at.is_some_and(|at| at >= over)
}

/// True for rules whose finding a reset of the secret would end.
pub const fn resets(rule: RuleName) -> bool {
    match rule {
        RuleName::SecretCompromised
        | RuleName::RevocationMissing
        | RuleName::SecretReused
        | RuleName::ConnectionOrphaned
        | RuleName::SecretStale
        | RuleName::RevocationUnproven
        | RuleName::SecretDue
        | RuleName::SecretAgeUnknown
        | RuleName::SecretShared
        | RuleName::MixedUse => true,
        RuleName::ConnectionBroken | RuleName::WrongKeyKind | RuleName::ConnectionIdle | RuleName::OwnerUnreachable => {
            false
        }
    }
}

fn dated(until: Timestamp, now: Timestamp, policy: &ActPolicy) -> Result<Timestamp, Refusal> {
    if until > now && until <= now + policy.longest_pause { Ok(until) } else { Err(Refusal::BadDate) }
}

/// What a person's wish for quiet comes to: the operator's word stands, and a confirmation by hand is quiet enough.
fn quiet(known: Option<Pause>, wanted: Pause) -> Change {
    match known {
        Some(Pause { why: Why::Acknowledged | Why::Confirmed, .. }) => Change::Nothing,
        _ => replaced(known, wanted),
    }
}

fn replaced(known: Option<Pause>, wanted: Pause) -> Change {
    let is_same = |known: Pause| {
        let (early, late) = (known.until.min(wanted.until), known.until.max(wanted.until));
        known.why == wanted.why && late.since(early) < SAME
    };
    if known.is_some_and(is_same) { Change::Nothing } else { Change::Pause(wanted) }
}

#[cfg(test)]
mod tests;
