//! Rows of a whole process: from its start until it ends, or until it has written a line.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};
use nix::sys::resource::{UsageWho, getrusage};

use crate::contestant::{ATELIER, Contestant, set_threads};
use crate::serve::{Answer, say};
use crate::session::last_line;

/// How to run the process of a row.
pub struct Process {
    contestant: Contestant,
    id: &'static str,
    threads: usize,
    work: PathBuf,
    /// So many were run.
    number: usize,
}

impl Process {
    /// Nothing is run yet.
    pub fn new(contestant: Contestant, id: &'static str, threads: usize, work: &Path) -> Self {
        Self { contestant, id, threads, work: work.to_path_buf(), number: 0 }
    }

    /// Runs it once; the seconds that it took, or why it does not have the row.
    ///
    /// # Errors
    /// Fails if it cannot be run or fails.
    pub fn round(&mut self) -> Result<Result<f64, String>> {
        let mut command = self.command()?;
        let start = Instant::now();
        let mut child = command.spawn().context("cannot run it")?;
        let mut answer = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut answer)?;
        } else if let Some(stderr) = child.stderr.take() {
            // Atelier tells of its epochs on stderr.
            for line in BufReader::new(stderr).lines() {
                if line?.starts_with("epoch 1 ") {
                    break;
                }
            }
        }
        let at_line = start.elapsed().as_secs_f64();
        let output = child.wait_with_output()?;
        let at_end = start.elapsed().as_secs_f64();
        if let Ok(Answer::Missing { missing }) = serde_json::from_str(&answer) {
            return Ok(Err(missing));
        }
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "it ended ({}): {}", output.status, last_line(&said));
        Ok(Ok(if self.id == "predict" { at_end } else { at_line }))
    }

    /// The peak of memory of one more run, which is watched instead of timed.
    ///
    /// # Errors
    /// Fails if it cannot be run.
    pub fn peak(&mut self) -> Result<u64> {
        let command = self.command()?;
        let mut watch = Command::new(std::env::current_exe()?);
        watch.arg("watch").arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => watch.env(name, value),
                None => watch.env_remove(name),
            };
        }
        let output = watch.stdin(Stdio::null()).stderr(Stdio::null()).output()?;
        match serde_json::from_slice(&output.stdout) {
            Ok(Answer::Peak { peak_bytes }) => Ok(peak_bytes),
            _ => bail!("its memory could not be watched"),
        }
    }

    fn command(&mut self) -> Result<Command> {
        self.number += 1;
        if self.contestant.name != ATELIER {
            let command = self.contestant.command(self.id, self.threads, &self.work);
            let mut command = command.context("it could not be made")?;
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
            return Ok(command);
        }
        let mut command = Command::new(released()?);
        set_threads(&mut command, self.threads);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        match self.id {
            "predict" => {
                command.arg("predict").arg(self.work.join("image.png"));
                command.arg("--run").arg(self.work.join("run"));
            }
            "first-epoch" => {
                let out = self.work.join(format!("fresh-{}-{}", std::process::id(), self.number));
                command.args(["train", "--set", "train.epochs=1", "--set", "data.validation=0"]);
                command.arg("--data-dir").arg(self.work.join("cache")).arg("--out").arg(out);
                command.arg("--threads").arg(self.threads.to_string()).stderr(Stdio::piped());
            }
            other => bail!("{other:?} is no row of a whole process"),
        }
        Ok(command)
    }
}

/// Runs a program to its end and says how much memory it had at most: a small process of its own, because
/// what the system counts for a child begins with the memory of the one that starts it.
///
/// # Errors
/// Fails if the program cannot be run, or fails.
pub fn watch(program: &str, arguments: &[String]) -> Result<()> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let status = command.status().with_context(|| format!("cannot run {program}"))?;
    ensure!(status.success(), "{program} ended ({status})");
    let kib = getrusage(UsageWho::RUSAGE_CHILDREN)?.max_rss();
    say(&Answer::Peak { peak_bytes: u64::try_from(kib)? * 1024 })
}

/// The program `atelier`, which lies beside this one.
///
/// # Errors
/// Fails if it is not there.
pub fn released() -> Result<PathBuf> {
    let here = std::env::current_exe().context("cannot tell where this program lies")?;
    let atelier = here.with_file_name("atelier");
    ensure!(atelier.is_file(), "no {}: `cargo xtask build` makes it", atelier.display());
    Ok(atelier)
}
