//! Images and labels in NumPy's files, whatever their element type.
//!
//! ```text
//! images  (n, height, width), or (n, k^2) for k x k pixels:
//!         integers from 0 to 255, floats from 0 to 255, or floats from 0 to 1 (times 255)
//! labels  (n) or (n, 1): integers from 0 to 255
//! ```
//!
//! They become the bytes that an IDX file of the same content holds, and are identified by its digest:
//! the same images are recognised in every form.

use std::path::Path;

use atelier_store::{NpyArray, NpyValues, read_regular};

use crate::idx::{Expected, Fingerprint, Images, fingerprint};
use crate::{Error, Result};

/// Reads images from the bytes of a file; `path` is for messages alone.
///
/// # Errors
/// [`Error::Store`] if the bytes are not exactly one array; [`Error::Content`] if its shape or its values
/// are not those of images.
pub fn read_images(bytes: &[u8], path: &Path) -> Result<Images> {
    Ok(decode_images(bytes, path)?.0)
}

/// Reads labels from the bytes of a file; `path` is for messages alone. With `classes`, every label must
/// lie below it.
///
/// # Errors
/// As [`read_images`], for labels.
pub fn read_labels(bytes: &[u8], classes: Option<usize>, path: &Path) -> Result<Vec<u8>> {
    let labels = decode_labels(bytes, path)?.0;
    check_labels(&labels, classes, path)?;
    Ok(labels)
}

/// Nothing of this kind is larger.
const LARGEST_FILE: u64 = 4 << 30;
/// Bytes of the widest element type, and of a header as libraries write them.
const WIDEST: u64 = 8;
const HEADER: u64 = 64 << 10;

/// How floating-point pixels were read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Scale {
    /// Whether they lie in [0, 1], and not in [0, 255].
    pub unit: bool,
    /// The largest distance of one from the pixel value that it was rounded to, which is of 255.
    pub rounded: f64,
}

/// The images of a file, the fingerprint of the IDX file that would hold them, and how they were read
/// if they are floats.
pub(crate) fn images(
    path: &Path,
    expected: Expected<'_>,
) -> Result<(Images, Fingerprint, Option<Scale>)> {
    decode_images(&read(path, expected)?, path)
}

/// The bytes of a file, unless they are more than what is expected takes in any element type.
fn read(path: &Path, expected: Expected<'_>) -> Result<Vec<u8>> {
    let largest = expected.largest.saturating_mul(WIDEST).saturating_add(HEADER).min(LARGEST_FILE);
    let found = path.metadata().map_err(Error::io(path, "asking for the size"))?.len();
    match expected.pinned {
        Some(name) if found > largest => {
            Err(Error::Larger { path: path.to_path_buf(), name, largest, found })
        }
        _ => Ok(read_regular(path, largest)?),
    }
}

/// As [`images`], from the bytes of a file.
pub(crate) fn decode_images(
    bytes: &[u8],
    path: &Path,
) -> Result<(Images, Fingerprint, Option<Scale>)> {
    let array = NpyArray::decode(bytes, path)?;
    let (n, height, width) = image_shape(path, &array.shape)?;
    let at = |position: usize| {
        let size = height * width;
        format!("pixel {} of image {}", position % size, position / size)
    };
    let (pixels, scale) = match &array.values {
        NpyValues::F32(values) => {
            let (pixels, scale) = scaled(path, values.iter().map(|&v| f64::from(v)), at)?;
            (pixels, Some(scale))
        }
        NpyValues::F64(values) => {
            let (pixels, scale) = scaled(path, values.iter().copied(), at)?;
            (pixels, Some(scale))
        }
        _ => (integers(path, array.values, "images of integers or floats", at)?, None),
    };
    let fingerprint = fingerprint(&[n, height, width], &pixels);
    Ok((Images { height, width, pixels }, fingerprint, scale))
}

/// The labels of a file, and the fingerprint of the IDX file that would hold them.
pub(crate) fn labels(path: &Path, expected: Expected<'_>) -> Result<(Vec<u8>, Fingerprint)> {
    decode_labels(&read(path, expected)?, path)
}

/// As [`labels`], from the bytes of a file.
pub(crate) fn decode_labels(bytes: &[u8], path: &Path) -> Result<(Vec<u8>, Fingerprint)> {
    let array = NpyArray::decode(bytes, path)?;
    match array.shape[..] {
        [n] | [n, 1] if n > 0 => {}
        _ => return Err(wrong(path, "the shape", "(n) or (n, 1)", format!("{:?}", array.shape))),
    }
    let at = |position: usize| format!("label {position}");
    let labels = integers(path, array.values, "labels of an integer type", at)?;
    let fingerprint = fingerprint(&[labels.len()], &labels);
    Ok((labels, fingerprint))
}

