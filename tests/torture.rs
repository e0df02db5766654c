//! What a run survives: the file system fails, or the process dies, at each operation in turn, and the run is
//! taken up.
//!
//! After each fault every file is the one that was there before or the new one, whole; the run goes on as its
//! user is told to; and it ends with the results of a run that nothing has disturbed. `cargo xtask torture` runs
//! the same tests to the full; otherwise they are sampled where that would take minutes (see `budget`).

mod budget;
mod cases;
mod damage;
mod places;
mod signals;
mod toy;
mod tree;

use self::budget::{Budget, Random};
use self::toy::{LANDSCAPE, REPRODUCE, TRAIN, TUNE, Toy, Workbench};

/// What an operation can fail with. Seven, and an operation comes again after six others in files that are written
/// alike: in rotation, each of these meets each of those.
const ERRORS: [&str; 7] = ["enospc", "edquot", "erofs", "eacces", "eio", "short", "late"];

/// How often the process that takes a run up is killed, too, for each operation at which the run was.
const SECONDS: usize = 5;

/// Runs all of these faults and fails with those that a run did not survive.
fn survives(bench: Workbench, what: &str, faults: &[Vec<String>]) {
    let part = format!("`{}`, {what}", bench.toy.name);
    let operations = bench.operations.len().to_string();
    let name = |faults: &Vec<String>| faults.join(", then ");
    let outcome = cases::each(bench, &part, faults, name, |bench, faults| bench.disturbed(faults));
    let at_once = match outcome.marked {
        0 => String::new(),
        count => format!(" ({count} came to their end at once)"),
    };
    let equal = format!("{}{at_once}", outcome.equal());
    outcome.report(&part, &operations, &outcome.cases.to_string(), &equal);
    assert!(2 * outcome.marked <= faults.len(), "{} faults did nothing", outcome.marked);
}

/// Each of these alone.
fn alone(faults: Vec<String>) -> Vec<Vec<String>> {
    faults.into_iter().map(|fault| vec![fault]).collect()
}

/// The process dies before each operation, halfway through each write, and once more while it is taken up.
fn killed(toy: &'static Toy) {
    let bench = Workbench::new(toy);
    let budget = Budget::of_this_run();
    let mut faults = alone(budget.kills(toy, &bench.operations));
    let mut random = Random::new(2);
    for _ in 0..budget.pairs(toy).div_ceil(SECONDS) {
        let first = format!("kill@{}", 1 + random.below(bench.operations.len()));
        let more = bench.operations_after(&first);
        for _ in 0..SECONDS {
            faults.push(vec![first.clone(), format!("kill@{}", 1 + random.below(more))]);
        }
    }
    survives(bench, "killed", &faults);
}

/// The power is cut before each operation.
fn cut_off(toy: &'static Toy) {
    let bench = Workbench::new(toy);
    let faults = alone(Budget::of_this_run().cuts(toy, &bench.operations));
    survives(bench, "power cut", &faults);
}

/// Each operation fails, alone or with all after it; and all writes take only half of what they are given.
fn failing(toy: &'static Toy) {
    let bench = Workbench::new(toy);
    let mut faults = Budget::of_this_run().failures(toy, &bench.operations, &ERRORS);
    faults.push("part@1+".to_string());
    survives(bench, "failing", &alone(faults));
}

/// Each reading of a file and each listing of a directory fails: of the run itself, and of those that take it up where
/// it was killed at operations evenly spread.
fn unread(toy: &'static Toy) {
    let bench = Workbench::new(toy);
    let budget = Budget::of_this_run();
    let mut faults = alone(budget.unread(toy, bench.reads()));
    for at in budget.taken_up(bench.operations.len()) {
        let killed = format!("kill@{at}");
        let reads = bench.reads_after(&killed);
        let then = |unread: String| vec![killed.clone(), unread];
        faults.extend(budget.unread(toy, reads).into_iter().map(then));
    }
    survives(bench, "unread", &faults);
}

#[test]
fn a_training_run_survives_a_failure_of_any_reading() {
    unread(&TRAIN);
}

#[test]
fn a_search_survives_a_failure_of_any_reading() {
    unread(&TUNE);
}

#[test]
fn a_landscape_survives_a_failure_of_any_reading() {
    unread(&LANDSCAPE);
}

#[test]
fn a_training_run_survives_a_kill_at_any_operation() {
    killed(&TRAIN);
}

#[test]
fn a_training_run_survives_a_power_cut_at_any_operation() {
    cut_off(&TRAIN);
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
fn a_search_survives_a_power_cut_at_any_operation() {
    cut_off(&TUNE);
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
fn a_landscape_survives_a_power_cut_at_any_operation() {
    cut_off(&LANDSCAPE);
}

#[test]
fn a_landscape_survives_a_failure_of_any_operation() {
    failing(&LANDSCAPE);
}

#[test]
fn the_whole_assignment_survives_kills_and_failures() {
    let bench = Workbench::new(&REPRODUCE);
    let faults = Budget::of_this_run().of_the_whole(&REPRODUCE, &bench.operations, &ERRORS);
    survives(bench, "killed, cut off and failing", &alone(faults));
}
