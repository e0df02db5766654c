//! `bench`: builds the program that measures, and becomes it.

use std::{
    env,
    ffi::OsString,
    os::unix::process::CommandExt,
    process::{Command, ExitCode},
};

use anyhow::{Context, Result, ensure};

use crate::{build::REPORT, peers, workspace::Workspace};

/// Hands over to `atelier-bench`, built with the same features of shared dependencies as `atelier`, which it measures
/// as a whole too. With `--peers` the programs of the peers are made first.
pub fn run(workspace: &Workspace, arguments: &[OsString]) -> Result<ExitCode> {
    let mut build = workspace.cargo();
    build.args(["build", "--quiet", "--release", "--workspace", "--exclude", REPORT]);
    build.args(["--bin", "atelier-bench", "--bin", "atelier"]);
    let built = build.status().context("cannot run cargo")?;
    ensure!(built.success(), "atelier-bench does not build; see above");
    let program = workspace.target.join("release/atelier-bench");
    let mut bench = Command::new(&program);
    bench.arg("--out").arg(workspace.target.join("bench")).args(arguments);
    if arguments.iter().any(|argument| argument == "--peers") {
        bench.env(peers::VARIABLE, peers::ready(workspace)?);
    }
    if env::var_os("ATELIER_HOME").is_none() {
        bench.env("ATELIER_HOME", &workspace.root);
    }
    let error = bench.exec();
    Err(error).with_context(|| format!("cannot run {}", program.display()))
}
