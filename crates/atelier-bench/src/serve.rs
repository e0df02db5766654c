//! How a program that is measured answers: one row in a process of its own, so that its peak of
//! memory is its own too. The peers' programs speak the same (xtask/peers/python/rows.py).

use std::io::{BufRead as _, Write as _};
use std::time::Instant;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

/// A line of an answer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum Answer {
    /// The row is there and warm.
    Ready {
        /// What compiling took, where anything was compiled.
        compile_seconds: Option<f64>,
    },
    /// The program does not have the row.
    Missing {
        /// Why.
        missing: String,
    },
    /// What one call took, for each of the calls of a round.
    Round {
        /// In the order of the calls.
        seconds: Vec<f64>,
    },
    /// The most memory that the process had at any time; the last line.
    Peak {
        /// Bytes, resident.
        peak_bytes: u64,
    },
    /// A row of a whole process has done its work.
    Done {
        /// True.
        done: bool,
    },
}

/// A row is called before it is measured until so many seconds are over.
const WARM_UP: f64 = 0.1;

/// Warms `call` up, unless it is long, and measures it for as many seconds as each line on stdin
/// says.
///
/// # Errors
/// Fails if the row does, or nobody listens any more.
pub fn serve(long: bool, call: &mut dyn FnMut() -> Result<()>) -> Result<()> {
    let start = Instant::now();
    while !long && start.elapsed().as_secs_f64() < WARM_UP {
        call()?;
    }
    say(&Answer::Ready { compile_seconds: None })?;
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let budget: f64 = line.trim().parse().with_context(|| format!("{line:?} is no number"))?;
        let start = Instant::now();
        let mut seconds = Vec::new();
        while seconds.is_empty() || start.elapsed().as_secs_f64() < budget {
            let before = Instant::now();
            call()?;
            seconds.push(before.elapsed().as_secs_f64());
        }
        say(&Answer::Round { seconds })?;
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    say(&Answer::Peak { peak_bytes: peak_bytes(&status).unwrap_or(0) })
}

fn say(answer: &Answer) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", serde_json::to_string(answer)?)?;
    Ok(out.flush()?)
}

/// `VmHWM` of a process's `status`: the most memory that it ever had resident.
pub fn peak_bytes(status: &str) -> Option<u64> {
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_read_in_bytes() {
        let status = "Name:\tatelier\nVmPeak:\t  9 kB\nVmHWM:\t   5120 kB\nVmRSS:\t 4 kB\n";
        assert_eq!(peak_bytes(status), Some(5120 * 1024));
        assert_eq!(peak_bytes("Name:\tatelier\n"), None);
    }

    #[test]
    fn answers_are_read_as_they_are_written_and_as_the_peers_write_them() {
        let read = |line: &str| serde_json::from_str::<Answer>(line).expect("an answer");
        assert!(matches!(
            read(r#"{"compile_seconds": null}"#),
            Answer::Ready { compile_seconds: None }
        ));
        assert!(matches!(
            read(r#"{"compile_seconds": 3.5}"#),
            Answer::Ready { compile_seconds: Some(_) }
        ));
        assert!(matches!(read(r#"{"missing": "why"}"#), Answer::Missing { .. }));
        assert!(
            matches!(read(r#"{"seconds": [1e-3, 2]}"#), Answer::Round { seconds } if seconds.len() == 2)
        );
        assert!(matches!(read(r#"{"peak_bytes": 7}"#), Answer::Peak { peak_bytes: 7 }));
        assert!(matches!(read(r#"{"done": true}"#), Answer::Done { done: true }));
        assert!(serde_json::from_str::<Answer>(r#"{"second": 1}"#).is_err());
    }
}
