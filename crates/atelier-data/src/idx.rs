//! The IDX format of MNIST's files, plain or gzip-compressed.
//!
//! ```text
//! byte 0..4    0, 0, type (8 = unsigned byte), number of dimensions (3 images, 1 labels)
//! then         one big-endian u32 for each dimension: count, height, width
//! then         the values, the last dimension fastest
//! ```
//!
//! Nothing that a header says is believed: sizes are multiplied with overflow checks and held
//! against the size of the file before memory is reserved, a compressed file may not promise more
//! than deflate can give, and what follows the values is refused. Before anything is unpacked, the
//! header is held against what else is known: the content of pinned data sets, the number of labels.
//!
//! # References
//! Y. LeCun, C. Cortes, C. Burges, *The MNIST database of handwritten digits*, section "File formats".

mod content;

use std::io::{self, Read, Write};
use std::path::Path;

use sha2::{Digest, Sha256};

use self::content::read;

use crate::{Error, Result};

/// No file of images has more content, packed or plain: sixty thousand of 128 x 128 pixels have less.
pub(crate) const LARGEST_IMAGES: u64 = 1 << 30;
/// No file of labels has more.
pub(crate) const LARGEST_LABELS: u64 = 64 << 20;

/// Greyscale images of one size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Images {
    /// Rows of an image.
    pub height: usize,
    /// Columns of an image.
    pub width: usize,
    /// `(count, height, width)`, row-major; never empty.
    pub pixels: Vec<u8>,
}

impl Images {
    /// How many images there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.pixels.len() / (self.height * self.width).max(1)
    }
}

/// Reads images from the bytes of a file, plain or gzip-compressed; `path` is for messages alone.
///
/// # Errors
/// [`Error::Format`] or [`Error::NotIdx`] if the bytes are not exactly one IDX file of images.
pub fn read_images(bytes: &[u8], path: &Path) -> Result<Images> {
    Ok(images(bytes, bytes.len() as u64, path, Expected::up_to(LARGEST_IMAGES))?.0)
}

/// Reads labels from the bytes of a file, plain or gzip-compressed; `path` is for messages alone.
/// With `classes`, every label must lie below it.
///
/// # Errors
/// [`Error::Format`] or [`Error::NotIdx`] if the bytes are not exactly one IDX file of labels, or
/// a label is out of range.
pub fn read_labels(bytes: &[u8], classes: Option<usize>, path: &Path) -> Result<Vec<u8>> {
    let expected = Expected::up_to(LARGEST_LABELS);
    let labels = labels(bytes, bytes.len() as u64, path, expected)?.0;
    check_labels(&labels, classes, path)?;
    Ok(labels)
}

/// Writes `values` of the given dimensions as plain IDX.
///
/// # Errors
/// Whatever `out` refuses; [`io::ErrorKind::InvalidInput`] if the format cannot hold the dimensions
/// or their product is not the number of values.
pub fn write(out: &mut dyn Write, dimensions: &[usize], values: &[u8]) -> io::Result<()> {
    let refuse = |what: &str| io::Error::new(io::ErrorKind::InvalidInput, what.to_string());
    let rank = u8::try_from(dimensions.len()).map_err(|_| refuse("more than 255 dimensions"))?;
    let product = dimensions.iter().try_fold(1_usize, |all, &n| all.checked_mul(n));
    if product != Some(values.len()) {
        return Err(refuse("dimensions do not give the number of values"));
    }
    out.write_all(&[0, 0, 8, rank])?;
    for &n in dimensions {
        let n = u32::try_from(n).map_err(|_| refuse("a dimension is above 2^32 - 1"))?;
        out.write_all(&n.to_be_bytes())?;
    }
    out.write_all(values)
}

/// The size and digest of decompressed content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fingerprint {
    pub bytes: u64,
    /// Lower-case hexadecimal.
    pub sha256: String,
}

/// The fingerprint of the plain IDX file that holds `values` of these dimensions.
pub(crate) fn fingerprint(dimensions: &[usize], values: &[u8]) -> Fingerprint {
    let mut hash = Sha256::new();
    let rank = u8::try_from(dimensions.len()).unwrap_or(u8::MAX);
    hash.update([0, 0, 8, rank]);
    for &n in dimensions {
        hash.update(u32::try_from(n).unwrap_or(u32::MAX).to_be_bytes());
    }
    hash.update(values);
    let bytes = 4 + 4 * dimensions.len() as u64 + values.len() as u64;
    Fingerprint { bytes, sha256: hex(&hash.finalize()) }
}

/// What is known of a file before it is read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expected<'a> {
    /// The most bytes of content that any file of this kind has.
    pub any: u64,
    /// The most bytes of content that are expected.
    pub largest: u64,
    /// The data set whose largest file of this kind that is.
    pub pinned: Option<&'static str>,
    /// The labels that belong to images: their file, and how many it holds.
    pub labels: Option<(&'a Path, usize)>,
}

impl Expected<'_> {
    /// Any content of at most so many bytes.
    pub(crate) fn up_to(largest: u64) -> Self {
        Self { any: largest, largest, pinned: None, labels: None }
    }
}

/// Images from `input`, which is `size` bytes long, and the fingerprint of their file.
pub(crate) fn images(
    input: impl Read,
    size: u64,
    path: &Path,
    expected: Expected<'_>,
) -> Result<(Images, Fingerprint)> {
    let ([_, height, width], pixels, fingerprint) = read(input, size, path, expected)?;
    Ok((Images { height, width, pixels }, fingerprint))
}

/// Labels from `input`, which is `size` bytes long, and the fingerprint of their file.
pub(crate) fn labels(
    input: impl Read,
    size: u64,
    path: &Path,
    expected: Expected<'_>,
) -> Result<(Vec<u8>, Fingerprint)> {
    let ([_], labels, fingerprint) = read(input, size, path, expected)?;
    Ok((labels, fingerprint))
}

/// Refuses labels that are not below `classes`.
pub(crate) fn check_labels(labels: &[u8], classes: Option<usize>, path: &Path) -> Result<()> {
    let Some(classes) = classes else { return Ok(()) };
    match labels.iter().position(|&label| usize::from(label) >= classes) {
        None => Ok(()),
        Some(position) => Err(Error::Format {
            path: path.to_path_buf(),
            offset: 8 + position as u64,
            what: "label out of range",
            expected: format!("below {classes}"),
            found: labels[position].to_string(),
        }),
    }
}

/// What bytes that are not IDX seem to be, where that is easily said.
pub(crate) fn recognise(start: &[u8]) -> Option<&'static str> {
    let text = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start).trim_ascii_start();
    match text {
        [b'<', ..] => Some("a web page (HTML or XML)"),
        [b'P', b'K', 3, 4, ..] => Some("a zip archive"),
        [0x93, b'N', b'U', b'M', ..] => Some("a NumPy array"),
        [b'v', b'e', b'r', b's', ..] => Some("a Git LFS pointer"),
        _ => None,
    }
}

/// The digest as it is written everywhere.
pub(crate) fn hex(digest: &[u8]) -> String {
    use std::fmt::Write as _;
    digest.iter().fold(String::with_capacity(2 * digest.len()), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
