//! What people do on the platform and at the providers, at random.

use std::time::Duration;

use keysweep::domain::record::{PersonStatus, RecordStatus, Role};
use keysweep::domain::time::{Timestamp, days, hours, minutes};

use super::dice::Dice;
use super::world::{MAIN, Member, Standing, World};

/// Something that is going to happen.
#[derive(Clone, Copy, Debug)]
pub enum Later {
    /// the owner revokes a key at its provider
    Revoke(usize),
    /// the provider lets a suspended key in again, if it is suspended still
    Readmit(usize),
}

/// A key that was suspended is not suspended again so soon.
const AGAIN_AFTER: Duration = days(40);

/// How long a key stays suspended: always shorter than a refusal that can be taken back must last before the copy is
/// destroyed (14 days at Mailjet and Kit, one at ConvertKit).
fn suspension(provider: &str, dice: &mut Dice) -> Duration {
    match provider {
        "convertkit" => dice.span(hours(2), hours(20)),
        _ => dice.span(hours(6), days(12)),
    }
}

impl World {
    /// Everything that happens until then.
    pub fn live_until(&mut self, until: Timestamp) {
        while self.now < until {
            let mean = Duration::from_secs(86_400 / self.acts_per_day.max(1));
            let next = (self.now + self.dice.span(Duration::from_secs(1), mean * 2)).min(until);
            while let Some((at, what)) = self.next_on_the_agenda(next) {
                self.now = at;
                self.keep(what);
            }
            self.now = next;
            if next < until {
                self.act();
            }
        }
    }

    /// Nothing new is begun; only what was on the agenda still happens.
    pub fn rest_until(&mut self, until: Timestamp) {
        while let Some((at, what)) = self.next_on_the_agenda(until) {
            self.now = at;
            self.keep(what);
        }
        self.now = until;
    }

    fn next_on_the_agenda(&mut self, until: Timestamp) -> Option<(Timestamp, Later)> {
        let entry = self.agenda.first_entry().filter(|entry| entry.key().0 <= until)?;
        let ((at, _), what) = entry.remove_entry();
        Some((at, what))
    }

    fn keep(&mut self, what: Later) {
        match what {
            Later::Revoke(key) => self.set(key, Standing::Revoked),
            Later::Readmit(key) if self.keys[key].standing == Standing::Suspended => self.set(key, Standing::Alive),
            Later::Readmit(_) => {}
        }
    }

    fn plan(&mut self, after: Duration, what: Later) {
        self.planned += 1;
        self.agenda.insert((self.now + after, self.planned), what);
    }

    fn act(&mut self) {
        match self.dice.below(100) {
            0..15 => self.connect_anew(),
            15..30 => self.rotate(),
            30..45 => self.delete(),
            45..50 => self.vanish(),
            50..62 => self.reconnect(),
            62..70 => self.revoke_something(),
            70..79 => self.suspend(),
            79..84 => self.pause(),
            84..92 => self.change_team(),
            92..96 => self.change_plan(),
            _ => self.join(),
        }
    }

    /// Some open connection of the source that is mapped as it should be.
    fn some_link(&mut self) -> Option<usize> {
        let mut dice = self.dice.clone();
        let open: Vec<usize> = self.open.keys().copied().filter(|link| self.links[*link].source == MAIN).collect();
        let chosen = (!open.is_empty()).then(|| open[dice.index(open.len())]);
        self.dice = dice;
        chosen
    }

    fn some_key(&mut self) -> usize {
        let wanted = self.dice.index(self.keys.len());
        if self.keys[wanted].misread { 0 } else { wanted }
    }

    /// Another secret takes the place of the connection's own, in the same row.
    fn rotate(&mut self) {
        let Some(link) = self.some_link() else { return };
        let old = self.links[link].key;
        let provider = self.keys[old].provider.clone();
        let new = self.add_key(provider.as_str());
        let (key_id, home, region) = (self.keys[old].key_id.clone(), self.keys[old].home, self.keys[old].region);
        let key = &mut self.keys[new];
        (key.key_id, key.home, key.region) = (key_id, home, region);
        self.begin(link, new);
        // Mailjet has one secret a key: the old one dies with the reset. Elsewhere it may be forgotten.
        if provider.as_str() == "mailjet" || self.dice.per_mille(400) {
            self.set(old, Standing::Revoked);
        } else if self.dice.per_mille(300) {
            let after = self.dice.span(hours(1), days(40));
            self.plan(after, Later::Revoke(old));
        }
    }

