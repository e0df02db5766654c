//! What a run survives: the file system fails, or the process dies, at each operation in turn, and the run is
//! taken up.
//!
//! After each fault every file is the one that was there before or the new one, whole; the run goes on as its
//! user is told to; and it ends with the results of a run that nothing has disturbed. `cargo xtask torture` runs
//! the same tests to the full; otherwise they are sampled where that would take minutes (see `budget`).

mod budget;
mod damage;
mod places;
mod signals;
mod toy;
mod tree;

use std::io::Write as _;

use self::budget::Budget;
use self::toy::{LANDSCAPE, REPRODUCE, TRAIN, TUNE, Toy, Workbench};

/// What an operation can fail with.
const ERRORS: [&str; 7] = ["enospc", "edquot", "erofs", "eacces", "eio", "short", "close"];

/// Says on the test run's own output what was done: past the harness, which shows the output of failing tests only.
fn tell(line: &str) {
    std::io::stdout().write_all(format!("\n{line}\n").as_bytes()).expect("stdout can be written");
}

/// Runs all of these faults and fails with those that a run did not survive.
fn survives(toy: &Toy, what: &str, bench: &Workbench, faults: &[Vec<String>]) {
    let mut harmless = 0;
    let mut lost = Vec::new();
    for faults in faults {
        match bench.disturbed(faults) {
            Ok(ended_well) => harmless += usize::from(ended_well),
            Err(why) => {
                let case = format!("{} {}", toy.name, faults.join(", then "));
                // At once: the rest may take an hour.
                tell(&format!("torture: lost: {case}: {}", why.lines().next().unwrap_or_default()));
                lost.push(format!("{case}: {why}"));
            }
        }
    }
    tell(&format!(
        "torture: {}: {what}: {} operations, {} runs disturbed, {} results equal ({harmless} without being taken \
         up), {} lost or doubled",
        toy.name,
        bench.operations.len(),
        faults.len(),
        faults.len() - lost.len(),
        lost.len()
    ));
    let shown = lost.iter().take(10).map(String::as_str).collect::<Vec<_>>().join("\n\n");
    assert!(lost.is_empty(), "{} of {}:\n{shown}", lost.len(), faults.len());
    assert!(2 * harmless < faults.len(), "{harmless} of {} faults did nothing", faults.len());
}

/// The process dies before each operation, halfway through each write, and once more while it is taken up.
fn killed(toy: &Toy) {
    let bench = Workbench::new(toy);
    let budget = Budget::of_this_run();
    let once = budget.kills(toy, &bench.operations).into_iter().map(|fault| vec![fault]);
    let twice = budget.twice(toy, bench.operations.len()).into_iter();
    let twice =
        twice.map(|(first, second)| vec![format!("kill@{first}"), format!("kill@{second}")]);
    survives(toy, "killed", &bench, &once.chain(twice).collect::<Vec<_>>());
}

/// Each operation fails, alone or with all after it.
fn failing(toy: &Toy) {
    let bench = Workbench::new(toy);
    let faults = Budget::of_this_run().failures(toy, bench.operations.len(), &ERRORS);
    let faults: Vec<Vec<String>> = faults.into_iter().map(|fault| vec![fault]).collect();
    survives(toy, "failing", &bench, &faults);
}

#[test]
fn a_training_run_survives_a_kill_at_any_operation() {
    killed(&TRAIN);
}

#[test]
fn a_training_run_survives_a_failure_of_any_operation() {
    failing(&TRAIN);
}

#[test]
fn a_search_survives_a_kill_at_any_operation() {
    killed(&TUNE);
}

#[test]
fn a_search_survives_a_failure_of_any_operation() {
    failing(&TUNE);
}

#[test]
fn a_landscape_survives_a_kill_at_any_operation() {
    killed(&LANDSCAPE);
}

#[test]
fn a_landscape_survives_a_failure_of_any_operation() {
    failing(&LANDSCAPE);
}

#[test]
fn the_whole_assignment_survives_kills_and_failures() {
    let bench = Workbench::new(&REPRODUCE);
    let faults: Vec<Vec<String>> = Budget::of_this_run()
        .of_the_whole(&REPRODUCE, bench.operations.len())
        .into_iter()
        .enumerate()
        .map(|(case, number)| {
            let kind = ["kill", "tear", ERRORS[case / 3 % ERRORS.len()]][case % 3];
            vec![format!("{kind}@{number}")]
        })
        .collect();
    survives(&REPRODUCE, "killed and failing", &bench, &faults);
}
