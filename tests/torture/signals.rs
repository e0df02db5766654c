//! Real signals at random moments.

use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::budget::{Budget, Random};
use super::tell;
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
fn survives(toy: &Toy, name: &str) {
    let bench = Workbench::new(toy);
    let started = Instant::now();
    bench.spawn().wait().expect("the end");
    let whole = started.elapsed();
    let mut random = Random::new(7);
    let (mut in_time, mut lost) = (0, Vec::new());
    let cases = Budget::of_this_run().signals();
    for case in 0..cases {
        let mut child = bench.spawn();
        let micros = usize::try_from(whole.as_micros()).unwrap_or(usize::MAX);
        sleep(Duration::from_micros(random.below(micros) as u64));
        // It may have ended.
        let _ = Command::new("kill").args(["-s", name, &child.id().to_string()]).output();
        let code = child.wait().expect("the end").code();
        // 143 is SIGTERM's own code; SIGKILL leaves none.
        if ![Some(0), if name == "TERM" { Some(143) } else { None }].contains(&code) {
            lost.push(format!("{name} number {case}: it ended with {code:?}"));
        }
        in_time += usize::from(code != Some(0));
        if let Err(why) = bench.finish() {
            lost.push(format!("{name} number {case}: {why}"));
        }
    }
    tell(&format!(
        "torture: {}: SIG{name} at {cases} random moments, {in_time} before the end: {} results equal, {} lost or \
         doubled",
        toy.name,
        cases - lost.len(),
        lost.len()
    ));
    assert!(lost.is_empty(), "{}", lost.join("\n\n"));
    // One that may be heeded need not be: towards the end a run notes it and finishes.
    assert!(in_time > 0 || name != "KILL", "every signal came too late");
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
