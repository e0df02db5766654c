use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// More points along an axis than this make a grid of days.
const MOST_POINTS: usize = 1001;
/// An axis shows at least this share of what the other shows, however little the points vary along
/// it.
const NARROWEST: f64 = 0.05;

/// The part of an axis that a grid covers, in distances in parameter space.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AxisRange {
    /// The first coordinate.
    pub from: f64,
    /// The last coordinate, larger than the first.
    pub to: f64,
}

impl AxisRange {
    /// A given range.
    ///
    /// # Errors
    /// [`Error::Setting`] if an end is not finite or the range does not go upwards.
    pub fn new(from: f64, to: f64) -> Result<Self> {
        if from.is_finite() && to.is_finite() && from < to && (to - from).is_finite() {
            return Ok(Self { from, to });
        }
        let found = format!("from {from} to {to}");
        Err(Error::setting("the range of an axis", "two finite ends, the first one smaller", found))
    }

    /// The ranges of both axes that hold all `points` (x, y), with `margin` times their extent added
    /// on each side (0.1 makes an axis 20 % longer than what it holds).
    ///
    /// Never degenerate: an axis along which the points vary little is widened around their middle
    /// to 5 % of the other, and without any variation both are 1 to either side.
    ///
    /// # Errors
    /// [`Error::Setting`] if the margin is negative or not finite, there is no point, or one is not
    /// finite.
    pub fn around(points: &[(f64, f64)], margin: f64) -> Result<[Self; 2]> {
        if !(margin.is_finite() && margin >= 0.0) {
            return Err(Error::setting("margin", "a finite number, 0 or larger", margin));
        }
        let finite = points.iter().filter(|(x, y)| x.is_finite() && y.is_finite()).count();
        if points.is_empty() || finite < points.len() {
            let found = format!("{finite} finite of {}", points.len());
            return Err(Error::setting("points in the plane", "one or more, all finite", found));
        }
        let extents = [0, 1].map(|axis| {
            let values = points.iter().map(|&(x, y)| if axis == 0 { x } else { y });
            let least = values.clone().fold(f64::INFINITY, f64::min);
            let most = values.fold(f64::NEG_INFINITY, f64::max);
            (f64::midpoint(least, most), (most - least) / 2.0)
        });
        let longer = extents[0].1.max(extents[1].1);
        let least = if longer > 0.0 { NARROWEST * longer } else { 1.0 };
        let [x, y] = extents.map(|(middle, half)| {
            let half = half.max(least) * (1.0 + 2.0 * margin);
            Self::new(middle - half, middle + half)
        });
        Ok([x?, y?])
    }

    /// `points` coordinates at equal distances, both ends included to the bit.
    ///
    /// # Errors
    /// [`Error::Setting`] unless `points` is from 2 to 1001.
    pub fn coordinates(&self, points: usize) -> Result<Vec<f64>> {
        if !(2..=MOST_POINTS).contains(&points) {
            let expected = format!("from 2 to {MOST_POINTS} points along an axis");
            return Err(Error::setting("grid", expected, points));
        }
        let last = (points - 1) as f64;
        let at = |i: usize| {
            let share = i as f64 / last;
            self.from * (1.0 - share) + self.to * share
        };
        Ok((0..points).map(at).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_margin_is_a_share_of_the_extent_on_each_side() {
        let [x, y] = AxisRange::around(&[(0.0, -1.0), (10.0, 1.0), (4.0, 0.0)], 0.1).unwrap();
        assert!((x.from + 1.0).abs() < 1e-12 && (x.to - 11.0).abs() < 1e-12, "{x:?}");
        assert!((y.from + 1.2).abs() < 1e-12 && (y.to - 1.2).abs() < 1e-12, "{y:?}");
    }

    #[test]
    fn an_axis_without_variation_is_widened_around_its_value() {
        let [x, y] = AxisRange::around(&[(0.0, 3.0), (10.0, 3.0)], 0.0).unwrap();
        assert_eq!((x.from, x.to), (0.0, 10.0));
        assert_eq!((y.from, y.to), (2.75, 3.25));
        let [x, y] = AxisRange::around(&[(2.0, 3.0)], 0.0).unwrap();
        assert_eq!((x.from, x.to), (1.0, 3.0));
        assert_eq!((y.from, y.to), (2.0, 4.0));
    }

    #[test]
    fn coordinates_are_equidistant_and_end_where_the_range_ends() {
        let range = AxisRange::new(-0.1, 0.7).unwrap();
        let coordinates = range.coordinates(41).unwrap();
        assert_eq!((coordinates.len(), coordinates[0], coordinates[40]), (41, -0.1, 0.7));
        assert!(coordinates.windows(2).all(|pair| (pair[1] - pair[0] - 0.02).abs() < 1e-12));
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for (from, to) in [(1.0, 1.0), (1.0, 0.0), (f64::NAN, 1.0), (0.0, f64::INFINITY)] {
            let message = AxisRange::new(from, to).unwrap_err().to_string();
            assert!(message.contains(&format!("from {from} to {to}")), "{message}");
        }
        assert!(AxisRange::new(-1e308, 1e308).is_err());
        for margin in [-0.1, f64::NAN] {
            assert!(AxisRange::around(&[(0.0, 0.0)], margin).is_err());
        }
        assert!(AxisRange::around(&[], 0.1).is_err());
        let message =
            AxisRange::around(&[(0.0, 1.0), (f64::NAN, 0.0)], 0.1).unwrap_err().to_string();
        assert!(message.contains("1 finite of 2"), "{message}");
    }

    #[test]
    fn a_grid_of_one_point_is_refused() {
        let range = AxisRange::new(0.0, 1.0).unwrap();
        for points in [0, 1, 1002] {
            let message = range.coordinates(points).unwrap_err().to_string();
            assert_eq!(
                message,
                format!("grid is {points}, expected from 2 to 1001 points along an axis")
            );
        }
        assert_eq!(range.coordinates(2).unwrap(), [0.0, 1.0]);
    }
}
