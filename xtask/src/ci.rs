//! `ci`: everything that must hold before a change is merged.

use std::{ffi::OsString, process::ExitCode, time::Instant};

use anyhow::{Context, Result, bail};

use crate::{consumer, deny, doc, lint, rules, talk, test, workspace::Workspace};

struct Step {
    name: &'static str,
    holds: fn(&Workspace) -> Result<bool>,
}

const STEPS: [Step; 7] = [
    Step { name: "format", holds: lint::format },
    Step { name: "clippy", holds: lint::clippy },
    Step { name: "docs", holds: doc::build },
    Step { name: "tests", holds: |workspace| Ok(test::run(workspace, &[])? == ExitCode::SUCCESS) },
    Step { name: "consumer", holds: consumer::holds },
    Step { name: "deny", holds: deny::holds },
    Step { name: "rules", holds: rules::run },
];

/// Runs every step, or the one asked for, and ends with what each took and which failed.
pub fn run(workspace: &Workspace, arguments: &[OsString]) -> Result<ExitCode> {
    // A step that fails does not hide the next ones: one run shows all there is to mend.
    let mut outcomes = Vec::new();
    for step in chosen(arguments)? {
        talk::tell(&format!("--- {}", step.name));
        let start = Instant::now();
        if let Some(missing) = (step.name == "deny").then(|| deny::missing(workspace)).flatten() {
            talk::tell(&format!("skipped: {missing}"));
            outcomes.push((step.name, None, 0.0));
            continue;
        }
        let holds = (step.holds)(workspace).unwrap_or_else(|error| {
            talk::tell(&format!("error: {error:#}"));
            false
        });
        outcomes.push((step.name, Some(holds), start.elapsed().as_secs_f64()));
    }
    talk::tell("---");
    for (name, holds, seconds) in &outcomes {
        let (word, alone) = match holds {
            Some(true) => ("ok", String::new()),
            Some(false) => ("FAILED", format!("   alone: cargo xtask ci --only {name}")),
            None => ("skipped", String::new()),
        };
        talk::tell(&format!("{name:<8} {word:<7} {seconds:>7.1} s{alone}"));
    }
    let all_hold = outcomes.iter().all(|(_, holds, _)| *holds != Some(false));
    Ok(if all_hold { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn chosen(arguments: &[OsString]) -> Result<&'static [Step]> {
    let name = match arguments {
        [] => return Ok(&STEPS),
        [flag, name] if flag == "--only" => name.to_string_lossy(),
        _ => bail!("usage: cargo xtask ci [--only STEP]; the steps are {}", names()),
    };
    STEPS
        .iter()
        .position(|step| step.name == name)
        .map(|at| &STEPS[at..=at])
        .with_context(|| format!("no step `{name}`; the steps are {}", names()))
}

fn names() -> String {
    STEPS.map(|step| step.name).join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen_names(arguments: &[&str]) -> Result<Vec<&'static str>> {
        let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
        Ok(chosen(&arguments)?.iter().map(|step| step.name).collect())
    }

    #[test]
    fn without_arguments_every_step_is_taken_and_with_only_one() -> Result<()> {
        assert_eq!(
            chosen_names(&[])?,
            ["format", "clippy", "docs", "tests", "consumer", "deny", "rules"]
        );
        assert_eq!(chosen_names(&["--only", "docs"])?, ["docs"]);
        Ok(())
    }

    #[test]
    fn what_is_no_step_is_refused() {
        for arguments in
            [&["--only", "doc"][..], &["--only"], &["docs"], &["--only", "docs", "tests"]]
        {
            assert!(chosen_names(arguments).is_err(), "{arguments:?}");
        }
    }
}
