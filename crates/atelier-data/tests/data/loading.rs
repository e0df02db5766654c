use std::fs;
use std::path::Path;

use atelier_data::{Dataset, Error, FASHION_MNIST, FILE_NAMES, Loaded, Pins, SAMPLE, load_dir};
use ndarray::Array2;

use crate::small_set::{encode, gzip, own_files, put, sample_dir};

fn own(directory: &Path) -> Result<Loaded, Error> {
    load_dir(directory, &[FASHION_MNIST], true)
}

fn copy_sample(to: &Path) {
    fs::create_dir_all(to).expect("directory");
    for name in FILE_NAMES {
        let name = format!("{name}.gz");
        fs::copy(sample_dir().join(&name), to.join(&name)).expect("copy");
    }
}

#[test]
fn the_sample_is_recognised_and_its_provenance_recorded() {
    let data = load_dir(&sample_dir(), &[FASHION_MNIST, SAMPLE], false).expect("sample");
    let provenance = &data.provenance;
    assert_eq!((provenance.name.as_str(), provenance.pinned), ("fashion-mnist-sample", true));
    assert_eq!(provenance.files["t10k-labels-idx1-ubyte"].bytes, 1008);
    assert_eq!(provenance.files["train-images-idx3-ubyte"].sha256, SAMPLE.files[0].sha256);
    let json = serde_json::to_string(provenance).expect("serialises");
    assert_eq!(&serde_json::from_str::<atelier_data::Provenance>(&json).expect("json"), provenance);
    assert_eq!(data.class_names[9], "Ankle boot");
    assert_eq!(data.test.reads(), 0);
}

#[test]
fn files_are_found_where_packages_and_libraries_put_them() {
    for below in [".", "usr/share/datasets/fashion-mnist", "FashionMNIST/raw", "fashion-mnist"] {
        let directory = tempfile::tempdir().expect("directory");
        copy_sample(&directory.path().join(below));
        let data = load_dir(directory.path(), &[SAMPLE], false).expect(below);
        assert_eq!(data.train.len(), 2000);
    }
}

#[test]
fn a_plain_file_goes_before_a_compressed_one() {
    let directory = tempfile::tempdir().expect("directory");
    put(directory.path(), &own_files());
    fs::write(directory.path().join("train-labels-idx1-ubyte.gz"), "rubbish").expect("write");
    own(directory.path()).expect("the plain file");
}

#[test]
fn data_of_ones_own_needs_permission_and_is_recorded_as_unpinned() {
    let directory = tempfile::tempdir().expect("directory");
    put(directory.path(), &own_files());
    let message = load_dir(directory.path(), &[FASHION_MNIST], false).expect_err("unpinned");
    assert!(message.to_string().contains("--allow-unpinned"), "{message}");

    let data = own(directory.path()).expect("allowed");
    assert_eq!((data.provenance.name.as_str(), data.provenance.pinned), ("unpinned", false));
    assert_eq!((data.train.height(), data.train.width(), data.train.classes()), (2, 3, 3));
    assert_eq!(data.class_names, ["0", "1", "2"]);
    assert_eq!(data.train.images().row(1).to_vec(), [6, 7, 8, 9, 10, 11]);
    assert_eq!(data.test.class_counts(), [1, 1, 1]);
}

#[test]
fn missing_files_are_named() {
    let directory = tempfile::tempdir().expect("directory");
    put(directory.path(), &own_files());
    for name in [FILE_NAMES[1], FILE_NAMES[2]] {
        fs::remove_file(directory.path().join(name)).expect("remove");
    }
    match own(directory.path()).expect_err("missing") {
        Error::Missing { names, .. } => assert_eq!(names, [FILE_NAMES[1], FILE_NAMES[2]]),
        other => panic!("{other}"),
    }
    let message = own(&directory.path().join("nowhere")).expect_err("nowhere").to_string();
    assert!(message.contains("nowhere: no train-images-idx3-ubyte, no "), "{message}");
}

