//! The header of an NPY file, both ways.
//!
//! ```text
//! byte 0..6    0x93 "NUMPY"
//! 6, 7         version: 1.0, 2.0 or 3.0
//! 8..          length of the text that follows: u16 (version 1) or u32, little endian
//! then         a Python dictionary, padded with spaces and ended by a line break
//! ```
//!
//! The dictionary is read by a parser of its three keys and of nothing else.
//!
//! # References
//! NumPy Enhancement Proposal 1, *A Simple File Format for NumPy Arrays*; `numpy.lib.format`.

use std::fmt::Write as _;
use std::path::Path;

use crate::{Error, Result, is_steering};

const MAGIC: &[u8; 6] = b"\x93NUMPY";
/// NumPy's own bound of the text; that of a plain array has some 60 bytes.
const LONGEST_TEXT: usize = 10_000;
/// As many dimensions as NumPy has.
pub(crate) const LARGEST_RANK: usize = 64;

/// What a header says of the values that follow it.
#[derive(Debug)]
pub(crate) struct Header {
    /// Kind and size of the elements, such as `f4`.
    pub element: &'static str,
    pub big_endian: bool,
    pub fortran_order: bool,
    pub shape: Vec<usize>,
    /// Where the values begin, in bytes.
    pub len: usize,
}

/// The element types that are understood: unsigned, signed and floating-point numbers.
const ELEMENTS: [&str; 10] = ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8"];

/// A header of version 1.0 for values in C order, padded to a multiple of 64 bytes.
pub(crate) fn write(descr: &str, shape: &[usize]) -> Vec<u8> {
    let mut text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': (");
    for n in shape {
        // Writing to a string cannot fail.
        let _ = write!(text, "{n}, ");
    }
    // One dimension keeps its comma, as Python wants it.
    let behind = match shape.len() {
        0 => 0,
        1 => 1,
        _ => 2,
    };
    text.truncate(text.len() - behind);
    text.push_str("), }");
    pad(&text, 0)
}

/// The header of `rows` rows of `columns` f32, always of [`ROWS_HEADER`] bytes, so that the number
/// of rows can be changed in place.
pub(crate) fn write_rows(rows: u64, columns: usize) -> Vec<u8> {
    let shape = format!("({rows}, {columns})");
    let text = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}");
    pad(&text, ROWS_HEADER)
}

/// Room for two dimensions of twenty digits.
pub(crate) const ROWS_HEADER: usize = 128;

fn pad(text: &str, least: usize) -> Vec<u8> {
    let before = MAGIC.len() + 4;
    let total = (before + text.len() + 1).next_multiple_of(64).max(least);
    // With at most LARGEST_RANK dimensions there is no longer one.
    let length = u16::try_from(total - before).unwrap_or(u16::MAX);
    let mut bytes = Vec::with_capacity(total);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&[1, 0]);
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(text.as_bytes());
    bytes.resize(total - 1, b' ');
    bytes.push(b'\n');
    bytes
}

/// The header at the beginning of `bytes`.
pub(crate) fn parse(bytes: &[u8], path: &Path) -> Result<Header> {
    let found = |part: &[u8]| format!("{}", part.escape_ascii());
    if !bytes.starts_with(MAGIC) {
        let start = &bytes[..bytes.len().min(MAGIC.len())];
        let expected = found(MAGIC);
        return Err(Error::format(path, 0, "the magic string", expected, found(start)));
    }
    let short = |expected: &str| {
        let found = format!("{} bytes", bytes.len());
        Error::format(path, bytes.len(), "the length of the file", expected, found)
    };
    let rest = &bytes[MAGIC.len()..];
    let (length, before) = match rest {
        [1, 0, a, b, ..] => (usize::from(u16::from_le_bytes([*a, *b])), 10),
        [2 | 3, 0, a, b, c, d, ..] => {
            let length = u32::from_le_bytes([*a, *b, *c, *d]);
            (usize::try_from(length).unwrap_or(usize::MAX), 12)
        }
        [1..=3, 0, ..] | [] | [_] => return Err(short("a whole header")),
        [major, minor, ..] => {
            let found = format!("{major}.{minor}");
            return Err(Error::format(path, 6, "the version", "1.0, 2.0 or 3.0", found));
        }
    };
    if length > LONGEST_TEXT {
        let expected = format!("at most {LONGEST_TEXT} bytes");
        return Err(Error::format(path, 8, "the length of the header", expected, length));
    }
    let text = bytes.get(before..before + length);
    let text = text.ok_or_else(|| short(&format!("a header of {} bytes", before + length)))?;
    let (descr, fortran_order, shape) = Parser { text, at: 0, before, path }.dictionary()?;
    let unknown = || {
        let expected = format!("'<' or '>' and one of {}", ELEMENTS.join(", "));
        Error::format(path, before, "the element type", expected, format!("'{}'", found(descr)))
    };
    let (order, name) = descr.split_first().ok_or_else(unknown)?;
    let element = ELEMENTS.into_iter().find(|e| e.as_bytes() == name).ok_or_else(unknown)?;
    let big_endian = match order {
        b'<' => false,
        b'>' => true,
        b'|' if element.ends_with('1') => false,
        _ => return Err(unknown()),
    };
    Ok(Header { element, big_endian, fortran_order, shape, len: before + length })
}

