//! `torture`: what runs survive, tried to the full.

use std::{ffi::OsString, process::ExitCode};

use anyhow::Result;

use crate::{
    build, talk,
    tally::Tally,
    tasks, test,
    workspace::{Workspace, exit_code},
};

/// The head of the table in docs/RELIABILITY.md, for which the tests write the lines.
const HEADING: &str = "| what | operations of the run | runs disturbed | results equal | lost or doubled |\n\
                       | --- | --- | --- | --- | --- |\n";

/// Runs the tests of what survives a fault, each at every operation; `cargo xtask test` runs a sample of them.
pub fn run(workspace: &Workspace, arguments: &[OsString]) -> Result<ExitCode> {
    tasks::expect_none("torture", arguments)?;
    let atelier = build::aloud(workspace)?;
    talk::tell("the toy runs die and fail at each of their operations");
    let mut cargo = workspace.cargo();
    cargo.args(["test", "--release", "--workspace", "--exclude", build::REPORT]);
    // One test at a time: each has a case on every core.
    cargo.args(["--test", "all", "torture", "--", "--test-threads=1"]);
    cargo.env("ATELIER_BIN", atelier).env("ATELIER_TORTURE", "all");
    let mut tally = Tally::default();
    let mut rows = String::new();
    let status = test::heard(&mut cargo, |line| {
        tally.read(line);
        if line.starts_with("| ") {
            rows += line;
        }
    })?;
    talk::say(format!("\n{HEADING}{rows}\n{tally}\n"))?;
    Ok(exit_code(status))
}
