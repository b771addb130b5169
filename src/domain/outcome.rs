//! What a probe can say. There is no "false": a refusal and "could not tell" are different facts.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::time::Timestamp;

/// The answer of one protocol at one endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// the provider let the credential in
    Accepted,
    /// alive, but not allowed this
    Limited,
    /// the provider itself turned the credential away
    Refused,
    /// nothing is learnt about the credential
    Unknown(Reason),
    /// the operator's settings leave this way out, so a refusal elsewhere has to do without it
    NotAsked,
}

impl Verdict {
    /// The one word: `accepted`, `limited`, `refused`, `unknown`, `not_asked`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Limited => "limited",
            Self::Refused => "refused",
            Self::Unknown(_) => "unknown",
            Self::NotAsked => "not_asked",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(reason) => write!(f, "{}({reason})", self.as_str()),
            Self::Accepted | Self::Limited | Self::Refused | Self::NotAsked => f.write_str(self.as_str()),
        }
    }
}

impl Verdict {
    /// True where the provider let the credential in, however far.
    pub const fn is_acceptance(self) -> bool {
        matches!(self, Self::Accepted | Self::Limited)
    }
}

/// The answer of a whole probe, over every protocol and endpoint that could hold the credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// somewhere it was let in
    Accepted,
    /// alive, but not allowed this
    Limited,
    /// everywhere it could live it was turned away
    Refused,
    /// turned away where it could be asked; the rest could not be asked, for this reason
    PartlyRefused(Reason),
    /// nothing is learnt
    Unknown(Reason),
}

/// Why nothing was learnt: a closed list, the same word in metric, API, mail and test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// the customer's address at the provider is not one of the provider's own, or leads into a private network
    BadAddress,
    /// the provider said something, but says the like to everybody just now
    Blind,
    /// a 401 or 403 that no row of the catalogue names: a firewall, a proxy, an address rule
    Blocked,
    /// no connection, or one that was closed before anything was said
    Connect,
    /// the name did not resolve
    Dns,
    /// the answer broke off, or its body was not what its status promises
    Garbled,
    /// nothing says at which of the provider's addresses the customer lives
    NoAddress,
    /// the credential has no held copy, or one that can't be opened
    NoCopy,
    /// there is no prober for the protocol
    NoProber,
    /// asked too often
    RateLimited,
    /// the answer pointed elsewhere; nothing was sent there
    Redirect,
    /// the provider failed (5xx)
    ServerError,
    /// no answer in time
    Timeout,
    /// no secure connection
    Tls,
    /// an answer that the catalogue has no row for
    Unexpected,
    /// the provider does not know our path: our catalogue is wrong
    WrongPath,
}

impl Reason {
    /// Every reason, for pre-created metrics and tables.
    pub const ALL: [Self; 16] = [
        Self::BadAddress,
        Self::Blind,
        Self::Blocked,
        Self::Connect,
        Self::Dns,
        Self::Garbled,
        Self::NoAddress,
        Self::NoCopy,
        Self::NoProber,
        Self::RateLimited,
        Self::Redirect,
        Self::ServerError,
        Self::Timeout,
        Self::Tls,
        Self::Unexpected,
        Self::WrongPath,
    ];

    /// The one word, in snake case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BadAddress => "bad_address",
            Self::Blind => "blind",
            Self::Blocked => "blocked",
            Self::Connect => "connect",
            Self::Dns => "dns",
            Self::Garbled => "garbled",
            Self::NoAddress => "no_address",
            Self::NoCopy => "no_copy",
            Self::NoProber => "no_prober",
            Self::RateLimited => "rate_limited",
            Self::Redirect => "redirect",
            Self::ServerError => "server_error",
            Self::Timeout => "timeout",
            Self::Tls => "tls",
            Self::Unexpected => "unexpected",
            Self::WrongPath => "wrong_path",
        }
    }

    /// True where the transport failed, so that asking the next credential at once is pointless.
    pub const fn is_transport(self) -> bool {
        matches!(self, Self::Connect | Self::Dns | Self::Timeout | Self::Tls)
    }

    /// True where no request went out, so that it says nothing of the provider.
    pub const fn asks_nobody(self) -> bool {
        matches!(self, Self::BadAddress | Self::NoAddress | Self::NoCopy | Self::NoProber)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Outcome {
    /// The contract's word: `accepted`, `limited`, `refused`, `partly_refused`, `unknown`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Limited => "limited",
            Self::Refused => "refused",
            Self::PartlyRefused(_) => "partly_refused",
            Self::Unknown(_) => "unknown",
        }
    }

    /// Why a part stayed unknown, where one did.
    pub const fn reason(self) -> Option<Reason> {
        match self {
            Self::PartlyRefused(reason) | Self::Unknown(reason) => Some(reason),
            Self::Accepted | Self::Limited | Self::Refused => None,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.reason() {
            Some(reason) => write!(f, "{}({reason})", self.as_str()),
            None => f.write_str(self.as_str()),
        }
    }
}