struct Parser<'a> {
    text: &'a [u8],
    at: usize,
    /// Bytes of the file before the text.
    before: usize,
    path: &'a Path,
}

impl<'a> Parser<'a> {
    /// The values of the three keys, in whatever order they come.
    fn dictionary(mut self) -> Result<(&'a [u8], bool, Vec<usize>)> {
        let (mut descr, mut fortran_order, mut shape) = (None, None, None);
        self.expect(b'{')?;
        while !self.take(b'}') {
            let key = self.string("a key")?;
            self.expect(b':')?;
            match key {
                b"descr" if descr.is_none() => descr = Some(self.string("a plain element type")?),
                b"fortran_order" if fortran_order.is_none() => fortran_order = Some(self.bool()?),
                b"shape" if shape.is_none() => shape = Some(self.shape()?),
                _ => return Err(self.unexpected("descr, fortran_order and shape, each once")),
            }
            if !self.take(b',') {
                self.expect(b'}')?;
                break;
            }
        }
        self.skip_space();
        if self.at < self.text.len() {
            return Err(self.unexpected("nothing after the dictionary"));
        }
        match (descr, fortran_order, shape) {
            (Some(descr), Some(fortran_order), Some(shape)) => Ok((descr, fortran_order, shape)),
            _ => Err(self.unexpected("all of descr, fortran_order and shape")),
        }
    }

    fn skip_space(&mut self) {
        while self.text.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        self.skip_space();
        let taken = self.text.get(self.at) == Some(&byte);
        self.at += usize::from(taken);
        taken
    }

    fn expect(&mut self, byte: u8) -> Result<()> {
        if self.take(byte) {
            Ok(())
        } else {
            Err(self.unexpected(&format!("{:?}", char::from(byte))))
        }
    }

    fn string(&mut self, expected: &str) -> Result<&'a [u8]> {
        self.skip_space();
        let rest = &self.text[self.at..];
        let quote = rest.first().filter(|byte| matches!(byte, b'\'' | b'"'));
        let quoted = quote.and_then(|quote| {
            let inner = &rest[1..];
            let end = inner.iter().position(|byte| byte == quote)?;
            Some(&inner[..end])
        });
        let quoted = quoted.ok_or_else(|| self.unexpected(expected))?;
        self.at += quoted.len() + 2;
        Ok(quoted)
    }

    fn bool(&mut self) -> Result<bool> {
        self.skip_space();
        for (word, value) in [("True", true), ("False", false)] {
            if self.text[self.at..].starts_with(word.as_bytes()) {
                self.at += word.len();
                return Ok(value);
            }
        }
        Err(self.unexpected("True or False"))
    }

    fn shape(&mut self) -> Result<Vec<usize>> {
        let mut shape = Vec::new();
        self.expect(b'(')?;
        while !self.take(b')') {
            if shape.len() == LARGEST_RANK {
                return Err(self.unexpected(&format!("at most {LARGEST_RANK} dimensions")));
            }
            shape.push(self.dimension()?);
            if !self.take(b',') {
                self.expect(b')')?;
                break;
            }
        }
        Ok(shape)
    }

    fn dimension(&mut self) -> Result<usize> {
        self.skip_space();
        let rest = &self.text[self.at..];
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let number = std::str::from_utf8(&rest[..digits]).ok().and_then(|text| text.parse().ok());
        let number = number.ok_or_else(|| self.unexpected("a dimension from 0 to 2^64 - 1"))?;
        self.at += digits;
        // Python 2 wrote long integers so.
        self.at += usize::from(self.text.get(self.at) == Some(&b'L'));
        Ok(number)
    }

    fn unexpected(&self, expected: &str) -> Error {
        let rest = &self.text[self.at..];
        let rest = &rest[..rest.len().min(24)];
        let found = match String::from_utf8_lossy(rest).trim() {
            "" => "the end".to_string(),
            text => format!("`{}`", text.replace(is_steering, "?")),
        };
        Error::format(self.path, self.before + self.at, "the header", expected, found)
    }
}
