//! What the codes are like: activity of the units, neighbours, ways between two codes, a view of them.

use ndarray::{Array2, ArrayView1, ArrayView2, Axis};
use serde::{Deserialize, Serialize};

pub use crate::view::{View, view};
use crate::{Error, Result};

/// How one unit of the code behaves over a set of examples.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct UnitActivity {
    /// Share of the examples for which the unit is above 0.
    pub active: f64,
    /// Mean of its values.
    pub mean: f64,
    /// Standard deviation of its values.
    pub deviation: f64,
}

impl UnitActivity {
    /// Whether the unit is above 0 for no example at all: it carries nothing.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        self.active <= 0.0
    }
}

/// The activity of every unit over `codes` (examples, latent), in the order of the units.
///
/// # Errors
/// [`Error::Data`] if there is no example.
pub fn activity(codes: ArrayView2<'_, f32>) -> Result<Vec<UnitActivity>> {
    if codes.nrows() == 0 {
        let (expected, found) = ("at least one".to_string(), "none".to_string());
        return Err(Error::Data { what: "codes to measure", expected, found });
    }
    let n = codes.nrows() as f64;
    let measure = |unit: ArrayView1<'_, f32>| {
        let active = unit.iter().filter(|&&value| value > 0.0).count() as f64 / n;
        let mean = unit.iter().map(|&value| f64::from(value)).sum::<f64>() / n;
        let squares = unit.iter().map(|&value| (f64::from(value) - mean).powi(2)).sum::<f64>();
        UnitActivity { active, mean, deviation: (squares / n).sqrt() }
    };
    Ok(codes.axis_iter(Axis(1)).map(measure).collect())
}

/// The other rows of `codes` (examples, latent) that are nearest to row `example` (Euclidean), nearest
/// first, at most `count`; among equals the earlier row comes first.
///
/// # Errors
/// [`Error::Data`] if there is no such row.
pub fn nearest(codes: ArrayView2<'_, f32>, example: usize, count: usize) -> Result<Vec<usize>> {
    if example >= codes.nrows() {
        let (expected, found) = (format!("below {}", codes.nrows()), example.to_string());
        return Err(Error::Data { what: "number of an example", expected, found });
    }
    let code = codes.row(example);
    let distance = |row: ArrayView1<'_, f32>| -> f64 {
        row.iter().zip(&code).map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2)).sum()
    };
    let distances: Vec<f64> = codes.rows().into_iter().map(distance).collect();
    // Not the first of all rows is left out: others may have the very same code.
    let mut order: Vec<usize> = (0..distances.len()).filter(|&row| row != example).collect();
    order.sort_by(|&a, &b| distances[a].total_cmp(&distances[b]));
    order.truncate(count);
    Ok(order)
}

/// Codes in equal steps along the straight line between two, both ends included: `(steps, latent)`.
///
/// # Errors
/// [`Error::Data`] if the two have different lengths, or for fewer than two steps.
pub fn interpolate(
    from: ArrayView1<'_, f32>,
    to: ArrayView1<'_, f32>,
    steps: usize,
) -> Result<Array2<f32>> {
    check_units(from.len(), to.len())?;
    if steps < 2 {
        let (expected, found) = ("2 or more".to_string(), steps.to_string());
        return Err(Error::Data { what: "steps between two codes", expected, found });
    }
    let last = (steps - 1) as f32;
    Ok(Array2::from_shape_fn((steps, from.len()), |(step, unit)| {
        let share = step as f32 / last;
        from[unit] * (1.0 - share) + to[unit] * share
    }))
}

fn check_units(expected: usize, found: usize) -> Result<()> {
    if expected == found {
        return Ok(());
    }
    let (expected, found) = (expected.to_string(), found.to_string());
    Err(Error::Data { what: "units of a code", expected, found })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn a_unit_that_is_never_above_zero_is_dead_and_no_other() {
        let found = activity(array![[0.0, 1.0, 0.0], [0.0, 3.0, 0.5]].view()).unwrap();
        assert_eq!(
            found.iter().map(UnitActivity::is_dead).collect::<Vec<_>>(),
            [true, false, false]
        );
        assert!((found[1].mean - 2.0).abs() < 1e-12 && (found[1].deviation - 1.0).abs() < 1e-12);
        assert!((found[2].active - 0.5).abs() < 1e-12);
        assert!(activity(Array2::zeros((0, 3)).view()).is_err());
    }

    #[test]
    fn neighbours_come_nearest_first_and_equals_in_their_order() {
        let codes = array![[5.0, 0.0], [1.0, 0.0], [0.0, 0.0], [0.0, 1.0]];
        assert_eq!(nearest(codes.view(), 2, 2).unwrap(), [1, 3]);
        assert_eq!(nearest(codes.view(), 2, 9).unwrap(), [1, 3, 0]);
        assert!(nearest(codes.view(), 4, 3).is_err());
    }

    #[test]
    fn an_example_is_no_neighbour_of_itself_also_where_codes_coincide() {
        let codes = Array2::zeros((5, 2));
        assert_eq!(nearest(codes.view(), 3, 3).unwrap(), [0, 1, 2]);
    }

    #[test]
    fn a_way_begins_and_ends_at_its_codes() {
        let way = interpolate(array![0.0, 2.0].view(), array![1.0, 0.0].view(), 3).unwrap();
        assert_eq!(way, array![[0.0, 2.0], [0.5, 1.0], [1.0, 0.0]]);
        assert!(interpolate(array![0.0].view(), array![1.0].view(), 1).is_err());
        assert!(interpolate(array![0.0].view(), array![1.0, 2.0].view(), 3).is_err());
    }
}
