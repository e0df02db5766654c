//! From the unit cube to the picture: a parallel projection.

use crate::height_field::{HeightField, LIFT};
use crate::scene::Point;

/// Most points of a path that are looked for from each side.
const MOST_SIGHTS: usize = 300;

/// Height of the box as a share of its width and depth.
pub(crate) const BOX_HEIGHT: f64 = 0.58;

/// From where a surface is looked at, in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct View {
    /// Against the clock, seen from above, from the direction of x.
    pub azimuth: f64,
    /// Above the plane.
    pub elevation: f64,
}

impl View {
    /// The view that shows most of the points of `path` over `field`, from near the usual height
    /// unless a higher one shows more.
    pub(crate) fn hiding_least(field: &HeightField, path: &[(f64, f64)]) -> Self {
        let mut best = (f64::NEG_INFINITY, Self { azimuth: -60.0, elevation: 32.0 });
        // Not along the grid, where one side of the box would be seen as a line.
        let azimuths = [-60.0, -45.0, -30.0, 30.0, 45.0, 60.0, 120.0, 135.0, 150.0, -120.0];
        for elevation in [32.0, 38.0, 44.0, 50.0, 56.0] {
            for azimuth in azimuths.into_iter().chain([-135.0, -150.0]) {
                let view = Self { azimuth, elevation };
                let camera = Camera::new(view);
                let sights = path.iter().step_by(path.len().div_ceil(MOST_SIGHTS).max(1));
                let mut seen = 0.0;
                let mut all = 0.0;
                for (u, v) in sights {
                    if let Some(w) = field.drawn_at(*u, *v) {
                        all += 1.0;
                        seen += f64::from(u8::from(field.shows([*u, *v, w + LIFT], &camera)));
                    }
                }
                // From high up heights look flat: ten degrees must show six hundredths more.
                let score = seen / f64::max(all, 1.0) - 0.006 * (elevation - 32.0);
                if score > best.0 + 1e-9 {
                    best = (score, view);
                }
            }
        }
        best.1
    }
}

/// A parallel projection: equal lengths in a direction stay equal wherever they are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Camera {
    /// The horizontal direction towards the viewer.
    pub toward: (f64, f64),
    /// How far a line of sight rises, in shares of the height of the box, for each width of it
    /// towards the viewer.
    pub rise: f64,
    /// The lengths of a step to the back and of one upwards as they are seen.
    depth: f64,
    height: f64,
    /// Pixels of a width of the box that is seen without foreshortening.
    pub scale: f64,
    /// The pixel of the middle of the box.
    pub middle: Point,
}

impl Camera {
    pub(crate) fn new(view: View) -> Self {
        let (sin, cos) = view.azimuth.to_radians().sin_cos();
        let elevation = view.elevation.to_radians();
        Self {
            toward: (cos, sin),
            rise: elevation.tan() / BOX_HEIGHT,
            depth: elevation.sin(),
            height: elevation.cos() * BOX_HEIGHT,
            scale: 1.0,
            middle: (0.0, 0.0),
        }
    }

    /// The pixel of a point of the unit cube.
    pub(crate) fn project(&self, [u, v, w]: [f64; 3]) -> Point {
        let (x, y) = (u - 0.5, v - 0.5);
        let across = y * self.toward.0 - x * self.toward.1;
        let down = self.nearness(x, y) * self.depth - (w - 0.5) * self.height;
        (self.middle.0 + self.scale * across, self.middle.1 + self.scale * down)
    }

    /// How far `(u, v)` lies towards the viewer.
    pub(crate) fn nearness(&self, u: f64, v: f64) -> f64 {
        u * self.toward.0 + v * self.toward.1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn from_the_front_y_runs_to_the_right_and_height_upwards() {
        let camera = Camera::new(View { azimuth: 0.0, elevation: 30.0 });
        let (left, right) = (camera.project([0.5, 0.0, 0.5]), camera.project([0.5, 1.0, 0.5]));
        assert!((right.0 - left.0 - 1.0).abs() < 1e-12 && (right.1 - left.1).abs() < 1e-12);
        let (near, far) = (camera.project([1.0, 0.5, 0.5]), camera.project([0.0, 0.5, 0.5]));
        assert!((near.1 - far.1 - 0.5).abs() < 1e-12, "{near:?} {far:?}");
        assert!(camera.project([0.5, 0.5, 1.0]).1 < camera.project([0.5, 0.5, 0.0]).1);
    }

    #[test]
    fn points_on_a_line_of_sight_fall_on_one_pixel() {
        let camera = Camera::new(View { azimuth: 35.0, elevation: 40.0 });
        let (near, far) = ([0.5, 0.5, 0.2], 0.3);
        let there =
            [0.5 + far * camera.toward.0, 0.5 + far * camera.toward.1, 0.2 + far * camera.rise];
        let (a, b) = (camera.project(near), camera.project(there));
        assert!((a.0 - b.0).hypot(a.1 - b.1) < 1e-12, "{a:?} {b:?}");
    }
}