/// One protocol's answer at one endpoint, with what may be kept of it as evidence. No body, no address
/// with a query, no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// the catalogue's name of the protocol: `rest`, `smtp`
    pub protocol: String,
    /// the catalogue's name of the endpoint: `default`, `us`
    pub endpoint: String,
    /// what it said
    pub verdict: Verdict,
    /// its status or reply code
    pub status: Option<u16>,
}

/// A protocol at an endpoint, by the catalogue's names: where a credential can be let in.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Place {
    /// `rest`
    pub protocol: String,
    /// `default`
    pub endpoint: String,
}

impl Part {
    /// Whether it was asked at that place.
    pub fn is_at(&self, place: &Place) -> bool {
        self.protocol == place.protocol && self.endpoint == place.endpoint
    }
}

/// The date of an answer, and when it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dated {
    /// by our clock
    pub ours: Timestamp,
    /// by the provider's
    pub theirs: Timestamp,
}

/// A whole probe's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// all parts taken together by [`combine`]
    pub outcome: Outcome,
    /// in the order in which they were asked
    pub parts: Vec<Part>,
    /// when the last part was answered
    pub at: Timestamp,
    /// how long the provider took, over all parts together; waiting for our turn is not its time
    pub took: Duration,
    /// the longest wait that the provider asked for
    pub retry_after: Option<Duration>,
    /// what the provider's clock showed with the latest part that said, and what ours did
    pub date: Option<Dated>,
    /// which kind of key the provider took it for, where it knows several: `api_secret`, `api_key`
    pub kind: Option<String>,
    /// the credential is known to be another thing than what is asked for
    /// ([`super::catalogue::CredentialForm::is_mistaken`])
    pub is_mistaken: bool,
}

/// All parts together (DESIGN.md 4): accepted if any accepts, else limited if any is, refused only if
/// every one refuses, partly refused if some refuse and the rest is unknown, else unknown. What the operator leaves out
/// counts for nothing. An endpoint that is asked several questions refuses only where each of them is refused: a question for
/// another kind of value is always refused there.
///
/// The reason is that of the last unknown part. No part at all is `unknown(no_prober)`.
pub fn combine(parts: &[Part]) -> Outcome {
    let (mut limited, mut refused, mut unknown) = (false, false, None);
    for part in parts {
        match part.verdict {
            Verdict::Accepted => return Outcome::Accepted,
            Verdict::Limited => limited = true,
            Verdict::Refused => refused |= !parts.iter().any(|other| is_open(other) && is_same_place(other, part)),
            Verdict::Unknown(reason) => unknown = Some(reason),
            Verdict::NotAsked => {}
        }
    }
    match (limited, refused, unknown) {
        (true, _, _) => Outcome::Limited,
        (false, true, None) => Outcome::Refused,
        (false, true, Some(reason)) => Outcome::PartlyRefused(reason),
        (false, false, reason) => Outcome::Unknown(reason.unwrap_or(Reason::NoProber)),
    }
}

const fn is_open(part: &Part) -> bool {
    matches!(part.verdict, Verdict::Unknown(_))
}

