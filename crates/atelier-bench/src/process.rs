//! Rows of a whole process: from its start until it ends, or until it has written a line.

use std::fs;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use crate::contestant::{ATELIER, Contestant, set_threads};
use crate::serve::{Answer, peak_bytes};
use crate::session::last_line;
use crate::watch::{self, Watch};

/// How often a process is looked at that is watched, and after how many looks in which it slept and took no
/// memory it is taken to have done its work.
const LOOK: Duration = Duration::from_millis(2);
const STILL: u32 = 250;

/// How to run the process of a row.
pub struct Process {
    contestant: Contestant,
    id: &'static str,
    threads: usize,
    work: PathBuf,
    /// Its end is waited for so long.
    patience: Duration,
    /// So many were run.
    number: usize,
}

impl Process {
    /// Nothing is run yet.
    pub fn new(
        contestant: Contestant,
        id: &'static str,
        threads: usize,
        work: &Path,
        patience: Duration,
    ) -> Self {
        Self { contestant, id, threads, work: work.to_path_buf(), patience, number: 0 }
    }

    /// Runs it once; the seconds that it took, or why it does not have the row.
    ///
    /// # Errors
    /// Fails if it cannot be run, fails, or does not end.
    pub fn round(&mut self) -> Result<Result<f64, String>> {
        let mut command = self.command()?;
        let start = Instant::now();
        let mut child = command.spawn().context("cannot run it")?;
        let watch = Watch::over(&child, self.patience);
        let mut answer = String::new();
        let mut read = Ok(0);
        if let Some(stdout) = child.stdout.take() {
            read = BufReader::new(stdout).read_line(&mut answer);
        } else if let Some(stderr) = child.stderr.take() {
            // Atelier tells of its epochs on stderr.
            let mut lines = BufReader::new(stderr).lines();
            let told = |line: &io::Result<String>| {
                line.as_ref().map_or(true, |line| line.starts_with("epoch 1 "))
            };
            read = lines.find(told).transpose().map(|_| 0);
        }
        let at_line = start.elapsed().as_secs_f64();
        if read.is_err() {
            watch::kill(&child);
        }
        let output = child.wait_with_output()?;
        let at_end = start.elapsed().as_secs_f64();
        watch.end()?;
        read.context("cannot read what it says")?;
        if let Ok(Answer::Missing { missing }) = serde_json::from_str(&answer) {
            return Ok(Err(missing));
        }
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "it ended ({}): {}", output.status, last_line(&said));
        Ok(Ok(if self.id == "predict" { at_end } else { at_line }))
    }

    /// The peak of memory of one more run, which is watched instead of timed. What it writes finds a pipe
    /// that is full: all its work is done then, and its peak can be read before it ends.
    ///
    /// # Errors
    /// Fails if it cannot be run, or does not end.
    pub fn peak(&mut self) -> Result<u64> {
        let (mut out, mut full) = std::io::pipe()?;
        let mut command = self.command()?;
        command.stdout(full.try_clone()?).stderr(Stdio::null());
        // More than any pipe takes.
        let filling = std::thread::spawn(move || full.write_all(&vec![b' '; 2 << 20]));
        std::thread::sleep(LOOK);
        let mut child = command.spawn().context("cannot run it")?;
        drop(command);
        let watch = Watch::over(&child, self.patience);
        let status = PathBuf::from(format!("/proc/{}/status", child.id()));
        let (mut peak, mut looks) = (0, 0);
        while child.try_wait()?.is_none() && looks < STILL {
            let text = fs::read_to_string(&status).unwrap_or_default();
            let found = peak_bytes(&text).unwrap_or(peak);
            let still = found == peak && text.contains("State:\tS");
            (peak, looks) = (found, if still { looks + 1 } else { 0 });
            std::thread::sleep(LOOK);
        }
        std::io::copy(&mut out, &mut std::io::sink())?;
        let _ = filling.join();
        let ended = child.wait()?;
        watch.end()?;
        ensure!(ended.success() && peak > 0, "its memory could not be watched ({ended})");
        Ok(peak)
    }

    fn command(&mut self) -> Result<Command> {
        let mut command = self.program()?;
        watch::alone(&mut command);
        Ok(command)
    }

    fn program(&mut self) -> Result<Command> {
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
