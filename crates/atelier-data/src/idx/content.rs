//! The content of a file, believed as far as it goes.

use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;
use sha2::{Digest, Sha256};

use super::{Expected, Fingerprint, hex, recognise};
use crate::{Error, Result};

/// Deflate turns at most 258 bytes into 2 bits.
const LARGEST_RATIO: u64 = 1032;
/// Read and hashed at a time: still in the cache when it is hashed.
const CHUNK: u64 = 256 << 10;

/// The dimensions, the values and the fingerprint of a file of so many dimensions.
pub(super) type Content<const RANK: usize> = ([usize; RANK], Vec<u8>, Fingerprint);

pub(super) fn read<const RANK: usize>(
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
        let Expected { largest, pinned, labels, any } = expected;
        if total > largest.min(any) {
            return Err(match pinned {
                Some(name) if total <= any => {
                    Error::Larger { path: self.path.to_path_buf(), name, largest, found: total }
                }
                _ => self.format(
                    4,
                    "more content than any file of this kind has",
                    format!("at most {any} bytes"),
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
