//! Files that are read without a tensor: arrays, models, journals, and what a run tells of itself.

use std::path::Path;

use atelier_store::{Checkpoint, Manifest, NpyArray, Snapshots, npy_bytes, parse_model};
use atelier_tune::read_studies;

/// What messages must name.
pub const PATH: &str = "some/file";

fn path() -> &'static Path {
    Path::new(PATH)
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

/// `snapshots.csv`, of two snapshots of three numbers.
pub fn snapshots(bytes: &[u8]) -> Result<(), String> {
    let points = npy_bytes(&[2, 3], &[0.5_f32; 6]).map_err(|error| error.to_string())?;
    let snapshots = Snapshots::parse(&points, bytes, path()).map_err(|error| error.to_string())?;
    assert!(snapshots.steps.is_sorted() && snapshots.epochs.iter().all(|epoch| epoch.is_finite()));
    Ok(())
}

/// The manifest of a run.
pub fn manifest(bytes: &[u8]) -> Result<(), String> {
    Manifest::parse(bytes, path()).map(drop).map_err(|error| error.to_string())
}