fn image_shape(path: &Path, shape: &[usize]) -> Result<(usize, usize, usize)> {
    match *shape {
        [n, height, width] if n.min(height).min(width) > 0 => Ok((n, height, width)),
        [n, pixels] if n.min(pixels) > 0 && pixels.isqrt().pow(2) == pixels => {
            Ok((n, pixels.isqrt(), pixels.isqrt()))
        }
        _ => {
            let expected = "(n, height, width), or (n, pixels) with a square number of pixels";
            Err(wrong(path, "the shape", expected, format!("{shape:?}")))
        }
    }
}

/// Integers as bytes; `at` names the place of one that is none.
fn integers(
    path: &Path,
    values: NpyValues,
    expected: &str,
    at: impl Fn(usize) -> String,
) -> Result<Vec<u8>> {
    fn bytes<T: Copy + TryInto<u8> + ToString>(
        path: &Path,
        values: &[T],
        at: impl Fn(usize) -> String,
    ) -> Result<Vec<u8>> {
        let byte = |(position, &value): (usize, &T)| {
            let refuse = |_| wrong(path, at(position), "from 0 to 255", value.to_string());
            value.try_into().map_err(refuse)
        };
        values.iter().enumerate().map(byte).collect()
    }
    match values {
        NpyValues::U8(values) => Ok(values),
        NpyValues::I8(values) => bytes(path, &values, at),
        NpyValues::U16(values) => bytes(path, &values, at),
        NpyValues::I16(values) => bytes(path, &values, at),
        NpyValues::U32(values) => bytes(path, &values, at),
        NpyValues::I32(values) => bytes(path, &values, at),
        NpyValues::U64(values) => bytes(path, &values, at),
        NpyValues::I64(values) => bytes(path, &values, at),
        other @ (NpyValues::F32(_) | NpyValues::F64(_)) => {
            Err(wrong(path, "the element type", expected, other.type_name().to_string()))
        }
    }
}

/// Floats as bytes, by the range that they lie in.
fn scaled(
    path: &Path,
    values: impl Iterator<Item = f64> + Clone,
    at: impl Fn(usize) -> String,
) -> Result<(Vec<u8>, Scale)> {
    let mut largest = 0.0_f64;
    for (position, value) in values.clone().enumerate() {
        // Written so that what is not a number is refused, too.
        if !(0.0..=255.0).contains(&value) {
            let expected = "from 0 to 1, or from 0 to 255";
            return Err(wrong(path, at(position), expected, atelier_core::number(value)));
        }
        largest = largest.max(value);
    }
    let unit = largest <= 1.0;
    let factor = if unit { 255.0 } else { 1.0 };
    let mut rounded = 0.0_f64;
    let byte = |value: f64| {
        let (exact, near) = (value * factor, (value * factor).round());
        rounded = rounded.max((exact - near).abs());
        #[expect(clippy::cast_possible_truncation, reason = "checked to lie from 0 to 255")]
        #[expect(clippy::cast_sign_loss, reason = "checked to lie from 0 to 255")]
        let byte = near as u8;
        byte
    };
    let pixels = values.map(byte).collect();
    Ok((pixels, Scale { unit, rounded }))
}

/// Refuses labels that are not below `classes`.
pub(crate) fn check_labels(labels: &[u8], classes: Option<usize>, path: &Path) -> Result<()> {
    let classes = classes.unwrap_or(usize::MAX);
    match labels.iter().position(|&label| usize::from(label) >= classes) {
        None => Ok(()),
        Some(position) => {
            let (what, expected) = (format!("label {position}"), format!("below {classes}"));
            Err(wrong(path, what, expected, labels[position].to_string()))
        }
    }
}

/// Says how a file of floats was read.
pub(crate) fn assumption(path: &Path, scale: Scale) -> String {
    let range =
        if scale.unit { "[0, 1]: multiplied by 255" } else { "[0, 255]: taken as they are" };
    // f32 has 24 bits: a pixel that was divided by 255 comes back to within 2^-16.
    let exact = if scale.rounded < 1e-4 {
        "all pixels were whole numbers".to_string()
    } else {
        format!("rounded to whole numbers, by up to {:.3}", scale.rounded)
    };
    format!("{}: floats in {range}; {exact}", path.display())
}

/// An [`Error::Content`] with its facts.
pub(crate) fn wrong(
    path: &Path,
    what: impl Into<String>,
    expected: impl Into<String>,
    found: impl Into<String>,
) -> Error {
    Error::Content {
        path: path.to_path_buf(),
        what: what.into(),
        expected: expected.into(),
        found: found.into(),
    }
}
