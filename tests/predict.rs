//! `predict`: what is in image files, by a trained network.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use flate2::write::ZlibEncoder;
use flate2::{Compression, Crc};

use crate::cli::{Output, atelier};
use crate::fixture::home_with_sample;

fn run(home: &Path, arguments: &[&str]) -> Output {
    atelier(arguments).env("ATELIER_HOME", home).run()
}

/// A home with a trained network in it.
fn trained() -> tempfile::TempDir {
    let home = home_with_sample();
    run(home.path(), &["train", "--smoke", "--quiet"]).expect_code(0);
    home
}

fn chunk(kind: &[u8], content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).expect("a short chunk").to_be_bytes();
    let mut crc = Crc::new();
    crc.update(kind);
    crc.update(content);
    [&length[..], kind, content, &crc.sum().to_be_bytes()].concat()
}

/// A grey PNG that says that it is so large, of these rows.
pub fn png(width: u32, height: u32, rows: &[Vec<u8>]) -> Vec<u8> {
    let header = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 0, 0, 0, 0]].concat();
    let mut packed = ZlibEncoder::new(Vec::new(), Compression::fast());
    for row in rows {
        // Each row begins with its filter: none.
        packed.write_all(&[&[0], row.as_slice()].concat()).expect("memory");
    }
    let packed = packed.finish().expect("memory");
    let chunks = [chunk(b"IHDR", &header), chunk(b"IDAT", &packed), chunk(b"IEND", &[])];
    [&b"\x89PNG\r\n\x1a\n"[..], &chunks.concat()].concat()
}

