use atelier_core::PlaneOfParameters;

use crate::{Error, Result};

/// A plane in parameter space: `origin + x directions[0] + y directions[1]`.
///
/// The directions have length 1 and are perpendicular; coordinates are distances in parameter
/// space.
#[derive(Debug, Clone, PartialEq)]
pub struct Plane {
    /// The point (0, 0), `(parameters,)`.
    pub origin: Vec<f32>,
    /// The axes, each `(parameters,)`.
    pub directions: [Vec<f32>; 2],
}

/// A point seen from a plane.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Projection {
    /// Coordinate along the first direction.
    pub x: f64,
    /// Coordinate along the second direction.
    pub y: f64,
    /// Distance of the point from its projection.
    pub distance: f64,
}

impl Plane {
    /// The plane through `origin` along two vectors, which are made perpendicular (the second to the
    /// first) and of length 1.
    ///
    /// # Errors
    /// [`Error::Setting`] if the lengths differ, a number is not finite, or the vectors span no plane.
    pub fn new(origin: Vec<f32>, first: &[f64], second: &[f64]) -> Result<Self> {
        let refuse = |found: &str| {
            Err(Error::setting("the plane", "two directions that span a plane", found))
        };
        if first.len() != origin.len() || second.len() != origin.len() {
            return refuse("vectors of different lengths");
        }
        let finite = |v: &[f64]| v.iter().all(|x| x.is_finite());
        if !(finite(first) && finite(second) && origin.iter().all(|x| x.is_finite())) {
            return refuse("a number that is not finite");
        }
        let before = dot(second, second).sqrt();
        let mut axes = [first.to_vec(), second.to_vec()];
        let length = dot(first, first).sqrt();
        if length <= 0.0 {
            return refuse("a direction of length 0");
        }
        axes[0].iter_mut().for_each(|x| *x /= length);
        // Twice, because once leaves a rest where the vectors are nearly parallel.
        for _ in 0..2 {
            let shared = dot(&axes[0], &axes[1]);
            let (first, second) = axes.split_at_mut(1);
            second[0].iter_mut().zip(&first[0]).for_each(|(y, x)| *y -= shared * x);
        }
        let length = dot(&axes[1], &axes[1]).sqrt();
        if length <= 1e-9 * before || before <= 0.0 {
            return refuse("directions that are parallel");
        }
        axes[1].iter_mut().for_each(|x| *x /= length);
        #[expect(clippy::cast_possible_truncation, reason = "points are f32")]
        let directions = axes.map(|axis| axis.iter().map(|&x| x as f32).collect());
        Ok(Self { origin, directions })
    }

    /// The coordinates of `point` and its distance from the plane, computed in f64.
    ///
    /// # Errors
    /// [`Error::Setting`] if the point has another number of parameters.
    pub fn project(&self, point: &[f32]) -> Result<Projection> {
        if point.len() != self.origin.len() {
            let expected = format!("{} parameters", self.origin.len());
            return Err(Error::setting("a point", expected, point.len()));
        }
        let offset: Vec<f64> =
            point.iter().zip(&self.origin).map(|(&p, &o)| f64::from(p) - f64::from(o)).collect();
        let along =
            |axis: &[f32]| -> f64 { offset.iter().zip(axis).map(|(o, &d)| o * f64::from(d)).sum() };
        let (x, y) = (along(&self.directions[0]), along(&self.directions[1]));
        let squares = offset
            .iter()
            .zip(&self.directions[0])
            .zip(&self.directions[1])
            .map(|((o, &d), &e)| (o - x * f64::from(d) - y * f64::from(e)).powi(2));
        Ok(Projection { x, y, distance: squares.sum::<f64>().sqrt() })
    }

    /// The point at `(x, y)`.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "points are f32")]
    pub fn point(&self, x: f64, y: f64) -> Vec<f32> {
        let [first, second] = &self.directions;
        let along = self.origin.iter().zip(first).zip(second);
        along
            .map(|((&o, &d), &e)| (f64::from(o) + x * f64::from(d) + y * f64::from(e)) as f32)
            .collect()
    }

    /// As an [`atelier_core::Objective`] takes it.
    #[must_use]
    pub fn of_parameters(&self) -> PlaneOfParameters<'_> {
        let [first, second] = &self.directions;
        PlaneOfParameters { origin: &self.origin, first, second }
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}
