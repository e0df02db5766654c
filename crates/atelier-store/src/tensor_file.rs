//! Named arrays in safetensors files.
//!
//! The header is written by hand, from the format crate's own types, because its `serialize` sorts
//! the arrays by name and writes metadata in an order that changes from process to process. Here
//! arrays lie in the order they were given (larger element types first, so that every array is
//! aligned for readers that map the file), and the same arrays always give the same bytes.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write;
use std::path::Path;

use safetensors::tensor::{Metadata, TensorInfo};
use serde::ser::{Serialize, SerializeMap, Serializer};
use sha2::{Digest, Sha256};

use crate::{Dtype, Error, NamedArray, Result, durable_write, fs};

/// The metadata key of the digest.
pub(crate) const DIGEST: &str = "sha256";
/// The metadata key of the names in their logical order, a JSON list.
pub(crate) const ORDER: &str = "order";
/// The header's key of the metadata; no array can have this name.
const METADATA: &str = "__metadata__";
/// Bytes that tell the length of the header, and the alignment of what follows it.
const LENGTH: usize = 8;

/// Writes arrays as a safetensors file that other programs read, durably.
///
/// The same arrays give the same bytes. Their order is kept as long as they are of one type;
/// otherwise types with larger elements come first. The metadata is
/// `{"format": "pt"}`, which other programs expect.
///
/// # Errors
/// [`Error::Array`] if a name occurs twice or a shape does not fit its bytes;
/// [`Error::NonFinite`] if a float is not finite; [`Error::Io`] if the file cannot be written.
pub fn write_model(path: &Path, arrays: &[NamedArray]) -> Result<()> {
    check(arrays, path)?;
    let metadata = BTreeMap::from([("format".to_string(), "pt".to_string())]);
    durable_write(path, &serialize(arrays, &metadata, path)?)
}

/// Reads the arrays of a safetensors file, of this or another program, in the order in which they
/// lie there.
///
/// # Errors
/// [`Error::Io`] if the file cannot be read; [`Error::Corrupt`] if it is no safetensors file, is
/// shorter or longer than its header says, holds another element type than those of [`Dtype`], or
/// contradicts the digest in its metadata, where it has one; [`Error::NonFinite`] if a float is not
/// finite.
pub fn read_model(path: &Path) -> Result<Vec<NamedArray>> {
    parse_model(&fs::read_numbers(path)?, path)
}

/// As [`read_model`], of the content of a file that was read already; `path` is for errors.
///
/// # Errors
/// As [`read_model`].
pub fn parse_model(bytes: &[u8], path: &Path) -> Result<Vec<NamedArray>> {
    Ok(deserialize(bytes, path, false)?.0)
}

/// Refuses arrays that could not be read back.
pub(crate) fn check(arrays: &[NamedArray], path: &Path) -> Result<()> {
    let mut names = HashSet::new();
    for array in arrays {
        if array.name == METADATA || !names.insert(&array.name) {
            return Err(Error::array(&array.name, "its name", "a free name", "taken"));
        }
        array.check()?;
    }
    refuse_non_finite(arrays, path)
}

fn refuse_non_finite(arrays: &[NamedArray], path: &Path) -> Result<()> {
    for array in arrays {
        if let Some(index) = array.first_non_finite() {
            let (path, array) = (path.to_path_buf(), array.name.clone());
            return Err(Error::NonFinite { path, array, index });
        }
    }
    Ok(())
}

struct Header<'a> {
    metadata: &'a BTreeMap<String, String>,
    infos: Vec<(&'a str, TensorInfo)>,
}

impl Serialize for Header<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry(METADATA, self.metadata)?;
        for (name, info) in &self.infos {
            map.serialize_entry(name, info)?;
        }
        map.end()
    }
}

/// The bytes of a file of arrays that passed [`check`].
pub(crate) fn serialize(
    arrays: &[NamedArray],
    metadata: &BTreeMap<String, String>,
    path: &Path,
) -> Result<Vec<u8>> {
    let mut sorted: Vec<&NamedArray> = arrays.iter().collect();
    sorted.sort_by_key(|array| std::cmp::Reverse(array.dtype.size()));

    let mut infos = Vec::with_capacity(sorted.len());
    let mut end = 0;
    for array in &sorted {
        let start = end;
        end += array.bytes.len();
        let dtype = to_safetensors(array.dtype);
        let info = TensorInfo { dtype, shape: array.shape.clone(), data_offsets: (start, end) };
        infos.push((array.name.as_str(), info));
    }
    let mut header = serde_json::to_vec(&Header { metadata, infos })
        .map_err(|error| Error::io(path, "encode", error.into()))?;
    header.resize(header.len().next_multiple_of(LENGTH), b' ');

    let mut bytes = Vec::with_capacity(LENGTH + header.len() + end);
    bytes.extend((header.len() as u64).to_le_bytes());
    bytes.append(&mut header);
    for array in sorted {
        bytes.extend_from_slice(&array.bytes);
    }
    Ok(bytes)
}

