//! Files are whole or not there at all.

use std::io::Write;
use std::path::Path;

use atelier_store::{Error, Staged, durable_write, probe};

fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).expect("directory");
    let mut names: Vec<_> = entries
        .map(|entry| entry.expect("entry").file_name().into_string().expect("UTF-8"))
        .collect();
    names.sort();
    names
}

#[test]
fn a_write_replaces_the_content_and_leaves_nothing_else() {
    let directory = tempfile::tempdir().expect("directory");
    let path = directory.path().join("file");
    for content in [&b"a long first content"[..], b"short", b""] {
        durable_write(&path, content).expect("write");
        assert_eq!(std::fs::read(&path).expect("read"), content);
    }
    assert_eq!(names(directory.path()), ["file"]);
}

#[test]
fn a_failed_write_names_the_path_and_leaves_no_temporary_file() {
    let directory = tempfile::tempdir().expect("directory");
    let occupied = directory.path().join("occupied");
    std::fs::create_dir_all(occupied.join("below")).expect("directory");
    let message = durable_write(&occupied, b"x").expect_err("a directory").to_string();
    assert!(message.contains(occupied.to_str().expect("UTF-8")), "{message}");
    assert_eq!(names(directory.path()), ["occupied"]);

    let error = durable_write(&directory.path().join("missing/file"), b"x").expect_err("missing");
    assert!(matches!(error, Error::Io { operation: "create", .. }), "{error}");
    assert_eq!(names(directory.path()), ["occupied"]);
}

#[test]
fn a_staged_file_appears_at_commit_and_vanishes_when_dropped() {
    let directory = tempfile::tempdir().expect("directory");
    let path = directory.path().join("download");
    std::fs::write(&path, "old").expect("file");

    let mut staged = Staged::create(&path).expect("create");
    staged.write_all(b"half").expect("write");
    assert_eq!(names(directory.path()).len(), 2);
    drop(staged);
    assert_eq!(names(directory.path()), ["download"]);
    assert_eq!(std::fs::read_to_string(&path).expect("read"), "old");

    let mut staged = Staged::create(&path).expect("create");
    staged.write_all(b"who").expect("write");
    staged.write_all(b"le").expect("write");
    staged.commit().expect("commit");
    assert_eq!(std::fs::read_to_string(&path).expect("read"), "whole");
    assert_eq!(names(directory.path()), ["download"]);
}

#[test]
fn two_writers_of_one_file_do_not_mix() {
    let directory = tempfile::tempdir().expect("directory");
    let path = directory.path().join("file");
    std::thread::scope(|scope| {
        for byte in [b'a', b'b', b'c', b'd'] {
            let path = &path;
            scope.spawn(move || {
                for _ in 0..20 {
                    durable_write(path, &[byte; 5000]).expect("write");
                }
            });
        }
    });
    let content = std::fs::read(&path).expect("read");
    assert_eq!(content, [content[0]; 5000]);
    assert_eq!(names(directory.path()), ["file"]);
}

#[cfg(unix)]
#[test]
fn permissions_are_those_of_any_new_file() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().expect("directory");
    let mode = |name: &str| {
        let metadata = std::fs::metadata(directory.path().join(name)).expect("metadata");
        metadata.permissions().mode() & 0o777
    };
    std::fs::write(directory.path().join("plain"), "").expect("plain");
    durable_write(&directory.path().join("durable"), b"").expect("durable");
    assert_eq!(mode("durable"), mode("plain"));
}

#[cfg(unix)]
#[test]
fn a_link_at_the_target_is_replaced_and_not_followed() {
    let directory = tempfile::tempdir().expect("directory");
    let (link, victim) = (directory.path().join("link"), directory.path().join("victim"));
    std::fs::write(&victim, "precious").expect("victim");
    std::os::unix::fs::symlink(&victim, &link).expect("link");
    durable_write(&link, b"new").expect("write");
    assert_eq!(std::fs::read_to_string(&victim).expect("read"), "precious");
    assert!(!link.is_symlink());
}

#[test]
fn a_probe_passes_where_there_is_room_and_leaves_nothing() {
    let directory = tempfile::tempdir().expect("directory");
    probe(directory.path(), 1).expect("room for a byte");
    assert_eq!(names(directory.path()), [""; 0]);
}

#[test]
fn a_probe_of_a_missing_directory_names_it() {
    let directory = tempfile::tempdir().expect("directory");
    let message = probe(&directory.path().join("missing"), 1).expect_err("missing").to_string();
    assert!(message.contains("missing"), "{message}");
}

#[cfg(unix)]
#[test]
fn a_probe_for_more_than_there_is_tells_both_numbers() {
    let directory = tempfile::tempdir().expect("directory");
    let error = probe(directory.path(), u64::MAX).expect_err("too much");
    let Error::NoSpace { needed, available, .. } = &error else { panic!("{error}") };
    assert_eq!(*needed, u64::MAX);
    assert!(*available < u64::MAX);
    assert!(error.to_string().contains(&available.to_string()), "{error}");
}
