use atelier_core::PlaneOfParameters;

use crate::{Error, Result, Trajectory};

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
        if !(length.is_finite() && before.is_finite()) {
            return refuse("a direction whose length is not finite");
        }
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

    /// [`Plane::project`] of every point of a run.
    ///
    /// # Errors
    /// As [`Plane::project`].
    pub fn project_all(&self, trajectory: &Trajectory) -> Result<Vec<Projection>> {
        trajectory.points.rows().into_iter().map(|row| self.project(&row.to_vec())).collect()
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

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;
    use crate::Snapshot;

    /// In five dimensions, along vectors that are neither perpendicular nor of length 1.
    fn plane() -> Plane {
        let origin = vec![1.0, -2.0, 0.5, 3.0, 0.0];
        Plane::new(origin, &[3.0, 0.0, 4.0, 0.0, 0.0], &[1.0, 2.0, 0.0, -2.0, 0.0]).unwrap()
    }

    fn product(a: &[f32], b: &[f32]) -> f64 {
        a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
    }

    #[test]
    fn axes_are_orthonormal_and_the_first_keeps_its_direction() {
        let Plane { directions: [first, second], .. } = plane();
        assert_eq!(first, [0.6, 0.0, 0.8, 0.0, 0.0]);
        assert!((product(&second, &second) - 1.0).abs() < 1e-7);
        assert!(product(&first, &second).abs() < 1e-7);
        assert!(second[1] > 0.0);
    }

    #[test]
    fn a_point_of_the_plane_is_projected_onto_itself() {
        let plane = plane();
        for (x, y) in [(0.0, 0.0), (3.0, -4.0), (-100.0, 0.25)] {
            let at = plane.project(&plane.point(x, y)).unwrap();
            let rounding = 1e-6 * (1.0 + f64::hypot(x, y));
            assert!((at.x - x).abs() < rounding && (at.y - y).abs() < rounding, "{at:?}");
            assert!(at.distance < rounding, "{at:?}");
        }
    }

    #[test]
    fn squared_distances_in_and_off_the_plane_add_up() {
        let plane = plane();
        let point = [2.0_f32, 5.0, -1.0, 0.25, 7.0];
        let at = plane.project(&point).unwrap();
        let from_origin: Vec<f32> = point.iter().zip(&plane.origin).map(|(p, o)| p - o).collect();
        let all = product(&from_origin, &from_origin);
        assert!(at.distance > 7.0, "the last axis is perpendicular to the plane");
        assert!((at.x.powi(2) + at.y.powi(2) + at.distance.powi(2) - all).abs() < 1e-5 * all);
    }

    #[test]
    fn a_run_is_projected_point_by_point() {
        let points = Array2::from_shape_fn((3, 5), |(i, j)| (i * j) as f32);
        let time = Snapshot { step: 0, epoch: 0.0, minibatch_loss: None };
        let run = Trajectory::new("run", points, vec![time; 3]).unwrap();
        let all = plane().project_all(&run).unwrap();
        assert_eq!(all.len(), 3);
        assert_eq!(all[2], plane().project(&[0.0, 2.0, 4.0, 6.0, 8.0]).unwrap());
        assert!(plane().project(&[0.0; 4]).unwrap_err().to_string().contains("5 parameters"));
    }

    #[test]
    fn vectors_that_span_no_plane_are_refused() {
        let origin = || vec![0.0_f32; 2];
        for (first, second, said) in [
            ([0.0, 0.0], [1.0, 0.0], "length 0"),
            ([1.0, 1.0], [-2.0, -2.0], "parallel"),
            ([1.0, 1.0], [0.0, 0.0], "parallel"),
            ([f64::NAN, 1.0], [1.0, 0.0], "not finite"),
            ([1e200, 1e200], [1.0, 0.0], "whose length is not finite"),
        ] {
            let message = Plane::new(origin(), &first, &second).unwrap_err().to_string();
            assert!(message.contains(said), "{message}");
        }
        assert!(Plane::new(origin(), &[1.0], &[0.0, 1.0]).is_err());
        assert!(Plane::new(vec![f32::NAN, 0.0], &[1.0, 0.0], &[0.0, 1.0]).is_err());
    }
}
