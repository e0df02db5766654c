//! Cases by the hundred, on all cores where everything is tried, with what came of them.

use std::io::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::budget::Budget;
use super::toy::Workbench;

/// Says on the test run's own output what was done: past the harness, which shows the output of failing tests only.
pub fn tell(line: &str) {
    std::io::stdout().write_all(format!("\n{line}\n").as_bytes()).expect("stdout can be written");
}

/// What came of some cases.
pub struct Outcome {
    pub cases: usize,
    /// Those that were as their closure says.
    pub marked: usize,
    lost: Vec<String>,
}

impl Outcome {
    pub fn equal(&self) -> usize {
        self.cases - self.lost.len()
    }

    /// Writes the line of the table in docs/RELIABILITY.md, and fails if something was lost.
    pub fn report(&self, what: &str, operations: &str, disturbed: &str, equal: &str) {
        let lost = self.lost.len();
        tell(&format!("| {what} | {operations} | {disturbed} | {equal} | {lost} |"));
        let shown = self.lost.iter().take(10).map(String::as_str).collect::<Vec<_>>().join("\n\n");
        assert!(lost == 0, "{lost} of {}:\n{shown}", self.cases);
    }
}

/// Runs all these cases of a toy: `what` names a case, `run` says whether it is to be marked.
pub fn each<C: Sync>(
    bench: Workbench,
    part: &str,
    cases: &[C],
    what: impl Fn(&C) -> String + Sync,
    run: impl Fn(&Workbench, &C) -> Result<bool, String> + Sync,
) -> Outcome {
    let next = AtomicUsize::new(0);
    let so_far = Mutex::new(SoFar {
        outcome: Outcome { cases: cases.len(), marked: 0, lost: Vec::new() },
        done: 0,
        started: Instant::now(),
        told: Instant::now(),
    });
    let work = |bench: Workbench| {
        while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            let came = run(&bench, case).map_err(|why| format!("{part}: {}: {why}", what(case)));
            so_far.lock().unwrap_or_else(PoisonError::into_inner).add(part, came);
        }
    };
    let toy = bench.toy;
    let more = (1..Budget::of_this_run().workers()).map(|_| Workbench::new(toy));
    let benches: Vec<Workbench> = std::iter::once(bench).chain(more).collect();
    std::thread::scope(|scope| {
        let work = &work;
        for bench in benches {
            scope.spawn(move || work(bench));
        }
    });
    so_far.into_inner().unwrap_or_else(PoisonError::into_inner).outcome
}

struct SoFar {
    outcome: Outcome,
    done: usize,
    started: Instant,
    told: Instant,
}

impl SoFar {
    fn add(&mut self, part: &str, came: Result<bool, String>) {
        self.done += 1;
        match came {
            Ok(marked) => self.outcome.marked += usize::from(marked),
            Err(why) => {
                // At once: the rest may take long.
                tell(&format!("torture: lost: {}", why.lines().next().unwrap_or_default()));
                self.outcome.lost.push(why);
            }
        }
        if self.told.elapsed() > Duration::from_secs(20) {
            self.told = Instant::now();
            let (done, cases) = (self.done, self.outcome.cases);
            let left = self.started.elapsed().as_secs() * (cases - done) as u64 / done as u64;
            tell(&format!("torture: {part}: {done} of {cases} cases, {left} s left of this part"));
        }
    }
}
