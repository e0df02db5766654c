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

use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;
use sha2::{Digest, Sha256};

use crate::{Error, Result};

/// Deflate turns at most 258 bytes into 2 bits.
const LARGEST_RATIO: u64 = 1032;
/// No file of images has more content, packed or plain: sixty thousand of 128 x 128 pixels have less.
pub(crate) const LARGEST_IMAGES: u64 = 1 << 30;
/// No file of labels has more.
pub(crate) const LARGEST_LABELS: u64 = 64 << 20;
/// Read and hashed at a time: still in the cache when it is hashed.
const CHUNK: u64 = 256 << 10;

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
    /// The most bytes of content.
    pub largest: u64,
    /// The data set whose largest file of this kind that is.
    pub pinned: Option<&'static str>,
    /// The labels that belong to images: their file, and how many it holds.
    pub labels: Option<(&'a Path, usize)>,
}

impl Expected<'_> {
    /// Any content of at most so many bytes.
    pub(crate) fn up_to(largest: u64) -> Self {
        Self { largest, pinned: None, labels: None }
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

/// The dimensions, the values and the fingerprint of a file of so many dimensions.
type Content<const RANK: usize> = ([usize; RANK], Vec<u8>, Fingerprint);

fn read<const RANK: usize>(
    input: impl Read,
    size: u64,
    path: &Path,
    expected: Expected<'_>,
) -> Result<Content<RANK>> {
    let mut input = BufReader::new(input);
    let start = input.fill_buf().map_err(Error::io(path, "reading"))?;
    if start.starts_with(&[0x1f, 0x8b]) {
        let bound = size.saturating_mul(LARGEST_RATIO);
        let inner = Reader { input: MultiGzDecoder::new(input), path, done: 0, compressed: true };
        inner.read(bound, expected)
    } else {
        Reader { input, path, done: 0, compressed: false }.read(size, expected)
    }
}

fn big_endian(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |n, &byte| n << 8 | u64::from(byte))
}

/// Decompressed content, and how much of it has been read.
struct Reader<'a, R> {
    input: R,
    path: &'a Path,
    done: u64,
    compressed: bool,
}

