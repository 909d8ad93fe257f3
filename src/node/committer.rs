//! The thread that owns the store: takes batches of steps, commits them, retries until it can.
//!
//! One batch is in flight at a time; what happens meanwhile gathers into the next (group commit).

use std::sync::mpsc;
use std::thread;

use crate::store::{Step, Store, StoreError};
use crate::time::Duration;

/// What became of a batch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Committed {
    /// All steps up to and with this one are durable.
    Through(u64),
    /// The batch failed and is being tried again; nothing of it is durable yet.
    Retrying(StoreError),
    /// The store cannot be used any more: the process must end and be started again.
    Broken(StoreError),
}

/// First wait before a failed commit is tried again; doubles up to [`RETRY_MAX`].
const RETRY_MIN: Duration = Duration::from_millis(50);
/// Longest wait before a failed commit is tried again.
const RETRY_MAX: Duration = Duration::from_secs(1);

/// The way to the store's thread.
#[derive(Debug)]
pub struct Committer {
    batches: mpsc::SyncSender<Vec<Step>>,
    thread: thread::JoinHandle<()>,
}

impl Committer {
    /// Gives `store` a thread of its own; `tell` is called on it, and says whether anybody listens:
    /// a batch that fails is not tried again for nobody.
    pub fn start(
        store: Box<dyn Store>,
        tell: impl Fn(Committed) -> bool + Send + 'static,
    ) -> std::io::Result<Self> {
        let (batches, work) = mpsc::sync_channel::<Vec<Step>>(1);
        let builder = thread::Builder::new().name("store".into());
        let thread = builder.spawn(move || run(store, &work, &tell))?;
        Ok(Self { batches, thread })
    }

    /// Ends the thread and closes the store; what was handed over is committed first. Blocks.
    ///
    /// # Errors
    /// The thread panicked.
    pub fn finish(self) -> thread::Result<()> {
        drop(self.batches);
        self.thread.join()
    }

    /// Hands a batch over. Only after the one before was answered [`Committed::Through`]: the
    /// channel holds one. `Err` gives the batch back if the thread is gone.
    pub fn commit(&self, steps: Vec<Step>) -> Result<(), Vec<Step>> {
        self.batches.try_send(steps).map_err(|refused| match refused {
            mpsc::TrySendError::Full(steps) | mpsc::TrySendError::Disconnected(steps) => steps,
        })
    }
}

fn run(
    mut store: Box<dyn Store>,
    work: &mpsc::Receiver<Vec<Step>>,
    tell: &dyn Fn(Committed) -> bool,
) {
    while let Ok(steps) = work.recv() {
        let Some(through) = steps.last().map(|step| step.number) else { continue };
        let mut wait = RETRY_MIN;
        loop {
            match store.commit(&steps) {
                Ok(()) => {
                    tell(Committed::Through(through));
                    break;
                }
                Err(error @ StoreError::Unavailable(_)) => {
                    if !tell(Committed::Retrying(error)) {
                        return;
                    }
                    thread::sleep(wait);
                    wait = (wait * 2).min(RETRY_MAX);
                }
                Err(error @ StoreError::Broken(_)) => {
                    tell(Committed::Broken(error));
                    return;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::queue::Changed;
    use crate::store::memory::Memory;
    use crate::time::Timestamp;

    /// How long the thread has to answer.
    const PATIENCE: Duration = Duration::from_secs(10);

    fn step(number: u64) -> Step {
        let (changed, bindings, legs) = (Changed::default(), Vec::new(), Vec::new());
        Step { number, now: Timestamp::from_ms(1), changed, bindings, legs }
    }

    fn started(failures: u32) -> (Committer, mpsc::Receiver<Committed>) {
        let mut store = Memory::new();
        store.fail_next(failures);
        let (told, heard) = mpsc::channel();
        let told = Mutex::new(told);
        let tell = move |done| told.lock().is_ok_and(|told| told.send(done).is_ok());
        (Committer::start(Box::new(store), tell).unwrap(), heard)
    }

    #[test]
    fn a_failed_batch_is_tried_again_until_it_is_through() {
        let (committer, heard) = started(2);
        committer.commit(vec![step(1), step(2)]).unwrap();
        for _ in 0..2 {
            let told = heard.recv_timeout(PATIENCE).unwrap();
            assert!(matches!(told, Committed::Retrying(_)), "{told:?}");
        }
        assert_eq!(heard.recv_timeout(PATIENCE), Ok(Committed::Through(2)));
        committer.finish().unwrap();
    }

    #[test]
    fn nothing_is_tried_for_ever_for_nobody() {
        let (committer, heard) = started(u32::MAX);
        committer.commit(vec![step(1)]).unwrap();
        assert!(matches!(heard.recv_timeout(PATIENCE), Ok(Committed::Retrying(_))));
        drop(heard);
        committer.finish().unwrap();
    }
}
