//! Data sets, configurations, results and pictures: what the data and the program read.

use std::path::Path;

use atelier::outside;
use atelier_data::{idx, npy, parse_class_names};

use super::PATH;

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

/// The names of classes.
pub fn classes(bytes: &[u8]) -> Result<(), String> {
    let names = parse_class_names(bytes, path()).map_err(|error| error.to_string())?;
    assert!(names.iter().all(|name| !name.is_empty() && name.lines().count() == 1));
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

/// The metrics of a run.
pub fn metrics(bytes: &[u8]) -> Result<(), String> {
    told(outside::metrics(bytes, path())).map(drop)
}

/// The record of a comparison of variants.
pub fn networks(bytes: &[u8]) -> Result<(), String> {
    told(outside::networks(bytes, path())).map(drop)
}

/// The results of a run.
pub fn summary(bytes: &[u8]) -> Result<(), String> {
    told(outside::summary(bytes, path())).map(drop)
}

/// The finished rows of a grid.
pub fn grid(bytes: &[u8]) -> Result<(), String> {
    atelier_landscape::parse_rows(bytes, path()).map(drop).map_err(|error| error.to_string())
}

/// A picture for `predict`.
pub fn picture(bytes: &[u8]) -> Result<(), String> {
    told(outside::picture(bytes, path())).map(drop)
}

/// A printed configuration without the comments that say where each value came from.
fn values(printed: &str) -> toml::Table {
    printed.parse().unwrap_or_else(|error| panic!("{error}:\n{printed}"))
}
