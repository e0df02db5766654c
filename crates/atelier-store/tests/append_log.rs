//! A log loses at most a torn last line.

use std::path::PathBuf;

use atelier_store::{AppendLog, Error, read_lines};
use tempfile::TempDir;

fn log_with(content: &[u8]) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("directory");
    let path = directory.path().join("metrics.jsonl");
    std::fs::write(&path, content).expect("file");
    (directory, path)
}

#[test]
fn records_come_back_in_order_after_sync_and_reopening() {
    let directory = tempfile::tempdir().expect("directory");
    let path = directory.path().join("metrics.jsonl");
    let mut log = AppendLog::open(&path).expect("open");
    assert!(log.is_empty());
    log.append(b"one").expect("append");
    log.append("zw\u{f6}lf".as_bytes()).expect("append");
    assert_eq!(log.len(), 11);
    log.sync().expect("sync");
    assert_eq!(std::fs::read(&path).expect("read").len(), 11);

    log.append(b"").expect("append");
    drop(log);
    let mut log = AppendLog::open(&path).expect("open");
    assert_eq!(log.len(), 12);
    log.append(b"last").expect("append");
    log.sync().expect("sync");
    assert_eq!(read_lines(&path).expect("lines"), ["one", "zw\u{f6}lf", "", "last"]);
}

#[test]
fn more_records_than_the_buffer_holds_arrive_whole() {
    let directory = tempfile::tempdir().expect("directory");
    let path = directory.path().join("log");
    let mut log = AppendLog::open(&path).expect("open");
    let records: Vec<String> = (0..40_000).map(|n| format!("record {n}")).collect();
    for record in &records {
        log.append(record.as_bytes()).expect("append");
    }
    // The buffer is written out on the way, not kept until the end.
    assert!(std::fs::metadata(&path).expect("metadata").len() > log.len() / 2);
    log.sync().expect("sync");
    assert_eq!(read_lines(&path).expect("lines"), records);
}

#[test]
fn a_torn_last_line_is_cut_off_by_opening_and_left_out_by_reading() {
    let long = [b'x'; 10_000];
    for (whole, torn) in [
        (&b"one\ntwo\n"[..], &b"thr"[..]),
        (b"one\n", &long),
        (b"", b"never ended"),
        (b"", &long),
        (b"\n", b"\0\0\0"),
        (b"one\n", b""),
        (b"one\n", b"\xff"),
    ] {
        let (_directory, path) = log_with(&[whole, torn].concat());
        let lines = read_lines(&path).expect("lines");
        assert_eq!(lines.len(), whole.split(|&byte| byte == b'\n').count() - 1);

        let mut log = AppendLog::open(&path).expect("open");
        assert_eq!(log.len(), whole.len() as u64);
        assert_eq!(std::fs::read(&path).expect("read"), whole);
        log.append(b"next").expect("append");
        log.sync().expect("sync");
        assert_eq!(std::fs::read(&path).expect("read"), [whole, b"next\n"].concat());
    }
}

#[test]
fn a_record_of_two_lines_is_refused_and_nothing_of_it_is_written() {
    let (_directory, path) = log_with(b"");
    let mut log = AppendLog::open(&path).expect("open");
    let error = log.append(b"ab\nc").expect_err("two lines");
    assert!(matches!(error, Error::LineBreak { offset: 2, .. }), "{error}");
    log.sync().expect("sync");
    assert_eq!(std::fs::read(&path).expect("read"), b"");
}

#[test]
fn a_log_is_cut_back_to_a_length_it_had() {
    let (_directory, path) = log_with(b"one\n");
    let mut log = AppendLog::open(&path).expect("open");
    log.append(b"two").expect("append");
    let checkpoint = log.len();
    log.append(b"three").expect("append");
    log.truncate(checkpoint).expect("truncate");
    assert_eq!(std::fs::read(&path).expect("read"), b"one\ntwo\n");
    log.append(b"drei").expect("append");
    log.sync().expect("sync");
    assert_eq!(read_lines(&path).expect("lines"), ["one", "two", "drei"]);
    log.truncate(0).expect("truncate");
    assert_eq!(std::fs::read(&path).expect("read"), b"");
}

#[test]
fn cutting_back_beyond_the_end_or_inside_a_line_is_refused_and_keeps_the_log() {
    let (_directory, path) = log_with(b"one\ntwo\n");
    let mut log = AppendLog::open(&path).expect("open");
    for len in [9, u64::MAX, 1, 7] {
        let error = log.truncate(len).expect_err("refused");
        assert!(matches!(error, Error::Corrupt { .. }), "{error}");
    }
    let message = log.truncate(9).expect_err("too long").to_string();
    assert!(message.contains("at least 9 bytes") && message.contains("8 bytes"), "{message}");
    assert_eq!(std::fs::read(&path).expect("read"), b"one\ntwo\n");
}

#[test]
fn a_whole_line_that_is_not_text_is_an_error_with_its_place() {
    let (_directory, path) = log_with(b"one\nt\xffo\nthree\n");
    let message = read_lines(&path).expect_err("not text").to_string();
    assert!(message.contains("byte 5 (line 2) is 0xff"), "{message}");
}

#[test]
fn reading_what_is_missing_or_no_file_names_the_path() {
    let directory = tempfile::tempdir().expect("directory");
    for path in [directory.path().join("missing"), directory.path().to_path_buf()] {
        let message = read_lines(&path).expect_err("no file").to_string();
        assert!(message.contains(path.to_str().expect("UTF-8")), "{message}");
    }
}
