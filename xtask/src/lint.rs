//! `lint`: the format and clippy.

use std::{ffi::OsString, process::ExitCode};

use anyhow::{Context, Result};

use crate::{
    build::{REPORT, REPORT_PROFILE},
    talk, tasks,
    workspace::Workspace,
};

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

/// Whether clippy has nothing to say, in the profiles of every other task, which share their build scripts.
pub fn clippy(workspace: &Workspace) -> Result<bool> {
    let all = ["--release", "--workspace", "--exclude", REPORT];
    let report = ["--profile", REPORT_PROFILE, "--package", REPORT];
    let mut clean = true;
    for packages in [all, report] {
        let mut cargo = workspace.cargo();
        cargo.arg("clippy").args(packages).args(["--all-targets", "--", "--deny", "warnings"]);
        clean &= cargo.status().context("cannot run cargo clippy")?.success();
    }
    Ok(clean)
}
