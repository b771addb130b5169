//! The bell that anybody may ring, and the loop hears.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::sync::Notify;

use crate::ports::activation::{Bell, Job};

/// The daemon's bell. Clones ring the same one.
#[derive(Clone, Debug, Default)]
pub struct Doorbell(Arc<Wire>);

#[derive(Debug, Default)]
struct Wire {
    /// a bit a job, and one for answers
    rung: AtomicU8,
    heard: Notify,
}

impl Bell for Doorbell {
    fn ring(&self, job: Job) {
        self.0.rung.fetch_or(bit(job), Ordering::AcqRel);
        // Kept for whoever waits next where nobody waits now: no ring is lost.
        self.0.heard.notify_one();
    }

    fn answer(&self) {
        self.0.rung.fetch_or(ANSWER, Ordering::AcqRel);
        self.0.heard.notify_one();
    }
}

impl Doorbell {
    /// Resolves when somebody has rung since the last time.
    pub(super) async fn rung(&self) {
        self.0.heard.notified().await;
    }

    /// The jobs that were rung for since the last time, in their order.
    pub(super) fn take(&self) -> impl Iterator<Item = Job> + use<> {
        let rung = self.0.rung.fetch_and(ANSWER, Ordering::AcqRel);
        Job::ALL.into_iter().filter(move |job| rung & bit(*job) != 0)
    }

    /// Whether somebody has begun to wait for an answer since the last time.
    pub(super) fn take_answer(&self) -> bool {
        self.0.rung.fetch_and(!ANSWER, Ordering::AcqRel) & ANSWER != 0
    }
}

/// The bit of those who wait for an answer.
const ANSWER: u8 = 1 << 7;

const fn bit(job: Job) -> u8 {
    1 << job as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn ringing_twice_before_the_work_is_ringing_once_and_nobody_need_be_listening() {
        let bell = Doorbell::default();
        let button = bell.clone();
        for job in [Job::Upkeep, Job::Scan, Job::Scan] {
            button.ring(job);
        }
        bell.rung().await;
        assert_eq!(bell.take().collect::<Vec<_>>(), [Job::Scan, Job::Upkeep]);
        assert_eq!(bell.take().count(), 0);
        button.answer();
        button.ring(Job::Mail);
        assert_eq!(bell.take().collect::<Vec<_>>(), [Job::Mail]);
        assert!(bell.take_answer() && !bell.take_answer());
    }
}