#[test]
fn images_and_labels_that_differ_in_number_are_refused() {
    for (file, count) in [(1, 6), (3, 3)] {
        let directory = tempfile::tempdir().expect("directory");
        let mut files = own_files();
        files[file] = encode(&[count + 1], &vec![0; count + 1]);
        put(directory.path(), &files);
        match own(directory.path()).expect_err("mismatch") {
            Error::Counts { n_images, n_labels, labels, .. } => {
                assert_eq!((n_images, n_labels), (count, count + 1));
                assert!(labels.ends_with(FILE_NAMES[file]));
            }
            other => panic!("{other}"),
        }
    }
}

#[test]
fn test_images_of_another_size_and_test_labels_beyond_the_training_classes_are_refused() {
    let directory = tempfile::tempdir().expect("directory");
    let mut files = own_files();
    files[2] = encode(&[3, 3, 2], &[0; 18]);
    put(directory.path(), &files);
    let message = own(directory.path()).expect_err("size").to_string();
    assert!(message.contains("3x2") && message.contains("2x3"), "{message}");

    let mut files = own_files();
    files[3] = encode(&[3], &[0, 1, 3]);
    put(directory.path(), &files);
    match own(directory.path()).expect_err("class 3") {
        Error::Format { offset, expected, .. } => {
            assert_eq!((offset, expected.as_str()), (10, "below 3"));
        }
        other => panic!("{other}"),
    }
}

#[test]
fn a_label_of_an_unknown_class_is_named_before_the_digest() {
    let directory = tempfile::tempdir().expect("directory");
    let mut files = own_files();
    files[1] = encode(&[6], &[0, 1, 2, 10, 1, 2]);
    put(directory.path(), &files);
    match load_dir(directory.path(), &[FASHION_MNIST], false).expect_err("label 10") {
        Error::Format { offset, found, .. } => assert_eq!((offset, found.as_str()), (11, "10")),
        other => panic!("{other}"),
    }
}

#[test]
fn one_flipped_bit_is_found_and_the_file_named() {
    for (file, name) in FILE_NAMES.iter().enumerate() {
        let directory = tempfile::tempdir().expect("directory");
        copy_sample(directory.path());
        let data = load_dir(directory.path(), &[SAMPLE], false).expect("good");
        // Labels 0 and 1 are both in range: only the digest can tell.
        let (dataset, shape) = match file / 2 {
            0 => (&*data.train, [2000, 28, 28]),
            _ => (data.test.read(), [1000, 28, 28]),
        };
        let bytes = if file % 2 == 0 {
            let mut pixels: Vec<u8> = dataset.images().iter().copied().collect();
            pixels[12_345] ^= 1;
            encode(&shape, &pixels)
        } else {
            let mut labels = dataset.labels().to_vec();
            labels[123] ^= u8::from(labels[123] < 8);
            labels[124] ^= u8::from(labels[124] < 8);
            encode(&shape[..1], &labels)
        };
        fs::write(directory.path().join(name), bytes).expect("write");
        match load_dir(directory.path(), &[SAMPLE], false).expect_err("flipped") {
            Error::Digest { path, expected, found, .. } => {
                assert!(path.ends_with(name));
                assert_eq!(expected, SAMPLE.files[file].sha256);
                assert_ne!(expected, found);
            }
            other => panic!("{other}"),
        }
    }
}

#[test]
fn a_file_in_the_place_of_another_is_named() {
    let directory = tempfile::tempdir().expect("directory");
    copy_sample(directory.path());
    for (from, to) in [(2, 0), (3, 1)] {
        let name = |file: usize| directory.path().join(format!("{}.gz", FILE_NAMES[file]));
        fs::copy(name(from), name(to)).expect("copy");
    }
    let message = load_dir(directory.path(), &[SAMPLE], false).expect_err("swapped").to_string();
    assert!(message.contains("that is the sample's t10k-images-idx3-ubyte"), "{message}");
}

/// The first half of a header of 64 MiB of images, packed and with so much behind it that it could be true; whoever
/// unpacks more than the header finds the end.
fn bomb() -> Vec<u8> {
    let words = [0x0803, 64, 1024, 1024_u32];
    let header = words.into_iter().flat_map(u32::to_be_bytes);
    // Nothing that gzip could take out.
    let mut state = 1_u64;
    let noise = (0..80_000).map(|_| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    });
    gzip(&header.chain(noise).collect::<Vec<u8>>())
}

