//! Several readings of one moment: a page of one thing is told from more than one statement, and a judgement may come in between.

use crate::ledger::Ledger;
use crate::ledger::session::Session;
use crate::ports::LedgerError;

/// What the ledger has at one moment, which is that of the first reading: whatever is read through it belongs together.
///
/// It holds one of the ledger's few connections until it is dropped. Whoever has one asks the ledger for nothing beside it:
/// two who did could wait for each other.
pub struct Moment(Session);

impl Ledger {
    /// For what takes several readings that must belong together.
    ///
    /// # Errors
    /// [`LedgerError::Busy`] where no connection can be had in time.
    pub async fn at_one_moment(&self) -> Result<Moment, LedgerError> {
        Ok(Moment(self.moment("read what belongs together").await?))
    }
}

impl Moment {
    /// The connection, for the next reading. `doing` is what its errors name.
    pub(super) const fn line(&mut self, doing: &'static str) -> &mut Session {
        self.0.doing = doing;
        &mut self.0
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::finding::{FindingChange, RuleName};
    use crate::domain::ids::{ConnectionId, CredentialId, FindingId};
    use crate::ledger::estate::{Estate, NOW, open_use, opened};
    use crate::ledger::place::Kind;
    use crate::ledger::read::FindingState;

    on_both![
        what_is_told_of_one_thing_is_of_one_moment_whatever_is_written_meanwhile,
        what_is_read_through_a_moment_is_as_it_was_at_the_first_reading,
    ];

    const CLOSED: &str = "UPDATE finding SET state = 'closed', closed_why = 'dead'";
    const OPEN: &str = "UPDATE finding SET state = 'open', closed_why = NULL";
    const ENDED: &str = "UPDATE use SET until = 20";
    const GOING_ON: &str = "UPDATE use SET until = NULL";

    async fn estate(kind: Kind) -> Estate {
        let estate = Estate::new(kind).await;
        estate.connection(1, 1, None).await.credential(1).await.usage(open_use(1, 1, 10)).await;
        estate.judge(NOW, vec![FindingChange::Opened(opened(RuleName::SecretStale, 1, 1))]).await;
        estate
    }

    async fn what_is_told_of_one_thing_is_of_one_moment_whatever_is_written_meanwhile(kind: Kind) {
        const LOOKS: usize = 150;
        let estate = estate(kind).await;
        let writes = async {
            loop {
                estate.run(CLOSED).await.run(ENDED).await.run(OPEN).await.run(GOING_ON).await;
            }
        };
        let looks = async {
            for _ in 0..LOOKS {
                let detail = estate.ledger.finding(FindingId(1)).await.unwrap().unwrap();
                assert_eq!(detail.finding.state == FindingState::Closed, detail.course.closed_why.is_some());
                let detail = estate.ledger.connection_by_id(ConnectionId(1)).await.unwrap().unwrap();
                let open = detail.findings.iter().filter(|finding| finding.state == FindingState::Open).count();
                assert_eq!(detail.connection.open_findings, open as u64);
                let detail = estate.ledger.credential_by_id(CredentialId(1)).await.unwrap().unwrap();
                let open = detail.uses.iter().filter(|used| used.until.is_none()).count();
                assert_eq!(detail.credential.open_uses as usize, open);
            }
        };
        tokio::select! {
            () = writes => {}
            () = looks => {}
        }
    }

    async fn what_is_read_through_a_moment_is_as_it_was_at_the_first_reading(kind: Kind) {
        let estate = estate(kind).await;
        let mut moment = estate.ledger.at_one_moment().await.unwrap();
        let before = moment.finding(FindingId(1)).await.unwrap().unwrap();
        estate.run(CLOSED).await.run(ENDED).await;
        assert_eq!(moment.finding(FindingId(1)).await.unwrap().unwrap(), before);
        let key = moment.credential_by_id(CredentialId(1)).await.unwrap().unwrap();
        assert_eq!((key.credential.open_uses, key.uses[0].until), (1, None));
        drop(moment);
        let after = estate.ledger.finding(FindingId(1)).await.unwrap().unwrap();
        assert_eq!((after.finding.state, after.course.closed_why.as_deref()), (FindingState::Closed, Some("dead")));
    }
}
