//! `lint`: the format and clippy.

use std::{ffi::OsString, process::ExitCode};

use anyhow::{Context, Result};

use crate::{talk, tasks, workspace::Workspace};

/// Checks both; exit code 1 where either is not clean.
pub fn run(workspace: &Workspace, arguments: &[OsString]) -> Result<ExitCode> {
    tasks::expect_none("lint", arguments)?;
    let formatted = format(workspace)?;
    let clean = clippy(workspace)?;
    if !formatted {
        talk::tell("the format is not rustfmt's; run `cargo fmt --all`");
    }
    Ok(if formatted && clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Whether everything is formatted as rustfmt would.
pub fn format(workspace: &Workspace) -> Result<bool> {
    let mut cargo = workspace.cargo();
    cargo.args(["fmt", "--all", "--check"]);
    Ok(cargo.status().context("cannot run cargo fmt")?.success())
}

/// Whether clippy has nothing to say, in the release profile like every other task, which shares its build scripts.
pub fn clippy(workspace: &Workspace) -> Result<bool> {
    let mut cargo = workspace.cargo();
    cargo.args(["clippy", "--release", "--workspace", "--all-targets", "--", "--deny", "warnings"]);
    Ok(cargo.status().context("cannot run cargo clippy")?.success())
}
