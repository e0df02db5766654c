//! Where things are, and cargo as this program calls it.

use std::{
    env,
    ffi::OsStr,
    path::PathBuf,
    process::{Command, ExitCode, ExitStatus},
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::build::{REPORT, REPORT_PROFILE};

/// The workspace that this program belongs to.
#[derive(Debug)]
pub struct Workspace {
    /// The directory of the root `Cargo.toml`.
    pub root: PathBuf,
    /// Where cargo puts what it builds.
    pub target: PathBuf,
}

impl Workspace {
    /// Asks cargo where the workspace is.
    pub fn find() -> Result<Self> {
        let here =
            env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
        let mut workspace = Self { root: here.into(), target: PathBuf::new() };
        let metadata = workspace.metadata(&["--no-deps"])?;
        let path = |key: &str| {
            metadata[key]
                .as_str()
                .map(PathBuf::from)
                .with_context(|| format!("`cargo metadata` gives no {key}"))
        };
        workspace.root = path("workspace_root")?;
        workspace.target = path("target_directory")?;
        Ok(workspace)
    }

    /// What `cargo metadata` says with these arguments.
    pub fn metadata(&self, arguments: &[&str]) -> Result<Value> {
        let output = self
            .cargo()
            .args(["metadata", "--format-version", "1"])
            .args(arguments)
            .output()
            .context("cannot run cargo")?;
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "`cargo metadata` failed:\n{errors}");
        serde_json::from_slice(&output.stdout)
            .context("`cargo metadata` wrote something else than JSON")
    }

    /// Cargo, in the root of the workspace, as a user's shell would start it.
    pub fn cargo(&self) -> Command {
        self.command(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
    }

    /// A program that runs cargo, in the root of the workspace, as a user's shell would start it.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root);
        // `cargo run` describes xtask's own package to its child. Some build scripts (ring's, for one) ask to run
        // again when these variables change, so that passing them on would build things twice.
        for (name, _) in env::vars_os() {
            let text = name.to_string_lossy();
            if ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_"]
                .iter()
                .any(|prefix| text.starts_with(prefix))
            {
                command.env_remove(&name);
            }
        }
        command
    }

    /// The release binary of `atelier`, built or not.
    pub fn atelier(&self) -> PathBuf {
        self.target.join("release/atelier")
    }

    /// The program that typesets reports, built or not.
    pub fn report(&self) -> PathBuf {
        self.target.join(REPORT_PROFILE).join(REPORT)
    }
}

/// Runs a program that must succeed.
pub fn run(command: &mut Command) -> Result<()> {
    let program = command.get_program().display().to_string();
    let status = command.status().with_context(|| format!("cannot run {program}"))?;
    ensure!(status.success(), "{program} failed; see above");
    Ok(())
}

/// The exit code of a program that ended with this status: its own, or 128 and the signal that ended it.
pub fn exit_code(status: ExitStatus) -> ExitCode {
    use std::os::unix::process::ExitStatusExt;
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    ExitCode::from(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}
