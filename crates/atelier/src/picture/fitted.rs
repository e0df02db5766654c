use super::Picture;
use crate::experiment::summary::ImageSize;

/// A picture at the size that a network takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fitted {
    pub(crate) image: ImageSize,
    /// Row by row from the top; 0 is black, 255 is white.
    pub(crate) pixels: Vec<u8>,
    /// Whether dark and light were exchanged.
    pub(crate) inverted: bool,
}

impl Fitted {
    /// The picture as large as it fits into `image` with its proportions kept, in the middle; each
    /// pixel is the mean of the area that it covers. What is left at two sides is of the background's
    /// grey. `inverted` makes the picture a negative first. Without either, a picture of that very size
    /// stays as it is, pixel by pixel.
    pub(crate) fn new(picture: &Picture, image: ImageSize, inverted: bool) -> Self {
        let shown = |grey: f32| if inverted { 1.0 - grey } else { grey };
        let background = shown(picture.corners().grey());

        let scale = (image.height as f64 / picture.height as f64)
            .min(image.width as f64 / picture.width as f64);
        let rows = spans(picture.height, image.height, scale);
        let columns = spans(picture.width, image.width, scale);
        let mut pixels = Vec::with_capacity(image.height * image.width);
        for row in &rows {
            for column in &columns {
                let (mut sum, mut area) = (0.0, 0.0);
                for &(y, high) in row {
                    let line = &picture.pixels[y * picture.width..][..picture.width];
                    for &(x, wide) in column {
                        sum += high * wide * f64::from(shown(line[x]));
                        area += high * wide;
                    }
                }
                // At the edges of the picture a pixel lies partly beside it.
                let whole = 1.0 / (scale * scale);
                let beside = (whole - area).max(0.0) * f64::from(background);
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "0 to 255"
                )]
                let grey = (255.0 * (sum + beside) / whole).round().clamp(0.0, 255.0) as u8;
                pixels.push(grey);
            }
        }
        Self { image, pixels, inverted }
    }
}

/// For each of `to` pixels, the pixels of `from` that lie under it and how much of each, where `from` is
/// scaled by `scale` and put in the middle.
fn spans(from: usize, to: usize, scale: f64) -> Vec<Vec<(usize, f64)>> {
    let free = (to as f64 - from as f64 * scale) / 2.0;
    let of_pixel = |pixel: usize| {
        let start = ((pixel as f64 - free) / scale).max(0.0);
        let end = ((pixel as f64 + 1.0 - free) / scale).min(from as f64);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to `from`")]
        let (first, last) = (start.floor() as usize, end.ceil().max(0.0) as usize);
        let part = |i: usize| (i, end.min(i as f64 + 1.0) - start.max(i as f64));
        (first..last.min(from)).map(part).filter(|&(_, part)| part > 1e-9).collect()
    };
    (0..to).map(of_pixel).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIX: ImageSize = ImageSize { height: 6, width: 6 };

    fn picture(width: usize, height: usize, grey: impl Fn(usize, usize) -> f32) -> Picture {
        let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        Picture { width, height, pixels: pixels.map(|(x, y)| grey(x, y)).collect() }
    }

    fn byte(grey: u8) -> f32 {
        f32::from(grey) / 255.0
    }

    #[test]
    fn a_dark_picture_of_the_right_size_stays_as_it_is() {
        let grey = |x: usize, y: usize| {
            u8::try_from(if (x * y).is_multiple_of(5) { 0 } else { 40 * x }).unwrap()
        };
        let fitted = Fitted::new(&picture(6, 6, |x, y| byte(grey(x, y))), SIX, false);
        let wanted: Vec<u8> = (0..6).flat_map(|y| (0..6).map(move |x| grey(x, y))).collect();
        assert_eq!((fitted.pixels, fitted.inverted), (wanted, false));
    }

    #[test]
    fn a_negative_has_a_dark_background_where_the_picture_has_a_light_one() {
        let light = picture(6, 3, |x, _| if (2..4).contains(&x) { 0.2 } else { 1.0 });
        let fitted = Fitted::new(&light, SIX, true);
        assert!(fitted.inverted);
        // The first row is beside the picture.
        assert_eq!((fitted.pixels[0], fitted.pixels[6], fitted.pixels[3 * 6 + 2]), (0, 0, 204));
    }

    #[test]
    fn every_pixel_is_the_mean_of_the_area_that_it_covers() {
        // A white square in the middle of 12 x 12 covers the middle 6 x 6 halves and wholes.
        let large =
            picture(12, 12, |x, y| f32::from(u8::from((3..9).contains(&x) && (3..9).contains(&y))));
        let fitted = Fitted::new(&large, SIX, false);
        assert_eq!(
            (fitted.pixels[0], fitted.pixels[7], fitted.pixels[8], fitted.pixels[14]),
            (0, 64, 128, 255)
        );
        let sum: f64 = fitted.pixels.iter().map(|&p| f64::from(p) / 255.0).sum();
        assert!((sum - 36.0 / 4.0).abs() < 0.05, "{sum}");
    }

    #[test]
    fn proportions_are_kept_and_the_rest_is_background() {
        let wide = picture(12, 4, |_, y| if y == 0 { 0.2 } else { 0.9 });
        let fitted = Fitted::new(&wide, SIX, false);
        // Two rows of picture in the middle of six; the lower corners are light, the upper ones not.
        let column: Vec<u8> = (0..6).map(|row| fitted.pixels[row * 6]).collect();
        assert_eq!((column[2], column[3]), (140, 229));
        assert!(column[0] == column[5] && column[0] == column[1]);
    }

    #[test]
    fn a_small_picture_is_enlarged() {
        let small = picture(2, 3, |x, _| if x == 0 { 0.0 } else { 1.0 });
        let fitted = Fitted::new(&small, SIX, false);
        assert_eq!(&fitted.pixels[..6], &[fitted.pixels[0], 0, 0, 255, 255, fitted.pixels[5]]);
        for (width, height) in [(1, 1), (1, 500), (500, 1), (7, 13), (2000, 1999)] {
            let fitted = Fitted::new(&picture(width, height, |_, _| 0.25), SIX, false);
            assert!(
                fitted.pixels.iter().all(|&p| p == 64),
                "{width} x {height}: {:?}",
                fitted.pixels
            );
        }
    }
}
