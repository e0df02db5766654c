//! `bench`: builds the program that measures, and becomes it.

use std::{
    ffi::OsString,
    os::unix::process::CommandExt,
    process::{Command, ExitCode},
};

use anyhow::{Context, Result, ensure};

use crate::{build::REPORT, workspace::Workspace};

/// Hands over to `atelier-bench`, built with the same features of shared dependencies as `atelier`.
pub fn run(workspace: &Workspace, arguments: &[OsString]) -> Result<ExitCode> {
    let mut build = workspace.cargo();
    build.args(["build", "--quiet", "--release", "--workspace", "--exclude", REPORT]);
    build.args(["--bin", "atelier-bench"]);
    let built = build.status().context("cannot run cargo")?;
    ensure!(built.success(), "atelier-bench does not build; see above");
    let bench = workspace.target.join("release/atelier-bench");
    let error = Command::new(&bench).args(arguments).exec();
    Err(error).with_context(|| format!("cannot run {}", bench.display()))
}
