//! `doc`: the documentation of the workspace's own crates.

use std::{ffi::OsString, process::ExitCode};

use anyhow::{Context, Result};

use crate::{
    build::{REPORT, REPORT_PROFILE},
    talk, tasks,
    workspace::Workspace,
};

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
    let all = ["--release", "--workspace", "--exclude", REPORT];
    let report = ["--profile", REPORT_PROFILE, "--package", REPORT];
    let mut built = true;
    for packages in [all, report] {
        let mut cargo = workspace.cargo();
        cargo.args(["doc", "--no-deps"]).args(packages).env("RUSTDOCFLAGS", "--deny warnings");
        built &= cargo.status().context("cannot run cargo doc")?.success();
    }
    Ok(built)
}
