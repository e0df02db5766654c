//! Faults on purpose. A process can be armed once, so each is in a process of its own.

use std::path::Path;
use std::process::{Command, ExitStatus};

use atelier_store::{AppendLog, Error, Fault, NpyLog, durable_write, read_lines, read_npy};

/// What the process that a fault befalls finds in its environment: the fault, and where it works.
const FAULT: &str = "ATELIER_STORE_TEST_FAULT";
const PLACE: &str = "ATELIER_STORE_TEST_PLACE";

/// Runs the test of this name once more, where `befallen` says that it is that process.
fn run_again(test: &str, fault: &str, place: &Path) -> ExitStatus {
    Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", test])
        .env(FAULT, fault)
        .env(PLACE, place)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .status()
        .expect("start")
}

/// Where this process is to work, armed, if it is one that a fault is to befall.
fn befallen() -> Option<std::path::PathBuf> {
    let fault = std::env::var(FAULT).ok()?;
    assert!(fault.parse::<Fault>().expect("a fault").arm());
    std::env::var_os(PLACE).map(Into::into)
}

#[test]
fn a_write_that_stops_halfway_keeps_the_old_content_and_leaves_nothing() {
    let test = "a_write_that_stops_halfway_keeps_the_old_content_and_leaves_nothing";
    let Some(place) = std::env::var_os(PLACE) else {
        let directory = tempfile::tempdir().expect("directory");
        assert!(run_again(test, "short@2", directory.path()).success());
        return;
    };
    let target = Path::new(&place).join("a.json");
    durable_write(&target, b"old").expect("before");
    // The second operation from here on: the first makes the temporary file.
    assert!("short@2".parse::<Fault>().expect("a fault").arm());
    assert!(!"eio@1".parse::<Fault>().expect("a fault").arm(), "armed twice");

    let error = durable_write(&target, b"new content").expect_err("no room");
    let Error::Io { operation: "write", cause, .. } = &error else { panic!("{error}") };
    assert_eq!(cause.kind(), std::io::ErrorKind::StorageFull, "{error}");
    assert_eq!(std::fs::read(&target).expect("the file"), b"old");
    assert_eq!(std::fs::read_dir(&place).expect("the directory").count(), 1);

    durable_write(&target, b"new content").expect("once only");
    assert_eq!(std::fs::read(&target).expect("the file"), b"new content");
}

#[test]
fn writes_that_take_less_than_they_are_given_are_gone_on_with() {
    let test = "writes_that_take_less_than_they_are_given_are_gone_on_with";
    if let Some(place) = befallen() {
        durable_write(&place.join("a"), b"the whole content").expect("no error");
        let mut log = AppendLog::open(&place.join("log")).expect("log");
        log.append(b"a line").and_then(|()| log.sync()).expect("no error");
        return;
    }
    let directory = tempfile::tempdir().expect("directory");
    assert!(run_again(test, "part@1+", directory.path()).success());
    let content = std::fs::read(directory.path().join("a")).expect("the file");
    assert_eq!(content, b"the whole content");
    assert_eq!(read_lines(&directory.path().join("log")).expect("the log"), ["a line"]);
}

#[test]
fn an_operation_may_take_effect_and_fail() {
    let test = "an_operation_may_take_effect_and_fail";
    if let Some(place) = befallen() {
        durable_write(&place.join("a"), b"new").expect_err("the rename");
        return;
    }
    let directory = tempfile::tempdir().expect("directory");
    durable_write(&directory.path().join("a"), b"old").expect("before");
    // Create, write, sync, rename.
    assert!(run_again(test, "late@4", directory.path()).success());
    assert_eq!(std::fs::read(directory.path().join("a")).expect("the file"), b"new");
    assert_eq!(std::fs::read_dir(directory.path()).expect("the directory").count(), 1);
}

#[test]
fn a_power_cut_takes_what_was_not_synced_and_nothing_else() {
    let test = "a_power_cut_takes_what_was_not_synced_and_nothing_else";
    if let Some(place) = befallen() {
        let mut log = AppendLog::open(&place.join("log")).expect("log");
        log.append(b"old").and_then(|()| log.sync()).expect("old");
        log.append(b"new").expect("new");
        drop(log);
        durable_write(&place.join("a"), b"new").expect("a");
        std::fs::write(place.join("done"), "").expect("not reached");
        return;
    }
    // Opening the log is create and sync-dir, then come write, sync, write and close; the file is
    // create, write, sync, rename, sync-dir and close.
    let expected = [
        (1, None, "old"),
        (2, None, "old"),
        (3, Some(0), "old"),
        (4, Some(0), "old"),
        (5, Some(1), "old"),
        (7, Some(1), "old"),
        (11, Some(1), "old"),
        (12, Some(1), "new"),
    ];
    for (number, lines, content) in expected {
        let directory = tempfile::tempdir().expect("directory");
        durable_write(&directory.path().join("a"), b"old").expect("before");
        let ended = run_again(test, &format!("power@{number}"), directory.path());
        assert!(!ended.success() && !directory.path().join("done").exists(), "{number}");
        let log = read_lines(&directory.path().join("log")).ok();
        assert_eq!(log.map(|lines| lines.len()), lines, "{number}");
        let file = std::fs::read_to_string(directory.path().join("a")).expect("the file");
        assert_eq!(file, content, "{number}");
        let names = std::fs::read_dir(directory.path()).expect("the directory").count();
        assert_eq!(names, 1 + usize::from(lines.is_some()), "{number}");
    }
}

#[test]
fn a_close_that_fails_takes_what_was_not_synced_and_nothing_before_it() {
    let test = "a_close_that_fails_takes_what_was_not_synced_and_nothing_before_it";
    if let Some(place) = befallen() {
        let mut log = NpyLog::open(&place.join("a.npy"), 2).expect("log");
        log.append(&[3.0, 4.0]).expect("a row");
        log.sync().expect_err("its header");
        return;
    }
    let directory = tempfile::tempdir().expect("directory");
    let path = directory.path().join("a.npy");
    let mut log = NpyLog::open(&path, 2).expect("log");
    log.append(&[1.0, 2.0]).and_then(|()| log.sync()).expect("a row");
    drop(log);
    // Create, write, sync, write of the header, and from there on its sync and the close.
    assert!(run_again(test, "close@5+", directory.path()).success());
    let log = NpyLog::open(&path, 2).expect("the rows that were counted");
    assert_eq!(log.rows(), 1);
    drop(log);
    assert_eq!(read_npy(&path).expect("NPY").shape, [1, 2]);
}

#[test]
fn what_is_no_fault_is_refused_with_those_there_are() {
    for text in ["", "eio", "eio@", "eio@0", "eio@x", "eio@1-", "flood@1"] {
        let error = text.parse::<Fault>().expect_err(text);
        assert!(error.contains("KIND@N") && error.contains("enospc"), "{error}");
    }
    for text in ["eio@1", "kill@12+", "close@3", "part@1+", "late@2", "power@3", "trace@somewhere"]
    {
        assert!(text.parse::<Fault>().is_ok(), "{text}");
    }
}