#[test]
fn content_that_cannot_be_right_is_refused_by_its_header() {
    let name = FILE_NAMES[2];
    let directory = tempfile::tempdir().expect("directory");
    copy_sample(directory.path());
    let packed = directory.path().join(format!("{name}.gz"));
    fs::write(&packed, bomb()).expect("write");
    match load_dir(directory.path(), &[FASHION_MNIST, SAMPLE], false).expect_err("too large") {
        Error::Larger { path, name, largest, found } => {
            assert_eq!((path, name), (packed.clone(), "fashion-mnist"));
            assert_eq!((largest, found), (47_040_016, (64 << 20) + 16));
        }
        other => panic!("{other}"),
    }
    // Whatever is allowed: there are not so many labels.
    match load_dir(directory.path(), &[SAMPLE], true).expect_err("other counts") {
        Error::Counts { n_images, n_labels, .. } => assert_eq!((n_images, n_labels), (64, 1000)),
        other => panic!("{other}"),
    }
}

#[test]
fn a_plain_file_of_any_length_is_refused_without_its_memory() {
    let directory = tempfile::tempdir().expect("directory");
    copy_sample(directory.path());
    fs::remove_file(directory.path().join(format!("{}.gz", FILE_NAMES[0]))).expect("the sample's");
    let path = directory.path().join(FILE_NAMES[0]);
    let header: Vec<u8> = [0x0803, 1 << 20, 1024, 1024_u32].map(u32::to_be_bytes).concat();
    fs::write(&path, header).expect("write");
    // A terabyte that takes no room.
    let file = fs::File::options().write(true).open(&path).expect("the file");
    file.set_len((1 << 40) + 16).expect("a sparse file");
    // Permission to use one's own data would not help, and is not advised.
    for allowed in [false, true] {
        let error = load_dir(directory.path(), &[SAMPLE], allowed).expect_err("too large");
        let message = error.to_string();
        assert!(message.contains("expected at most 1073741824 bytes"), "{message}");
        assert!(!message.contains("--allow-unpinned"), "{message}");
    }
}

#[test]
fn truncated_and_foreign_files_are_refused_whether_pinned_or_not() {
    for (bytes, part) in [
        (own_files()[0][..20].to_vec(), "the file ends early"),
        (gzip(&own_files()[0])[..30].to_vec(), "cut off"),
        (b"<html>not found</html>".to_vec(), "a web page"),
        (Vec::new(), "the file ends early"),
    ] {
        for allow_unpinned in [false, true] {
            let directory = tempfile::tempdir().expect("directory");
            let mut files = own_files();
            files[0].clone_from(&bytes);
            put(directory.path(), &files);
            let error = load_dir(directory.path(), &[SAMPLE], allow_unpinned).expect_err(part);
            assert!(error.to_string().contains(part), "{error}");
            assert!(error.to_string().contains(FILE_NAMES[0]), "{error}");
        }
    }
}

#[test]
fn nothing_is_accepted_without_a_pin_or_permission() {
    let none: [Pins; 0] = [];
    load_dir(&sample_dir(), &none, false).expect_err("no pin");
}

#[test]
fn a_data_set_must_fit_together() {
    let images = || Array2::<u8>::zeros((2, 6));
    Dataset::new(images(), vec![0, 1], (2, 3), 2).expect("fits");
    Dataset::new(images(), vec![0], (2, 3), 2).expect_err("labels");
    Dataset::new(images(), vec![0, 2], (2, 3), 2).expect_err("class");
    Dataset::new(images(), vec![0, 1], (2, 2), 2).expect_err("size");
    Dataset::new(images(), vec![0, 1], (usize::MAX, 3), 2).expect_err("overflow");
    Dataset::new(Array2::zeros((0, 6)), vec![], (2, 3), 2).expect_err("empty");

    let transposed = ndarray::arr2(&[[0_u8, 10], [1, 11], [2, 12], [3, 13], [4, 14], [5, 15]]);
    let dataset = Dataset::new(transposed.reversed_axes(), vec![0, 1], (2, 3), 2).expect("fits");
    assert_eq!(dataset.images().row(1).to_vec(), [10, 11, 12, 13, 14, 15]);
}
