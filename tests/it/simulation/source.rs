//! The platform's lists, as a scan reads them: whole, or with something wrong.

use std::collections::VecDeque;

use keysweep::domain::record::{Address, Auth, ConnectionRecord, FieldProblem, PersonRecord, RecordStatus, Row};
use keysweep::domain::secret::Secret;
use keysweep::ports::{Snapshot, SourceError};

use super::dice::Dice;
use super::world::{Link, World};

/// What is wrong with one reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Misreading {
    /// it can't be opened
    Unopened,
    /// it breaks off in the middle of the people
    HalfThePeople,
    /// it breaks off in the middle of the connections
    Half,
    /// it is being rewritten meanwhile, which shows at its end
    Changed,
    /// some rows come twice
    Twice,
    /// some rows can't be read, but for their ids
    BadRows,
    /// a row can't be read, and its id neither
    NoId,
}

impl Misreading {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Unopened, Self::HalfThePeople, Self::Half, Self::Changed, Self::Twice, Self::BadRows, Self::NoId];

    /// For the tally.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unopened => "an unreadable source",
            Self::HalfThePeople => "half of the people",
            Self::Half => "half of the connections",
            Self::Changed => "a source that changes",
            Self::Twice => "rows twice",
            Self::BadRows => "quarantined rows",
            Self::NoId => "a row without an id",
        }
    }
}

/// One reading of one source.
pub struct Listing {
    people: VecDeque<Row<PersonRecord>>,
    connections: VecDeque<Row<ConnectionRecord>>,
    breaks: Option<Misreading>,
}

impl Listing {
    /// What the platform lists now, and what of that goes wrong.
    ///
    /// # Errors
    /// Where it can't be opened.
    pub fn of(
        world: &World,
        source: &'static str,
        wrong: Option<Misreading>,
        dice: &mut Dice,
    ) -> Result<Self, SourceError> {
        if wrong == Some(Misreading::Unopened) {
            return Err(SourceError::Failed { place: source.to_owned(), what: "there is no such file".to_owned() });
        }
        let mut people = people(world);
        let listed = world.links.iter().filter(|link| link.source == source && link.listed);
        let mut connections: VecDeque<_> = (2..).zip(listed).map(|(row, link)| connection(world, link, row)).collect();
        match wrong {
            Some(Misreading::HalfThePeople) => people.truncate(people.len() / 2),
            Some(Misreading::Half) => connections.truncate(dice.index(connections.len())),
            Some(Misreading::Twice) => {
                for _ in 0..3 {
                    let row = connections[dice.index(connections.len())].clone();
                    connections.push_back(row);
                }
            }
            Some(Misreading::BadRows) => {
                for _ in 0..3 {
                    let row = dice.index(connections.len());
                    spoil(&mut connections[row]);
                }
            }
            Some(Misreading::NoId) => {
                let row = dice.index(connections.len());
                spoil(&mut connections[row]);
                connections[row].id = None;
            }
            Some(Misreading::Unopened | Misreading::Changed) | None => {}
        }
        Ok(Self { people, connections, breaks: wrong })
    }

    fn broken(&self) -> SourceError {
        SourceError::Changed { place: "the list".to_owned() }
    }
}

impl Snapshot for Listing {
    async fn people(&mut self, limit: usize) -> Result<Vec<Row<PersonRecord>>, SourceError> {
        if self.people.is_empty() && self.breaks == Some(Misreading::HalfThePeople) {
            return Err(self.broken());
        }
        Ok(self.people.drain(..limit.min(self.people.len())).collect())
    }

    async fn connections(&mut self, limit: usize) -> Result<Vec<Row<ConnectionRecord>>, SourceError> {
        if self.connections.is_empty() && matches!(self.breaks, Some(Misreading::Half | Misreading::Changed)) {
            return Err(self.broken());
        }
        Ok(self.connections.drain(..limit.min(self.connections.len())).collect())
    }

    fn has_people(&self) -> bool {
        true
    }

    fn remarks(&self) -> Vec<String> {
        Vec::new()
    }
}

fn spoil(row: &mut Row<ConnectionRecord>) {
    row.record = Err(FieldProblem { field: "created_at".to_owned(), reason: "is no date".to_owned() });
}

fn people(world: &World) -> VecDeque<Row<PersonRecord>> {
    let mut rows = VecDeque::new();
    for account in &world.accounts {
        for member in account.members.iter().filter(|member| member.listed) {
            let email = Address::parse(&member.email()).expect("an address");
            let record = PersonRecord {
                account_id: account.id.clone(),
                member_id: member.id.clone(),
                email,
                role: member.role,
                status: member.status,
                verified: true,
                locale: None,
                timezone: None,
            };
            let row = rows.len() as u64 + 2;
            rows.push_back(Row {
                row,
                id: Some(member.id.clone()),
                account: None,
                record: Ok(record),
                dropped: Vec::new(),
            });
        }
    }
    rows
}

fn connection(world: &World, link: &Link, row: u64) -> Row<ConnectionRecord> {
    let key = &world.keys[link.key];
    let open = link.status != RecordStatus::Deleted;
    let record = ConnectionRecord {
        name: Some(format!("List {}", link.id)),
        status: link.status,
        created_at: Some(link.created_at),
        deleted_at: link.deleted_at,
        // Half of the platform's rows date their secrets.
        secret_set_at: link.key.is_multiple_of(2).then_some(key.set_at),
        last_sync_at: open.then_some(world.now),
        key_id: key.key_id.clone(),
        secret: Some(Secret::new(&key.secret)),
        auth: Some(Auth::Key),
        region: key.region.map(str::to_owned),
        created_by: Some(link.created_by.clone()),
        ..ConnectionRecord::bare(&link.id, &world.accounts[link.account].id, key.provider.clone())
    };
    Row { row, id: Some(link.id.clone()), account: None, record: Ok(record), dropped: Vec::new() }
}
