//! How much is tried: everything under `cargo xtask torture`, a sample that is always the same otherwise.

use std::env;

use super::toy::{Operation, Toy};

/// What `cargo xtask torture` sets.
const VARIABLE: &str = "ATELIER_TORTURE";

/// Of operations that are one of many alike, one in so many is in a sample.
const ONE_OF: usize = 13;

/// How many cases there are to be.
pub struct Budget {
    everything: bool,
}

impl Budget {
    pub fn of_this_run() -> Self {
        Self { everything: env::var_os(VARIABLE).is_some() }
    }

    /// The faults that end the process: before each operation, and halfway through each that has halves. A sample
    /// leaves out those after an operation that changes no file, which leave what the fault before leaves.
    pub fn kills(&self, toy: &Toy, operations: &[Operation]) -> Vec<String> {
        let mut all = Vec::new();
        for (index, operation) in operations.iter().enumerate() {
            let number = index + 1;
            if !self.everything && operation.is_one_of_many() && !index.is_multiple_of(ONE_OF) {
                continue;
            }
            let changed = index.checked_sub(1).is_none_or(|before| operations[before].changes());
            if self.everything || changed {
                all.push(format!("kill@{number}"));
            }
            if operation.has_halves() {
                all.push(format!("tear@{number}"));
            }
        }
        self.sampled(all, toy.sample.0)
    }

    /// How many pairs of operations there are at which the process is to die one after the other.
    pub fn pairs(&self, toy: &Toy) -> usize {
        if self.everything { 100 } else { toy.sample.0 / 12 }
    }

    /// Power cuts before each sync. All that is not safe is lost, so that the cuts between two syncs leave the same.
    pub fn cuts(&self, toy: &Toy, operations: &[Operation]) -> Vec<String> {
        let syncs = |operation: &Operation| ["sync", "sync-dir"].contains(&operation.name.as_str());
        let all = (1..).zip(operations).filter(|(_, operation)| syncs(operation));
        let all = all.map(|(number, _)| format!("power@{number}")).collect();
        let mut cuts = self.sampled(all, toy.sample.1);
        // And behind the last one, when everything has been promised.
        cuts.push(format!("power@{}", operations.len()));
        cuts
    }

    /// The faults by which operations fail: each alone and with all after it, with `kinds` in rotation. They differ in
    /// the error's number and in what is left, and nothing asks for the number but the help that is given.
    pub fn failures(&self, toy: &Toy, operations: &[Operation], kinds: &[&str]) -> Vec<String> {
        let mut all = Vec::new();
        for (number, operation) in (1..).zip(operations) {
            let kind = |turn: usize| failure(operation, kinds, turn);
            all.push(format!("{}@{number}", kind(number)));
            all.push(format!("{}@{number}+", kind(number + 3)));
        }
        self.sampled(all, toy.sample.1)
    }

    /// Failures of each of so many readings.
    pub fn unread(&self, toy: &Toy, reads: usize) -> Vec<String> {
        self.sampled(
            (1..=reads).map(|number| format!("unread@{number}")).collect(),
            toy.sample.1 / 2,
        )
    }

    /// The operations, of so many, at which a run is killed in order to have its readings fail when it is taken up.
    pub fn taken_up(&self, operations: usize) -> impl Iterator<Item = usize> {
        let places = if self.everything { 20 } else { 2 };
        (1..=places).map(move |place| (place * operations).div_ceil(places + 1))
    }

    /// Faults of all kinds for a reproduction: it takes seconds and has thousands of operations.
    pub fn of_the_whole(&self, toy: &Toy, operations: &[Operation], kinds: &[&str]) -> Vec<String> {
        let cases = if self.everything { 40 } else { toy.sample.0 };
        let mut random = Random::new(5);
        let fault = |case: usize| {
            let index = random.below(operations.len());
            let (number, failure) = (index + 1, failure(&operations[index], kinds, case / 2));
            match case % 5 {
                0 => format!("kill@{number}"),
                1 => format!("{failure}@{number}"),
                2 => format!("power@{number}"),
                3 => format!("{failure}@{number}+"),
                _ => format!("tear@{number}"),
            }
        };
        (0..cases).map(fault).collect()
    }

    /// How many cases run at a time. In a sample the test harness runs several tests at a time instead.
    pub fn workers(&self) -> usize {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        if self.everything { cores } else { 1 }
    }

    /// How many signals are sent at random moments.
    pub fn signals(&self) -> usize {
        if self.everything { 100 } else { 6 }
    }

    /// So many of these, evenly spread; all where everything is tried.
    fn sampled(&self, all: Vec<String>, most: usize) -> Vec<String> {
        if self.everything || all.len() <= most {
            return all;
        }
        // No multiple of 2 or 7, so that each of seven kinds of failure has its turn, alone and lasting.
        let step = all.len().div_ceil(most) | 1;
        let step = if step.is_multiple_of(7) { step + 2 } else { step };
        all.into_iter().step_by(step).collect()
    }
}

/// How an operation fails at this turn: closing a file has a way of its own.
fn failure<'a>(operation: &Operation, kinds: &[&'a str], turn: usize) -> &'a str {
    if operation.name == "close" { "close" } else { kinds[turn % kinds.len()] }
}

/// Numbers that look random and are the same each time (a linear congruential generator; Knuth's constants).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or(0) % bound.max(1)
    }
}
