//! A log of rows is, after a crash at any moment, an array with the rows of the last sync.

use std::path::{Path, PathBuf};

use atelier_store::{Error, NpyLog, npy_bytes, read_npy};
use tempfile::TempDir;

fn place() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("directory");
    let path = directory.path().join("snapshots.npy");
    (directory, path)
}

fn row(number: u64, columns: usize) -> Vec<f32> {
    (0..columns).map(|column| number as f32 + column as f32 / 8.0).collect()
}

fn filled(path: &Path, columns: usize, rows: u64) -> NpyLog {
    let mut log = NpyLog::open(path, columns).expect("open");
    for number in log.rows()..rows {
        log.append(&row(number, columns)).expect("append");
    }
    log.sync().expect("sync");
    log
}

/// What a reader of arrays sees of the first `len` bytes of a file.
fn seen(bytes: &[u8]) -> (Vec<usize>, Vec<f32>) {
    let array = atelier_store::NpyArray::decode(bytes, Path::new("a")).expect("an array");
    (array.shape.clone(), array.into_vec(Path::new("a")).expect("f32"))
}

#[test]
fn rows_make_the_file_that_would_have_been_written_at_once() {
    let (_directory, path) = place();
    let mut log = NpyLog::open(&path, 3).expect("open");
    assert_eq!(read_npy(&path).expect("empty").shape, [0, 3]);
    for number in 0..7 {
        assert_eq!(log.rows(), number);
        log.append(&row(number, 3)).expect("append");
    }
    log.sync().expect("sync");
    let all: Vec<f32> = (0..7).flat_map(|number| row(number, 3)).collect();
    assert_eq!(std::fs::read(&path).expect("read"), npy_bytes(&[7, 3], &all).expect("fits"));
}

#[test]
fn rows_are_part_of_the_array_only_after_a_sync() {
    let (_directory, path) = place();
    let mut log = filled(&path, 2, 2);
    let before = std::fs::read(&path).expect("read");
    log.append(&row(2, 2)).expect("append");
    let during = std::fs::read(&path).expect("read");
    // As NumPy reads it: as many values as the header says.
    assert_eq!(seen(&during[..before.len()]), seen(&before));
    log.sync().expect("sync");
    assert_eq!(seen(&std::fs::read(&path).expect("read")).0, [3, 2]);
}

#[test]
fn torn_and_uncounted_rows_are_cut_off_and_written_again() {
    let (_directory, path) = place();
    drop(filled(&path, 3, 5));
    let whole = std::fs::read(&path).expect("read");
    let counted = {
        let (_other, path) = place();
        drop(filled(&path, 3, 3));
        std::fs::read(path).expect("read")
    };
    // The header still counts three rows; any number of bytes of the others are there.
    for len in counted.len()..=whole.len() {
        let mut bytes = whole[..len].to_vec();
        bytes[..128].copy_from_slice(&counted[..128]);
        std::fs::write(&path, &bytes).expect("write");
        let log = NpyLog::open(&path, 3).expect("open");
        assert_eq!(log.rows(), 3);
        assert_eq!(std::fs::read(&path).expect("read"), counted);
        drop(log);
        drop(filled(&path, 3, 5));
        assert_eq!(std::fs::read(&path).expect("read"), whole);
    }
}

#[test]
fn cut_back_and_filled_again_it_is_as_if_undisturbed() {
    let (_directory, path) = place();
    drop(filled(&path, 4, 12));
    let whole = std::fs::read(&path).expect("read");
    for rows in [0, 1, 9, 10, 11, 12] {
        let mut log = NpyLog::open(&path, 4).expect("open");
        log.append(&[9.0; 4]).expect("a row of which no checkpoint knows");
        log.truncate(rows).expect("truncate");
        assert_eq!(log.rows(), rows);
        assert_eq!(read_npy(&path).expect("array").shape, [usize::try_from(rows).expect("few"), 4]);
        drop(log);
        drop(filled(&path, 4, 12));
        assert_eq!(std::fs::read(&path).expect("read"), whole);
    }
    let mut log = NpyLog::open(&path, 4).expect("open");
    let error = log.truncate(13).expect_err("too many");
    assert!(error.to_string().contains("is 12, expected 13 or more"), "{error}");
    assert_eq!(std::fs::read(&path).expect("read"), whole);
}

#[test]
fn rows_that_are_no_rows_are_refused_and_nothing_is_appended() {
    let (_directory, path) = place();
    let mut log = filled(&path, 2, 1);
    assert!(matches!(log.append(&[1.0]), Err(Error::Array { .. })));
    let error = log.append(&[1.0, f32::NAN]).expect_err("not a number");
    assert!(matches!(error, Error::NonFinite { index: 1, .. }), "{error}");
    log.sync().expect("sync");
    assert_eq!(read_npy(&path).expect("array").shape, [1, 2]);
}

#[test]
fn other_files_are_not_taken_for_the_log_and_stay_as_they_are() {
    let (_directory, path) = place();
    let good = {
        drop(filled(&path, 2, 3));
        std::fs::read(&path).expect("read")
    };
    let mut fortran = good.clone();
    let at = fortran.windows(5).position(|w| w == b"False").expect("order");
    fortran[at..at + 5].copy_from_slice(b"True ");
    for (bytes, part) in [
        (npy_bytes(&[3, 3], &[0.0_f32; 9]).expect("fits"), "is [3, 3], expected (rows, 2)"),
        (npy_bytes(&[6], &[0.0_f32; 6]).expect("fits"), "is [6], expected (rows, 2)"),
        (npy_bytes(&[3, 2], &[0.0_f64; 6]).expect("fits"), "expected f32 in C order"),
        (fortran, "expected f32 in C order"),
        (good[..good.len() - 1].to_vec(), "is 151 bytes, expected 152 bytes"),
        (good[..100].to_vec(), "a header of 128 bytes"),
        (Vec::new(), "the magic string"),
    ] {
        std::fs::write(&path, &bytes).expect("write");
        let message = NpyLog::open(&path, 2).expect_err("another file").to_string();
        assert!(message.contains(part), "{part} is not in: {message}");
        assert_eq!(std::fs::read(&path).expect("read"), bytes);
    }
}

#[cfg(unix)]
#[test]
fn a_link_in_its_place_is_not_followed() {
    let (directory, path) = place();
    let victim = directory.path().join("victim");
    std::fs::write(&victim, "precious").expect("victim");
    std::os::unix::fs::symlink(&victim, &path).expect("link");
    NpyLog::open(&path, 2).expect_err("a link");
    assert_eq!(std::fs::read_to_string(&victim).expect("victim"), "precious");
}