fn is_same_place(one: &Part, other: &Part) -> bool {
    (&one.protocol, &one.endpoint) == (&other.protocol, &other.endpoint)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TIMEOUT: Verdict = Verdict::Unknown(Reason::Timeout);
    const DNS: Verdict = Verdict::Unknown(Reason::Dns);

    fn parts(verdicts: &[Verdict]) -> Vec<Part> {
        let part = |(number, verdict): (usize, &Verdict)| at(&number.to_string(), *verdict);
        verdicts.iter().enumerate().map(part).collect()
    }

    fn at(endpoint: &str, verdict: Verdict) -> Part {
        Part { protocol: "rest".to_owned(), endpoint: endpoint.to_owned(), verdict, status: None }
    }

    #[test]
    fn an_endpoint_that_leaves_one_of_its_questions_open_does_not_refuse() {
        use Verdict::{Accepted, Refused};
        let one =
            |verdicts: &[Verdict]| combine(&verdicts.iter().map(|verdict| at("default", *verdict)).collect::<Vec<_>>());
        assert_eq!(
            one(&[TIMEOUT, Refused]),
            Outcome::Unknown(Reason::Timeout),
            "whatever kind it is of, it learnt nothing"
        );
        assert_eq!(one(&[Refused, TIMEOUT]), Outcome::Unknown(Reason::Timeout));
        assert_eq!(one(&[Refused, Refused]), Outcome::Refused);
        assert_eq!(one(&[TIMEOUT, Accepted]), Outcome::Accepted);
        let elsewhere = [at("default", TIMEOUT), at("default", Refused), at("us", Refused)];
        assert_eq!(combine(&elsewhere), Outcome::PartlyRefused(Reason::Timeout));
    }

    #[test]
    fn one_protocol_that_lets_it_in_outweighs_all_others_and_refused_takes_all_of_them() {
        use Verdict::{Accepted, Limited, NotAsked, Refused};
        let cases: [(&[Verdict], Outcome); 15] = [
            (&[], Outcome::Unknown(Reason::NoProber)),
            (&[Accepted], Outcome::Accepted),
            (&[Limited], Outcome::Limited),
            (&[Refused], Outcome::Refused),
            (&[TIMEOUT], Outcome::Unknown(Reason::Timeout)),
            (&[Refused, Accepted], Outcome::Accepted),
            (&[Limited, TIMEOUT, Accepted], Outcome::Accepted),
            (&[Refused, TIMEOUT, Limited], Outcome::Limited),
            (&[Refused, Refused], Outcome::Refused),
            (&[Refused, TIMEOUT], Outcome::PartlyRefused(Reason::Timeout)),
            (&[TIMEOUT, Refused, DNS], Outcome::PartlyRefused(Reason::Dns)),
            (&[TIMEOUT, DNS], Outcome::Unknown(Reason::Dns)),
            (&[Refused, NotAsked], Outcome::Refused),
            (&[NotAsked, Accepted], Outcome::Accepted),
            (&[NotAsked], Outcome::Unknown(Reason::NoProber)),
        ];
        for (verdicts, outcome) in cases {
            assert_eq!(combine(&parts(verdicts)), outcome, "{verdicts:?}");
        }
    }

    #[test]
    fn an_outcome_is_shown_with_its_reason() {
        assert_eq!(Outcome::PartlyRefused(Reason::Connect).to_string(), "partly_refused(connect)");
        assert_eq!(Outcome::Refused.to_string(), "refused");
    }

    proptest! {
        #[test]
        fn refused_is_never_said_while_any_part_says_otherwise(
            verdicts in prop::collection::vec(
                prop::sample::select(vec![Verdict::Accepted, Verdict::Limited, Verdict::Refused, TIMEOUT, DNS]),
                0..6,
            ),
        ) {
            let outcome = combine(&parts(&verdicts));
            let all_refuse = !verdicts.is_empty() && verdicts.iter().all(|verdict| *verdict == Verdict::Refused);
            prop_assert_eq!(outcome == Outcome::Refused, all_refuse);
            prop_assert_eq!(outcome == Outcome::Accepted, verdicts.contains(&Verdict::Accepted));
            let reversed: Vec<_> = verdicts.iter().rev().copied().collect();
            prop_assert_eq!(outcome.as_str(), combine(&parts(&reversed)).as_str());
        }
    }
}
