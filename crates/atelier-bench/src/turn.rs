//! One contestant at one row: asked in every round until it has had its time.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use crate::contestant::{ATELIER, Contestant};
use crate::process::Process;
use crate::report::{Measured, Times};
use crate::row::{Row, Work};
use crate::session::{Session, Started};
use crate::watch::interrupted;

/// One contestant at one row.
pub struct Turn {
    measured: Measured,
    subject: Subject,
    rounds: Vec<Vec<f64>>,
    compile_seconds: Option<f64>,
    peak_bytes: Option<u64>,
    /// Seconds that its turns have taken.
    spent: f64,
}

enum Subject {
    Warm(Session),
    Whole(Process),
    /// There is none, or it has failed.
    Gone,
}

impl Turn {
    /// A contestant that is not measured, and why.
    pub fn missing(row: &Row, threads: usize, who: &Contestant, why: String) -> Self {
        let measured = Measured {
            id: row.id.to_string(),
            row: row.name.to_string(),
            threads,
            contestant: who.name.clone(),
            missing: Some(why),
            times: None,
        };
        let (rounds, compile_seconds, peak_bytes) = (Vec::new(), None, None);
        Self { measured, subject: Subject::Gone, rounds, compile_seconds, peak_bytes, spent: 0.0 }
    }

    /// A contestant whose program is there and warm, or why it is not. It is waited for no longer than `patience`, now
    /// and in every round.
    ///
    /// # Errors
    /// Fails if Atelier does.
    pub fn new(
        row: &Row,
        threads: usize,
        who: &Contestant,
        work: &Path,
        patience: Duration,
    ) -> Result<Self> {
        let mut turn = Self::missing(row, threads, who, String::new());
        if let Some(why) = &who.missing {
            turn.measured.missing = Some(why.clone());
            return Ok(turn);
        }
        turn.measured.missing = None;
        if row.work == Work::Process {
            let process = Process::new(who.clone(), row.id, threads, work, patience);
            turn.subject = Subject::Whole(process);
            return Ok(turn);
        }
        let command = who.command(row.id, threads, work).context("a contestant has no program")?;
        match Session::start(command, patience) {
            Ok(Started::Ready(session)) => {
                turn.compile_seconds = session.compile_seconds;
                turn.subject = Subject::Warm(session);
            }
            Ok(Started::Missing(why)) => turn.measured.missing = Some(why),
            Err(error) => turn.fail(error)?,
        }
        Ok(turn)
    }

    /// Whether it has still something to say: it is there, and its turns have taken less than `budget` seconds, twice
    /// that for Atelier, which all ratios need. Everyone has one turn.
    pub fn goes_on(&self, budget: f64) -> bool {
        let budget = if self.measured.contestant == ATELIER { 2.0 * budget } else { budget };
        let there = !matches!(self.subject, Subject::Gone);
        there && (self.rounds.is_empty() || self.spent < budget)
    }

    /// Measures it for about so many seconds, at least one call.
    ///
    /// # Errors
    /// Fails if Atelier does.
    pub fn take(&mut self, seconds: f64) -> Result<()> {
        let start = Instant::now();
        let taken = match &mut self.subject {
            Subject::Gone => return Ok(()),
            Subject::Warm(session) => session.round(seconds).map(Ok),
            Subject::Whole(process) => process.round().map(|taken| taken.map(|one| vec![one])),
        };
        self.spent += start.elapsed().as_secs_f64();
        match taken {
            Ok(Ok(calls)) => self.rounds.push(calls),
            Ok(Err(why)) => {
                (self.measured.missing, self.subject) = (Some(why), Subject::Gone);
            }
            Err(error) => self.fail(error)?,
        }
        Ok(())
    }

    /// A peer that fails is missing; Atelier must not, and whoever was interrupted has not failed.
    fn fail(&mut self, error: anyhow::Error) -> Result<()> {
        ensure!(!interrupted(), "interrupted");
        let Measured { row, contestant, .. } = &self.measured;
        if contestant == ATELIER {
            return Err(error.context(format!("{row:?} cannot be measured")));
        }
        (self.measured.missing, self.subject) = (Some(format!("{error:#}")), Subject::Gone);
        Ok(())
    }

