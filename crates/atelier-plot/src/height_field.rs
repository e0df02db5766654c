//! A surface in the unit cube: heights between grid points, and what they hide.

use crate::axis::Range;
use crate::camera::Camera;
use crate::surface_grid::SurfaceGrid;

/// Horizontal step of a line of sight, in widths of the surface: a tenth of a cell of 25.
const STEP: f64 = 0.004;
/// How far above the surface a line of sight begins, so that rounding hides nothing.
pub(crate) const LIFT: f64 = 0.006;

/// Heights over the unit square as shares of their axis, in which the surface is bilinear between
/// grid points.
#[derive(Debug)]
pub(crate) struct HeightField {
    /// Where the columns and the rows of the grid lie, from 0 to 1.
    pub us: Vec<f64>,
    pub vs: Vec<f64>,
    /// Row by row; NaN in holes, above 1 above the ceiling.
    pub ws: Vec<f64>,
}

impl HeightField {
    /// Of a grid that was checked.
    pub(crate) fn new(grid: &SurfaceGrid, range: &Range) -> Self {
        let share = |h: &f64| if h.is_finite() { range.fraction(*h) } else { f64::NAN };
        Self {
            us: shares(&grid.xs),
            vs: shares(&grid.ys),
            ws: grid.heights.iter().map(share).collect(),
        }
    }

    /// The height over `(u, v)`; `None` in a hole and outside.
    pub(crate) fn at(&self, u: f64, v: f64) -> Option<f64> {
        let (i, s) = cell(&self.us, u)?;
        let (j, t) = cell(&self.vs, v)?;
        let n = self.us.len();
        let row = |j: usize| (1.0 - s) * self.ws[j * n + i] + s * self.ws[j * n + i + 1];
        let w = (1.0 - t) * row(j) + t * row(j + 1);
        w.is_finite().then_some(w)
    }

    /// The height over `(u, v)` where the surface is drawn: not above the ceiling.
    pub(crate) fn drawn_at(&self, u: f64, v: f64) -> Option<f64> {
        self.at(u, v).filter(|w| *w <= 1.0)
    }

    /// Whether nothing of the surface lies between a point and the viewer.
    pub(crate) fn shows(&self, [u, v, w]: [f64; 3], camera: &Camera) -> bool {
        let mut distance = STEP;
        loop {
            let at = (u + distance * camera.toward.0, v + distance * camera.toward.1);
            let sight = w + distance * camera.rise;
            let outside = |x: f64| !(0.0..=1.0).contains(&x);
            if sight > 1.0 || outside(at.0) || outside(at.1) {
                return true;
            }
            if self.drawn_at(at.0, at.1).is_some_and(|surface| surface > sight) {
                return false;
            }
            distance += STEP;
        }
    }
}

/// Coordinates as shares of the way from the first to the last.
fn shares(coordinates: &[f64]) -> Vec<f64> {
    let (first, last) = (coordinates[0], coordinates[coordinates.len() - 1]);
    coordinates.iter().map(|c| (c - first) / (last - first)).collect()
}

/// The cell of `edges` that holds `at`, and the share of its width before it.
fn cell(edges: &[f64], at: f64) -> Option<(usize, f64)> {
    if !(0.0..=1.0).contains(&at) {
        return None;
    }
    let cells = edges.len() - 1;
    // Exact on an even grid but for rounding; from there to the neighbour or, rarely, farther.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to cells")]
    let mut i = ((at * cells as f64) as usize).min(cells - 1);
    while i > 0 && edges[i] > at {
        i -= 1;
    }
    while i + 1 < cells && edges[i + 1] < at {
        i += 1;
    }
    Some((i, (at - edges[i]) / (edges[i + 1] - edges[i])))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Scale;
    use crate::camera::View;

    fn field(xs: &[f64], ys: &[f64], heights: &[f64]) -> HeightField {
        let range = Range { scale: Scale::Linear, low: 0.0, high: 10.0, whole: false };
        HeightField::new(&SurfaceGrid::new(xs, ys, heights), &range)
    }

    #[test]
    fn heights_are_those_of_the_grid_and_bilinear_between_them() {
        let field = field(&[0.0, 1.0, 10.0], &[2.0, 4.0], &[0.0, 2.0, 4.0, 4.0, 6.0, f64::NAN]);
        let close = |u, v, w: f64| (field.at(u, v).unwrap() - w).abs() < 1e-12;
        assert!(close(0.0, 0.0, 0.0) && close(0.1, 0.0, 0.2) && close(0.1, 1.0, 0.6));
        assert!(close(0.05, 0.5, 0.3));
        assert_eq!((field.at(0.5, 0.5), field.at(1.1, 0.5)), (None, None));
    }

    #[test]
    fn a_wall_hides_what_is_behind_it_and_nothing_in_front_or_above() {
        let line: Vec<f64> = (0..21).map(f64::from).collect();
        let heights: Vec<f64> = (0..441).map(|i| if i % 21 == 15 { 9.0 } else { 1.0 }).collect();
        let field = field(&line, &line, &heights);
        // From the side of large x.
        let camera = Camera::new(View { azimuth: 0.0, elevation: 30.0 });
        assert!(!field.shows([0.6, 0.5, 0.11], &camera));
        assert!(field.shows([0.9, 0.5, 0.11], &camera));
        assert!(field.shows([0.6, 0.5, 0.95], &camera));
        let behind = Camera::new(View { azimuth: 180.0, elevation: 30.0 });
        assert!(field.shows([0.6, 0.5, 0.11], &behind));
    }
}
