//! The programs that the bench compares Atelier with, made below the target directory: a Python environment for PyTorch
//! and JAX, and a small Rust package each for candle and burn.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::{
    build::on_path,
    talk,
    workspace::{Workspace, run},
};

/// Where the bench looks for the list.
pub const VARIABLE: &str = "ATELIER_BENCH_PEERS";

/// Makes what is not there or no longer up to date, and lists all peers for the bench. One that cannot be made is
/// listed with the reason.
pub fn ready(workspace: &Workspace) -> Result<String> {
    let sources = workspace.root.join("xtask/peers");
    let requirements = fs::read_to_string(sources.join("python/requirements.txt"))
        .context("cannot read xtask/peers/python/requirements.txt")?;
    let python = python(workspace, &sources.join("python"), &requirements);
    let scripts = [
        ("PyTorch", "torch", "torch_peer.py", None),
        ("PyTorch compiled", "torch", "torch_peer.py", Some("--compiled")),
        ("JAX", "jax", "jax_peer.py", None),
    ];
    let mut peers = Vec::new();
    for (name, package, script, flag) in scripts {
        let script = sources.join("python").join(script);
        let command = python.as_ref().map(|python| {
            // The flag stands before what the bench adds.
            let words = [Some(text(python)), Some(text(&script)), flag.map(str::to_owned)];
            words.into_iter().flatten().collect()
        });
        peers.push(listed(name, &pinned(&requirements, package)?, command));
    }
    for name in ["candle", "burn"] {
        let package = sources.join(name);
        let manifest = fs::read_to_string(package.join("Cargo.toml"))
            .with_context(|| format!("cannot read xtask/peers/{name}/Cargo.toml"))?;
        let crate_name = if name == "candle" { "candle-core" } else { name };
        let command = rust(workspace, name, &package).map(|program| vec![text(&program)]);
        peers.push(listed(name, &pinned(&manifest, crate_name)?, command.as_ref().map(Vec::clone)));
    }
    Ok(Value::from(peers).to_string())
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

/// An entry of the list; what cannot be made is told of at once, and again below the table.
fn listed(
    name: &str,
    version: &str,
    command: std::result::Result<Vec<String>, &anyhow::Error>,
) -> Value {
    match command {
        Ok(command) => json!({ "name": name, "version": version, "command": command }),
        Err(error) => {
            talk::tell(&format!("{name} cannot be measured: {error:#}"));
            json!({ "name": name, "version": version, "missing": format!("{error:#}") })
        }
    }
}

/// The version that `package==1.2.3` or `package = { version = "=1.2.3"` names.
fn pinned(text: &str, package: &str) -> Result<String> {
    let version = text.lines().find_map(|line| {
        let rest = line.strip_prefix(package)?.trim_start().strip_prefix('=')?;
        let (_, version) = ["\"=", "="].iter().find_map(|before| rest.split_once(before))?;
        Some(version.split(['"', ' ']).next().unwrap_or_default().to_owned())
    });
    version.with_context(|| format!("{package} is pinned nowhere"))
}

/// The interpreter of an environment with the packages.
fn python(workspace: &Workspace, sources: &Path, requirements: &str) -> Result<PathBuf> {
    let place = workspace.target.join("peers/python");
    let (python, stamp) = (place.join("bin/python"), place.join("installed"));
    let script = sources.join("without_cuda.py");
    let wanted = requirements.to_owned() + &fs::read_to_string(&script)?;
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    for program in ["python3", "cc", "nm", "readelf"] {
        if on_path(program).is_none() {
            bail!("no `{program}`: python3 with its venv and a C compiler make the environment");
        }
    }
    talk::tell(&format!(
        "PyTorch and JAX are put into {} (0.7 GB to download, 2.4 GB on disk)",
        place.display()
    ));
    if place.exists() {
        fs::remove_dir_all(&place).with_context(|| format!("cannot remove {}", place.display()))?;
    }
    run(Command::new("python3").args(["-m", "venv"]).arg(&place))?;
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]);
    run(pip.arg("--requirement").arg(sources.join("requirements.txt")))?;
    run(Command::new(&python).arg(&script))?;
    run(Command::new(&python).args(["-c", "import torch, jax, optax, optuna, safetensors"]))?;
    fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))?;
    Ok(python)
}

/// The program of a package outside of the workspace.
fn rust(workspace: &Workspace, name: &str, package: &Path) -> Result<PathBuf> {
    let target = workspace.target.join("peers").join(name);
    let program = target.join(format!("release/peer-{name}"));
    let mut build = workspace.cargo();
    build.args(["build", "--release", "--locked", "--manifest-path"]);
    build.arg(package.join("Cargo.toml")).arg("--target-dir").arg(&target);
    if program.is_file() {
        build.arg("--quiet");
    } else {
        talk::tell(&format!("building {name}; the first time takes some minutes"));
    }
    run(&mut build)?;
    Ok(program)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_where_they_are_pinned() -> Result<()> {
        assert_eq!(pinned("# torch==1\njaxlib==0.9\njax==0.10.2\n", "jax")?, "0.10.2");
        assert_eq!(pinned("candle-core = \"=0.11.1\" # why\n", "candle-core")?, "0.11.1");
        let table =
            "burn-flex = \"=0.2\"\nburn = { version = \"=0.21.0\", features = [\"std\"] }\n";
        assert_eq!(pinned(table, "burn")?, "0.21.0");
        let refused = pinned("jax>=1\n", "torch").expect_err("not pinned");
        assert_eq!(refused.to_string(), "torch is pinned nowhere");
        Ok(())
    }

    #[test]
    fn a_peer_that_cannot_be_made_is_listed_with_the_reason() {
        let error = anyhow::anyhow!("no `python3`");
        let entry = listed("JAX", "0.10.2", Err(&error));
        assert_eq!((&entry["missing"], &entry["command"]), (&json!("no `python3`"), &Value::Null));
        assert_eq!(
            listed("JAX", "0.10.2", Ok(vec!["python".into()]))["command"],
            json!(["python"])
        );
    }

    #[test]
    fn every_peer_of_the_repository_is_pinned() -> Result<()> {
        let peers = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers");
        let requirements = fs::read_to_string(peers.join("python/requirements.txt"))?;
        for package in ["torch", "jax", "jaxlib", "optax", "numpy", "optuna"] {
            pinned(&requirements, package)?;
        }
        for (name, package) in [("candle", "candle-core"), ("burn", "burn")] {
            pinned(&fs::read_to_string(peers.join(name).join("Cargo.toml"))?, package)?;
        }
        Ok(())
    }
}
