//! `doc`: the documentation of the workspace's own crates.

use std::{ffi::OsString, process::ExitCode};

use anyhow::{Context, Result};

use crate::{talk, tasks, workspace::Workspace};

/// Builds the documentation and says where it is.
pub fn run(workspace: &Workspace, arguments: &[OsString]) -> Result<ExitCode> {
    tasks::expect_none("doc", arguments)?;
    if !build(workspace)? {
        return Ok(ExitCode::FAILURE);
    }
    talk::say(format!("{}\n", workspace.target.join("doc/atelier/index.html").display()))?;
    Ok(ExitCode::SUCCESS)
}

/// Whether the documentation builds without a warning.
pub fn build(workspace: &Workspace) -> Result<bool> {
    let mut cargo = workspace.cargo();
    cargo
        .args(["doc", "--release", "--workspace", "--no-deps"])
        .env("RUSTDOCFLAGS", "--deny warnings");
    Ok(cargo.status().context("cannot run cargo doc")?.success())
}
