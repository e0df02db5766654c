//! Pictures from image files, made into what a network takes.

mod background;
mod drawn;
mod fitted;

use std::io::Cursor;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow, bail};
use atelier_store::read_regular;
use image::{DynamicImage, ImageDecoder as _, ImageError, ImageFormat, ImageReader, Limits};

use crate::failure::Help as _;
pub(crate) use background::{Backgrounds, Corners, Ground};
pub(crate) use drawn::Drawing;
pub(crate) use fitted::Fitted;

/// No photograph of a phone is nearly as long.
const LARGEST_FILE: u64 = 64 << 20;
/// Pixels of the largest picture that is decoded: a photograph of 50 megapixels still is.
const MOST_PIXELS: u64 = 64_000_000;
/// Its longer side: what is longer shows nothing once it is as small as a network takes it.
const LONGEST_SIDE: u32 = 16_384;
/// Bytes of its pixels as the file has them: as many in three colours, half as many in three of 16 bits.
const MOST_BYTES: u64 = 3 * MOST_PIXELS;
/// What a decoder may take for anything else, such as a colour profile.
const MOST_BESIDE: u64 = 8 << 20;
/// Pixels that are made grey at a time, about.
const AT_A_TIME: u32 = 1 << 20;

/// A grey picture; 0 is black, 1 is white.
#[derive(Debug)]
pub(crate) struct Picture {
    pub(crate) width: usize,
    pub(crate) height: usize,
    /// Row by row from the top.
    pub(crate) pixels: Vec<f32>,
}

impl Picture {
    /// Reads a PNG or JPEG file. Its size is looked at before anything is decoded. What is transparent is
    /// taken as white, as viewers show it; a photograph is turned as its camera was held.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        Self::decode(&read_regular(path, LARGEST_FILE)?, path)
    }

    /// As [`Picture::read`], of the content of a file; `path` is for messages alone.
    pub(crate) fn decode(bytes: &[u8], path: &Path) -> Result<Self> {
        let about = || format!("cannot use {}", path.display());
        let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format()?;
        let mut limits = Limits::no_limits();
        limits.max_alloc = Some(MOST_BESIDE);
        reader.limits(limits);
        if !matches!(reader.format(), Some(ImageFormat::Png | ImageFormat::Jpeg)) {
            return Err(anyhow!("it is no PNG and no JPEG image")).with_context(about).help(|| {
                "convert the image, such as with `convert picture.webp picture.png`".to_string()
            });
        }
        let smaller = || "make the image smaller".to_string();
        let mut decoder = match reader.into_decoder() {
            Err(error @ ImageError::Limits(_)) => {
                return Err(error)
                    .with_context(|| {
                        format!(
                            "it has more than {MOST_BESIDE} bytes beside its pixels, such as texts or a colour \
                             profile, or a size that no decoder takes"
                        )
                    })
                    .with_context(about)
                    .help(|| {
                        "make the image smaller, or save it without what is not the picture, such as with \
                         `convert -strip picture.png stripped.png`"
                            .to_string()
                    });
            }
            decoder => decoder.with_context(about)?,
        };
        let (width, height) = decoder.dimensions();
        let (pixels, decoded) = (u64::from(width) * u64::from(height), decoder.total_bytes());
        if pixels > MOST_PIXELS || width.max(height) > LONGEST_SIDE || decoded > MOST_BYTES {
            return Err(anyhow!(
                "the image has {width} x {height} pixels in {decoded} bytes, expected at most {LONGEST_SIDE} along \
                 a side, {MOST_PIXELS} in all, and {MOST_BYTES} bytes"
            ))
            .with_context(about)
            .help(smaller);
        }
        if width == 0 || height == 0 {
            return Err(anyhow!("the image has no pixels")).with_context(about);
        }
        let turned = decoder.orientation().with_context(about)?;
        let mut image = DynamicImage::from_decoder(decoder).with_context(about)?;
        image.apply_orientation(turned);
        Self::grey(&image).with_context(about)
    }

    pub(crate) fn corners(&self) -> Corners {
        Corners::of(self.width, self.height, |at| self.pixels[at])
    }

    /// Some rows at a time: the greys of all are held beside the image, and nothing else of its size.
    fn grey(image: &DynamicImage) -> Result<Self> {
        let (width, height) = (image.width(), image.height());
        let rows = (AT_A_TIME / width.max(1)).max(1);
        let mut pixels = Vec::with_capacity(usize::try_from(width)? * usize::try_from(height)?);
        for top in (0..height).step_by(usize::try_from(rows)?) {
            let strip = image.crop_imm(0, top, width, rows.min(height - top));
            if image.color().has_alpha() {
                let over_white = |pixel: &image::LumaA<f32>| {
                    let [grey, alpha] = pixel.0;
                    grey * alpha + (1.0 - alpha)
                };
                pixels.extend(strip.to_luma_alpha32f().pixels().map(over_white));
            } else {
                pixels.extend(strip.to_luma32f().into_raw());
            }
        }
        let (width, height) = (usize::try_from(width)?, usize::try_from(height)?);
        if pixels.len() != width * height {
            bail!("it has {} pixels, expected {width} x {height}", pixels.len());
        }
        Ok(Self { width, height, pixels })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_rows_at_a_time_give_the_greys_of_the_whole_picture() {
        // More rows than fit at a time.
        let (width, height) = (1000, 1500);
        let coloured = image::RgbImage::from_fn(width, height, |x, y| {
            let channel = |factor: u32| u8::try_from(factor * (x + 3 * y) % 256).expect("a byte");
            image::Rgb([channel(1), channel(5), channel(7)])
        });
        let image = DynamicImage::from(coloured);
        let picture = Picture::grey(&image).expect("a picture");
        assert_eq!((picture.width, picture.height), (1000, 1500));
        assert!(picture.pixels == image.to_luma32f().into_raw());
    }
}
