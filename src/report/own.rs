//! What one account is told of a key that others may have too: nothing of them (DESIGN.md 6). Pure.

use serde_json::{Map, Value};

use crate::domain::facts::Provenance;
use crate::domain::time::Timestamp;
use crate::ledger::read::{AccountName, CredentialRow, EventRow, FindingDetail, FindingRow, OwnUses};

/// What the log's entries on a key may tell its account: what the provider answered, and that it leaked. Not the operator's
/// own note on that.
const OF_THE_KEY: [&str; 6] = ["from", "to", "outcome", "asked", "compromised_at", "reason"];
/// What those on its connections and findings may. Not whether others have the key, nor which of those who run keysweep acted.
const OF_ITS_OWN: [&str; 15] = [
    "rule",
    "connection",
    "credential",
    "severity",
    "opening",
    "why",
    "until",
    "by",
    "person",
    "exempt_until",
    "note",
    "compromised_at",
    "from",
    "to",
    "who",
];
/// What those on its provider may. Not what was counted there, which counts everybody's keys.
const OF_THE_PROVIDER: [&str; 5] = ["protocol", "endpoint", "why", "since", "by"];

/// What of a key's uses says how far it is an account's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// when the first one began
    since: Option<Timestamp>,
    /// how many are open
    open: u32,
    /// when the last one ended, where none is open
    ended: Option<Timestamp>,
    /// true where nobody else's was known before
    is_first: bool,
    /// true where none is anybody else's
    is_alone: bool,
}

impl Part {
    /// Of these uses.
    pub fn of(uses: &OwnUses) -> Self {
        let since = uses.uses.iter().map(|used| used.since).min();
        let ended = uses.uses.iter().filter_map(|used| used.until).max().filter(|_| uses.open == 0);
        Self { since, open: uses.open, ended, is_first: uses.is_first, is_alone: uses.is_alone }
    }
}

/// How far a key's story is an account's own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Own<'a> {
    account: &'a AccountName,
    part: Part,
    from: Timestamp,
}

impl<'a> Own<'a> {
    /// The part that begins with the account's first use of the key; with `otherwise` where it has none any more.
    pub fn of(account: &'a AccountName, part: Part, otherwise: Timestamp) -> Self {
        Self { account, part, from: part.since.unwrap_or(otherwise) }
    }

    /// The key, as if nobody else had it.
    pub fn row(&self, row: &mut CredentialRow) {
        row.source.clone_from(&self.account.source);
        row.open_uses = self.part.open;
        row.compromised_note = None;
        if self.hides(row.secret_since) {
            // How old the value was when the account got it is another's affair: all that it may know is a lower bound.
            (row.secret_since, row.provenance) = (self.from, Provenance::FirstSeen);
        }
        if !self.part.is_first {
            row.first_seen_at = None; // it was in another's hands
        }
        let own = |at: &mut Option<Timestamp>| *at = at.filter(|at| *at >= self.from);
        for at in
            [&mut row.asked_at, &mut row.accepted_at, &mut row.refused_last, &mut row.died_at, &mut row.outlived_at]
        {
            own(at);
        }
        if row.asked_at.is_none() {
            row.last_answer = None;
        }
        // what holds since before holds since the account has the key
        for at in [&mut row.liveness_since, &mut row.unknown_since] {
            *at = at.map(|at| at.max(self.from));
        }
        row.refused_first = row.refused_last.and(row.refused_first).map(|at| at.max(self.from));
        if row.refused_last.is_none() {
            row.refused_on.clear();
        }
    }

    /// Whether a date may be from what is another's. A key that nobody else has is as old as it is, whenever the account was first
    /// seen to use it; of one that others have too, even if they came later, it may be their row that says so.
    fn hides(&self, at: Timestamp) -> bool {
        !self.part.is_alone && at < self.from
    }

    /// A finding of its own with its key, and with those who were told of it in this account. Who was told before it had the key
    /// is another's: its connection has moved here.
    pub fn detail(&self, detail: &mut FindingDetail) {
        self.finding(&mut detail.finding);
        self.row(&mut detail.credential_now);
        detail.notices.retain(|notice| notice.planned_at >= self.from);
    }

