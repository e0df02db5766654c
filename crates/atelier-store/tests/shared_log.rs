//! A log that several workers append to.

use std::path::Path;

use atelier_store::{Error, SharedLog};

fn append(log: &mut SharedLog, lines: &[&str]) -> Result<(), Error> {
    let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
    log.lock()?.append(&lines)
}

fn open(directory: &Path) -> SharedLog {
    SharedLog::open(&directory.join("study.log")).expect("open")
}

#[test]
fn each_reader_gets_each_line_once_and_in_order() {
    let home = tempfile::tempdir().expect("directory");
    let (mut one, mut two) = (open(home.path()), open(home.path()));
    append(&mut one, &["a", "b"]).expect("append");
    assert_eq!(two.read().expect("read"), ["a", "b"]);
    append(&mut two, &["c"]).expect("append");
    assert_eq!(two.read().expect("read"), ["c"]);
    assert_eq!(one.read().expect("read"), ["a", "b", "c"]);
    assert_eq!((one.lines(), two.lines()), (3, 3));
    assert_eq!(one.read().expect("read"), [""; 0]);
}

#[test]
fn lines_of_many_writers_are_neither_lost_nor_torn() {
    let home = tempfile::tempdir().expect("directory");
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let path = home.path();
            scope.spawn(move || {
                let mut log = open(path);
                for n in 0..20 {
                    append(&mut log, &[&format!("{writer} {n}"), "and another"]).expect("append");
                }
            });
        }
    });
    let lines = open(home.path()).read().expect("read");
    assert_eq!(lines.len(), 4 * 20 * 2);
    for writer in 0..4 {
        let own = format!("{writer} ");
        let own: Vec<&String> = lines.iter().filter(|line| line.starts_with(&own)).collect();
        let expected: Vec<String> = (0..20).map(|n| format!("{writer} {n}")).collect();
        assert_eq!(own, expected.iter().collect::<Vec<_>>());
    }
}

#[test]
fn a_torn_last_line_is_not_read_and_cut_off_before_the_next() {
    let home = tempfile::tempdir().expect("directory");
    let path = home.path().join("study.log");
    std::fs::write(&path, "whole\n{\"torn").expect("file");
    let mut log = open(home.path());
    assert_eq!(log.read().expect("read"), ["whole"]);
    append(&mut log, &["next"]).expect("append");
    assert_eq!(log.read().expect("read"), ["next"]);
    assert_eq!(std::fs::read_to_string(&path).expect("file"), "whole\nnext\n");
}

#[test]
fn a_log_that_was_cut_behind_the_reader_is_damaged() {
    let home = tempfile::tempdir().expect("directory");
    let mut log = open(home.path());
    append(&mut log, &["first", "second"]).expect("append");
    log.read().expect("read");
    std::fs::write(home.path().join("study.log"), "first\n").expect("cut");
    assert!(matches!(log.read(), Err(Error::Corrupt { .. })));
}

#[test]
fn a_line_is_one_line() {
    let home = tempfile::tempdir().expect("directory");
    let mut log = open(home.path());
    let error = append(&mut log, &["fine", "not\nfine"]).expect_err("refused");
    assert!(matches!(error, Error::LineBreak { offset: 3, .. }), "{error}");
    assert_eq!(log.read().expect("read"), [""; 0]);
}

#[test]
fn workers_know_which_of_them_are_there() {
    let home = tempfile::tempdir().expect("directory");
    let (one, two) = (open(home.path()), open(home.path()));
    let name = two.worker().to_string();
    assert!(one.is_present(&name).expect("look"));
    drop(two);
    assert!(!one.is_present(&name).expect("look"));
    drop(one);
    let left: Vec<_> = std::fs::read_dir(home.path()).expect("list").flatten().collect();
    assert_eq!(left.len(), 1, "only the log remains: {left:?}");
}
