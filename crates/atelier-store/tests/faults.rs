//! Faults on purpose. A process can be armed once, so there is one test that does it.

use atelier_store::{Error, Fault, durable_write};

#[test]
fn a_write_that_stops_halfway_keeps_the_old_content_and_leaves_nothing() {
    let directory = tempfile::tempdir().expect("directory");
    let target = directory.path().join("a.json");
    durable_write(&target, b"old").expect("before");
    // The second operation from here on: the first makes the temporary file.
    assert!("short@2".parse::<Fault>().expect("a fault").arm());
    assert!(!"eio@1".parse::<Fault>().expect("a fault").arm(), "armed twice");

    let error = durable_write(&target, b"new content").expect_err("no room");
    let Error::Io { operation: "write", cause, .. } = &error else { panic!("{error}") };
    assert_eq!(cause.kind(), std::io::ErrorKind::StorageFull, "{error}");
    assert_eq!(std::fs::read(&target).expect("the file"), b"old");
    assert_eq!(std::fs::read_dir(directory.path()).expect("the directory").count(), 1);

    durable_write(&target, b"new content").expect("once only");
    assert_eq!(std::fs::read(&target).expect("the file"), b"new content");
}

#[test]
fn what_is_no_fault_is_refused_with_those_there_are() {
    for text in ["", "eio", "eio@", "eio@0", "eio@x", "eio@1-", "flood@1"] {
        let error = text.parse::<Fault>().expect_err(text);
        assert!(error.contains("KIND@N") && error.contains("enospc"), "{error}");
    }
    for text in ["eio@1", "kill@12+", "close@3", "trace@somewhere"] {
        assert!(text.parse::<Fault>().is_ok(), "{text}");
    }
}
