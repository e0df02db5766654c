use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow};
use atelier_store::{Manifest, RunDir, durable_write};
use serde_json::json;

use super::find;
use crate::cli::RunsExportArgs;
use crate::config::AutoencodingConfig;
use crate::experiment::prepared::Trainable as _;
use crate::experiment::saved::SavedNetwork;
use crate::export::{onnx, tensorboard};
use crate::failure::{DONE, Help as _};
use crate::home;
use crate::terminal::{Terminal, thousands};

/// `runs export`.
pub(super) fn run(arguments: &RunsExportArgs) -> Result<u8> {
    let terminal = Terminal::new(arguments.output);
    let run = find(&arguments.name)?;
    let manifest = Manifest::read(&run.join("manifest.json"))?;
    if let Some(out) = &arguments.out {
        check_out(out, arguments.onnx && arguments.tensorboard)?;
    }
    let mut files: Vec<(&str, String, Vec<u8>)> = Vec::new();
    if arguments.onnx {
        let network = SavedNetwork::of_run(&run, &manifest)?;
        let reconstructs = manifest.verb == AutoencodingConfig::VERB;
        let output = if reconstructs { "reconstructions" } else { "logits" };
        let bytes = onnx::model(&network, output)
            .with_context(|| format!("cannot export the network of {}", run.display()))?;
        files.push(("onnx", "model.onnx".to_string(), bytes));
    }
    if arguments.tensorboard {
        let bytes = tensorboard::events(&run, &manifest)?;
        let name = format!("tensorboard/{}", tensorboard::file_name(&manifest));
        files.push(("tensorboard", name, bytes));
    }
    let mut objects = Vec::new();
    for (form, name, bytes) in files {
        let path = write(&run, arguments.out.as_deref(), &name, &bytes)?;
        terminal.text(&told(form, &path, bytes.len()))?;
        let path = path.display().to_string();
        objects.push(json!({ "form": form, "path": path, "bytes": bytes.len() }));
    }
    terminal.object(&json!({
        "schema_version": 1,
        "run": run.display().to_string(),
        "files": objects,
    }))?;
    Ok(DONE)
}

/// Writes a file to the place that was named, or under its own name into the run.
fn write(run: &Path, out: Option<&Path>, name: &str, bytes: &[u8]) -> Result<PathBuf> {
    if let Some(out) = out {
        durable_write(out, bytes)?;
        return Ok(out.to_path_buf());
    }
    // Locked, so that nothing is written into a run that goes on.
    RunDir::open(run)?.write(name, bytes)?;
    Ok(run.join(name))
}

/// Refuses a place for two files, and one that something is in.
fn check_out(out: &Path, both: bool) -> Result<()> {
    if both {
        return Err(anyhow!("--out names one file, and --onnx and --tensorboard are two"))
            .help(|| "export them one after the other, or without --out".to_string());
    }
    if out.symlink_metadata().is_ok() {
        return Err(anyhow!("{} is there already", out.display()))
            .help(|| "name a new file with --out, or leave it out".to_string());
    }
    // A bare name has an empty parent.
    let directory = out.parent().filter(|parent| !parent.as_os_str().is_empty());
    if let Some(directory) = directory.filter(|directory| !directory.is_dir()) {
        let (out, directory) = (out.display(), home::quoted(directory));
        return Err(anyhow!("cannot write {out}: there is no directory {directory}"))
            .help(|| format!("make it with `mkdir -p {directory}`"));
    }
    Ok(())
}

fn told(form: &str, path: &Path, bytes: usize) -> String {
    let (shown, bytes) = (home::shown(path), thousands(bytes));
    if form == "onnx" {
        return format!("ONNX, opset {}: {shown} ({bytes} bytes)", onnx::OPSET);
    }
    let directory = path.parent().map(home::quoted).unwrap_or_default();
    let look = format!("look at it with `tensorboard --logdir {directory}`");
    format!("TensorBoard: {shown} ({bytes} bytes)\n{look}")
}
