//! What a job under way lets the loop know: how far it is, that it moves, and whether it may be dropped.

use std::cell::Cell;

use tokio::sync::Notify;

use crate::ports::Progress;

/// Stages in whose middle something is under way with the outside: a question that a provider is answering, a mail whose
/// acceptance is not recorded yet. They are told to stop and waited for; all others are dropped where they are.
const FINISHED_FIRST: [&str; 3] = ["probe", "mail", SHORT];
/// What is over in a moment, and would be done again.
const SHORT: &str = "ledger";

/// One job's progress.
#[derive(Debug, Default)]
pub struct Pulse {
    stage: Cell<&'static str>,
    done: Cell<u64>,
    total: Cell<Option<u64>>,
    moved: Cell<bool>,
    stopping: Cell<bool>,
    turned: Notify,
}

impl Pulse {
    /// Of something that is over in a moment: it is not dropped.
    pub(super) fn of_something_short() -> Self {
        Self { stage: Cell::new(SHORT), ..Self::default() }
    }

    /// Asks the job to end.
    pub(super) fn stop(&self) {
        self.stopping.set(true);
    }

    /// True where dropping the job loses nothing that the outside has seen.
    pub(super) fn is_droppable(&self) -> bool {
        !FINISHED_FIRST.contains(&self.stage.get())
    }

    /// Resolves when the job goes from one stage to another.
    pub(super) async fn turned(&self) {
        self.turned.notified().await;
    }

    /// Whether the job has moved since the last time.
    pub(super) fn moved(&self) -> bool {
        self.moved.replace(false)
    }

    /// How far it is, for people: `probe, 1200 of 5000`.
    pub(super) fn words(&self) -> String {
        let stage = self.stage.get();
        match (stage, self.done.get(), self.total.get()) {
            ("", ..) => "beginning".to_owned(),
            (_, done, Some(total)) => format!("{stage}, {done} of {total}"),
            (_, done, None) => format!("{stage}, {done}"),
        }
    }

    fn enter(&self, stage: &'static str, total: Option<u64>) {
        self.stage.set(stage);
        self.total.set(total);
        self.done.set(0);
        self.moved.set(true);
        self.turned.notify_one();
    }
}

impl Progress for Pulse {
    fn stage(&self, name: &'static str, total: Option<u64>) {
        self.enter(name, total);
    }

    fn advance(&self, count: u64) {
        self.done.set(self.done.get() + count);
        self.moved.set(true);
    }

    fn done(&self) {
        self.enter("", None);
    }

    fn stopping(&self) -> bool {
        self.stopping.get()
    }
}
