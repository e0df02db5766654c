//! How much is tried: everything under `cargo xtask torture`, a sample that is always the same otherwise.

use std::env;

use super::toy::Operation;

/// What `cargo xtask torture` sets.
const VARIABLE: &str = "ATELIER_TORTURE";

/// How many cases there are to be.
pub struct Budget {
    everything: bool,
}

impl Budget {
    pub fn of_this_run() -> Self {
        Self { everything: env::var_os(VARIABLE).is_some() }
    }

    /// Whether the process is to die before the operation at `index`. After one that changes no file it would leave
    /// what it leaves before it; and the many operations on figures are sampled, because each figure is written like
    /// the others, by the same six.
    pub fn dies_before(&self, index: usize, operations: &[Operation]) -> bool {
        let changed = index.checked_sub(1).is_none_or(|before| operations[before].changes());
        let sampled = !operations[index].is_of_a_figure() || index.is_multiple_of(13);
        self.everything || (changed && sampled)
    }

    /// Whether the process is to die halfway through the operation at `index`.
    pub fn dies_within(&self, index: usize, operations: &[Operation]) -> bool {
        let sampled = !operations[index].is_of_a_figure() || index.is_multiple_of(13);
        operations[index].has_halves() && (self.everything || sampled)
    }

    /// Two operations each at which the process is to die one after the other: of the run, and of what takes it up.
    pub fn twice(&self, operations: usize) -> Vec<(usize, usize)> {
        let cases = if self.everything { 200 } else { 8 };
        let mut random = Random::new(2);
        (0..cases).map(|_| (1 + random.below(operations), 1 + random.below(operations))).collect()
    }

    /// Operations that are to fail, each with the number of an error among `kinds` and whether all after it fail.
    pub fn failures(&self, operations: usize, kinds: usize) -> Vec<(usize, usize, bool)> {
        let all = (1..=operations).flat_map(|number| {
            (0..kinds).flat_map(move |kind| [(number, kind, false), (number, kind, true)])
        });
        if self.everything {
            return all.collect();
        }
        // A step that has no divisor in common with what an operation can suffer, so that each has its turn.
        let suffered = kinds * 2;
        let shares = |step: usize| (2..=suffered).any(|d| suffered.is_multiple_of(d) && step.is_multiple_of(d));
        let least = (operations * suffered / 42).max(1);
        let step = (least..).find(|&step| !shares(step)).unwrap_or(1);
        all.step_by(step).collect()
    }

    /// Operations of a reproduction at which something is to happen: it takes seconds and has thousands.
    pub fn of_the_whole(&self, operations: usize) -> Vec<usize> {
        let cases = if self.everything { 30 } else { 2 };
        let mut random = Random::new(5);
        (0..cases).map(|_| 1 + random.below(operations)).collect()
    }

    /// How many signals are sent at random moments.
    pub fn signals(&self) -> usize {
        if self.everything { 150 } else { 4 }
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
