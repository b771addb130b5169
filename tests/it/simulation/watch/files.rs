//! What was shredded is nowhere in the ledger's files, and no secret ever is.

use std::collections::{HashMap, HashSet};
use std::fs;

use keysweep::domain::ids::CredentialId;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};

use super::Watch;
use crate::simulation::stage::Stage;
use crate::simulation::world::MARK;

/// Where the part of a sealed copy begins that no other has: before it comes the nonce, which is the same for all here.
const FROM: usize = 40;
/// How much of a sealed copy is looked for.
const NEEDLE: usize = 24;

fn needle(copy: &String) -> &[u8] {
    &copy.as_bytes()[FROM..FROM + NEEDLE]
}

impl Watch {
    /// Searches the ledger's files, where it is in files, for secrets and for copies that were destroyed.
    pub(super) async fn nothing_shredded_is_left(&mut self, stage: &Stage) {
        let files = stage.files();
        let Some(database) = files.first() else { return };
        let options = SqliteConnectOptions::new().filename(database).read_only(true);
        let mut connection = options.connect().await.expect("the ledger's file");
        let held: Vec<(i64, String)> = sqlx::query_as("SELECT credential_id, sealed FROM escrow WHERE held = 1")
            .fetch_all(&mut connection)
            .await
            .expect("the sealed copies");
        connection.close().await.expect("a clean end");
        let held: HashMap<CredentialId, String> = held.into_iter().map(|(id, copy)| (CredentialId(id), copy)).collect();
        let mut wrong = Vec::new();
        // One nonce for all: the same secret under two names, of which one is still held, is sealed to the same bytes.
        let alike: HashSet<&[u8]> = held.values().map(needle).collect();
        let gone = self.sealed.iter().filter(|(id, _)| !held.contains_key(*id));
        let gone = gone.map(|(id, copy)| (needle(copy), *id)).filter(|(copy, _)| !alike.contains(copy));
        let needles: HashMap<&[u8], CredentialId> = gone.collect();
        for file in &files {
            let bytes = fs::read(file).unwrap_or_default();
            for window in bytes.windows(NEEDLE) {
                if window.starts_with(MARK.as_bytes()) {
                    wrong.push(format!("a secret is readable in {}", file.display()));
                }
                // Base64 begins with no other byte, and most of a database's bytes are others.
                if window[0].is_ascii_graphic()
                    && let Some(id) = needles.get(window)
                {
                    wrong.push(format!("the shredded copy of credential {id} is in {}", file.display()));
                }
            }
        }
        let checked = needles.len() as u64;
        stage.tally.borrow_mut().checked.add_all("shredded copies looked for", checked);
        self.sealed.extend(held);
        wrong.iter().for_each(|what| self.tell(stage, what));
    }
}
