//! Model files: what other programs read and write, and what lies about itself.

use std::path::PathBuf;

use atelier_store::{Error, NamedArray, read_model, write_model};
use safetensors::SafeTensors;
use tempfile::TempDir;

fn arrays() -> Vec<NamedArray> {
    vec![
        NamedArray::f32("net.0.weight", &[2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]),
        NamedArray::f32("net.0.bias", &[2], &[-1.0, 0.5]),
        NamedArray::f32("net.10.weight", &[1, 2], &[0.1, 0.2]),
        NamedArray::f32("net.2.weight", &[1, 2], &[7.0, 8.0]),
    ]
}

/// A file with this header, under a length of its own or a given one, and this much data.
fn file(header: &str, length: Option<u64>, data: usize) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("directory");
    let path = directory.path().join("model.safetensors");
    let mut bytes = length.unwrap_or(header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.resize(bytes.len() + data, 0);
    std::fs::write(&path, bytes).expect("write");
    (directory, path)
}

#[test]
fn arrays_come_back_in_order_and_the_bytes_repeat() {
    let directory = tempfile::tempdir().expect("directory");
    let path = directory.path().join("model.safetensors");
    write_model(&path, &arrays()).expect("write");
    assert_eq!(read_model(&path).expect("read"), arrays());
    let bytes = std::fs::read(&path).expect("read");
    write_model(&path, &arrays()).expect("write");
    assert_eq!(std::fs::read(&path).expect("read"), bytes);
}

#[test]
fn the_format_s_own_crate_reads_what_is_written() {
    let directory = tempfile::tempdir().expect("directory");
    let path = directory.path().join("model.safetensors");
    let mut mixed = arrays();
    mixed.insert(0, NamedArray::u8("flags", &[3], &[1, 2, 3]));
    mixed.push(NamedArray::i64("steps", &[], &[7]));
    write_model(&path, &mixed).expect("write");
    let bytes = std::fs::read(&path).expect("read");

    let read = SafeTensors::deserialize(&bytes).expect("a safetensors file");
    assert_eq!(read.len(), mixed.len());
    for array in &mixed {
        let view = read.tensor(&array.name).expect("tensor");
        assert_eq!((view.shape(), view.data()), (&array.shape[..], &array.bytes[..]));
        assert_eq!(view.dtype().to_string(), array.dtype.name());
        let offset = view.data().as_ptr() as usize - bytes.as_ptr() as usize;
        assert!(offset.is_multiple_of(array.dtype.size()), "{} is not aligned", array.name);
    }
    let (_, metadata) = SafeTensors::read_metadata(&bytes).expect("metadata");
    let metadata = metadata.metadata().clone().expect("metadata");
    assert_eq!(metadata.into_iter().collect::<Vec<_>>(), [("format".into(), "pt".into())]);
}

#[test]
fn files_of_other_programs_need_no_metadata() {
    let header = r#"{"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"U32","shape":[2],"data_offsets":[4,12]}}"#;
    let (_directory, path) = file(header, None, 12);
    let expected = [NamedArray::f32("b", &[1], &[0.0]), NamedArray::u32("a", &[2], &[0, 0])];
    assert_eq!(read_model(&path).expect("read"), expected);
}

#[test]
fn a_digest_is_checked_where_there_is_one() {
    let header =
        r#"{"__metadata__":{"sha256":"00"},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#;
    let (_directory, path) = file(header, None, 1);
    let message = read_model(&path).expect_err("wrong digest").to_string();
    assert!(message.contains("SHA-256"), "{message}");
}

#[test]
fn headers_that_lie_about_sizes_are_refused() {
    let entry = |shape: &str, from: u64, to: u64| {
        format!(r#"{{"a":{{"dtype":"F32","shape":{shape},"data_offsets":[{from},{to}]}}}}"#)
    };
    let huge = u64::MAX;
    // Each is as large as an array can be; together they overflow the size of the file.
    let large = 1_u64 << 60;
    let many: Vec<String> = (0..16)
        .map(|n| {
            let to = if n == 15 { huge - 3 } else { (n + 1) * large };
            let shape = (to - n * large) / 4;
            format!(
                r#""a{n:02}":{{"dtype":"F32","shape":[{shape}],"data_offsets":[{},{to}]}}"#,
                n * large
            )
        })
        .collect();
    for (header, length, data) in [
        (entry("[1]", 0, 4), Some(huge), 4),
        (entry("[1]", 0, 4), Some(1 << 40), 4),
        (entry("[1]", 0, 4), Some(0), 4),
        (entry("[1]", 0, 4), None, 3),
        (entry("[1]", 0, 4), None, 5),
        (entry("[2]", 0, 4), None, 4),
        (entry("[1]", 0, 8), None, 8),
        (entry("[1]", 4, 8), None, 8),
        (entry("[1]", 4, 0), None, 4),
        (entry("[250000000000]", 0, 1_000_000_000_000), None, 4),
        (entry(&format!("[{huge},{huge}]"), 0, 4), None, 4),
        (entry("[-1]", 0, 4), None, 4),
        (entry("[4611686018427387904]", 0, 0), None, 0),
        (format!("{{{}}}", many.join(",")), None, 0),
        (String::new(), None, 0),
        ("[".repeat(100_000), None, 0),
        (r#"{"a":{"dtype":"F16","shape":[1],"data_offsets":[0,2]}}"#.into(), None, 2),
        (r#"{"a":{"dtype":"X9","shape":[1],"data_offsets":[0,2]}}"#.into(), None, 2),
    ] {
        let (_directory, path) = file(&header, length, data);
        let error = read_model(&path).expect_err(&header);
        assert!(matches!(error, Error::Corrupt { .. }), "{header}: {error}");
        assert!(error.to_string().contains("model.safetensors is damaged"), "{error}");
    }
}

#[test]
fn every_short_file_is_refused() {
    let directory = tempfile::tempdir().expect("directory");
    let path = directory.path().join("model.safetensors");
    write_model(&path, &arrays()).expect("write");
    let bytes = std::fs::read(&path).expect("read");
    for len in 0..bytes.len() {
        std::fs::write(&path, &bytes[..len]).expect("write");
        let error = read_model(&path).expect_err("short");
        assert!(matches!(error, Error::Corrupt { .. }), "{len} bytes: {error}");
    }
}

#[test]
fn floats_that_are_not_finite_are_neither_written_nor_read() {
    let directory = tempfile::tempdir().expect("directory");
    let path = directory.path().join("model.safetensors");
    write_model(&path, &[NamedArray::u32("w", &[2], &[0, f32::NAN.to_bits()])]).expect("integers");
    let bytes = std::fs::read(&path).expect("read");
    let text = String::from_utf8_lossy(&bytes);
    let place = text.find("U32").expect("type");
    let mut changed = bytes.clone();
    changed[place..place + 3].copy_from_slice(b"F32");
    std::fs::write(&path, changed).expect("write");
    let error = read_model(&path).expect_err("not finite");
    assert!(matches!(error, Error::NonFinite { index: 1, .. }), "{error}");
    assert!(error.to_string().contains(r#"value 1 of array "w""#), "{error}");

    std::fs::write(&path, &bytes).expect("write");
    let error = write_model(&path, &[NamedArray::f32("w", &[1], &[f32::NAN])]).expect_err("NaN");
    assert!(matches!(error, Error::NonFinite { .. }), "{error}");
    assert_eq!(std::fs::read(&path).expect("read"), bytes, "the old file stays");
}
