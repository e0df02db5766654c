//! Real signals at random moments.

use std::os::unix::process::ExitStatusExt as _;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::budget::{Budget, Random};
use super::cases;
use super::toy::{TRAIN, TUNE, Toy, Workbench};

/// As [`TRAIN`], but most of its time is training: a signal that comes later is noted and the run comes to its end.
const LONG_TRAIN: Toy =
    Toy { settings: &["model.hidden=4", "train.epochs=600", "train.checkpoint_every=20"], ..TRAIN };

const LONG_TUNE: Toy = Toy {
    settings: &[
        "tune.space={'optimizer.learning_rate'={choices=[0.02,0.1,0.2]}}",
        "tune.trials=3",
        "model.hidden=4",
        "train.epochs=200",
        "retrain.epochs=1",
    ],
    ..TUNE
};

/// Sends `name` at random moments of the toy, takes it up each time and compares.
fn survives(toy: &'static Toy, name: &str) {
    let bench = Workbench::new(toy);
    let started = Instant::now();
    bench.spawn().wait().expect("the end");
    let whole = usize::try_from(started.elapsed().as_micros()).unwrap_or(usize::MAX);
    let mut random = Random::new(7);
    // Every other one early: beside other work one run may take a multiple of another.
    let bound = |signal: usize| if signal.is_multiple_of(2) { whole / 4 } else { whole };
    let signals = 0..Budget::of_this_run().signals();
    let moments: Vec<u64> = signals.map(|signal| random.below(bound(signal)) as u64).collect();
    let part = format!("SIG{name}, `{}`", toy.name);
    let case = |micros: &u64| format!("after {micros} µs");
    let outcome = cases::each(bench, &part, &moments, case, |bench, &micros| {
        let mut child = bench.spawn();
        sleep(Duration::from_micros(micros));
        // It may have ended.
        let _ = Command::new("kill").args(["-s", name, &child.id().to_string()]).output();
        let ended = child.wait().expect("the end");
        let heeded = match name {
            // Heeded with its own code, or, before anybody listens, without.
            "TERM" => ended.code() == Some(143) || ended.signal() == Some(15),
            _ => ended.signal() == Some(9),
        };
        if !heeded && ended.code() != Some(0) {
            return Err(format!("it ended otherwise: {ended}"));
        }
        bench.finish()?;
        Ok(heeded)
    });
    let disturbed = format!("{}, of which {} before the end", outcome.cases, outcome.marked);
    outcome.report(&part, "", &disturbed, &outcome.equal().to_string());
    // One that may be heeded need not be: towards the end a run notes it and finishes.
    assert!(outcome.marked > 0 || name != "KILL", "every signal came too late");
}

#[test]
fn runs_survive_sigkill_at_any_moment() {
    survives(&LONG_TRAIN, "KILL");
    survives(&LONG_TUNE, "KILL");
}

#[test]
fn runs_survive_sigterm_at_any_moment() {
    survives(&LONG_TRAIN, "TERM");
    survives(&LONG_TUNE, "TERM");
}
