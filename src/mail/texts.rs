//! What mails say: sentences with blanks, read from one file a language.
//!
//! Every language has the same keys, and a sentence has no blank that its English one lacks: `read` sees to it. So nothing
//! here can be missing once it is read.

mod languages;
mod sentence;

use serde::{Deserialize, Serialize};

pub(super) use languages::ENGLISH;
pub use languages::{Languages, TextProblem};
pub(super) use sentence::{Plural, Sentence};

use crate::domain::finding::{RuleName, Severity};
use crate::domain::outcome::Reason;
use crate::domain::remedy::Situation;

/// Declares tables of texts: a key that a file lacks, or has beyond these, is an error that names it.
macro_rules! tables {
    ($($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Deserialize, Serialize)]
        #[serde(deny_unknown_fields)]
        pub(super) struct $name {
            $(pub(super) $field: $type,)*
        }
    )*};
}

tables! {
    /// One language.
    Texts {
        date: DateTexts,
        span: SpanTexts,
        list: ListTexts,
        severity: SeverityTexts,
        subject: SubjectTexts,
        lead: LeadTexts,
        name: NameTexts,
        key: KeyTexts,
        age: AgeTexts,
        works: WorksTexts,
        minds: MindTexts,
        ended: EndedTexts,
        accepted: AcceptedTexts,
        refused: RefusedTexts,
        orphaned: OrphanedTexts,
        unproven: UnprovenTexts,
        reasons: ReasonTexts,
        compromised: CompromisedTexts,
        wrong_kind: WrongKindTexts,
        mixed: MixedTexts,
        idle: IdleTexts,
        risk: RiskTexts,
        done: DoneTexts,
        rules: RuleTable,
        steps: StepTexts,
        fallback: FallbackTable,
        labels: LabelTexts,
        footer: FooterTexts,
    }
    /// Instants.
    DateTexts { months: [String; 12], instant: Sentence, }
    /// Spans of time.
    SpanTexts { none: Sentence, days: Plural, at_least: Sentence, at_least_none: Sentence, limit: Sentence, }
    /// What stands between the parts of a list.
    ListTexts { comma: String, and: String, }
    /// How bad it is.
    SeverityTexts { critical: String, high: String, medium: String, low: String, }
    /// What to do and how many.
    SubjectTexts {
        reminder: Sentence,
        nothing: Sentence,
        many: Sentence,
        done_one: Sentence,
        done_many: Sentence,
        over_one: Sentence,
        over_many: Sentence,
        verbs: VerbTexts,
    }
    /// What a subject counts.
    VerbTexts {
        check: Sentence,
        reconnect: Sentence,
        reset: Sentence,
        revoke: Sentence,
        separate: Sentence,
        take_over: Sentence,
    }
    /// How a mail begins.
    LeadTexts {
        done_one: Sentence,
        done_many: Sentence,
        over_one: Sentence,
        over_many: Sentence,
        many: Sentence,
        contact: Sentence,
    }
    /// Connections by name.
    NameTexts { platform: String, named: Sentence, unnamed: Sentence, and_others: Plural, with_id: Sentence, more: Sentence, }
    /// Keys by name.
    KeyTexts { ending: Sentence, credential: Sentence, of_kind: Sentence, grant: Sentence, }
    /// The secret's age, by how it is known.
    AgeTexts { declared: Sentence, observed: Sentence, connected: Sentence, first_seen: Sentence, }
    /// Whether the key works, as surely as is known.
    WorksTexts { still: Sentence, maybe: Sentence, }
    /// What to mind before doing it.
    MindTexts {
        sharers: Plural,
        smtp: Sentence,
        transactional: Sentence,
        import_fails: Sentence,
        import_runs: Sentence,
    }
    /// How uses ended.
    EndedTexts { deleted: EndTexts, absent: EndTexts, replaced: EndTexts, ceased: EndTexts, }
    /// One way to end: one connection, several, and without a date.
    EndTexts { one: Sentence, other: Sentence, undated: Sentence, }
    /// What the provider said when it last accepted the key, and what has happened since.
    AcceptedTexts {
        at: Sentence,
        former_at: Sentence,
        now: Sentence,
        former_now: Sentence,
        unconfirmed: Sentence,
        blind: Sentence,
        unasked: Sentence,
        no_copy: Sentence,
        after_reset: Sentence,
        again: Sentence,
    }
    /// What the provider did, never called "revoked".
    RefusedTexts {
        twice: Sentence,
        once: Sentence,
        now: Sentence,
        r#where: Sentence,
        left_out: Sentence,
        outlived: Sentence,
    }
    /// Who is missing.
    OrphanedTexts { removed: Sentence, suspended: Sentence, no_owner: Sentence, }
    /// Why a key can't be proven dead.
    UnprovenTexts {
        since: Sentence,
        detail: Sentence,
        oauth: Sentence,
        no_control: Sentence,
        protocol_unasked: Sentence,
        unknown_too_long: Sentence,
        unconfirmed: Sentence,
        unsaid: Sentence,
    }
    /// Why an answer says nothing.
    ReasonTexts {
        no_copy: String,
        no_prober: String,
        no_address: String,
        bad_address: String,
        blind: String,
        blocked: String,
        rate_limited: String,
        unreachable: String,
        server_error: String,
        senseless: String,
    }
    /// Who says that others know it.
    CompromisedTexts {
        known: Sentence,
        known_since: Sentence,
        accepted: Sentence,
        grant: Sentence,
        grant_since: Sentence,
        own: Sentence,
        own_grant: Sentence,
    }
    /// What the value is, and what it ought to be.
    WrongKindTexts { named: Sentence, unnamed: Sentence, }
    /// What else the key does.
    MixedTexts { both: Sentence, smtp: Sentence, transactional: Sentence, mail: Sentence, }
    /// Since when nothing was synchronised.
    IdleTexts { since: Sentence, never: Sentence, }
    /// What others could do with a copy.
    RiskTexts { whoever: Sentence, whoever_grant: Sentence, usual: Sentence, }
    /// What has been settled.
    DoneTexts { reset: Sentence, delete: Sentence, }
    /// Steps that are no matter of a provider's screens.
    StepTexts { mixed: Vec<Sentence>, idle: Vec<Sentence>, idle_grant: Vec<Sentence>, unreachable: Vec<Sentence>, }
    /// Words of the layout.
    LabelTexts {
        severity: String,
        account: String,
        key: String,
        secret: String,
        connections: String,
        before: String,
        steps: String,
        r#where: String,
        open: Sentence,
        old_value: String,
        done: String,
        button: String,
        button_about: Sentence,
        button_hint: String,
        unsubscribe: String,
    }
    /// How a mail ends.
    FooterTexts {
        more: Plural,
        more_less_urgent: Plural,
        more_reminded: Sentence,
        more_ask: Sentence,
        boundary: Sentence,
        utc: Sentence,
        zone: Sentence,
        owner: Sentence,
        contact: Sentence,
        about: Sentence,
    }
}

