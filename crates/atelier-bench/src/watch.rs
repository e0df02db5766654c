//! An end to waiting: a program that does not answer in time is killed, with all that it has started.

use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Result, ensure};

/// Looks at the clock while another thread waits for a program.
pub struct Watch {
    over: Sender<()>,
    /// Whether it had to kill.
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
    let mut kill = Command::new("kill");
    kill.args(["-s", "KILL", "--", &format!("-{group}")]);
    // Nobody is left to be killed, most often: nothing to tell.
    let _ = kill.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
}

impl Watch {
    /// Kills the program, which was started [`alone`], unless the watch ends within the limit.
    pub fn over(child: &Child, limit: Duration) -> Self {
        let (over, ended) = mpsc::channel();
        let group = child.id();
        let thread = thread::spawn(move || {
            let late = ended.recv_timeout(limit) == Err(RecvTimeoutError::Timeout);
            if late {
                kill_group(group);
            }
            late
        });
        Self { over, thread, limit }
    }

    /// Ends the watch.
    ///
    /// # Errors
    /// Fails if the program was killed.
    pub fn end(self) -> Result<()> {
        drop(self.over);
        let late = self.thread.join().unwrap_or(false);
        ensure!(!late, "no answer within {:.0?}", self.limit);
        Ok(())
    }
}