/// The arrays of a file in their logical order, checked against the digest, and the metadata that
/// does not belong to the format. Without an order in the metadata it is that in which they lie
/// there; a digest can be required or not.
pub(crate) fn deserialize(
    bytes: &[u8],
    path: &Path,
    must_have_digest: bool,
) -> Result<(Vec<NamedArray>, BTreeMap<String, String>)> {
    let (mut arrays, mut metadata) = parse(bytes, path)?;
    let expected = metadata.remove(DIGEST);
    if let Some(order) = metadata.get(ORDER) {
        let order: Vec<String> = serde_json::from_str(order).map_err(|error| {
            Error::corrupt(path, "metadata key order", "a list of names in JSON", error)
        })?;
        let places: HashMap<&str, usize> =
            order.iter().enumerate().map(|(place, name)| (name.as_str(), place)).collect();
        arrays.sort_by_key(|array| places.get(array.name.as_str()).copied());
    }
    match expected {
        Some(expected) => {
            let found = digest(&arrays, &metadata);
            if expected != found {
                let expected = expected.escape_debug();
                return Err(Error::corrupt(path, "the SHA-256 of the content", expected, found));
            }
        }
        None if must_have_digest => {
            return Err(Error::corrupt(path, "metadata key sha256", "a digest", "missing"));
        }
        None => {}
    }
    refuse_non_finite(&arrays, path)?;
    metadata.remove(ORDER);
    Ok((arrays, metadata))
}

/// The arrays of a file in the order in which they lie there, and its metadata. Nothing is
/// allocated that the file is not long enough to fill.
fn parse(bytes: &[u8], path: &Path) -> Result<(Vec<NamedArray>, BTreeMap<String, String>)> {
    let Some((length, rest)) = bytes.split_first_chunk::<LENGTH>() else {
        let found = format!("{} bytes", bytes.len());
        return Err(Error::corrupt(path, "the file", "at least 8 bytes", found));
    };
    let length = u64::from_le_bytes(*length);
    let split = usize::try_from(length).ok().and_then(|length| rest.split_at_checked(length));
    let Some((header, data)) = split else {
        let expected = format!("at most {} bytes", rest.len());
        let found = format!("{length} bytes");
        return Err(Error::corrupt(path, "the header's length at byte 0", expected, found));
    };
    // The format's own checks come with the type: the arrays cover the data without gaps, and
    // every shape fits the number of its bytes.
    let header: Metadata = serde_json::from_slice(header).map_err(|error| {
        Error::corrupt(path, "the header at byte 8", "a valid safetensors header", error)
    })?;
    if header.data_len() != data.len() {
        let expected = format!("{} bytes, as the header says", header.data_len());
        let found = format!("{} bytes", data.len());
        return Err(Error::corrupt(path, "the data after the header", expected, found));
    }

    let mut infos: Vec<_> = header.tensors().into_iter().collect();
    // Empty arrays share their offsets with a neighbour: the name decides.
    infos.sort_by(|(name, info), (other, other_info)| {
        info.data_offsets.cmp(&other_info.data_offsets).then_with(|| name.cmp(other))
    });
    let mut arrays = Vec::with_capacity(infos.len());
    for (name, info) in infos {
        let Some(dtype) = from_safetensors(info.dtype) else {
            let what = format!("the type of array {name:?}");
            return Err(Error::corrupt(path, what, "F32, F64, U32, I64 or U8", info.dtype));
        };
        let Some(bytes) = data.get(info.data_offsets.0..info.data_offsets.1) else {
            let what = format!("the place of array {name:?}");
            let expected = format!("within {} bytes", data.len());
            return Err(Error::corrupt(path, what, expected, format!("{:?}", info.data_offsets)));
        };
        arrays.push(NamedArray { name, dtype, shape: info.shape.clone(), bytes: bytes.to_vec() });
    }
    let metadata = header.metadata().clone().unwrap_or_default();
    Ok((arrays, metadata.into_iter().collect()))
}

/// SHA-256 over the arrays in their logical order (name, type, shape and content) and over the
/// metadata other than the digest, each part preceded by its length; in hexadecimal.
pub(crate) fn digest(arrays: &[NamedArray], metadata: &BTreeMap<String, String>) -> String {
    let mut hasher = Sha256::new();
    let mut part = |bytes: &[u8]| {
        hasher.update((bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    };
    part(&(arrays.len() as u64).to_le_bytes());
    for array in arrays {
        part(array.name.as_bytes());
        part(array.dtype.name().as_bytes());
        let dims: Vec<u8> = array.shape.iter().flat_map(|&n| (n as u64).to_le_bytes()).collect();
        part(&dims);
        part(&array.bytes);
    }
    for (key, value) in metadata {
        part(key.as_bytes());
        part(value.as_bytes());
    }
    hexadecimal(&hasher.finalize())
}

/// A digest as text.
pub(crate) fn hexadecimal(digest: &[u8]) -> String {
    digest.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn to_safetensors(dtype: Dtype) -> safetensors::Dtype {
    match dtype {
        Dtype::F32 => safetensors::Dtype::F32,
        Dtype::F64 => safetensors::Dtype::F64,
        Dtype::U32 => safetensors::Dtype::U32,
        Dtype::I64 => safetensors::Dtype::I64,
        Dtype::U8 => safetensors::Dtype::U8,
    }
}

fn from_safetensors(dtype: safetensors::Dtype) -> Option<Dtype> {
    Some(match dtype {
        safetensors::Dtype::F32 => Dtype::F32,
        safetensors::Dtype::F64 => Dtype::F64,
        safetensors::Dtype::U32 => Dtype::U32,
        safetensors::Dtype::I64 => Dtype::I64,
        safetensors::Dtype::U8 => Dtype::U8,
        _ => return None,
    })
}
