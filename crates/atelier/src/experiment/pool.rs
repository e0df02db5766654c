//! Many jobs at the same time, one thread each.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use anyhow::{Context as _, Result};

use crate::signals::Stop;

/// What does a job; it can ask whether it is to halt, and gives `None` where it did.
pub(crate) type Work<'a, J, T> = dyn Fn(&J, &dyn Fn() -> bool) -> Result<Option<T>> + Sync + 'a;

/// Does every job, `workers` at a time, and hands each result to `finished` as soon as it is there, from
/// this thread. Returns early if a signal came.
///
/// # Errors
/// The first error of `work` or of `finished`; the other jobs are then not done to their end.
pub(crate) fn each<J: Sync, T: Send>(
    jobs: &[J],
    workers: usize,
    stop: &Stop,
    work: &Work<'_, J, T>,
    finished: &mut dyn FnMut(&J, T) -> Result<()>,
) -> Result<()> {
    let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let halted = || stop.requested() || failed.load(Ordering::Relaxed);
    let worker = |send: &mpsc::Sender<(usize, Result<T>)>| {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(job) = jobs.get(number) else { break };
            if halted() {
                break;
            }
            let Some(done) = work(job, &halted).transpose() else { break };
            if send.send((number, done)).is_err() {
                break;
            }
        }
    };
    let mut first = Ok(());
    thread::scope(|scope| {
        let (send, receive) = mpsc::channel();
        for begun in 0..workers.min(jobs.len()) {
            let (send, worker) = (send.clone(), &worker);
            match thread::Builder::new().spawn_scoped(scope, move || worker(&send)) {
                Ok(_) => {}
                // The system has no more threads to give: those that there are do it.
                Err(_) if begun > 0 => break,
                Err(error) => {
                    first = Err(error).context("cannot begin a thread");
                    break;
                }
            }
        }
        // The channel ends with the last worker.
        drop(send);
        for (number, done) in receive {
            let done = done.and_then(|done| finished(&jobs[number], done));
            if first.is_ok() && done.is_err() {
                failed.store(true, Ordering::Relaxed);
                first = done;
            }
        }
    });
    first
}
