//! An end to waiting: a program that does not answer in time, or is at work when the bench is interrupted, is killed, with
//! all that it has started.

use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, LazyLock};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use signal_hook::consts::{SIGINT, SIGTERM};

/// A signal is heeded within this time.
const LOOK: Duration = Duration::from_millis(100);

static INTERRUPTED: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// Notes an interrupt or a termination from now on, which the terminal does not tell the programs that are measured:
/// whoever is waited for is killed.
///
/// # Errors
/// Fails if the system has no more signals to note.
pub fn heed_signals() -> Result<()> {
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&INTERRUPTED))
            .context("cannot heed signals")?;
    }
    Ok(())
}

/// Whether one came.
#[must_use]
pub fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}

/// Looks at the clock while another thread waits for a program.
pub struct Watch {
    over: Sender<()>,
    /// Whether it had to kill because it was late.
    thread: JoinHandle<bool>,
    limit: Duration,
}

/// Has the program head a process group of its own, which can be killed as a whole.
pub fn alone(command: &mut Command) {
    command.process_group(0);
}

/// Kills a program that was started [`alone`], and what it has started.
pub fn kill(child: &Child) {
    kill_group(child.id());
}

fn kill_group(group: u32) {
    // The shell's own: a program of this name is not on every machine.
    let mut kill = Command::new("sh");
    kill.args(["-c", r#"kill -s KILL -- "-$0""#, &group.to_string()]);
    // Nobody is left to be killed, most often: nothing to tell.
    let _ = kill.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
}

impl Watch {
    /// Kills the program, which was started [`alone`], unless the watch ends within the limit.
    pub fn over(child: &Child, limit: Duration) -> Self {
        let (over, ended) = mpsc::channel();
        let group = child.id();
        let thread = thread::spawn(move || {
            let start = Instant::now();
            while ended.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
                let late = start.elapsed() >= limit;
                if late || interrupted() {
                    kill_group(group);
                    return late;
                }
            }
            false
        });
        Self { over, thread, limit }
    }

    /// Ends the watch.
    ///
    /// # Errors
    /// Fails if the program was killed because it was late.
    pub fn end(self) -> Result<()> {
        drop(self.over);
        let late = self.thread.join().unwrap_or(false);
        ensure!(!late, "no answer within {:.0?}", self.limit);
        Ok(())
    }
}