/// What a rule's finding asks for, and why it matters.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RuleTexts {
    pub(super) heading: Sentence,
    /// where another key has taken its place
    pub(super) heading_former: Option<Sentence>,
    /// where a newer secret under the same key proves it dead, and it was never refused
    pub(super) heading_outlived: Option<Sentence>,
    /// for rules whose facts need no choice between sentences
    pub(super) what: Option<Sentence>,
    pub(super) why: Sentence,
    /// of a permission (OAuth), where the rule can be about one
    pub(super) grant: Option<GrantTexts>,
}

/// The same of a permission, which has no secret. What is left out is said as of a key.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GrantTexts {
    pub(super) heading: Sentence,
    pub(super) what: Option<Sentence>,
    pub(super) why: Sentence,
}

/// The texts of every rule.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RuleTable {
    secret_compromised: RuleTexts,
    revocation_missing: RuleTexts,
    secret_reused: RuleTexts,
    connection_orphaned: RuleTexts,
    secret_stale: RuleTexts,
    revocation_unproven: RuleTexts,
    connection_broken: RuleTexts,
    wrong_key_kind: RuleTexts,
    secret_due: RuleTexts,
    secret_age_unknown: RuleTexts,
    secret_shared: RuleTexts,
    mixed_use: RuleTexts,
    connection_idle: RuleTexts,
    owner_unreachable: RuleTexts,
}