impl<R: Read> Reader<'_, R> {
    /// The whole file; `limit` is its exact size where it is plain, else a bound.
    fn read<const RANK: usize>(
        mut self,
        limit: u64,
        expected: Expected<'_>,
    ) -> Result<Content<RANK>> {
        let magic = 0x0800 + RANK as u64;
        let mut hash = Sha256::new();
        let mut header = Vec::new();
        self.fill(&mut header, 4)?;
        if big_endian(&header) != magic || header.len() < 4 {
            return Err(match recognise(&header) {
                Some(found) => Error::NotIdx { path: self.path.to_path_buf(), found },
                None if header.len() < 4 => self.too_short(4),
                None => self.format(0, "magic number", format!("{magic:08x}"), hex(&header)),
            });
        }
        let header_bytes = 4 + 4 * RANK as u64;
        self.fill(&mut header, header_bytes - 4)?;
        if self.done < header_bytes {
            return Err(self.too_short(header_bytes));
        }
        let mut values_bytes = 1_u64;
        let mut dimensions = [0; RANK];
        for (axis, word) in header[4..].chunks_exact(4).enumerate() {
            let n = big_endian(word);
            if n == 0 {
                let offset = 4 + 4 * axis as u64;
                return Err(self.format(offset, "empty dimension", "at least 1", "0"));
            }
            values_bytes = values_bytes.saturating_mul(n);
            dimensions[axis] = usize::try_from(n).unwrap_or(usize::MAX);
        }
        let total = values_bytes.saturating_add(header_bytes);
        self.check_size(total, header_bytes, limit)?;
        self.check_expected(total, dimensions[0], expected)?;
        hash.update(&header);

        let mut values = Vec::new();
        while self.done < total {
            let before = values.len();
            if before == values.capacity() {
                // A plain file is known to be that long; a compressed one has yet to show it.
                let left = total - self.done;
                let grown = if self.compressed { left.min(CHUNK.max(before as u64)) } else { left };
                self.reserve(&mut values, grown)?;
            }
            self.fill(&mut values, CHUNK.min(total - self.done))?;
            if values.len() == before {
                return Err(self.too_short(total));
            }
            hash.update(&values[before..]);
        }
        // This read also makes the decoder check the sum at the end of the stream.
        self.fill(&mut header, 1)?;
        if self.done > total {
            return Err(self.format(
                total,
                "the file goes on after the last value",
                format!("{total} bytes"),
                "more",
            ));
        }
        Ok((dimensions, values, Fingerprint { bytes: total, sha256: hex(&hash.finalize()) }))
    }

    /// Appends up to `count` bytes to `out`: fewer only where the content ends.
    fn fill(&mut self, out: &mut Vec<u8>, count: u64) -> Result<()> {
        let read = self.input.by_ref().take(count).read_to_end(out);
        let read = read.map_err(|error| {
            use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
            match error.kind() {
                InvalidData | InvalidInput | UnexpectedEof if self.compressed => self.format(
                    self.done,
                    "the compressed data is damaged or cut off",
                    "a whole gzip stream",
                    error.to_string(),
                ),
                _ => Error::io(self.path, "reading")(error),
            }
        })?;
        self.done += read as u64;
        Ok(())
    }

    /// Room for `bytes` more, or an ordinary error.
    fn reserve(&self, values: &mut Vec<u8>, bytes: u64) -> Result<()> {
        let reserved = usize::try_from(bytes).ok().map(|bytes| values.try_reserve_exact(bytes));
        if matches!(reserved, Some(Ok(()))) {
            return Ok(());
        }
        let what = format!("there is no memory for {bytes} bytes");
        let cause = io::Error::new(io::ErrorKind::OutOfMemory, what);
        Err(Error::io(self.path, "reading")(cause))
    }

    /// Refuses what cannot be right whatever the values are.
    fn check_expected(&self, total: u64, count: usize, expected: Expected<'_>) -> Result<()> {
        let Expected { largest, pinned, labels } = expected;
        if total > largest {
            return Err(match pinned {
                Some(name) => {
                    Error::Larger { path: self.path.to_path_buf(), name, largest, found: total }
                }
                None => self.format(
                    4,
                    "more content than any file of this kind has",
                    format!("at most {largest} bytes"),
                    format!("{total} bytes by the header"),
                ),
            });
        }
        match labels {
            Some((labels, n_labels)) if count != n_labels => Err(Error::Counts {
                images: self.path.to_path_buf(),
                n_images: count,
                labels: labels.to_path_buf(),
                n_labels,
            }),
            _ => Ok(()),
        }
    }

    fn check_size(&self, total: u64, header_bytes: u64, limit: u64) -> Result<()> {
        if self.compressed && total > limit {
            let found = format!("{total} bytes promised by the header");
            return Err(self.format(
                4,
                "more content than the compressed file can hold",
                format!("at most {limit} bytes"),
                found,
            ));
        }
        if !self.compressed && total > limit {
            return Err(self.format(
                limit.max(header_bytes),
                "the file ends early",
                format!("{total} bytes by its header"),
                format!("{limit} bytes"),
            ));
        }
        if !self.compressed && total < limit {
            return Err(self.format(
                total,
                "the file goes on after the last value",
                format!("{total} bytes by its header"),
                format!("{limit} bytes"),
            ));
        }
        Ok(())
    }

    fn too_short(&self, expected: u64) -> Error {
        self.format(
            self.done,
            "the file ends early",
            format!("{expected} bytes"),
            format!("{} bytes", self.done),
        )
    }

    fn format(
        &self,
        offset: u64,
        what: &'static str,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Error {
        Error::Format {
            path: self.path.to_path_buf(),
            offset,
            what,
            expected: expected.into(),
            found: found.into(),
        }
    }
}
