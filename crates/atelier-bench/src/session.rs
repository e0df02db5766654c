//! The asking side: a program that stays warm between the rounds in which it is asked.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};

use crate::serve::Answer;
use crate::watch::{self, Watch};

/// A running program and its pipes.
pub struct Session {
    child: Child,
    /// `None` once it was told to end.
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    /// The last words on stderr.
    stderr: Option<JoinHandle<String>>,
    /// An answer is waited for so long.
    patience: Duration,
    /// What compiling took, where it says so.
    pub compile_seconds: Option<f64>,
}

/// A program that is there, or why there is none.
pub enum Started {
    /// It is warm.
    Ready(Session),
    /// It does not have the row.
    Missing(String),
}

impl Session {
    /// Starts the program and waits until it is warm. Neither this nor any later answer may take longer than
    /// `patience`, a round's own seconds apart.
    ///
    /// # Errors
    /// Fails if it cannot be run, ends, or answers something else or nothing.
    pub fn start(mut command: Command, patience: Duration) -> Result<Started> {
        watch::alone(&mut command);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let program = command.get_program().display().to_string();
        let mut child = command.spawn().with_context(|| format!("cannot run {program}"))?;
        let (stdin, stdout, stderr) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(stdout), Some(mut stderr)) = (stdout, stderr) else {
            bail!("{program} has no pipes");
        };
        let stderr = std::thread::spawn(move || {
            let mut said = Vec::new();
            let _ = stderr.read_to_end(&mut said);
            last_line(&String::from_utf8_lossy(&said)).to_string()
        });
        let mut session = Self {
            child,
            stdin,
            stdout: BufReader::new(stdout),
            stderr: Some(stderr),
            patience,
            compile_seconds: None,
        };
        match session.answer(0.0)? {
            Answer::Ready { compile_seconds } => {
                session.compile_seconds = compile_seconds;
                Ok(Started::Ready(session))
            }
            Answer::Missing { missing } => Ok(Started::Missing(missing)),
            other => bail!("{program} is not ready, but says {other:?}"),
        }
    }

    /// Has the row called for about so many seconds; what each call took.
    ///
    /// # Errors
    /// Fails if the program has ended or answers something else or nothing.
    pub fn round(&mut self, seconds: f64) -> Result<Vec<f64>> {
        let stdin = self.stdin.as_mut().context("it was told to end")?;
        if writeln!(stdin, "{seconds}").and_then(|()| stdin.flush()).is_err() {
            return Err(self.ended());
        }
        match self.answer(seconds)? {
            Answer::Round { seconds } if !seconds.is_empty() => Ok(seconds),
            other => bail!("a round was asked for, the answer is {other:?}"),
        }
    }

    /// Ends the program; its peak of memory in bytes.
    ///
    /// # Errors
    /// Fails if it answers something else.
    pub fn finish(mut self) -> Result<u64> {
        self.stdin = None;
        match self.answer(0.0)? {
            Answer::Peak { peak_bytes } => Ok(peak_bytes),
            other => bail!("the peak of memory was expected, not {other:?}"),
        }
    }

    fn answer(&mut self, work: f64) -> Result<Answer> {
        let watch = Watch::over(&self.child, self.patience + Duration::from_secs_f64(work));
        let mut line = String::new();
        let read = self.stdout.read_line(&mut line);
        watch.end()?;
        read.context("cannot read its answer")?;
        if line.is_empty() {
            return Err(self.ended());
        }
        serde_json::from_str(&line).with_context(|| format!("{:?} is no answer", line.trim_end()))
    }

    /// Why a program that should be running is not.
    fn ended(&mut self) -> anyhow::Error {
        // What it has started may still hold its stderr.
        watch::kill(&self.child);
        let said = self.stderr.take().and_then(|reader| reader.join().ok()).unwrap_or_default();
        match self.child.wait() {
            Ok(status) => anyhow!("it ended ({status}): {said}"),
            Err(error) => anyhow!("it cannot be waited for: {error}"),
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // After its last answer it has nothing more to do.
        watch::kill(&self.child);
        let _ = self.child.wait();
    }
}

/// The last line that says something.
pub fn last_line(text: &str) -> &str {
    text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing").trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Result<Started> {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Session::start(command, Duration::from_secs(60))
    }

    fn error(found: Result<Started>) -> String {
        found.err().expect("no session").to_string()
    }

    #[test]
    fn a_program_is_asked_round_after_round_and_then_ends() {
        let script = r#"echo '{"compile_seconds": 2.5}'
            while read seconds; do echo "{\"seconds\": [$seconds, 1]}"; done
            echo '{"peak_bytes": 4096}'"#;
        let Ok(Started::Ready(mut session)) = shell(script) else { panic!("no session") };
        assert!(session.compile_seconds.is_some_and(|seconds| (seconds - 2.5).abs() < 1e-12));
        assert_eq!(session.round(0.25).unwrap(), [0.25, 1.0]);
        assert_eq!(session.round(0.5).unwrap(), [0.5, 1.0]);
        assert_eq!(session.finish().unwrap(), 4096);
    }

    #[test]
    fn one_that_has_not_the_row_says_why() {
        let Ok(Started::Missing(why)) = shell(r#"echo '{"missing": "no such row"}'"#) else {
            panic!("not missing")
        };
        assert_eq!(why, "no such row");
    }

    #[test]
    fn one_that_ends_is_quoted_by_its_last_words() {
        let said = error(shell("echo first >&2; echo 'no module named torch' >&2; exit 3"));
        assert!(
            said.contains("exit status: 3") && said.ends_with("no module named torch"),
            "{said}"
        );
        assert!(error(shell("echo nonsense")).contains("\"nonsense\" is no answer"));
    }
}
