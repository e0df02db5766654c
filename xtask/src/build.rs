//! `build`: `atelier` in release, which is the only way in which experiments run.

use std::{
    env,
    ffi::OsString,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
};

use anyhow::{Context, Result, bail, ensure};

use crate::{cuda::Toolkit, talk, tasks, workspace::Workspace};

/// Builds `atelier` and prints its path.
pub fn run(workspace: &Workspace, arguments: &[OsString]) -> Result<ExitCode> {
    let cuda = arguments.first().is_some_and(|argument| argument == "--cuda");
    tasks::expect_none("build", &arguments[usize::from(cuda)..])?;
    let path = if cuda { with_cuda(workspace)? } else { aloud(workspace)? };
    talk::say(format!("{}\n", path.display()))?;
    Ok(ExitCode::SUCCESS)
}

/// The crate that typesets reports: built by itself, so that nothing else waits for it and nothing that it shares with
/// `atelier` gets its features.
pub const REPORT: &str = "atelier-report";
/// Its profile.
pub const REPORT_PROFILE: &str = "typeset";

/// Builds `atelier`, showing cargo's progress.
pub fn aloud(workspace: &Workspace) -> Result<PathBuf> {
    finish(&mut command(workspace), "atelier")?;
    Ok(workspace.atelier())
}

/// Builds `atelier` without a word where it is up to date, and with one where there is something to do.
pub fn quietly(workspace: &Workspace) -> Result<PathBuf> {
    let first = "building atelier in release; the first time takes about 4 minutes";
    up_to_date(workspace.atelier(), command(workspace), "atelier", first)
}

/// The same with the program that typesets reports.
pub fn report_quietly(workspace: &Workspace) -> Result<PathBuf> {
    let first = "building atelier-report, which typesets; the first time takes about 3 minutes";
    up_to_date(workspace.report(), report_command(workspace), REPORT, first)
}

/// Builds the program that typesets reports, showing cargo's progress.
pub fn report_aloud(workspace: &Workspace) -> Result<PathBuf> {
    finish(&mut report_command(workspace), REPORT)?;
    Ok(workspace.report())
}

/// Runs a build of `program`, which is or will be at `path`.
fn up_to_date(path: PathBuf, mut build: Command, program: &str, first: &str) -> Result<PathBuf> {
    if !path.exists() {
        talk::tell(first);
        finish(&mut build, program)?;
        return Ok(path);
    }
    let mut child = build.stderr(Stdio::piped()).spawn().context("cannot run cargo")?;
    let mut said = String::new();
    for line in child.stderr.take().into_iter().flat_map(|stderr| BufReader::new(stderr).lines()) {
        let line = line.context("cannot read what cargo says")?;
        if line.trim_start().starts_with("Compiling") && !said.contains("Compiling") {
            talk::tell(&format!("bringing {program} up to date"));
        }
        said = said + &line + "\n";
    }
    if !child.wait().context("cannot wait for cargo")?.success() {
        talk::tell(said.trim_end());
        bail!("{program} does not build; see above");
    }
    Ok(path)
}

/// A build with CUDA lives in a target directory of its own: the next experiment would overwrite it otherwise.
fn with_cuda(workspace: &Workspace) -> Result<PathBuf> {
    let toolkit = Toolkit::find(workspace)?;
    talk::tell(&format!("building atelier with CUDA by the toolkit in {}", toolkit.place()));
    let target = workspace.target.join("cuda");
    let mut build = command(workspace);
    toolkit.tell(&mut build)?;
    build.args(["--features", "atelier/cuda", "--target-dir"]).arg(&target);
    finish(&mut build, "atelier")?;
    toolkit.needs().iter().for_each(|needs| talk::tell(needs));
    Ok(target.join("release/atelier"))
}

/// The CUDA compiler: on the search path, or in the toolkit that the environment names.
pub fn nvcc() -> Option<PathBuf> {
    let toolkits = ["CUDA_HOME", "CUDA_PATH"].into_iter().filter_map(env::var_os);
    on_path("nvcc").or_else(|| {
        toolkits.map(|toolkit| Path::new(&toolkit).join("bin/nvcc")).find(|nvcc| nvcc.is_file())
    })
}

/// The file that the shell would run by this name.
pub fn on_path(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|directory| directory.join(program)).find(|file| file.is_file())
}

fn command(workspace: &Workspace) -> Command {
    let mut cargo = workspace.cargo();
    // The features of shared dependencies are those that the whole workspace asks for, so that a build of the tests
    // takes up what is built here. `--package atelier` would choose fewer, and build gemm and candle twice.
    cargo.args(["build", "--release", "--workspace", "--exclude", REPORT, "--bin", "atelier"]);
    cargo
}

fn report_command(workspace: &Workspace) -> Command {
    let mut cargo = workspace.cargo();
    cargo.args(["build", "--profile", REPORT_PROFILE, "--package", REPORT]);
    cargo
}

fn finish(build: &mut Command, program: &str) -> Result<()> {
    let status = build.status().context("cannot run cargo")?;
    ensure!(status.success(), "{program} does not build; see above");
    Ok(())
}