    /// A finding of its own, as if nobody else had the key: without the operator's note on a leak, and with no date from before
    /// the account had it.
    pub fn finding(&self, finding: &mut FindingRow) {
        if self.hides(finding.since) {
            finding.since = self.from;
        }
        let facts = &mut finding.evidence;
        facts.remove("note");
        let date = |facts: &Map<String, Value>, name: &str| {
            facts.get(name).and_then(Value::as_str).and_then(Timestamp::parse).filter(|at| self.hides(*at))
        };
        for held in ["refused_since", "unknown_since"] {
            if date(facts, held).is_some() {
                facts.insert(held.to_owned(), self.from.to_string().into());
            }
        }
        if date(facts, "accepted_at").is_some() {
            facts.remove("accepted_at");
        }
        if date(facts, "secret_since").is_some() {
            facts.insert("secret_since".to_owned(), self.from.to_string().into());
            facts.insert("provenance".to_owned(), Provenance::FirstSeen.as_str().into());
            if facts.contains_key("max_age_days") {
                facts.insert("at_least".to_owned(), true.into());
            }
        }
    }

    /// The log's entry as the account may read it; `None` for one from before it had the key.
    pub fn event(&self, mut event: EventRow) -> Option<EventRow> {
        if event.at < self.from {
            return None;
        }
        let told: &[&str] = match event.subject.split_once(':') {
            Some(("credential", _)) => &OF_THE_KEY,
            Some(("provider", _)) => &OF_THE_PROVIDER,
            _ => &OF_ITS_OWN,
        };
        // Somebody else has pasted it: the account itself had given it up by then.
        if event.kind == "credential.presented_again" && self.part.ended.is_some_and(|ended| ended < event.at) {
            return None;
        }
        if event.data.get("by").is_some_and(|by| by == "operator") {
            event.data.remove("who");
        }
        event.data.retain(|name, _| told.contains(&name.as_str()));
        Some(event)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::ids::{ConnectionId, UseId};
    use crate::ledger::read::CredentialUse;
    use crate::report::story::tests::{credential, finding};

    const FROM: Timestamp = Timestamp::from_secs(1_790_000_000);

    fn account() -> AccountName {
        AccountName { source: "second".to_owned(), id: "acct-1".to_owned() }
    }

    fn uses(is_first: bool) -> OwnUses {
        let used = CredentialUse {
            id: UseId(2),
            connection: ConnectionId(2),
            source: "second".to_owned(),
            connection_id: "c-2".to_owned(),
            account_id: "acct-1".to_owned(),
            status: crate::domain::facts::ConnectionStatus::Active,
            since: FROM,
            until: None,
            ended_by: None,
            compromised_at: None,
        };
        OwnUses { uses: vec![used], open: 1, is_first, is_alone: is_first }
    }

    fn event(subject: &str, at: Timestamp, data: &serde_json::Value) -> EventRow {
        let data = data.as_object().expect("an object").clone();
        EventRow { id: 1, at, kind: "x.y".to_owned(), subject: subject.to_owned(), data }
    }

    #[test]
    fn what_was_before_the_account_had_the_key_is_not_told() {
        let (account, uses) = (account(), uses(false));
        let own = Own::of(&account, Part::of(&uses), FROM);
        let minute = std::time::Duration::from_secs(60);
        let mut row = credential();
        (row.accepted_at, row.asked_at) = (Some(FROM - minute), Some(FROM - minute));
        (row.refused_first, row.refused_last) = (Some(FROM - minute), Some(FROM + minute));
        own.row(&mut row);
        assert_eq!((row.source.as_str(), row.open_uses, row.compromised_note), ("second", 1, None));
        assert_eq!((row.secret_since, row.provenance, row.first_seen_at), (FROM, Provenance::FirstSeen, None));
        assert_eq!((row.accepted_at, row.asked_at, row.last_answer), (None, None, None));
        assert_eq!((row.refused_first, row.refused_last), (Some(FROM), Some(FROM + minute)));
        assert_eq!(own.event(event("credential:7", FROM - minute, &json!({}))), None);
        assert!(own.event(event("connection:2", FROM, &json!({"by": "deleted"}))).is_some());
    }

    #[test]
    fn an_account_that_had_it_first_is_told_its_age_and_when_it_was_first_seen() {
        let (account, uses) = (account(), uses(true));
        let set_at = FROM - std::time::Duration::from_secs(86_400);
        let mut row = credential();
        row.secret_since = set_at;
        let seen = row.first_seen_at;
        let own = Own::of(&account, Part::of(&uses), FROM);
        own.row(&mut row);
        assert_eq!((row.first_seen_at, row.secret_since), (seen, set_at), "it was set before we saw it in use");
        assert_eq!(row.provenance, Provenance::Declared);
        let mut finding = crate::report::story::tests::finding(true).finding;
        finding.since = set_at;
        finding.evidence.insert("secret_since".to_owned(), set_at.to_string().into());
        own.finding(&mut finding);
        assert_eq!(
            (finding.since, finding.evidence["secret_since"].as_str()),
            (set_at, Some(set_at.to_string().as_str()))
        );
        assert!(!finding.evidence.contains_key("at_least"));

        let shared = OwnUses { is_alone: false, ..uses };
        let mut row = credential();
        row.secret_since = set_at;
        Own::of(&account, Part::of(&shared), FROM).row(&mut row);
        let told = (row.first_seen_at, row.secret_since, row.provenance);
        assert_eq!(told, (seen, FROM, Provenance::FirstSeen), "who has it too may have told its age");
    }

    #[test]
    fn neither_the_operators_note_nor_what_counts_all_customers_keys_is_told() {
        let (account, uses) = (account(), uses(true));
        let own = Own::of(&account, Part::of(&uses), FROM);
        let left =
            |subject: &str, data: &serde_json::Value| own.event(event(subject, FROM, data)).expect("an entry").data;
        let leaked = left("credential:7", &json!({"compromised_at": "2026-01-01T00:00:00Z", "note": "paste-17"}));
        assert_eq!(leaked.keys().collect::<Vec<_>>(), ["compromised_at"]);
        let mut finding = crate::report::story::tests::finding(true).finding;
        assert!(finding.evidence.contains_key("note"));
        own.finding(&mut finding);
        assert!(!finding.evidence.contains_key("note") && finding.evidence.contains_key("compromised_at"));
        let blind = json!({"protocol": "rest", "endpoint": "default", "why": "refused", "accounts": 8, "refused": 40, "who": "me"});
        let mut kept: Vec<String> = left("provider:kit", &blind).keys().cloned().collect();
        kept.sort();
        assert_eq!(kept, ["endpoint", "protocol", "why"]);
    }

    #[test]
    fn a_finding_has_no_date_from_before_the_account_had_the_key_and_keeps_those_from_after() {
        let (account, uses) = (account(), uses(false));
        let own = Own::of(&account, Part::of(&uses), FROM);
        let minute = std::time::Duration::from_secs(60);
        let told = |at: Timestamp| {
            let mut finding = crate::report::story::tests::finding(true).finding;
            finding.since = at;
            let facts = json!({
                "secret_since": at.to_string(), "provenance": "declared", "max_age_days": 90, "liveness": "live",
                "accepted_at": at.to_string(), "refused_since": at.to_string(), "unknown_since": at.to_string(),
            });
            finding.evidence = facts.as_object().expect("an object").clone();
            own.finding(&mut finding);
            finding
        };
        let (early, from) = (told(FROM - minute), FROM.to_string());
        assert_eq!(early.since, FROM);
        let expected = json!({
            "secret_since": from, "provenance": "first_seen", "max_age_days": 90, "liveness": "live", "at_least": true,
            "refused_since": from, "unknown_since": from,
        });
        assert_eq!(serde_json::Value::Object(early.evidence), expected);
        let late = told(FROM + minute);
        assert_eq!((late.since, late.evidence["provenance"].as_str()), (FROM + minute, Some("declared")));
        assert_eq!(late.evidence.len(), 7, "nothing is changed");
    }

    #[test]
    fn who_was_told_before_the_account_had_it_is_not_told_of() {
        let (account, all) = (account(), finding(true).notices);
        let planned = all[2].planned_at; // the two before are days older
        let told = |since| {
            let own = Own { from: since, ..Own::of(&account, Part::of(&uses(true)), FROM) };
            let mut detail = finding(true);
            own.detail(&mut detail);
            detail.notices.len()
        };
        assert_eq!((told(all[0].planned_at), told(planned)), (3, 1));
    }

    #[test]
    fn no_entry_tells_that_others_have_the_key_or_which_operator_acted() {
        let account = account();
        let mut uses = uses(true);
        let own = Own::of(&account, Part::of(&uses), FROM);
        let left = |data: &serde_json::Value| {
            let told = own.event(event("finding:12", FROM, data)).expect("an entry").data;
            told.keys().cloned().collect::<Vec<_>>()
        };
        assert_eq!(left(&json!({"noted": false, "person": 1})), ["person"]);
        assert_eq!(left(&json!({"by": "operator", "who": "alice", "until": "x"})), ["by", "until"]);
        assert_eq!(left(&json!({"note": "moving", "who": "the board"})), ["note", "who"], "an exemption's own words");
        let again =
            |at| EventRow { kind: "credential.presented_again".to_owned(), ..event("credential:7", at, &json!({})) };
        let minute = std::time::Duration::from_secs(60);
        assert!(own.event(again(FROM + minute)).is_some(), "it has the key");
        (uses.open, uses.uses[0].until) = (0, Some(FROM + minute));
        let gone = Own::of(&account, Part::of(&uses), FROM);
        assert!(gone.event(again(FROM + minute)).is_some(), "as long as it had it");
        assert_eq!(gone.event(again(FROM + minute * 2)), None, "somebody else has shown it");
    }
}