/// A bright shape on a dark ground, or the reverse, `side` pixels high and wide.
fn picture(home: &Path, name: &str, side: u32, light: bool) -> PathBuf {
    let inside = |i: u32| (side / 4..side - side / 4).contains(&i);
    let grey = |x, y| if (inside(x) && inside(y)) == light { 0 } else { 255 };
    let rows: Vec<Vec<u8>> = (0..side).map(|y| (0..side).map(|x| grey(x, y)).collect()).collect();
    let path = home.join(name);
    fs::write(&path, png(side, side, &rows)).expect("a file");
    path
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

#[test]
fn the_newest_run_says_what_it_sees_and_shows_what_it_was_given() {
    let home = trained();
    let dark = picture(home.path(), "dark.png", 28, false);
    let shown = run(home.path(), &["predict", text(&dark)]).expect_code(0);
    assert!(shown.stderr.contains("train-0001/model.safetensors"), "{shown}");
    assert!(shown.stdout.contains("28 x 28 pixels, taken as they are"), "{shown}");
    assert!(shown.stdout.contains("█") && shown.stdout.contains("Ankle boot"), "{shown}");
    // No colours: this is no terminal.
    assert!(!shown.stdout.contains('\u{1b}'), "{shown}");
    assert_eq!(shown.stdout.matches(" %").count(), 10, "{shown}");
    assert!(shown.stdout.lines().all(|line| line == line.trim_end()), "{shown}");
}

#[test]
fn dark_on_light_of_any_size_is_the_same_as_bright_on_dark_and_it_is_said() {
    let home = trained();
    let dark = picture(home.path(), "dark.png", 28, false);
    let light = picture(home.path(), "light.png", 280, true);
    let arguments = ["predict", "--run", "train-0001", text(&dark), text(&light)];
    let json = run(home.path(), &[&arguments[..], &["--format", "json"]].concat());
    let predictions = json.expect_code(0).json()["predictions"].clone();
    assert_eq!(predictions[0]["input"], predictions[1]["input"]);
    assert_eq!(predictions[0]["probabilities"], predictions[1]["probabilities"]);
    assert_eq!(
        (&predictions[0]["inverted"], &predictions[1]["inverted"]),
        (&false.into(), &true.into())
    );
    let sum: f64 = serde_json::from_value::<Vec<f64>>(predictions[0]["probabilities"].clone())
        .expect("numbers")
        .iter()
        .sum();
    assert!((sum - 1.0).abs() < 1e-9, "{sum}");
    let shown = run(home.path(), &arguments).expect_code(0);
    assert!(shown.stdout.contains("dark and light were exchanged"), "{shown}");
    assert!(shown.stdout.contains("280 x 280 pixels, made 28 x 28"), "{shown}");
}

#[test]
fn a_file_of_weights_says_the_same_as_its_run_where_the_network_is_described() {
    let home = home_with_sample();
    let settings = ["--set", "model.hidden=12", "--set", "data.standardize=true"];
    let training = ["train", "--smoke", "--quiet"];
    run(home.path(), &[&training[..], &settings].concat()).expect_code(0);
    let dark = picture(home.path(), "dark.png", 28, false);
    let file = home.path().join("runs/train-0001/model.safetensors");
    let json = ["--format", "json", text(&dark)];
    let of_run = run(home.path(), &[&["predict"], &json[..]].concat()).expect_code(0).json();
    let of_file = ["predict", "--model", text(&file), "--set", "model.hidden=12"];
    let found = run(home.path(), &[&of_file[..], &json].concat()).expect_code(0).json();
    assert_eq!(of_run, found);
    let other = ["predict", "--model", text(&file), text(&dark)];
    let refused = run(home.path(), &other).expect_code(2);
    assert!(refused.stderr.contains("now it is 784-50-50-50-10"), "{refused}");
    let refused = run(home.path(), &["predict", "--set", "model.hidden=12", text(&dark)]);
    assert!(refused.expect_code(2).stderr.contains("--model"));
}

#[test]
fn what_cannot_be_read_is_named_and_nothing_is_said_of_the_others() {
    let home = trained();
    let good = picture(home.path(), "good.png", 28, false);
    let bad = |name: &str, bytes: &[u8]| {
        let path = home.path().join(name);
        fs::write(&path, bytes).expect("a file");
        path
    };
    let whole = fs::read(&good).expect("the picture");
    for (path, reason) in [
        (bad("words.png", b"no image"), "no PNG and no JPEG"),
        (bad("empty.jpg", b""), "no PNG and no JPEG"),
        (bad("moving.png", b"GIF89a\x01\0\x01\0\0\0\0"), "convert picture.webp picture.png"),
        (bad("web.jpg", b"RIFF\x24\0\0\0WEBPVP8 "), "convert picture.webp picture.png"),
        (bad("claimed.png", &png(1 << 31, 1 << 31, &[])), "claimed.png"),
        (bad("endless.png", &png(0x7fff_ffff, 0x7fff_ffff, &[])), "make the image smaller"),
        (bad("cut.png", &whole[..whole.len() / 2]), "cut.png"),
        // A few bytes that would be 10,000 million pixels.
        (bad("bomb.png", &png(100_000, 100_000, &[vec![0; 9]])), "100000 x 100000 pixels"),
        (home.path().join("missing.png"), "missing.png"),
        (home.path().join("runs"), "runs"),
    ] {
        let refused = run(home.path(), &["predict", text(&good), text(&path)]).expect_code(2);
        assert!(refused.stderr.contains(text(&path)), "{refused}");
        assert!(refused.stderr.contains(reason), "{refused}");
        assert!(refused.stdout.is_empty(), "{refused}");
    }
}

#[test]
fn without_a_run_and_with_one_of_another_verb_it_is_said_what_to_do() {
    let home = home_with_sample();
    let dark = picture(home.path(), "dark.png", 28, false);
    let refused = run(home.path(), &["predict", text(&dark)]).expect_code(2);
    assert!(refused.stderr.contains("no complete run of `train`"), "{refused}");
    assert!(refused.stderr.contains("cargo xtask train"), "{refused}");
    run(home.path(), &["autoencoder", "--smoke", "--quiet"]).expect_code(0);
    let other = ["predict", "--run", "autoencoder-0001", text(&dark)];
    let refused = run(home.path(), &other).expect_code(2);
    assert!(refused.stderr.contains("is one of `autoencoder`"), "{refused}");
}
