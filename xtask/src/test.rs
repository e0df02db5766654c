//! `test`: every test of the workspace, in the release profile, with one total at the end.

use std::{
    env,
    ffi::OsString,
    io::{BufRead, BufReader},
    process::{ExitCode, Stdio},
};

use anyhow::{Context, Result};

use crate::{
    build,
    cuda::Toolkit,
    talk,
    tally::Tally,
    workspace::{Workspace, exit_code},
};

/// Builds `atelier`, then runs `cargo test` with the arguments added. The exit code is cargo's.
pub fn run(workspace: &Workspace, arguments: &[OsString]) -> Result<ExitCode> {
    if let Some((first, rest)) = arguments.split_first()
        && first == "--cuda"
    {
        return with_cuda(workspace, rest);
    }
    let atelier = build::aloud(workspace)?;
    let mut cargo = workspace.cargo();
    // Without --no-fail-fast the total would leave out whatever comes after the first binary with a failure.
    cargo.args(["test", "--release", "--no-fail-fast"]);
    if !names_packages(arguments) {
        cargo.arg("--workspace");
    }
    let mut child = cargo
        .args(arguments)
        .env("ATELIER_BIN", atelier)
        .env("XTASK_BIN", env::current_exe().context("cannot tell where xtask itself is")?)
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot run cargo")?;

    let mut tally = Tally::default();
    if let Some(output) = child.stdout.take() {
        let mut output = BufReader::new(output);
        let mut line = Vec::new();
        while output.read_until(b'\n', &mut line).context("cannot read what the tests say")? > 0 {
            talk::say(&line)?;
            tally.read(&String::from_utf8_lossy(&line));
            line.clear();
        }
    }
    let status = child.wait().context("cannot wait for cargo")?;
    talk::say(format!("{tally}\n"))?;
    Ok(exit_code(status))
}

/// Compares a GPU with the processor: the same steps, and how long they take.
fn with_cuda(workspace: &Workspace, arguments: &[OsString]) -> Result<ExitCode> {
    let toolkit = Toolkit::find(workspace)?;
    let mut cargo = workspace.cargo();
    cargo.args([
        "test",
        "--release",
        "--workspace",
        "--features",
        "atelier/cuda",
        "--test",
        "cuda",
    ]);
    cargo.arg("--target-dir").arg(workspace.target.join("cuda")).args(arguments);
    toolkit.tell(&mut cargo)?;
    toolkit.tell_program(&mut cargo)?;
    Ok(exit_code(cargo.status().context("cannot run cargo")?))
}

/// Whether the arguments to cargo (those before `--`) choose packages themselves.
fn names_packages(arguments: &[OsString]) -> bool {
    let to_cargo = arguments.iter().take_while(|argument| *argument != "--");
    to_cargo
        .map(|argument| argument.to_string_lossy())
        .any(|argument| argument.starts_with("-p") || argument.starts_with("--package"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_named_before_the_double_dash_only() {
        let named = |arguments: &[&str]| {
            names_packages(&arguments.iter().map(OsString::from).collect::<Vec<_>>())
        };
        assert!(named(&["-p", "atelier-data"]));
        assert!(named(&["a_filter", "--package=atelier-data"]));
        assert!(!named(&["a_filter"]));
        assert!(!named(&["--", "-p"]));
    }
}
