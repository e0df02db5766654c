//! Files that others may have put there: too long, not regular, or links.

use std::path::Path;

use atelier_store::{Lock, RunDir, read_regular};

#[test]
fn a_file_is_read_whole_up_to_its_limit_and_refused_beyond() {
    let directory = tempfile::tempdir().expect("directory");
    let path = directory.path().join("summary.json");
    std::fs::write(&path, "123456789").expect("file");
    assert_eq!(read_regular(&path, 9).expect("fits"), b"123456789");
    let error = read_regular(&path, 8).expect_err("too long").to_string();
    assert!(error.contains("summary.json: longer than 8 bytes"), "{error}");
}

#[cfg(unix)]
#[test]
fn a_link_in_the_place_of_a_runs_own_file_is_not_followed() {
    let directory = tempfile::tempdir().expect("directory");
    let victim = directory.path().join("thesis.txt");
    std::fs::write(&victim, "precious").expect("file");

    let locked = directory.path().join("locked");
    std::fs::create_dir(&locked).expect("directory");
    std::os::unix::fs::symlink(&victim, locked.join(".lock")).expect("link");
    let error = Lock::acquire(&locked).expect_err("a link").to_string();
    assert!(error.contains(".lock: a symbolic link"), "{error}");
    Lock::is_held(&locked).expect_err("a link");

    let run = RunDir::create_numbered(directory.path(), "train").expect("create");
    std::os::unix::fs::symlink(&victim, run.path().join("metrics.jsonl")).expect("link");
    run.metrics().expect_err("a link");
    assert_eq!(std::fs::read_to_string(&victim).expect("victim"), "precious");
}

#[cfg(unix)]
#[test]
fn what_is_not_a_regular_file_is_neither_waited_for_nor_read() {
    let directory = tempfile::tempdir().expect("directory");
    let made = std::process::Command::new("mkfifo").arg(directory.path().join(".lock")).status();
    assert!(made.expect("mkfifo").success());
    for error in [
        Lock::acquire(directory.path()).map(drop).expect_err("a pipe"),
        Lock::is_held(directory.path()).map(drop).expect_err("a pipe"),
        read_regular(&directory.path().join(".lock"), 9).map(drop).expect_err("a pipe"),
        read_regular(Path::new("/dev/zero"), 9).map(drop).expect_err("endless"),
        read_regular(directory.path(), 9).map(drop).expect_err("a directory"),
    ] {
        assert!(error.to_string().ends_with("not a regular file"), "{error}");
    }
}
