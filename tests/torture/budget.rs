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

    /// Two operations each at which the process is to die one after the other: of the run, and of what takes it up.
    pub fn twice(&self, toy: &Toy, operations: usize) -> Vec<(usize, usize)> {
        let cases = if self.everything { 200 } else { toy.sample.0 / 12 };
        let mut random = Random::new(2);
        (0..cases).map(|_| (1 + random.below(operations), 1 + random.below(operations))).collect()
    }

    /// The faults by which operations fail: each operation with each of `kinds`, alone and with all after it.
    pub fn failures(&self, toy: &Toy, operations: usize, kinds: &[&str]) -> Vec<String> {
        let mut all = Vec::new();
        for number in 1..=operations {
            for kind in kinds {
                all.extend([format!("{kind}@{number}"), format!("{kind}@{number}+")]);
            }
        }
        self.sampled(all, toy.sample.1)
    }

    /// Operations of a reproduction at which something is to happen: it takes seconds and has thousands.
    pub fn of_the_whole(&self, toy: &Toy, operations: usize) -> Vec<usize> {
        let cases = if self.everything { 30 } else { toy.sample.0 };
        let mut random = Random::new(5);
        (0..cases).map(|_| 1 + random.below(operations)).collect()
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
        let step = (all.len() / most) | 1;
        let step = if step.is_multiple_of(7) { step + 2 } else { step };
        all.into_iter().step_by(step).collect()
    }
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
