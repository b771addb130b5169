//! What became of findings, counted when they close: a scrape is not to look through everything that ever was.

use std::collections::BTreeMap;

use crate::domain::finding::RuleName;
use crate::domain::ids::ProviderName;
use crate::domain::span::Took;
use crate::domain::time::Timestamp;
use crate::ledger::packed::pack;
use crate::ledger::session::Session;
use crate::ledger::sql::Sql;
use crate::ports::LedgerError;

/// A finding that closes.
pub(super) struct Closed<'a> {
    /// of the credential
    pub(super) provider: &'a ProviderName,
    pub(super) rule: RuleName,
    pub(super) why: &'a str,
    /// since when it held
    pub(super) since: Timestamp,
}

/// Counts them, within the transaction that closes them. One that held from an instant still to come took no time.
pub(super) async fn count<'a>(
    tx: &mut Session,
    now: Timestamp,
    closed: impl Iterator<Item = Closed<'a>>,
) -> Result<(), LedgerError> {
    let mut counts: BTreeMap<(&ProviderName, RuleName, &str, Took), (u64, u64)> = BTreeMap::new();
    for Closed { provider, rule, why, since } in closed {
        let took = now.since(since);
        let (times, seconds) = counts.entry((provider, rule, why, Took::of(took))).or_default();
        (*times, *seconds) = (*times + 1, *seconds + took.as_secs());
    }
    let rows: Vec<_> = counts
        .into_iter()
        .map(|((provider, rule, why, took), (times, seconds))| (provider, rule, why, took, times, seconds))
        .collect();
    tx.run(&COUNT, [pack(&rows)?.into()]).await?;
    Ok(())
}

pub(in crate::ledger) const COUNT: Sql = sql!(
    "INSERT INTO closing (provider, rule, why, took, times, seconds)
     SELECT v.provider, v.rule, v.why, v.took, v.times, v.seconds
     FROM " [tuples "$1" v (0 provider text, 1 rule text, 2 why text, 3 took text, 4 times bigint, 5 seconds bigint)] "
     WHERE true
     ON CONFLICT (provider, rule, why, took) DO UPDATE SET
         times = closing.times + excluded.times, seconds = closing.seconds + excluded.seconds"
);

#[cfg(test)]
mod tests {
    use crate::domain::finding::{Anew, FindingChange, Opened, RuleName, Severity};
    use crate::domain::ids::FindingId;
    use crate::domain::span::Took;
    use crate::domain::time::{Timestamp, days, hours};
    use crate::ledger::estate::{Estate, NOW, opened};
    use crate::ledger::place::Kind;

    on_both![what_became_of_findings_is_counted_by_kind_and_time, what_is_undone_is_not_counted];

    /// A finding that has held for a while at [`NOW`].
    fn held(rule: RuleName, connection: i64, since: Timestamp) -> FindingChange {
        FindingChange::Opened(Opened { since, severity: Severity::High, ..opened(rule, connection, 1) })
    }

    fn closed(number: i64, why: &'static str) -> FindingChange {
        FindingChange::Closed { id: FindingId(number), why }
    }

    async fn counted(estate: &Estate) -> Vec<(&'static str, String, Took, u64, u64)> {
        let closings = estate.ledger.overview(NOW).await.unwrap().closings;
        assert!(closings.iter().all(|one| one.provider.as_str() == "mailjet"));
        closings.into_iter().map(|one| (one.rule.as_str(), one.why, one.took, one.times, one.seconds)).collect()
    }

    async fn what_became_of_findings_is_counted_by_kind_and_time(kind: Kind) {
        let estate = Estate::new(kind).await;
        estate.credential(1).await;
        for connection in 1..=4 {
            estate.connection(connection, 1, None).await;
        }
        let (stale, left) = (RuleName::SecretStale, RuleName::RevocationMissing);
        estate
            .judge(
                NOW,
                vec![
                    held(left, 1, NOW - days(2)),
                    held(left, 2, NOW - days(3)),
                    held(stale, 3, NOW - hours(30)),
                    held(stale, 4, NOW + hours(1)), // our clock was set back
                ],
            )
            .await;
        assert_eq!(counted(&estate).await, []);
        estate.judge(NOW, vec![closed(1, "dead"), closed(2, "dead"), closed(4, "rotated")]).await;
        estate.judge(NOW, vec![closed(3, "rotated")]).await;
        let day = 86_400;
        let first = [
            ("revocation-missing", "dead".to_owned(), Took::ThreeDays, 2, 5 * day),
            ("secret-stale", "rotated".to_owned(), Took::Hour, 1, 0),
            ("secret-stale", "rotated".to_owned(), Took::ThreeDays, 1, 30 * 3600),
        ];
        assert_eq!(counted(&estate).await, first);

        let again = Opened { opening: 2, since: NOW - days(400), ..opened(stale, 3, 1) };
        estate.judge(NOW, vec![FindingChange::Anew { id: FindingId(3), opened: again, why: Anew::Reopened }]).await;
        estate.judge(NOW + days(1), vec![closed(3, "rotated")]).await;
        let more = ("secret-stale", "rotated".to_owned(), Took::Longer, 1, 401 * day);
        assert_eq!(counted(&estate).await, first.into_iter().chain([more]).collect::<Vec<_>>());
    }

    async fn what_is_undone_is_not_counted(kind: Kind) {
        let estate = Estate::new(kind).await;
        estate.connection(1, 1, None).await.credential(1).await;
        estate.judge(NOW, vec![held(RuleName::SecretStale, 1, NOW)]).await;
        let batch = crate::ports::judge::JudgeBatch {
            now: Some(NOW),
            changes: vec![closed(1, "dead"), closed(7, "dead")], // nobody knows the second one
            ..Default::default()
        };
        let refused = crate::ports::judge::JudgeLedger::commit_judgements(&estate.ledger, &batch).await;
        assert!(refused.is_err() && counted(&estate).await.is_empty());
    }
}
