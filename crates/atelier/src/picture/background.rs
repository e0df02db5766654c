use atelier_data::Dataset;
use serde::{Deserialize, Serialize};

/// A corner is a square of so many of the shorter side's pixels, at least one.
const CORNER: usize = 14;
/// So many times as many images must lie on one ground as on the other.
const MOST: f64 = 9.0;

/// What an object lies on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ground {
    Light,
    Dark,
}

/// The mean greys of a picture's corners, from dark to light.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Corners([f32; 4]);

impl Corners {
    /// Those of a picture whose pixels, row by row from the top, have these greys, 0 black and 1 white.
    pub(crate) fn of(width: usize, height: usize, grey: impl Fn(usize) -> f32) -> Self {
        let side = (width.min(height) / CORNER).max(1);
        let mean = |left: usize, top: usize| {
            let rows = (top..top + side).map(|y| y * width + left);
            let sum: f64 = rows.flat_map(|at| at..at + side).map(|at| f64::from(grey(at))).sum();
            #[expect(clippy::cast_possible_truncation, reason = "a mean of f32")]
            let mean = (sum / (side * side) as f64) as f32;
            mean
        };
        let (right, bottom) = (width - side, height - side);
        let mut all = [mean(0, 0), mean(right, 0), mean(0, bottom), mean(right, bottom)];
        all.sort_by(f32::total_cmp);
        Self(all)
    }

    /// The grey in the middle of them.
    pub(crate) fn grey(self) -> f32 {
        f32::midpoint(self.0[1], self.0[2])
    }

    /// What three of the four are of; an object may reach into one.
    pub(crate) fn ground(self) -> Option<Ground> {
        let Self([_, second, third, _]) = self;
        let dark = (third < 0.5).then_some(Ground::Dark);
        if second > 0.5 { Some(Ground::Light) } else { dark }
    }
}

/// The shares of images that lie on a light and on a dark ground.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Backgrounds {
    light: f64,
    dark: f64,
}

impl Backgrounds {
    pub(crate) fn of(data: &Dataset) -> Self {
        let (mut light, mut dark) = (0_usize, 0_usize);
        for image in data.images().rows() {
            let grey = |at: usize| f32::from(image[at]) / 255.0;
            match Corners::of(data.width(), data.height(), grey).ground() {
                Some(Ground::Light) => light += 1,
                Some(Ground::Dark) => dark += 1,
                None => {}
            }
        }
        let [light, dark] = [light, dark].map(|count| count as f64 / data.len() as f64);
        Self { light, dark }
    }

    /// What nearly all images that lie on one of the two lie on; nothing where both are usual.
    pub(crate) fn most(self) -> Option<Ground> {
        let Self { light, dark } = self;
        if light > 0.0 && light >= MOST * dark {
            Some(Ground::Light)
        } else if dark > 0.0 && dark >= MOST * light {
            Some(Ground::Dark)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_corners_of_four_decide_and_two_do_not() {
        let ground = |corners: [f32; 4]| Corners::of(2, 2, |at| corners[at]).ground();
        assert_eq!(ground([1.0, 0.9, 0.0, 0.8]), Some(Ground::Light));
        assert_eq!(ground([0.0, 0.9, 0.1, 0.2]), Some(Ground::Dark));
        assert_eq!(ground([0.0, 0.9, 0.1, 0.8]), None);
    }

    #[test]
    fn a_ground_is_most_images_own_or_there_is_none() {
        let most = |light, dark| Backgrounds { light, dark }.most();
        assert_eq!(most(0.0, 0.99), Some(Ground::Dark));
        assert_eq!(most(0.85, 0.05), Some(Ground::Light));
        assert_eq!((most(0.3, 0.6), most(0.0, 0.0)), (None, None));
    }

    #[test]
    fn a_corner_of_a_picture_that_is_not_square_is_found() {
        // Ten rows of thirty: bright but for the left third of every row.
        let corners = Corners::of(30, 10, |at| if at % 30 < 10 { 0.0 } else { 1.0 });
        assert_eq!(corners.ground(), None);
        assert!((corners.grey() - 0.5).abs() < 1e-6);
    }
}
