//! `sanitize`: the tests of what is `unsafe`, and of what threads share, under the sanitizers and under Miri.
//!
//! Nightly Rust does this; each check has its own place below the target directory.

use std::{
    ffi::OsString,
    path::Path,
    process::{Command, ExitCode},
};

use anyhow::{Context, Result, bail, ensure};

use crate::{
    talk,
    tally::Tally,
    test,
    workspace::{Workspace, exit_code},
};

/// The kernels and the fork-join, and what of the rest shares memory between threads.
const CORE: [&str; 5] = ["--package", "atelier-core", "--lib", "--test", "vector_widths"];
const TUNE: [&str; 7] =
    ["--package", "atelier-tune", "--lib", "--test", "journal", "--test", "study"];
const GRID: [&str; 4] = ["--package", "atelier-landscape", "--test", "grid"];

/// Modules of the kernels whose tests call nothing of candle, which Miri would take hours for. Each is a run of its own:
/// one that was renamed would leave no trace among the others.
const INTERPRETED: [&[&str]; 4] = [
    &["--package", "atelier-core", "--lib", "threads::"],
    &["--package", "atelier-core", "--lib", "kernels::product::"],
    &["--package", "atelier-core", "--lib", "kernels::lanes::"],
    &["--package", "atelier-core", "--lib", "kernels::math::"],
];

struct Check {
    name: &'static str,
    /// What is run, one after the other, as arguments to `cargo`; each must find tests to run.
    runs: &'static [&'static [&'static str]],
    how: How,
}

enum How {
    /// Compiled with these flags.
    Compiled {
        flags: &'static str,
        with_std: bool,
    },
    Interpreted,
}

const CHECKS: [Check; 3] = [
    Check {
        name: "address",
        runs: &[&CORE],
        how: How::Compiled { flags: "-Zsanitizer=address", with_std: false },
    },
    Check {
        name: "thread",
        runs: &[&CORE, &TUNE, &GRID],
        // Of crossbeam, which candle's rayon uses, the cfg makes what the sanitizer understands. The standard library
        // has to be compiled with it, too: it would not see what `Arc`, `Mutex` and `park` order.
        how: How::Compiled {
            flags: "-Zsanitizer=thread --cfg crossbeam_sanitize_thread",
            with_std: true,
        },
    },
    Check { name: "miri", runs: &INTERPRETED, how: How::Interpreted },
];

/// Runs every check, or the one asked for; exit code 1 where one fails or none could be done.
pub fn run(workspace: &Workspace, arguments: &[OsString]) -> Result<ExitCode> {
    let mut outcomes = Vec::new();
    for check in chosen(arguments)? {
        talk::tell(&format!("--- {}", check.name));
        let outcome = match missing(workspace, check) {
            Some(missing) => Err(missing),
            None => Ok(hold(workspace, check)?),
        };
        if let Err(missing) = &outcome {
            talk::tell(&format!("skipped: {missing}"));
        }
        outcomes.push((check.name, outcome));
    }
    talk::tell("---");
    for (name, outcome) in &outcomes {
        talk::say(match outcome {
            Ok((code, tally)) if *code == ExitCode::SUCCESS => {
                format!("{name:<8} ok       {tally}\n")
            }
            Ok((_, tally)) => format!("{name:<8} FAILED   {tally}\n"),
            Err(missing) => format!("{name:<8} skipped: {missing}\n"),
        })?;
    }
    let done = outcomes.iter().filter_map(|(_, outcome)| outcome.as_ref().ok());
    let failed = done.clone().find(|(code, _)| *code != ExitCode::SUCCESS);
    let skipped = outcomes.len() - done.count();
    talk::say(format!("checks skipped: {skipped} of {}\n", outcomes.len()))?;
    Ok(match failed {
        Some((code, _)) => *code,
        None if skipped == outcomes.len() => ExitCode::FAILURE,
        None => ExitCode::SUCCESS,
    })
}

fn chosen(arguments: &[OsString]) -> Result<&'static [Check]> {
    let names = CHECKS.map(|check| check.name).join(", ");
    match arguments {
        [] => Ok(&CHECKS),
        [flag, name] if flag == "--only" => CHECKS
            .iter()
            .position(|check| name == check.name)
            .map(|at| &CHECKS[at..=at])
            .with_context(|| format!("no check `{}`; they are {names}", name.display())),
        _ => bail!("usage: cargo xtask sanitize [--only CHECK]; they are {names}"),
    }
}

