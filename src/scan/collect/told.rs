//! What a row says of the value that it shows: that it leaked, and what else it serves.

use super::chunk::Fresh;
use super::writer::Writer;
use crate::domain::compromise::{is_about, own_from};
use crate::domain::diff::{Begin, BeginWith};
use crate::domain::ids::{ConnectionId, CredentialId};
use crate::domain::record::{ConnectionRecord, UsedFor};
use crate::domain::time::Timestamp;
use crate::ports::collect::{KnownUse, Said, UseTold};
use crate::ports::{Event, Vault};
use crate::scan::facts;

impl<L, V: Vault> Writer<'_, '_, L, V> {
    /// What a row says of the value with which a use begins, and from when that value is the row's own. A leak that is
    /// older than that is noted of the value before.
    pub(super) fn told_of_new(
        &mut self,
        row: &Fresh,
        connection: ConnectionId,
        begin: &Begin,
        declared: Option<Timestamp>,
        last: Option<&KnownUse>,
    ) -> (Option<Timestamp>, Said) {
        let own_from = match (last, &begin.fingerprint) {
            (Some(last), BeginWith::Secret(fingerprint)) if last.fingerprint == *fingerprint => last.own_from,
            (Some(last), _) if !last.placeholder => own_from(declared, true, self.now),
            _ => own_from(declared, false, self.now),
        };
        let said = said(&row.record, own_from);
        if said.compromised_at.is_none()
            && let (Some(last), Some(leaked)) = (last, row.record.compromised_at)
            && is_about(leaked, last.own_from)
        {
            self.tell(connection, last, Said { compromised_at: Some(leaked), ..last.said });
        }
        (own_from, said)
    }

    /// What a row says of the value that it has shown before.
    pub(super) fn told_of_known(
        &mut self,
        record: &ConnectionRecord,
        connection: ConnectionId,
        last: Option<&KnownUse>,
    ) {
        if let Some(last) = last {
            self.tell(connection, last, said(record, last.own_from));
        }
    }

    fn tell(&mut self, connection: ConnectionId, used: &KnownUse, said: Said) {
        if said == used.said {
            return;
        }
        self.chunk.told.push(UseTold { id: used.id, credential: used.credential, said });
        self.chunk.touched.push(used.credential);
        if said.compromised_at != used.said.compromised_at {
            self.log_leak(connection, used.credential, said.compromised_at);
        }
    }

    /// Logs what the platform says of a leak, or that it no longer says so.
    pub(super) fn log_leak(&mut self, connection: ConnectionId, credential: CredentialId, leaked: Option<Timestamp>) {
        let data = facts([("credential", credential.0.into())]);
        let (kind, at) = match leaked {
            Some(at) => ("use.compromised", facts([("compromised_at", at.to_string().into())])),
            None => ("use.not_compromised", facts([])),
        };
        let data = data.into_iter().chain(at).collect();
        self.chunk.events.push(Event { at: self.now, kind, subject: format!("connection:{connection}"), data });
    }
}

fn said(record: &ConnectionRecord, own_from: Option<Timestamp>) -> Said {
    Said {
        compromised_at: record.compromised_at.filter(|leaked| is_about(*leaked, own_from)),
        syncs: record.used_for.contains(&UsedFor::Sync),
        sends: record.used_for.iter().any(|used| used.sends()),
    }
}
