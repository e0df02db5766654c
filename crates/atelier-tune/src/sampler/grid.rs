use std::ops::ControlFlow;

use rand::seq::SliceRandom;

use super::LARGEST_GRID;
use crate::stream::stream;
use crate::{Settings, Space};

/// The points of the grid in the order that the seed gives: a study that ends early has looked
/// everywhere a little, and not at one corner.
pub(super) fn shuffled(space: &Space, points: u64, seed: u64) -> Vec<Settings> {
    let mut all = Vec::new();
    space.walk(points, &mut |settings| {
        all.push(settings);
        if (all.len() as u64) < LARGEST_GRID {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    });
    all.shuffle(&mut stream(seed, "grid", 0, 0));
    all
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::Parameter;

    #[test]
    fn a_continuum_is_cut_at_its_ends_and_between() {
        let space = Space::new([Parameter::log_float("x", 0.001, 10.0), Parameter::int("n", 1, 2)]);
        let grid = shuffled(&space.expect("a space"), 5, 3);
        let mut x: Vec<f64> = grid.iter().map(|settings| settings.float("x").expect("x")).collect();
        assert_eq!(grid.iter().map(ToString::to_string).collect::<HashSet<_>>().len(), 10);
        x.sort_by(f64::total_cmp);
        for (found, expected) in x.chunks(2).zip([0.001, 0.01, 0.1, 1.0, 10.0]) {
            assert!(
                (found[0] / expected - 1.0).abs() < 1e-9
                    && (found[1] / expected - 1.0).abs() < 1e-9
            );
        }
    }
}
