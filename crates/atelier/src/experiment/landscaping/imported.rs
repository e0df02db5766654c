//! Runs that other programs left as a series of `.safetensors` files.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow};
use atelier_core::Parameter;
use atelier_landscape::{Snapshot, Trajectory};
use ndarray::Array2;

use super::subject::{Run, Subject};
use crate::experiment::weights::Weights;
use crate::failure::Help as _;

/// The points that a directory of `.safetensors` files of `subject`'s network holds, in the order of
/// their names, numbers as numbers.
pub(crate) fn imported(directory: &Path, name: String, subject: &Subject) -> Result<Run> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(directory)
        .with_context(|| format!("cannot list {}", directory.display()))?
        .map(|entry| Ok(entry?.path()))
        .collect::<std::io::Result<Vec<_>>>()
        .with_context(|| format!("cannot list {}", directory.display()))?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "safetensors"));
    files.sort_by_cached_key(|file| (natural(&file.to_string_lossy()), file.clone()));
    if files.is_empty() {
        return Err(anyhow!("there is no .safetensors file in {}", directory.display()))
            .help(|| "save one state_dict after every few steps, numbered".to_string());
    }
    let parameters: Vec<&Parameter> = subject.objective.parameters().iter().collect();
    let mut points = Vec::with_capacity(files.len() * subject.parameters());
    for file in &files {
        // Statistics of batch norm are recomputed at every point.
        let buffer = |name: &str| subject.objective.buffers().iter().any(|b| b.name == name);
        let network = (subject.network.as_str(), subject.section);
        for tensor in Weights::read(file)?.tensors(&parameters, buffer, network)? {
            points.extend(tensor.values);
        }
    }
    let points = Array2::from_shape_vec((files.len(), subject.parameters()), points)
        .context("the snapshots are no table")?;
    let times = (0..files.len() as u64).map(|step| Snapshot {
        step,
        epoch: step as f64,
        minibatch_loss: None,
    });
    let trajectory = Trajectory::new(&name, points, times.collect())?;
    Ok(Run::imported(name, directory.to_path_buf(), trajectory))
}

/// A key that orders `2.x` before `10.x`.
fn natural(text: &str) -> Vec<(String, u64)> {
    let mut parts = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let start = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let digits = &rest[start..];
        let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
        parts.push((rest[..start].to_string(), digits[..end].parse().unwrap_or(u64::MAX)));
        rest = &digits[end..];
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_ordered_by_their_numbers() {
        let mut names = ["s-10.safetensors", "s-9.safetensors", "s-1.safetensors", "a.safetensors"];
        names.sort_by_cached_key(|name| natural(name));
        let sorted = ["a.safetensors", "s-1.safetensors", "s-9.safetensors", "s-10.safetensors"];
        assert_eq!(names, sorted);
    }
}