    /// Ends its program; what was measured.
    ///
    /// # Errors
    /// Fails if Atelier does.
    pub fn finish(mut self) -> Result<Measured> {
        let peak = match std::mem::replace(&mut self.subject, Subject::Gone) {
            Subject::Gone => return Ok(self.measured),
            Subject::Warm(session) => session.finish(),
            Subject::Whole(mut process) => process.peak(),
        };
        match peak {
            Ok(peak) => self.peak_bytes = Some(peak).filter(|&peak| peak > 0),
            Err(error) => self.fail(error)?,
        }
        if self.measured.missing.is_none() {
            let mut times = Times::of(&self.rounds);
            times.compile_seconds = self.compile_seconds;
            times.peak_bytes = self.peak_bytes;
            self.measured.times = Some(times);
        }
        Ok(self.measured)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::ROWS;

    /// Answers as a peer does: every call takes as long as a turn.
    const ANSWERS: &str = r#"echo '{"compile_seconds": null}'
        while read seconds; do echo "{\"seconds\": [$seconds]}"; done
        echo '{"peak_bytes": 4096}'"#;

    fn contestant(name: &str, script: &str) -> Contestant {
        let command = ["sh", "-c", script, "contestant"].map(str::to_string).to_vec();
        Contestant { name: name.into(), version: "1.0".into(), command, missing: None }
    }

    fn turn(name: &str, id: &str, script: &str, patience: f64) -> Result<Turn> {
        let row = ROWS.iter().find(|row| row.id == id).expect("a row");
        let patience = Duration::from_secs_f64(patience);
        Turn::new(row, 2, &contestant(name, script), Path::new("/nowhere"), patience)
    }

    #[test]
    fn a_contestant_is_measured_round_by_round_until_it_has_had_its_time() {
        let mut turn = turn("peer", "step-50-16", ANSWERS, 60.0).unwrap();
        assert!(turn.goes_on(0.0), "everyone has one turn");
        for seconds in [0.25, 0.5, 0.75] {
            turn.take(seconds).unwrap();
        }
        assert!(turn.goes_on(60.0) && !turn.goes_on(0.0));
        let measured = turn.finish().unwrap();
        assert_eq!((measured.contestant.as_str(), measured.threads), ("peer", 2));
        let times = measured.times.unwrap();
        assert_eq!((times.rounds, times.peak_bytes), (vec![0.25, 0.5, 0.75], Some(4096)));
    }

    #[test]
    fn a_program_is_told_row_threads_and_directory() {
        let script = r#"echo "{\"missing\": \"$*\"}""#;
        let turn = turn("peer", "grid", script, 60.0).unwrap();
        assert!(!turn.goes_on(60.0));
        let said = turn.finish().unwrap().missing;
        assert_eq!(said.as_deref(), Some("grid --threads 2 --work /nowhere"));
    }

    #[test]
    fn a_peer_that_hangs_or_dies_is_missing_and_says_how() {
        let dies =
            r#"echo '{"compile_seconds": null}'; read line; echo "out of memory" >&2; exit 3"#;
        let hangs = r#"echo '{"compile_seconds": null}'; read line; sleep 600"#;
        for (script, patience, said) in [
            ("sleep 600", 0.2, "no answer within 200ms"),
            ("sleep 600 & sleep 600", 0.2, "no answer within 200ms"),
            (hangs, 5.0, "no answer within 5s"),
            (dies, 60.0, "it ended (exit status: 3): out of memory"),
            ("exit 4", 60.0, "it ended (exit status: 4): it said nothing"),
        ] {
            let start = Instant::now();
            let mut turn = turn("peer", "step-50-16", script, patience).unwrap();
            turn.take(0.0).unwrap();
            let measured = turn.finish().unwrap();
            assert_eq!((measured.missing.as_deref(), measured.times.is_none()), (Some(said), true));
            assert!(start.elapsed() < Duration::from_secs(60), "{script}");
        }
    }

    #[test]
    fn atelier_must_not_fail() {
        let failed = turn(ATELIER, "step-50-16", "exit 4", 60.0).err().expect("no turn");
        assert!(format!("{failed:#}").starts_with("\"3 x 50, batch 16, SGD: step\" cannot be"));
    }

    #[test]
    fn a_whole_process_is_timed_until_it_has_said_that_it_is_done() {
        let done = r#"echo '{"done": true}'"#;
        let mut first = turn("peer", "first-epoch", &format!("{done}; sleep 9"), 60.0).unwrap();
        first.take(9.0).unwrap();
        let [seconds] = first.rounds[0][..] else { panic!("one call a round") };
        assert!(seconds < 9.0, "{seconds}");
        let mut whole = turn("peer", "predict", &format!("{done}; sleep 0.3"), 60.0).unwrap();
        whole.take(9.0).unwrap();
        assert!(whole.rounds[0][0] >= 0.3);
    }

    #[test]
    fn a_whole_process_that_hangs_dies_or_has_not_the_row_is_missing() {
        for (script, patience, said) in [
            ("sleep 600", 0.2, "no answer within 200ms"),
            (r#"echo '{"done": true}'; sleep 600"#, 0.2, "no answer within 200ms"),
            ("echo 'no torch' >&2; exit 1", 60.0, "it ended (exit status: 1): no torch"),
            (r#"echo '{"missing": "no such row"}'"#, 60.0, "no such row"),
        ] {
            let mut turn = turn("peer", "predict", script, patience).unwrap();
            turn.take(0.0).unwrap();
            assert_eq!(turn.finish().unwrap().missing.as_deref(), Some(said), "{script}");
        }
    }
}