impl RuleTable {
    pub(super) const fn of(&self, rule: RuleName) -> &RuleTexts {
        match rule {
            RuleName::SecretCompromised => &self.secret_compromised,
            RuleName::RevocationMissing => &self.revocation_missing,
            RuleName::SecretReused => &self.secret_reused,
            RuleName::ConnectionOrphaned => &self.connection_orphaned,
            RuleName::SecretStale => &self.secret_stale,
            RuleName::RevocationUnproven => &self.revocation_unproven,
            RuleName::ConnectionBroken => &self.connection_broken,
            RuleName::WrongKeyKind => &self.wrong_key_kind,
            RuleName::SecretDue => &self.secret_due,
            RuleName::SecretAgeUnknown => &self.secret_age_unknown,
            RuleName::SecretShared => &self.secret_shared,
            RuleName::MixedUse => &self.mixed_use,
            RuleName::ConnectionIdle => &self.connection_idle,
            RuleName::OwnerUnreachable => &self.owner_unreachable,
        }
    }
}

/// General steps for every situation, for providers of which the catalogue says nothing.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct FallbackTable {
    stale: Vec<Sentence>,
    deleted_alive: Vec<Sentence>,
    replaced_alive: Vec<Sentence>,
    orphaned: Vec<Sentence>,
    shared: Vec<Sentence>,
    broken: Vec<Sentence>,
    compromised: Vec<Sentence>,
    compromised_ended: Vec<Sentence>,
    wrong_kind: Vec<Sentence>,
    unproven: Vec<Sentence>,
}

impl FallbackTable {
    pub(super) fn of(&self, situation: Situation) -> &[Sentence] {
        match situation {
            Situation::Stale => &self.stale,
            Situation::DeletedAlive => &self.deleted_alive,
            Situation::ReplacedAlive => &self.replaced_alive,
            Situation::Orphaned => &self.orphaned,
            Situation::Shared => &self.shared,
            Situation::Broken => &self.broken,
            Situation::Compromised => &self.compromised,
            Situation::CompromisedEnded => &self.compromised_ended,
            Situation::WrongKind => &self.wrong_kind,
            Situation::Unproven => &self.unproven,
        }
    }
}

impl SeverityTexts {
    pub(super) fn of(&self, severity: Severity) -> &str {
        match severity {
            Severity::Critical => &self.critical,
            Severity::High => &self.high,
            Severity::Medium => &self.medium,
            Severity::Low => &self.low,
        }
    }
}

impl ReasonTexts {
    pub(super) fn of(&self, reason: Reason) -> &str {
        match reason {
            Reason::NoCopy => &self.no_copy,
            Reason::NoProber => &self.no_prober,
            Reason::NoAddress => &self.no_address,
            Reason::BadAddress => &self.bad_address,
            Reason::Blind => &self.blind,
            Reason::Blocked => &self.blocked,
            Reason::RateLimited => &self.rate_limited,
            Reason::Connect | Reason::Dns | Reason::Timeout | Reason::Tls => &self.unreachable,
            Reason::ServerError => &self.server_error,
            Reason::Garbled | Reason::Redirect | Reason::Unexpected | Reason::WrongPath => &self.senseless,
        }
    }
}