    fn delete(&mut self) {
        let Some(link) = self.some_link() else { return };
        let key = self.links[link].key;
        self.links[link].status = RecordStatus::Deleted;
        self.links[link].deleted_at = Some(self.now);
        self.end(link);
        self.leave_behind(key);
    }

    /// The row is gone from the list, without a word.
    fn vanish(&mut self) {
        let Some(link) = self.some_link() else { return };
        let key = self.links[link].key;
        self.links[link].listed = false;
        self.end(link);
        self.leave_behind(key);
    }

    /// Most stop after the deletion; some revoke the key at once, some later.
    fn leave_behind(&mut self, key: usize) {
        match self.dice.below(10) {
            0..5 => {}
            5..7 => self.set(key, Standing::Revoked),
            _ => {
                let after = self.dice.span(minutes(10), days(120));
                self.plan(after, Later::Revoke(key));
            }
        }
    }

    /// A connection that was deleted or has vanished is there again, under its old id or under a new one, with the secret
    /// that it had or with another.
    fn reconnect(&mut self) {
        let closed: Vec<usize> = (0..self.links.len()).filter(|link| !self.links[*link].is_open()).collect();
        if closed.is_empty() {
            return;
        }
        let link = *self.dice.pick(&closed);
        let old = self.links[link].key;
        let key = if self.dice.per_mille(600) {
            old
        } else {
            let provider = self.keys[old].provider.clone();
            self.add_key(provider.as_str())
        };
        if self.dice.per_mille(500) {
            let links = &mut self.links[link];
            (links.status, links.listed, links.deleted_at) = (RecordStatus::Active, true, None);
            self.begin(link, key);
        } else {
            let account = self.links[link].account;
            self.add_link(MAIN, account, key);
        }
    }

    fn revoke_something(&mut self) {
        let key = self.some_key();
        self.set(key, Standing::Revoked);
    }

    /// The provider suspends a key, or its account, and takes that back some day.
    fn suspend(&mut self) {
        let key = self.some_key();
        // Not soon again: two suspensions on end would look like one that outlasts settling.
        let long_ago = |at: Timestamp| self.now.since(at) > AGAIN_AFTER;
        let may_be = self.keys[key].suspended_at.is_none_or(long_ago);
        if may_be && matches!(self.keys[key].standing, Standing::Alive | Standing::Limited) {
            self.set(key, Standing::Suspended);
            self.keys[key].suspended_at = Some(self.now);
            let provider = self.keys[key].provider.clone();
            let after = suspension(provider.as_str(), &mut self.dice);
            self.plan(after, Later::Readmit(key));
        }
    }

    fn change_plan(&mut self) {
        let key = self.some_key();
        match self.keys[key].standing {
            Standing::Alive => self.set(key, Standing::Limited),
            Standing::Limited => self.set(key, Standing::Alive),
            Standing::Suspended | Standing::Revoked => {}
        }
    }

    fn pause(&mut self) {
        let Some(link) = self.some_link() else { return };
        let link = &mut self.links[link];
        link.status = match link.status {
            RecordStatus::Paused => RecordStatus::Active,
            _ => RecordStatus::Paused,
        };
    }

    fn change_team(&mut self) {
        let account = self.dice.index(self.accounts.len());
        let member = self.dice.index(self.accounts[account].members.len());
        let throw = self.dice.below(4);
        self.accounts[account].changed |= throw < 3;
        let member = &mut self.accounts[account].members[member];
        match throw {
            0 => member.status = PersonStatus::Suspended,
            1 => member.status = PersonStatus::Removed,
            2 => member.listed = false,
            _ => (member.status, member.listed) = (PersonStatus::Active, true),
        }
    }

    fn join(&mut self) {
        let account = self.dice.index(self.accounts.len());
        let role = if self.dice.per_mille(500) { Role::Owner } else { Role::Member };
        let members = &mut self.accounts[account].members;
        let id = format!("m{account}-{}", members.len());
        members.push(Member { id, role, status: PersonStatus::Active, listed: true });
    }
}
