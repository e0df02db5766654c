//! `torture`: what runs survive, tried to the full.

use std::{ffi::OsString, process::ExitCode};

use anyhow::Result;

use crate::{
    build, talk,
    tally::Tally,
    tasks, test,
    workspace::{Workspace, exit_code},
};

/// Runs the tests of what survives a fault, each at every operation; `cargo xtask test` runs a sample of them.
pub fn run(workspace: &Workspace, arguments: &[OsString]) -> Result<ExitCode> {
    tasks::expect_none("torture", arguments)?;
    let atelier = build::aloud(workspace)?;
    talk::tell("every operation of the toy runs fails in every way; this takes hours");
    let mut cargo = workspace.cargo();
    cargo.args(["test", "--release", "--package", "atelier-tests", "torture"]);
    cargo.env("ATELIER_BIN", atelier).env("ATELIER_TORTURE", "all");
    let mut tally = Tally::default();
    let status = test::counted(&mut cargo, &mut tally)?;
    talk::say(format!("{tally}\n"))?;
    Ok(exit_code(status))
}
