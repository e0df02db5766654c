//! Bad data files: each is refused with its path and what is wrong, exit code 2, and nothing is
//! lost: the file stays, and no run begins.

use std::fs;

use crate::cli::{Output, atelier, sample, temp_dir};
use crate::fixture::Files;

const IMAGES: &str = "train-images-idx3-ubyte";
const LABELS: &str = "train-labels-idx1-ubyte";

/// Both verbs that read these files must say all of `expected`.
#[track_caller]
fn refused(files: &Files, expected: &[&str]) {
    let before = files.content();
    let home = temp_dir();
    let directory = files.directory().display().to_string();
    let train = ["train", "--set", "data.validation=400", "--set", "train.epochs=1"];
    for verb in [&["data", "verify"][..], &train[..]] {
        let command = atelier(verb.iter().chain(&["--data-dir", directory.as_str()]));
        let output: Output = command.env("ATELIER_HOME", home.path()).run().expect_code(2);
        for text in expected {
            assert!(output.stderr.contains(text), "{verb:?} does not say {text:?}: {output}");
        }
        assert!(output.stdout.is_empty(), "{output}");
    }
    assert!(files.content() == before, "a data file was changed");
    assert!(!home.path().join("runs").exists(), "a run was begun");
}

#[test]
fn good_files_are_accepted_plain_and_packed() {
    let files = Files::new();
    for directory in [files.directory(), &sample()] {
        let verified = atelier(
            ["data", "verify", "--format", "json", "--data-dir"]
                .map(str::to_string)
                .into_iter()
                .chain([directory.display().to_string()]),
        );
        let verified = verified.run().expect_code(0).json();
        assert_eq!(verified["pinned"], true);
        assert_eq!(verified["name"], "fashion-mnist-sample");
    }
}

#[test]
fn a_truncated_file_is_refused() {
    let files = Files::new();
    let whole = files.get(IMAGES);
    files.put(IMAGES, &whole[..whole.len() - 100]);
    refused(&files, &[IMAGES, "expected"]);
    files.put(IMAGES, &whole[..7]);
    refused(&files, &[IMAGES, "expected"]);
    files.put(IMAGES, b"");
    refused(&files, &[IMAGES, "expected"]);
}

#[test]
fn a_truncated_packed_file_is_refused() {
    let files = Files::new();
    fs::remove_file(files.path(IMAGES)).expect("removed");
    let packed = fs::read(sample().join(format!("{IMAGES}.gz"))).expect("the sample");
    let name = format!("{IMAGES}.gz");
    files.put(&name, &packed[..packed.len() / 2]);
    refused(&files, &[&name]);
}

#[test]
fn mislabelled_files_are_refused() {
    // Labels in the place of images, and a label that is no class.
    let files = Files::new();
    let (images, labels) = (files.get(IMAGES), files.get(LABELS));
    files.put(IMAGES, &labels);
    refused(&files, &[IMAGES, "expected"]);
    files.put(IMAGES, &images);
    let mut wrong = labels;
    wrong[8 + 17] = 10;
    files.put(LABELS, &wrong);
    refused(&files, &[LABELS, "byte 25", "10"]);
}

#[test]
fn mismatched_files_are_refused() {
    let files = Files::new();
    files.put(LABELS, &files.get("t10k-labels-idx1-ubyte"));
    refused(&files, &[LABELS, "2000", "1000"]);
}

#[test]
fn an_oversized_file_is_refused() {
    let files = Files::new();
    let mut bytes = files.get(IMAGES);
    bytes.push(0);
    files.put(IMAGES, &bytes);
    refused(&files, &[IMAGES, "expected"]);

    // A header that asks for more memory than there is.
    bytes[4..8].copy_from_slice(&u32::MAX.to_be_bytes());
    files.put(IMAGES, &bytes);
    refused(&files, &[IMAGES, "expected"]);
}

#[test]
fn a_flipped_bit_is_refused_and_accepted_only_as_data_of_ones_own() {
    let files = Files::new();
    let mut bytes = files.get(IMAGES);
    bytes[123_456] ^= 0x10;
    files.put(IMAGES, &bytes);
    refused(&files, &[IMAGES, "SHA-256", "--allow-unpinned"]);

    let directory = files.directory().display().to_string();
    let arguments =
        ["data", "verify", "--allow-unpinned", "--format", "json", "--data-dir", &directory];
    assert_eq!(atelier(arguments).run().expect_code(0).json()["pinned"], false);
}

#[test]
fn a_missing_file_is_refused() {
    let files = Files::new();
    fs::remove_file(files.path(LABELS)).expect("removed");
    refused(&files, &[LABELS]);
}

#[test]
fn a_web_page_in_the_place_of_data_is_recognised() {
    let files = Files::new();
    files.put(IMAGES, b"<!DOCTYPE html><html><body>404 Not Found</body></html>");
    refused(&files, &[IMAGES, "web page"]);
}

#[test]
fn a_directory_that_is_not_there_is_told_as_such() {
    let home = temp_dir();
    let absent = home.path().join("absent").display().to_string();
    for verb in [&["data", "verify"][..], &["data", "info"], &["data", "fetch"], &["train"]] {
        let refused = atelier(verb.iter().chain(&["--data-dir", absent.as_str()])).run();
        let refused = refused.expect_code(2);
        assert!(refused.stderr.contains("absent does not exist; create it (mkdir)"), "{refused}");
        assert!(!home.path().join("absent").exists());
    }
}

#[test]
fn fetching_is_suggested_where_it_helps_and_into_the_right_place() {
    let empty = temp_dir();
    let path = empty.path().display().to_string();
    let refused = atelier(["data", "info", "--data-dir", &path]).run().expect_code(2);
    let help = format!("help: `cargo xtask data fetch --data-dir {path}` obtains");
    assert!(refused.stderr.contains(&help), "{refused}");
    let refused = atelier(["data", "verify"]).run().expect_code(2);
    assert!(refused.stderr.contains("help: `cargo xtask data fetch` obtains"), "{refused}");

    // One's own files are not to be replaced.
    let files = Files::new();
    let mut bytes = files.get(IMAGES);
    bytes[123_456] ^= 0x10;
    files.put(IMAGES, &bytes);
    let path = files.directory().display().to_string();
    let refused = atelier(["data", "verify", "--data-dir", &path]).run().expect_code(2);
    assert!(!refused.stderr.contains("data fetch"), "{refused}");
}
