//! Data of one's own, of another size and with other classes than Fashion-MNIST, through every verb.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use crate::cli::{Output, atelier, temp_dir};
use crate::predict::png;

const HEIGHT: usize = 12;
const WIDTH: usize = 18;
const CLASSES: [&str; 3] = ["left", "middle", "right"];

/// Images with a bright bar where their class says, and a little of something else.
fn images(n: usize, seed: u64) -> (Vec<u8>, Vec<u8>) {
    let mut state = seed;
    let mut noise = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u8::try_from(state >> 59).expect("five bits")
    };
    let labels: Vec<u8> =
        (0..n).map(|i| u8::try_from(i % CLASSES.len()).expect("a class")).collect();
    let mut pixels = Vec::with_capacity(n * HEIGHT * WIDTH);
    for &label in &labels {
        let bar = 2 + 6 * usize::from(label);
        for place in 0..HEIGHT * WIDTH {
            let bright = (bar..bar + 2).contains(&(place % WIDTH));
            pixels.push(if bright { 150 } else { 20 } + noise());
        }
    }
    (pixels, labels)
}

fn idx(magic: u32, sizes: &[usize], bytes: &[u8]) -> Vec<u8> {
    let sizes = sizes.iter().map(|&size| u32::try_from(size).expect("a size"));
    let head = std::iter::once(magic).chain(sizes).flat_map(u32::to_be_bytes);
    head.chain(bytes.iter().copied()).collect()
}

/// NPY of version 1.0.
fn npy(shape: &str, bytes: &[u8]) -> Vec<u8> {
    let mut head = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}");
    head.push_str(&" ".repeat(63 - (10 + head.len()) % 64));
    head.push('\n');
    let length = u16::try_from(head.len()).expect("a short header");
    [b"\x93NUMPY\x01\x00", &length.to_le_bytes()[..], head.as_bytes(), bytes].concat()
}

/// Its negative, if the ground is to be light.
fn on_ground(light: bool, pixels: Vec<u8>) -> Vec<u8> {
    if light { pixels.into_iter().map(|pixel| 255 - pixel).collect() } else { pixels }
}

fn write(directory: &Path, as_npy: bool, light: bool) {
    for (name, of_npy, n, seed) in [("train", "train", 600, 1), ("t10k", "test", 150, 2)] {
        let (pixels, labels) = images(n, seed);
        let pixels = on_ground(light, pixels);
        let put = |name: String, bytes: Vec<u8>| {
            fs::write(directory.join(name), bytes).expect("a file");
        };
        if as_npy {
            let shape = format!("({n}, {HEIGHT}, {WIDTH})");
            put(format!("{of_npy}_images.npy"), npy(&shape, &pixels));
            put(format!("{of_npy}_labels.npy"), npy(&format!("({n},)"), &labels));
        } else {
            let sizes = [n, HEIGHT, WIDTH];
            put(format!("{name}-images-idx3-ubyte"), idx(0x803, &sizes, &pixels));
            put(format!("{name}-labels-idx1-ubyte"), idx(0x801, &[n], &labels));
        }
    }
    fs::write(directory.join("classes.txt"), CLASSES.join("\n") + "\n").expect("a file");
}

/// A home without anything, and what is run in it.
struct Place {
    home: TempDir,
    data: String,
}

impl Place {
    fn new(as_npy: bool) -> Self {
        Self::on(as_npy, false)
    }

    /// With images on a dark or on a light ground.
    fn on(as_npy: bool, light: bool) -> Self {
        let home = temp_dir();
        let directory = home.path().join("mine");
        fs::create_dir(&directory).expect("a directory");
        write(&directory, as_npy, light);
        Self { data: directory.display().to_string(), home }
    }

    fn run(&self, arguments: &[&str]) -> Output {
        atelier(arguments).env("ATELIER_HOME", self.home.path()).run().expect_code(0)
    }

    /// A verb on the data.
    fn on_data(&self, verb: &[&str]) -> Output {
        let data = ["--data-dir", &self.data, "--allow-unpinned", "--set", "train.epochs=2"];
        self.run(&[verb, &data].concat())
    }

    fn summary(&self, run: &str) -> Value {
        let path = self.home.path().join("runs").join(run).join("summary.json");
        serde_json::from_str(&fs::read_to_string(path).expect("a summary")).expect("JSON")
    }
}

/// Leaves a hundred images for validation.
const ASIDE: [&str; 2] = ["--set", "data.validation=100"];

