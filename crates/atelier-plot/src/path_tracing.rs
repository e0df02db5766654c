//! Trajectories laid onto a surface, piece by piece seen or hidden.

use crate::axis::Range;
use crate::camera::Camera;
use crate::height_field::{HeightField, LIFT};
use crate::trajectory::Trajectory;

/// Longest piece of a path, in widths of the surface.
const PIECE: f64 = 0.004;
/// Most pieces between two points, however far outside they are.
const MOST: f64 = 400.0;
/// Pieces of a stem.
const STEM: usize = 24;

/// Whether a point of a path can be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sight {
    Seen,
    /// Behind or below the surface.
    Hidden,
    /// Where there is no surface.
    Absent,
}

/// A point of a path in the unit cube.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    pub at: [f64; 3],
    pub sight: Sight,
    /// How far along the trajectory, counted in its points: 0 at the first, 1 at the last.
    pub time: f64,
    /// Whether it is a point of the trajectory itself.
    pub given: bool,
}

/// A trajectory in the unit cube.
#[derive(Debug)]
pub(crate) struct Traced {
    pub path: Vec<Sample>,
    /// From a point on the surface that is seen to its own loss; all samples of a stem have the time of its
    /// point.
    pub stems: Vec<Vec<Sample>>,
}

/// From values to the unit cube.
pub(crate) struct Space<'a> {
    pub field: &'a HeightField,
    pub x: Range,
    pub y: Range,
    pub height: Range,
}

impl Space<'_> {
    /// The trajectory as it is seen by `camera`, or, without one, from above.
    ///
    /// Between two of its points the path follows the surface as it is drawn; at a point whose loss
    /// in the plane is known it passes through that, however coarse the grid.
    pub(crate) fn trace(&self, trajectory: &Trajectory, camera: Option<&Camera>) -> Traced {
        let sight = |at: [f64; 3]| match camera {
            Some(camera) if !self.field.shows(at, camera) => Sight::Hidden,
            _ => Sight::Seen,
        };
        let on_surface = |u: f64, v: f64, deviation: f64| match self.field.drawn_at(u, v) {
            Some(surface) => {
                let w = (surface + deviation).clamp(0.0, 1.0);
                ([u, v, w], sight([u, v, surface.max(w) + LIFT]))
            }
            None => ([u, v, 0.0], Sight::Absent),
        };
        let points: Vec<(f64, f64, f64)> = (trajectory.points.iter())
            .map(|point| {
                let (u, v) = (self.x.fraction(point.x), self.y.fraction(point.y));
                let known = Some(point.loss_in_plane).filter(|loss| loss.is_finite());
                let surface = self.field.drawn_at(u, v);
                let deviation =
                    surface.zip(known).map_or(0.0, |(s, l)| self.height.fraction(l) - s);
                (u, v, deviation)
            })
            .collect();

        let last = (points.len() - 1).max(1) as f64;
        let mut path = Vec::new();
        for (k, &(u, v, deviation)) in points.iter().enumerate() {
            let (at, sight) = on_surface(u, v, deviation);
            path.push(Sample { at, sight, time: k as f64 / last, given: true });
            let Some(&(u2, v2, deviation2)) = points.get(k + 1) else { continue };
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "1 to 400")]
            let pieces = ((u2 - u).hypot(v2 - v) / PIECE).ceil().clamp(1.0, MOST) as usize;
            path.extend((1..pieces).map(|piece| {
                let share = piece as f64 / pieces as f64;
                let between = |a: f64, b: f64| a + share * (b - a);
                let (u, v, d) = (between(u, u2), between(v, v2), between(deviation, deviation2));
                let (at, sight) = on_surface(u, v, d);
                Sample { at, sight, time: (k as f64 + share) / last, given: false }
            }));
        }
        let stems = (trajectory.points.iter())
            .zip(path.iter().filter(|sample| sample.given))
            .filter(|(point, foot)| point.loss.is_finite() && foot.sight == Sight::Seen)
            .map(|(point, foot)| {
                let [u, v, w] = foot.at;
                let tip = self.height.fraction(point.loss).clamp(0.0, 1.0);
                let sample = |piece: usize| {
                    let at = [u, v, w + (tip - w) * piece as f64 / STEM as f64];
                    Sample { at, sight: sight(at), ..*foot }
                };
                (0..=STEM).map(sample).collect()
            })
            .collect();
        Traced { path, stems }
    }
}

/// The stretches of a path up to `progress` that look the same.
pub(crate) fn runs(path: &[Sample], progress: f64) -> impl Iterator<Item = (Sight, &[Sample])> {
    let shown = path.partition_point(|sample| sample.time <= progress);
    let path = &path[..shown];
    let mut start = 0;
    std::iter::from_fn(move || {
        let sight = path.get(start)?.sight;
        let length = path[start..].iter().take_while(|sample| sample.sight == sight).count();
        // With the point before, so that no gap is left between stretches.
        let run = &path[start.saturating_sub(1)..start + length];
        start += length;
        Some((sight, run))
    })
    .filter(|(sight, _)| *sight != Sight::Absent)
    .map(
        |(sight, run)| {
            if run[0].sight == Sight::Absent { (sight, &run[1..]) } else { (sight, run) }
        },
    )
}
