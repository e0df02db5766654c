//! Every reader of outside bytes as a function of bytes: what the fuzz targets call, and what the kept corpus is
//! replayed through.

use std::path::Path;

use atelier::outside;
use atelier_data::{idx, npy};
use atelier_store::{Checkpoint, Manifest, NpyArray, Snapshots, npy_bytes, parse_model};
use atelier_tune::read_studies;

/// What messages must name.
pub const PATH: &str = "some/file";

/// Reads bytes; the error is the message that a user would see.
pub type Reader = fn(&[u8]) -> Result<(), String>;

/// The readers, by the folder of the corpus that holds their files.
pub const READERS: &[(&str, Reader)] = &[
    ("images", images),
    ("labels", labels),
    ("npy-images", npy_images),
    ("npy-labels", npy_labels),
    ("npy", array),
    ("model", model),
    ("checkpoint", checkpoint),
    ("journal", journal),
    ("config", config),
    ("metrics", metrics),
    ("networks", networks),
    ("snapshots", snapshots),
    ("manifest", manifest),
    ("summary", summary),
    ("picture", picture),
];

fn path() -> &'static Path {
    Path::new(PATH)
}

/// The message with all its causes.
fn told<T>(result: anyhow::Result<T>) -> Result<T, String> {
    result.map_err(|error| atelier::failure::render(&error))
}

/// Images in IDX, plain or packed.
pub fn images(bytes: &[u8]) -> Result<(), String> {
    let images = idx::read_images(bytes, path()).map_err(|error| error.to_string())?;
    assert_eq!(images.count() * images.height * images.width, images.pixels.len());
    Ok(())
}

/// Labels of ten classes in IDX, plain or packed.
pub fn labels(bytes: &[u8]) -> Result<(), String> {
    let labels = idx::read_labels(bytes, Some(10), path()).map_err(|error| error.to_string())?;
    assert!(labels.iter().all(|&label| label < 10));
    Ok(())
}

/// Images in an NPY file.
pub fn npy_images(bytes: &[u8]) -> Result<(), String> {
    let images = npy::read_images(bytes, path()).map_err(|error| error.to_string())?;
    assert_eq!(images.count() * images.height * images.width, images.pixels.len());
    Ok(())
}

/// Labels of ten classes in an NPY file.
pub fn npy_labels(bytes: &[u8]) -> Result<(), String> {
    let labels = npy::read_labels(bytes, Some(10), path()).map_err(|error| error.to_string())?;
    assert!(labels.iter().all(|&label| label < 10));
    Ok(())
}

/// Any array in an NPY file; one of numbers that we write ourselves is the same when it is read again.
pub fn array(bytes: &[u8]) -> Result<(), String> {
    let array = NpyArray::decode(bytes, path()).map_err(|error| error.to_string())?;
    let shape = array.shape.clone();
    if let Ok(values) = array.into_vec::<f32>(path()) {
        let written = npy_bytes(&shape, &values).map_err(|error| error.to_string())?;
        let again = NpyArray::decode(&written, path()).map_err(|error| error.to_string())?;
        let again = again.into_vec::<f32>(path()).map_err(|error| error.to_string())?;
        assert!(values.iter().map(|v| v.to_bits()).eq(again.iter().map(|v| v.to_bits())));
    }
    Ok(())
}

/// A model file.
pub fn model(bytes: &[u8]) -> Result<(), String> {
    let arrays = parse_model(bytes, path()).map_err(|error| error.to_string())?;
    let held: usize = arrays.iter().map(|array| array.bytes.len()).sum();
    assert!(held <= bytes.len());
    Ok(())
}

/// A checkpoint; what is accepted is the same when it is written and read again.
pub fn checkpoint(bytes: &[u8]) -> Result<(), String> {
    let checkpoint = Checkpoint::decode(bytes, path()).map_err(|error| error.to_string())?;
    let written = checkpoint.encode(path()).map_err(|error| error.to_string())?;
    let again = Checkpoint::decode(&written, path()).map_err(|error| error.to_string())?;
    assert_eq!(checkpoint, again);
    Ok(())
}

/// The journal of a search.
pub fn journal(bytes: &[u8]) -> Result<(), String> {
    let studies = read_studies(bytes, path()).map_err(|error| error.to_string())?;
    for (_, study) in studies {
        assert!(study.trials.iter().enumerate().all(|(at, trial)| trial.number == at));
    }
    Ok(())
}

/// A configuration file, for each verb that takes one; what is accepted is printed as a file that means the same.
pub fn config(bytes: &[u8]) -> Result<(), String> {
    let verbs = ["train", "autoencoder", "init", "landscape", "tune", "variants"];
    let read = verbs.map(|verb| {
        let printed = told(outside::config(verb, bytes, path()))?;
        let again = told(outside::config(verb, printed.as_bytes(), path()));
        let again = again.unwrap_or_else(|error| panic!("{verb}: {error}:\n{printed}"));
        assert_eq!(values(&printed), values(&again), "{verb}");
        Ok(())
    });
    // Accepted if some verb takes it; the message of the first otherwise.
    read.into_iter().reduce(Result::or).unwrap_or(Ok(()))
}

/// A printed configuration without the comments that say where each value came from.
fn values(printed: &str) -> toml::Table {
    printed.parse().unwrap_or_else(|error| panic!("{error}:\n{printed}"))
}

/// The metrics of a run.
pub fn metrics(bytes: &[u8]) -> Result<(), String> {
    told(outside::metrics(bytes, path())).map(drop)
}

/// The record of a comparison of variants.
pub fn networks(bytes: &[u8]) -> Result<(), String> {
    told(outside::networks(bytes, path())).map(drop)
}

/// `snapshots.csv`, of two snapshots of three numbers.
pub fn snapshots(bytes: &[u8]) -> Result<(), String> {
    let points = npy_bytes(&[2, 3], &[0.5_f32; 6]).map_err(|error| error.to_string())?;
    let snapshots =
        Snapshots::parse(&points, bytes, path()).map_err(|error| error.to_string())?;
    assert!(snapshots.steps.is_sorted() && snapshots.epochs.iter().all(|epoch| epoch.is_finite()));
    Ok(())
}

/// The manifest of a run.
pub fn manifest(bytes: &[u8]) -> Result<(), String> {
    Manifest::parse(bytes, path()).map(drop).map_err(|error| error.to_string())
}

/// The results of a run.
pub fn summary(bytes: &[u8]) -> Result<(), String> {
    told(outside::summary(bytes, path())).map(drop)
}

/// A picture for `predict`.
pub fn picture(bytes: &[u8]) -> Result<(), String> {
    told(outside::picture(bytes, path())).map(drop)
}
