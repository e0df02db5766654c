//! Pictures from image files, made into what a network takes.

mod background;
mod drawn;
mod fitted;

use std::io::Cursor;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow, bail};
use atelier_store::read_regular;
use image::{DynamicImage, ImageDecoder as _, ImageError, ImageFormat, ImageReader};

use crate::failure::Help as _;
pub(crate) use background::{Backgrounds, Corners, Ground};
pub(crate) use drawn::Drawing;
pub(crate) use fitted::Fitted;

/// No photograph of a phone is nearly as long.
const LARGEST_FILE: u64 = 64 << 20;
/// Pixels of the largest picture that is decoded: a photograph of 50 megapixels still is.
const MOST_PIXELS: u64 = 64_000_000;

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
        let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format()?;
        if !matches!(reader.format(), Some(ImageFormat::Png | ImageFormat::Jpeg)) {
            return Err(anyhow!("it is no PNG and no JPEG image")).with_context(about).help(|| {
                "convert the image, such as with `convert picture.webp picture.png`".to_string()
            });
        }
        let smaller = || "make the image smaller".to_string();
        let mut decoder = match reader.into_decoder() {
            Err(error @ ImageError::Limits(_)) => {
                return Err(error)
                    .context("the image is too large to be decoded")
                    .with_context(about)
                    .help(smaller);
            }
            decoder => decoder.with_context(about)?,
        };
        let (width, height) = decoder.dimensions();
        if u64::from(width) * u64::from(height) > MOST_PIXELS {
            return Err(anyhow!(
                "the image has {width} x {height} pixels, expected at most {MOST_PIXELS} in all"
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

    fn grey(image: &DynamicImage) -> Result<Self> {
        let (width, height) = (usize::try_from(image.width())?, usize::try_from(image.height())?);
        let pixels: Vec<f32> = if image.color().has_alpha() {
            let over_white = |pixel: &image::LumaA<f32>| {
                let [grey, alpha] = pixel.0;
                grey * alpha + (1.0 - alpha)
            };
            image.to_luma_alpha32f().pixels().map(over_white).collect()
        } else {
            image.to_luma32f().into_raw()
        };
        if pixels.len() != width * height {
            bail!("it has {} pixels, expected {width} x {height}", pixels.len());
        }
        Ok(Self { width, height, pixels })
    }
}
