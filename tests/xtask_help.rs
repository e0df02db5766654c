//! `cargo xtask` says what it can do.

use crate::cli::xtask;

/// Every task, in the order in which they are listed.
const TASKS: [&str; 22] = [
    "reproduce",
    "data",
    "train",
    "autoencoder",
    "tune",
    "init",
    "landscape",
    "variants",
    "report",
    "predict",
    "runs",
    "config",
    "completions",
    "build",
    "test",
    "torture",
    "sanitize",
    "bench",
    "lint",
    "doc",
    "ci",
    "doctor",
];

#[test]
fn xtask_alone_lists_every_task_with_a_line_each() {
    let listed = xtask([] as [&str; 0]).run().expect_code(0);
    let names: Vec<&str> = listed
        .stdout
        .lines()
        .filter(|line| line.starts_with("  "))
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let name = words.next()?;
            words.next().is_some().then_some(name)
        })
        .collect();
    assert_eq!(names, TASKS, "{listed}");
}

#[test]
fn help_is_the_same_text_however_it_is_asked_for() {
    let alone = xtask([] as [&str; 0]).run().expect_code(0);
    for asked in ["--help", "-h", "help"] {
        assert_eq!(xtask([asked]).run().expect_code(0).stdout, alone.stdout, "{asked}");
    }
}

#[test]
fn an_unknown_task_exits_2_names_the_nearest_and_lists_all() {
    let refused = xtask(["trian"]).run().expect_code(2);
    assert!(refused.stderr.contains("unknown task `trian`"), "{refused}");
    assert!(refused.stderr.contains("did you mean `train`?"), "{refused}");
    assert!(TASKS.iter().all(|task| refused.stderr.contains(&format!("  {task}"))), "{refused}");
    assert!(refused.stdout.is_empty(), "{refused}");
}

#[test]
fn a_task_of_the_repository_explains_itself() {
    let explained = xtask(["ci", "--help"]).run().expect_code(0);
    assert!(explained.stdout.contains("usage: cargo xtask ci [--only STEP]"), "{explained}");
}

#[test]
fn an_unknown_step_of_ci_exits_2_and_names_the_steps() {
    let refused = xtask(["ci", "--only", "formatting"]).run().expect_code(2);
    assert!(refused.stderr.contains("no step `formatting`"), "{refused}");
    assert!(
        refused.stderr.contains("format, clippy, docs, tests, consumer, deny, rules"),
        "{refused}"
    );
}

#[test]
fn a_reader_that_goes_away_is_no_failure_and_a_full_disk_exits_2() {
    for arguments in [&[][..], &["--help"], &["ci", "--help"]] {
        let to = |stdout: std::process::Stdio| {
            let (mut command, _home) = xtask(arguments).into_command();
            command.stdout(stdout).output().expect("xtask starts")
        };
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        assert_eq!(to(writer.into()).status.code(), Some(0), "{arguments:?}");
        let full = std::fs::File::options().write(true).open("/dev/full").expect("/dev/full");
        let refused = to(full.into());
        let stderr = String::from_utf8_lossy(&refused.stderr);
        assert_eq!(refused.status.code(), Some(2), "{arguments:?}: {stderr}");
        assert!(stderr.starts_with("error: cannot write to stdout"), "{stderr}");
    }
}