/// What this machine lacks for a check, and how to get it.
fn missing(workspace: &Workspace, check: &Check) -> Option<&'static str> {
    let Ok(sysroot) = said(workspace, &["rustc", "--print", "sysroot"]) else {
        return Some("no nightly Rust; `rustup toolchain install nightly` gets it");
    };
    let source = Path::new(&sysroot).join("lib/rustlib/src/rust/library/Cargo.lock");
    match check.how {
        How::Compiled { with_std: true, .. } if !source.exists() => Some(
            "no source of the standard library; `rustup component add --toolchain nightly rust-src` gets it",
        ),
        How::Interpreted if said(workspace, &["cargo", "miri", "--version"]).is_err() => {
            Some("no Miri; `rustup component add --toolchain nightly miri rust-src` gets it")
        }
        _ => None,
    }
}

/// Runs the tests of a check and counts them.
fn hold(workspace: &Workspace, check: &Check) -> Result<(ExitCode, Tally)> {
    let mut tally = Tally::default();
    let mut code = ExitCode::SUCCESS;
    for run in check.runs {
        let mut cargo = nightly(workspace);
        cargo.arg("cargo");
        match check.how {
            How::Compiled { flags, with_std } => {
                // With a target named, build scripts and macros stay as they are.
                let host = said(workspace, &["rustc", "--print", "host-tuple"])?;
                cargo.args(["test", "--no-fail-fast", "--profile", "sanitize", "--target", &host]);
                cargo.args(with_std.then_some("-Zbuild-std"));
                cargo.env("RUSTFLAGS", flags);
            }
            How::Interpreted => {
                cargo.args(["miri", "test", "--no-fail-fast"]);
            }
        }
        cargo.env("CARGO_TARGET_DIR", workspace.target.join("sanitize").join(check.name));
        cargo.args(*run);
        let before = tally.ran();
        let status = test::heard(&mut cargo, |line| tally.read(line))?;
        let ran = tally.ran().saturating_sub(before);
        if ran == 0 {
            let run = run.join(" ");
            talk::tell(&format!(
                "`{run}` ran no test: name those that there are in xtask/src/sanitize.rs"
            ));
        }
        if code == ExitCode::SUCCESS {
            code = outcome(exit_code(status), ran);
        }
    }
    Ok((code, tally))
}

/// How a run ended: one that found no test to run has checked nothing.
fn outcome(code: ExitCode, ran: u64) -> ExitCode {
    if code == ExitCode::SUCCESS && ran == 0 { ExitCode::FAILURE } else { code }
}

/// What a program of nightly Rust says.
fn said(workspace: &Workspace, words: &[&str]) -> Result<String> {
    let output = nightly(workspace).args(words).output().context("cannot run rustup")?;
    ensure!(output.status.success(), "{} failed", words.join(" "));
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Runs what is named next by nightly Rust.
fn nightly(workspace: &Workspace) -> Command {
    let mut rustup = workspace.command("rustup");
    rustup.args(["run", "nightly"]);
    rustup
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_runs_no_test_fails() {
        assert_eq!(outcome(ExitCode::SUCCESS, 0), ExitCode::FAILURE);
        assert_eq!(outcome(ExitCode::SUCCESS, 1), ExitCode::SUCCESS);
        assert_eq!(outcome(ExitCode::from(101), 0), ExitCode::from(101));
    }

    #[test]
    fn what_miri_interprets_is_there() {
        let core = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/atelier-core/src");
        for run in INTERPRETED {
            let module = run.last().expect("a module").trim_end_matches("::").replace("::", "/");
            let file = core.join(module).with_extension("rs");
            let source = std::fs::read_to_string(&file);
            let source = source.unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            assert!(source.contains("#[test]"), "{} has no test", file.display());
        }
    }

    #[test]
    fn every_check_is_taken_or_the_one_asked_for() {
        let names = |arguments: &[&str]| -> Option<Vec<&str>> {
            let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
            Some(chosen(&arguments).ok()?.iter().map(|check| check.name).collect())
        };
        assert_eq!(names(&[]), Some(vec!["address", "thread", "miri"]));
        assert_eq!(names(&["--only", "thread"]), Some(vec!["thread"]));
        for refused in [&["--only", "memory"][..], &["thread"], &["--only"]] {
            assert_eq!(names(refused), None, "{refused:?}");
        }
    }
}
