use atelier_data::{FASHION_MNIST, FASHION_MNIST_CLASSES, FILE_NAMES, SAMPLE};

use crate::small_set::{sample, sample_dir};

#[test]
fn the_readme_of_the_data_lists_the_pinned_digests() {
    let readme = std::fs::read_to_string(sample_dir().join("../README.md")).expect("README");
    for pins in [FASHION_MNIST, SAMPLE] {
        for (name, pin) in FILE_NAMES.iter().zip(pins.files) {
            let line = format!("| {name} | {} | {} |", pin.bytes, pin.sha256);
            assert!(readme.contains(&line), "{line}");
        }
    }
}

#[test]
fn the_sample_has_the_same_number_of_each_class() {
    let data = sample();
    assert_eq!(data.train.class_counts(), [200; 10]);
    assert_eq!(data.test.class_counts(), [100; 10]);
    assert_eq!(data.class_names, FASHION_MNIST_CLASSES);
}

#[test]
fn the_sample_looks_like_the_whole() {
    // Mean and standard deviation of all 60,000 training images are 0.2860 and 0.3530.
    let data = sample();
    let values = data.train.images().mapv(|value| f64::from(value) / 255.0);
    let mean = values.mean().expect("not empty");
    assert!((mean - 0.2860).abs() < 0.01, "{mean}");
    assert!((values.std(0.0) - 0.3530).abs() < 0.01, "{}", values.std(0.0));
}

#[test]
fn the_sample_carries_its_licence() {
    let licence = std::fs::read_to_string(sample_dir().join("LICENSE")).expect("LICENSE");
    assert!(licence.contains("Zalando SE"));
}
