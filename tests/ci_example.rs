//! The workflow in docs/ci does what it says: its commands are run as they stand there.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::cli::{Output, atelier, root};
use crate::fixture::home_with_sample;

/// The commands under `run:` of a workflow, in their order: those of one line and the blocks.
fn commands(workflow: &str) -> Vec<String> {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let lines: Vec<&str> = workflow.lines().collect();
    let mut commands = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        let Some(command) = line.trim_start().trim_start_matches("- ").strip_prefix("run:") else {
            continue;
        };
        if command.trim() != "|" {
            commands.push(command.trim().to_string());
            continue;
        }
        let block = lines[number + 1..].iter();
        let block =
            block.take_while(|inner| inner.trim().is_empty() || indent(inner) > indent(line));
        commands.push(block.flat_map(|inner| [inner.trim(), "\n"]).collect());
    }
    commands
}

/// Runs a command as GitHub Actions does, with `cargo xtask` standing for the program under test.
fn run(command: &str, home: &Path) -> Output {
    let (program, _home) = atelier([] as [&str; 0]).into_command();
    let bin = home.join("bin");
    fs::create_dir_all(&bin).expect("a directory");
    let cargo = bin.join("cargo");
    let atelier = program.get_program().display();
    let script =
        format!("#!/bin/sh\n[ \"$1\" = xtask ] || exit 99\nshift\nexec '{atelier}' \"$@\"\n");
    fs::write(&cargo, script).expect("a program");
    fs::set_permissions(&cargo, fs::Permissions::from_mode(0o755)).expect("a program");
    let path = std::env::var("PATH").unwrap_or_default();
    let output = std::process::Command::new("bash")
        .args(["--noprofile", "--norc", "-e", "-o", "pipefail", "-c", command])
        .current_dir(home)
        .env("PATH", format!("{}:{path}", bin.display()))
        .env_remove("ATELIER_HOME")
        .env_remove("ATELIER_REPOSITORY")
        .output()
        .expect("bash");
    Output {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

#[test]
fn every_command_of_the_workflow_does_what_it_is_there_for() {
    let text = fs::read_to_string(root().join("docs/ci/train-and-check.yml")).expect("a workflow");
    let commands = commands(&text);
    let [train, require, verify, report] = commands.as_slice() else { panic!("{commands:#?}") };
    let home = home_with_sample();
    run(train, home.path()).expect_code(0);
    let held = run(require, home.path()).expect_code(0);
    assert_eq!(held.stdout.lines().filter(|line| line.ends_with("yes")).count(), 3, "{held}");
    run(verify, home.path()).expect_code(0);
    run(report, home.path()).expect_code(0);
    let report = fs::read_to_string(home.path().join("run.json")).expect("a report");
    let report: serde_json::Value = serde_json::from_str(&report).expect("JSON");
    assert_eq!(report["summary"]["verb"], "train");

    // It would not let a worse network through.
    assert!(require.contains(">= 0.60"), "{require}");
    run(&require.replace(">= 0.60", ">= 0.99"), home.path()).expect_code(1);
}

#[test]
fn commands_are_taken_out_of_a_workflow_line_by_line() {
    let workflow = "steps:\n  - run: a b\n  - name: x\n    run: |\n      c \\\n        d\n\n      e\n  - uses: f\n";
    assert_eq!(commands(workflow), ["a b", "c \\\nd\n\ne\n"]);
}
