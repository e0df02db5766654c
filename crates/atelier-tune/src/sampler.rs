//! How settings are chosen: one file for each way.

mod grid;
mod parzen;
mod quasi_random;
mod random;
mod tpe;

use std::collections::HashSet;
use std::ops::ControlFlow;

use rand::seq::IndexedRandom;

use crate::stream::stream;
use crate::{Direction, Settings, Space};

/// How the settings of the next trial are chosen. All draw from streams of the study's seed, so
/// that the same history gives the same settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Sampler {
    /// Every point of a grid once, in an order that the seed shuffles. A continuum has `points`
    /// values, its ends included, equally far apart (by factors where the parameter is `log`).
    Grid {
        /// How many values a continuum has.
        points: usize,
    },
    /// Independently and uniformly (Bergstra and Bengio, *Random search for hyper-parameter
    /// optimization*, JMLR 2012).
    Random,
    /// Sobol's points, which leave no large hole, scrambled as by Owen (Burley, *Practical
    /// hash-based Owen scrambling*, JCGT 2020).
    QuasiRandom,
    /// Tree-structured Parzen estimators over all parameters together (Bergstra et al.,
    /// *Algorithms for hyper-parameter optimization*, NIPS 2011; Falkner, Klein and Hutter, *BOHB*,
    /// ICML 2018; Watanabe, arXiv:2304.11127). Begins with [`Sampler::QuasiRandom`].
    Tpe,
}

/// A grid has at most so many points; beyond, nobody would finish it.
pub(crate) const LARGEST_GRID: u64 = 100_000;

/// What a sampler may look at.
pub(crate) struct History<'a> {
    pub direction: Direction,
    /// Finished trials.
    pub results: Vec<Outcome<'a>>,
    /// Settings whose results are not known yet.
    pub pending: Vec<Settings>,
    /// Every setting that was tried or is being tried, as it is displayed.
    pub taken: HashSet<String>,
}

/// How a trial ended.
pub(crate) struct Outcome<'a> {
    pub settings: &'a Settings,
    pub end: End,
}

/// Later variants are worse, and so are greater numbers in them once the direction is turned to
/// minimising.
#[derive(Debug, Clone, Copy)]
pub(crate) enum End {
    Complete(f64),
    /// The last step that was reported, and its value.
    Pruned(u64, f64),
    Failed,
}

/// A sampler with what it keeps from trial to trial.
pub(crate) struct Choice<'a> {
    sampler: Sampler,
    space: &'a Space,
    seed: u64,
    grid: Vec<Settings>,
}

impl<'a> Choice<'a> {
    pub(crate) fn new(sampler: Sampler, space: &'a Space, seed: u64) -> Self {
        let grid = match sampler {
            Sampler::Grid { points } => grid::shuffled(space, points as u64, seed),
            _ => Vec::new(),
        };
        Self { sampler, space, seed, grid }
    }

    /// Settings for the trial at `slot` that were never tried before; `None` if there are no more.
    pub(crate) fn next(&self, slot: u64, history: &History<'_>) -> Option<Settings> {
        let is_new = |settings: &Settings| !history.taken.contains(&settings.to_string());
        if let Sampler::Grid { .. } = self.sampler {
            // From this slot's place on, and then from the beginning: another process, or settings
            // that were queued by hand, may have changed the order.
            let place = usize::try_from(slot).unwrap_or_default() % self.grid.len().max(1);
            let (before, after) = self.grid.split_at(place);
            return after.iter().chain(before).find(|settings| is_new(settings)).cloned();
        }
        for attempt in 0..8 {
            let proposed = match self.sampler {
                Sampler::QuasiRandom if attempt == 0 => {
                    quasi_random::settings(self.space, self.seed, slot)
                }
                Sampler::Tpe => tpe::settings(self.space, history, self.seed, slot, attempt),
                _ => random::settings(self.space, &mut stream(self.seed, "random", slot, attempt)),
            };
            if is_new(&proposed) {
                return Some(proposed);
            }
        }
        for attempt in 0..256 {
            let mut stream = stream(self.seed, "new", slot, attempt);
            let proposed = random::settings(self.space, &mut stream);
            if is_new(&proposed) {
                return Some(proposed);
            }
        }
        self.one_left(slot, &is_new)
    }

    /// One of the first settings in order that are new. The walk ends after the trials that were
    /// and a few more.
    fn one_left(&self, slot: u64, is_new: &dyn Fn(&Settings) -> bool) -> Option<Settings> {
        self.space.size()?;
        let mut left = Vec::new();
        self.space.walk(0, &mut |settings| {
            if is_new(&settings) {
                left.push(settings);
            }
            if left.len() < 64 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        left.choose(&mut stream(self.seed, "left", slot, 0)).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Parameter;

    fn history(taken: HashSet<String>) -> History<'static> {
        History { direction: Direction::Minimize, results: vec![], pending: vec![], taken }
    }

    #[test]
    fn every_sampler_exhausts_a_finite_space_without_repeating_itself() {
        let space = Space::new([
            Parameter::int("n", 1, 9),
            Parameter::choices("kind", ["a", "b"]),
            Parameter::float("x", 0.0, 1.0).when("n", 10),
        ]);
        assert!(space.is_err(), "10 is no value of n");
        let space = Space::new([
            Parameter::int("n", 1, 9),
            Parameter::choices("kind", ["a", "b"]),
            Parameter::choices("only b", [1, 2, 3]).when("kind", "b"),
        ])
        .expect("a space");
        for sampler in
            [Sampler::Grid { points: 3 }, Sampler::Random, Sampler::QuasiRandom, Sampler::Tpe]
        {
            let choice = Choice::new(sampler, &space, 5);
            let mut seen = history(HashSet::new());
            for slot in 0..36 {
                let settings =
                    choice.next(slot, &seen).unwrap_or_else(|| panic!("{sampler:?} {slot}"));
                assert!(seen.taken.insert(settings.to_string()), "{sampler:?}: {settings} twice");
            }
            assert_eq!(choice.next(36, &seen), None);
        }
    }

    #[test]
    fn a_seed_decides_everything() {
        let space = Space::new([Parameter::log_float("x", 1e-3, 1.0), Parameter::int("n", 0, 99)])
            .expect("a space");
        for sampler in
            [Sampler::Grid { points: 7 }, Sampler::Random, Sampler::QuasiRandom, Sampler::Tpe]
        {
            let at = |seed, slot| {
                Choice::new(sampler, &space, seed).next(slot, &history(HashSet::new()))
            };
            assert_eq!(at(1, 3), at(1, 3));
            assert_ne!(at(1, 3), at(2, 3));
            assert_ne!(at(1, 3), at(1, 4));
        }
    }
}
