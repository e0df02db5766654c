//! `test`: every test of the workspace, optimised, with one total at the end.

use std::{
    env,
    ffi::OsString,
    io::{BufRead, BufReader},
    process::{Command, ExitCode, ExitStatus, Stdio},
};

use anyhow::{Context, Result};

use crate::{
    build::{self, REPORT, REPORT_PROFILE},
    cuda::Toolkit,
    talk,
    tally::Tally,
    workspace::{Workspace, exit_code},
};

/// Builds the programs that the tests use, then runs `cargo test` with the arguments added: for the report's crate by
/// itself, as it is built. The exit code is cargo's, of the first of both that fails.
pub fn run(workspace: &Workspace, arguments: &[OsString]) -> Result<ExitCode> {
    if let Some((first, rest)) = arguments.split_first()
        && first == "--cuda"
    {
        return with_cuda(workspace, rest);
    }
    let atelier = build::aloud(workspace)?;
    let chosen = chosen(arguments);
    let mut environment = vec![
        ("ATELIER_BIN", atelier.into_os_string()),
        ("XTASK_BIN", env::current_exe().context("cannot tell where xtask itself is")?.into()),
    ];
    if chosen.uses_report {
        environment.push(("ATELIER_REPORT", build::report_aloud(workspace)?.into()));
    }
    let all = ["--release", "--workspace", "--exclude", REPORT];
    let report = ["--profile", REPORT_PROFILE, "--package", REPORT];
    let release = ["--release"];
    let profile = ["--profile", REPORT_PROFILE];
    let runs: &[&[&str]] = match chosen.packages {
        Packages::All => &[&all, &report],
        Packages::AllButReport => &[&all],
        Packages::Named => &[&release],
        Packages::Report => &[&profile],
    };
    let mut tally = Tally::default();
    let mut code = ExitCode::SUCCESS;
    for packages in runs {
        let status = run_tests(workspace, packages, arguments, &environment, &mut tally)?;
        if code == ExitCode::SUCCESS {
            code = exit_code(status);
        }
    }
    talk::say(format!("{tally}\n"))?;
    Ok(code)
}

/// Runs `cargo test` on these packages.
fn run_tests(
    workspace: &Workspace,
    packages: &[&str],
    arguments: &[OsString],
    environment: &[(&str, OsString)],
    tally: &mut Tally,
) -> Result<ExitStatus> {
    let mut cargo = workspace.cargo();
    // Without --no-fail-fast the total would leave out whatever comes after the first binary with a failure.
    cargo.args(["test", "--no-fail-fast"]).args(packages).args(arguments);
    cargo.envs(environment.iter().map(|(name, value)| (name, value)));
    heard(&mut cargo, |line| tally.read(line))
}

/// Runs tests, passing on what they say; `hear` gets it line by line.
pub fn heard(cargo: &mut Command, mut hear: impl FnMut(&str)) -> Result<ExitStatus> {
    let mut child = cargo.stdout(Stdio::piped()).spawn().context("cannot run cargo")?;
    if let Some(output) = child.stdout.take() {
        let mut output = BufReader::new(output);
        let mut line = Vec::new();
        while output.read_until(b'\n', &mut line).context("cannot read what the tests say")? > 0 {
            talk::say(&line)?;
            hear(&String::from_utf8_lossy(&line));
            line.clear();
        }
    }
    child.wait().context("cannot wait for cargo")
}

/// Whose tests are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Packages {
    All,
    /// A target is named, and those of the report's crate have other names.
    AllButReport,
    Named,
    Report,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Chosen {
    packages: Packages,
    /// Whether some test among them makes a report.
    uses_report: bool,
}

/// Compares a GPU with the processor: the same steps, and how long they take. Exit code 1 where nothing could be
/// compared, for want of a GPU.
fn with_cuda(workspace: &Workspace, arguments: &[OsString]) -> Result<ExitCode> {
    let toolkit = Toolkit::find(workspace)?;
    let mut cargo = workspace.cargo();
    cargo.args(["test", "--release", "--workspace", "--exclude", REPORT]);
    cargo.args(["--features", "atelier/cuda", "--test", "cuda"]);
    cargo.arg("--target-dir").arg(workspace.target.join("cuda")).args(arguments);
    toolkit.tell(&mut cargo)?;
    toolkit.tell_program(&mut cargo)?;
    let mut tally = Tally::default();
    let status = heard(&mut cargo, |line| tally.read(line))?;
    talk::say(format!("{tally}\n"))?;
    if status.success() && tally.skipped() > 0 {
        talk::tell(
            "tests were skipped: there is no GPU here that can be used, and nothing was compared with one",
        );
        return Ok(ExitCode::FAILURE);
    }
    Ok(exit_code(status))
}

/// What the arguments to cargo (those before `--`) choose.
fn chosen(arguments: &[OsString]) -> Chosen {
    let to_cargo = arguments.iter().take_while(|argument| *argument != "--");
    let words: Vec<_> = to_cargo.map(|argument| argument.to_string_lossy()).collect();
    let any = |starts: &[&str]| words.iter().any(|word| starts.iter().any(|s| word.starts_with(s)));
    let names = |package: &str| words.iter().any(|word| word.ends_with(package));
    let packages = if any(&["-p", "--package"]) {
        if names(REPORT) { Packages::Report } else { Packages::Named }
    } else if any(&["--test", "--bin", "--example", "--bench"]) {
        Packages::AllButReport
    } else {
        Packages::All
    };
    let uses_report = packages != Packages::Named || names("atelier-tests");
    Chosen { packages, uses_report }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packages(arguments: &[&str]) -> (Packages, bool) {
        let chosen = chosen(&arguments.iter().map(OsString::from).collect::<Vec<_>>());
        (chosen.packages, chosen.uses_report)
    }

    #[test]
    fn packages_are_named_before_the_double_dash_only() {
        assert_eq!(packages(&["-p", "atelier-data"]), (Packages::Named, false));
        assert_eq!(packages(&["a_filter", "--package=atelier-data"]), (Packages::Named, false));
        assert_eq!(packages(&["a_filter"]), (Packages::All, true));
        assert_eq!(packages(&["--", "-p"]), (Packages::All, true));
    }

    #[test]
    fn the_report_is_tested_as_it_is_built_and_waited_for_where_it_is_used() {
        assert_eq!(packages(&["-p", "atelier-report"]), (Packages::Report, true));
        assert_eq!(packages(&["-p", "atelier-tests", "a_filter"]), (Packages::Named, true));
        assert_eq!(packages(&["--test", "all"]), (Packages::AllButReport, true));
    }
}