#[test]
fn a_network_is_trained_drawn_and_verified() {
    for as_npy in [false, true] {
        let place = Place::new(as_npy);
        let snapshots = ["--set", "train.snapshots_per_epoch=4"];
        let trained = place.on_data(&[&["train"], &ASIDE[..], &snapshots].concat());
        assert!(trained.stdout.contains("1x12x18"), "{trained}");
        let summary = place.summary("train-0001");
        assert!(summary["test"]["accuracy"].as_f64().is_some_and(|share| share > 0.9), "{summary}");
        assert_eq!(summary["parameters"], (216 + 1) * 50 + 2 * 51 * 50 + 51 * 3);

        place.run(&["landscape", "--run", "train-0001", "--set", "landscape.grid=7"]);
        let verified = place.run(&["runs", "verify", "train-0001"]);
        assert!(verified.stdout.contains("of 150 correct"), "{verified}");
    }
}

#[test]
fn pictures_are_inverted_where_their_ground_is_not_that_of_the_training_images() {
    for light in [false, true] {
        let place = Place::on(false, light);
        place.on_data(&[&["train"], &ASIDE[..]].concat());
        let shares = &place.summary("train-0001")["backgrounds"];
        let own = if light { "light" } else { "dark" };
        assert_eq!(shares[own], 1.0, "{shares}");

        let (pixels, labels) = images(CLASSES.len(), 2);
        let mut files = Vec::new();
        for picture_light in [light, !light] {
            for (i, image) in pixels.chunks(HEIGHT * WIDTH).enumerate() {
                let image = on_ground(picture_light, image.to_vec());
                let rows: Vec<Vec<u8>> = image.chunks(WIDTH).map(<[u8]>::to_vec).collect();
                let file = place.home.path().join(format!("{picture_light}-{i}.png"));
                fs::write(&file, png(18, 12, &rows)).expect("a picture");
                files.push(file.display().to_string());
            }
        }
        let predict = |more: &[&str]| -> Vec<Value> {
            let files: Vec<&str> = files.iter().map(String::as_str).collect();
            let all = [&["predict", "--format", "json"], more, &files].concat();
            place.run(&all).json()["predictions"].as_array().expect("predictions").clone()
        };
        let found = predict(&[]);
        let (same, other) = found.split_at(CLASSES.len());
        for ((same, other), label) in same.iter().zip(other).zip(labels) {
            assert_eq!((&same["label"], &same["inverted"]), (&label.into(), &false.into()));
            assert_eq!((&other["input"], &other["inverted"]), (&same["input"], &true.into()));
        }
        for (when, inverted) in [("never", false), ("always", true)] {
            let found = predict(&["--invert", when]);
            assert!(found.iter().all(|of| of["inverted"] == inverted), "{when}");
        }
    }
}

#[test]
fn an_autoencoder_shows_images_of_their_own_shape_under_their_own_names() {
    let place = Place::new(true);
    place.on_data(&["autoencoder"]);
    let classes = place.summary("autoencoder-0001")["classes"].clone();
    let names: Vec<&str> =
        classes.as_array().expect("classes").iter().filter_map(|of| of["class"].as_str()).collect();
    assert_eq!(names, CLASSES);
    let gallery = place.home.path().join("runs/autoencoder-0001/figures/gallery.svg");
    let gallery = fs::read_to_string(gallery).expect("a figure");
    assert!(CLASSES.iter().all(|name| gallery.contains(name)), "names are missing");
}

#[test]
fn variants_landscapes_and_searches_work_and_their_commands_name_the_data() {
    let place = Place::new(false);
    place.on_data(&[&["variants", "--seeds", "2"], &ASIDE[..]].concat());
    place.on_data(&["landscape", "--set", "landscape.grid=7", "--set", "data.examples=300"]);
    let tuned = place.on_data(&[&["tune", "--trials", "2"], &ASIDE[..]].concat());
    for start in ["again: cargo xtask ", "as trained anew: cargo xtask "] {
        let again = tuned.stdout.lines().find_map(|line| line.strip_prefix(start));
        let words: Vec<&str> = again.expect("a command").split(' ').collect();
        place.run(&words);
    }
    // What was trained anew is so once more.
    let [inner, again] = ["tune-0001/retrained", "train-0002"].map(|run| place.summary(run));
    assert_eq!(inner["test"], again["test"]);
}
