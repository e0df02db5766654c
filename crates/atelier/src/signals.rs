//! Ctrl-C, `kill` and a terminal that closes: at first a request, the second time an order.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::flag;

/// Which signal asked the program to stop, if any.
///
/// A signal ends the program at once, with the exit code of its kind; while it is [held](Self::hold)
/// the first one is only noted, so that the work at hand can be saved.
#[derive(Debug)]
pub struct Stop {
    signal: Arc<AtomicUsize>,
    /// Whether the next signal ends the program.
    armed: Arc<AtomicBool>,
}

/// While this lives, the first signal is only noted.
#[derive(Debug)]
pub struct Held<'s> {
    stop: &'s Stop,
    /// Whether another one outside this one holds already.
    within: bool,
}

/// How long whoever waits does not look for signals.
const A_LOOK: Duration = Duration::from_millis(50);

const SIGNALS: [(i32, u8); 3] = [(SIGHUP, 129), (SIGINT, 130), (SIGTERM, 143)];

impl Stop {
    /// Begins to listen.
    ///
    /// # Errors
    /// Fails if the system refuses the handlers.
    pub fn listen() -> Result<Self> {
        let stop = Self { signal: Arc::default(), armed: Arc::new(AtomicBool::new(true)) };
        // Where a file may not become larger, writing fails with an error that is told, in place of a death without a
        // word.
        flag::register(SIGXFSZ, Arc::default()).context("cannot listen for signals")?;
        for (signal, code) in SIGNALS {
            if signal == SIGHUP && is_ignored(signal) {
                continue;
            }
            // In this order: the first signal arms, so that only the second shuts down.
            flag::register_conditional_shutdown(signal, i32::from(code), Arc::clone(&stop.armed))
                .and_then(|_| flag::register(signal, Arc::clone(&stop.armed)))
                .and_then(|_| {
                    flag::register_usize(
                        signal,
                        Arc::clone(&stop.signal),
                        usize::try_from(signal).unwrap_or(0),
                    )
                })
                .context("cannot listen for signals")?;
        }
        Ok(stop)
    }

    /// From here on the first signal is only noted, until the result is dropped.
    pub fn hold(&self) -> Held<'_> {
        let armed = self.armed.swap(false, Ordering::Relaxed);
        Held { stop: self, within: !armed }
    }

    /// Does `work`, which cannot be asked to stop, on a thread of its own; `None` if a signal came first,
    /// which then leaves the thread to itself.
    ///
    /// # Errors
    /// Fails if the system gives no thread.
    ///
    /// # Panics
    /// Panics if `work` does.
    pub fn unless_requested<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<Option<T>> {
        let (send, receive) = mpsc::channel();
        let worker = thread::Builder::new()
            .spawn(move || {
                // Nobody is left to tell where a signal came.
                let _ = send.send(work());
            })
            .context("cannot begin a thread")?;
        loop {
            match receive.recv_timeout(A_LOOK) {
                Ok(done) => return Ok(Some(done)),
                Err(RecvTimeoutError::Timeout) if self.requested() => return Ok(None),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => match worker.join() {
                    Err(panic) => resume_unwind(panic),
                    Ok(()) => bail!("a thread ended without a result"),
                },
            }
        }
    }

    /// Whether a signal has come.
    #[must_use]
    pub fn requested(&self) -> bool {
        self.signal.load(Ordering::Relaxed) != 0
    }

    /// The exit code of the signal that came.
    #[must_use]
    pub fn code(&self) -> Option<u8> {
        let came = self.signal.load(Ordering::Relaxed);
        let of = |&(signal, _): &(i32, u8)| usize::try_from(signal).is_ok_and(|n| n == came);
        SIGNALS.iter().find(|pair| of(pair)).map(|(_, code)| *code)
    }
}

impl Drop for Held<'_> {
    /// Whoever no longer looks at the flag cannot be asked: from here on one signal is enough.
    fn drop(&mut self) {
        if !self.within {
            self.stop.armed.store(true, Ordering::Relaxed);
        }
    }
}

/// Whether this process was started with a signal ignored, as `nohup` does to outlive a terminal: a
/// handler would undo that. Linux tells it in a file; elsewhere it is not known.
fn is_ignored(signal: i32) -> bool {
    std::fs::read_to_string("/proc/self/status").is_ok_and(|status| {
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
        mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_signal_is_noted_and_has_its_exit_code() {
        let stop = Stop::listen().expect("handlers");
        let _held = stop.hold();
        // What holds within does not end it.
        drop(stop.hold());
        assert!(!stop.requested());
        assert_eq!(stop.unless_requested(|| 7).expect("a thread"), Some(7));
        signal_hook::low_level::raise(SIGTERM).expect("raise");
        let sleep = || thread::sleep(Duration::from_secs(60));
        assert_eq!(stop.unless_requested(sleep).expect("a thread"), None);
        assert!(stop.requested());
        assert_eq!(stop.code(), Some(143));
    }
}
