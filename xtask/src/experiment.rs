//! Experiments: brings `atelier` up to date and becomes it.

use std::{
    env,
    ffi::OsString,
    os::unix::process::CommandExt,
    process::{Command, ExitCode},
};

use anyhow::{Result, anyhow};

use crate::{build, workspace::Workspace};

/// Replaces this process by `atelier` with these arguments, so that signals and exit codes are `atelier`'s own.
/// Data and runs lie in the workspace unless `ATELIER_HOME` says otherwise.
pub fn run(workspace: &Workspace, arguments: &[OsString]) -> Result<ExitCode> {
    let atelier = build::quietly(workspace)?;
    let mut command = Command::new(&atelier);
    command.args(arguments);
    if wants_report(arguments) && env::var_os("ATELIER_REPORT").is_none() {
        command.env("ATELIER_REPORT", build::report_quietly(workspace)?);
    }
    // How commands are to be written in what it shows, and whose commit its runs record.
    command.env("ATELIER_PROGRAM", "cargo xtask").env("ATELIER_REPOSITORY", &workspace.root);
    if env::var_os("ATELIER_HOME").is_none() {
        command.env("ATELIER_HOME", &workspace.root);
    }
    let error = command.exec();
    Err(anyhow!("cannot run {}: {error}", atelier.display()))
}

/// Whether what is asked for ends with a report.
fn wants_report(arguments: &[OsString]) -> bool {
    let reports = arguments.first().is_some_and(|verb| verb == "reproduce" || verb == "report");
    reports && !arguments.iter().any(|argument| argument == "--help" || argument == "-h")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_ends_with_a_report_waits_for_the_typesetter() {
        let wants = |arguments: &[&str]| {
            wants_report(&arguments.iter().map(OsString::from).collect::<Vec<_>>())
        };
        assert!(wants(&["reproduce", "--smoke"]));
        assert!(wants(&["report", "reproduce-0001"]));
        assert!(!wants(&["report", "--help"]));
        assert!(!wants(&["train"]));
        assert!(!wants(&["runs", "show", "report"]));
    }
}
