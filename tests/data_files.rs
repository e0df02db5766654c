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

/// An NPY file: version 1.0, C order.
fn npy(descr: &str, shape: &str, values: &[u8]) -> Vec<u8> {
    let text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
    let length = u16::try_from(text.len()).expect("short").to_le_bytes();
    [b"\x93NUMPY\x01\x00", &length[..], text.as_bytes(), values].concat()
}

#[test]
fn the_course_files_are_fashion_mnist_whatever_their_type() {
    let (files, course) = (Files::new(), temp_dir());
    for (split, stem, n) in [("train", "train", 2000), ("test", "t10k", 1000)] {
        let pixels = &files.get(&format!("{stem}-images-idx3-ubyte"))[16..];
        let unit: Vec<u8> =
            pixels.iter().flat_map(|&p| (f64::from(p) / 255.0).to_be_bytes()).collect();
        let labels = &files.get(&format!("{stem}-labels-idx1-ubyte"))[8..];
        let put = |what: &str, bytes: Vec<u8>| {
            fs::write(course.path().join(format!("fashion_mnist_{split}_{what}.npy")), bytes)
                .expect("a file");
        };
        put("images", npy(">f8", &format!("({n}, 784)"), &unit));
        put("labels", npy("|u1", &format!("({n},)"), labels));
    }
    let path = course.path().display().to_string();
    for more in [&[][..], &["--source", "course"]] {
        let verify = ["data", "verify", "--format", "json", "--data-dir", &path];
        let verified = atelier(verify.iter().chain(more)).run().expect_code(0);
        assert!(verified.stderr.contains("floats in [0, 1]: multiplied by 255"), "{verified}");
        let verified = verified.json();
        assert_eq!(verified["name"], "fashion-mnist-sample");
        assert_eq!(verified["pinned"], true);
    }
}

#[test]
fn course_files_that_are_not_there_are_named_with_what_fetches_them() {
    let empty = temp_dir();
    let path = empty.path().display().to_string();
    let arguments = ["data", "verify", "--source", "course", "--data-dir", &path];
    let refused = atelier(arguments).run().expect_code(2);
    assert!(refused.stderr.contains("no fashion_mnist_train_images.npy"), "{refused}");
    let help = format!("data fetch --source course --data-dir {path}` obtains the data");
    assert!(refused.stderr.contains(&help), "{refused}");
    assert!(fs::read_dir(empty.path()).expect("a directory").next().is_none());
}

#[test]
fn data_of_ones_own_is_trained_with_its_size_and_classes() {
    let (own, home) = (temp_dir(), temp_dir());
    // 14x14 pixels in 3 classes: a bar in the upper, the middle or the lower part.
    for (split, n) in [("train", 300_usize), ("test", 60)] {
        let pixel = |i: usize| {
            let (image, row) = (i / 196, i % 196 / 14);
            if row / 5 == image % 3 { 200 + u8::try_from(i % 17).expect("small") } else { 0 }
        };
        let images: Vec<u8> = (0..196 * n).map(pixel).collect();
        let labels: Vec<u8> = (0..n as u64).flat_map(|i| (i % 3).to_le_bytes()).collect();
        let put = |what: &str, bytes: Vec<u8>| {
            fs::write(own.path().join(format!("{split}_{what}.npy")), bytes).expect("a file");
        };
        put("images", npy("|u1", &format!("({n}, 14, 14)"), &images));
        put("labels", npy("<i8", &format!("({n},)"), &labels));
    }
    fs::write(own.path().join("classes.txt"), "upper\nmiddle\nlower\n").expect("a file");
    let path = own.path().display().to_string();
    let refused = atelier(["data", "verify", "--data-dir", &path]).run().expect_code(2);
    assert!(refused.stderr.contains("--allow-unpinned"), "{refused}");

    let data = ["--data-dir", &path, "--allow-unpinned", "--format", "json"];
    let info = atelier(["data", "info"].iter().chain(&data)).run().expect_code(0).json();
    assert_eq!(info["classes"], serde_json::json!(["upper", "middle", "lower"]));
    assert_eq!((&info["height"], &info["width"]), (&14.into(), &14.into()));

    let train = ["train", "--set", "train.epochs=5", "--set", "data.validation=60"];
    let command = atelier(train.iter().chain(&data)).env("ATELIER_HOME", home.path());
    let summary = command.run().expect_code(0).json();
    assert!(summary["test"]["accuracy"].as_f64() > Some(0.99), "{summary}");
}
