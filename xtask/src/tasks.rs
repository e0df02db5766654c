//! The table of tasks: what `cargo xtask` lists, and who does it.

use std::{ffi::OsString, fmt::Write, process::ExitCode};

use anyhow::{Result, bail};

use crate::{
    bench, build, ci, doc, doctor, experiment, lint, sanitize, talk, test, torture,
    workspace::Workspace,
};

struct Task {
    name: &'static str,
    arguments: &'static str,
    summary: &'static str,
    by: By,
}

enum By {
    /// `atelier`, which gets the arguments untouched.
    Atelier,
    /// A function of this program, which gets what follows the task's name.
    Xtask(fn(&Workspace, &[OsString]) -> Result<ExitCode>),
}

const TASKS: &[Task] = &[
    Task {
        name: "reproduce",
        arguments: "",
        summary: "the whole assignment, end to end, with a table of what was asked and measured",
        by: By::Atelier,
    },
    Task {
        name: "data",
        arguments: "",
        summary: "fetch, verify or describe Fashion-MNIST",
        by: By::Atelier,
    },
    Task { name: "train", arguments: "", summary: "train a dense network", by: By::Atelier },
    Task {
        name: "autoencoder",
        arguments: "",
        summary: "train an autoencoder, compared with principal components",
        by: By::Atelier,
    },
    Task { name: "tune", arguments: "", summary: "search hyperparameters", by: By::Atelier },
    Task {
        name: "init",
        arguments: "",
        summary: "check He's initialisation and what it does to deep networks",
        by: By::Atelier,
    },
    Task {
        name: "landscape",
        arguments: "",
        summary: "draw the loss around runs and their way down it",
        by: By::Atelier,
    },
    Task {
        name: "variants",
        arguments: "",
        summary: "compare variants of a network with it over many seeds",
        by: By::Atelier,
    },
    Task {
        name: "report",
        arguments: "",
        summary: "make the PDF and the web page of a reproduction",
        by: By::Atelier,
    },
    Task {
        name: "predict",
        arguments: "",
        summary: "say what is in image files, by a trained network",
        by: By::Atelier,
    },
    Task { name: "runs", arguments: "", summary: "look at what was done", by: By::Atelier },
    Task {
        name: "config",
        arguments: "",
        summary: "show settings and where each value comes from",
        by: By::Atelier,
    },
    Task {
        name: "completions",
        arguments: "",
        summary: "write the completions of a shell for atelier",
        by: By::Atelier,
    },
    Task {
        name: "build",
        arguments: "[--cuda]",
        summary: "build atelier in release and say where it is",
        by: By::Xtask(build::run),
    },
    Task {
        name: "test",
        arguments: "[--cuda] [CARGO TEST ARGUMENTS]",
        summary: "run every test and count them; --cuda compares a GPU with the CPU",
        by: By::Xtask(test::run),
    },
    Task {
        name: "torture",
        arguments: "",
        summary: "fail and kill runs at every operation on files, and take them up",
        by: By::Xtask(torture::run),
    },
    Task {
        name: "sanitize",
        arguments: "[--only address|thread|miri]",
        summary: "run the tests of unsafe code and of threads under sanitizers and Miri",
        by: By::Xtask(sanitize::run),
    },
    Task {
        name: "bench",
        arguments: "[--peers] [--quick] [--only TEXT] [--avx2] [--format text|markdown|json]\n       \
                    [--from FILE] [--against FILE] [--chart FILE]",
        summary: "measure Atelier, as shares of this machine's own peak and against its peers",
        by: By::Xtask(bench::run),
    },
    Task {
        name: "lint",
        arguments: "",
        summary: "check the format and run clippy",
        by: By::Xtask(lint::run),
    },
    Task {
        name: "doc",
        arguments: "",
        summary: "build the documentation",
        by: By::Xtask(doc::run),
    },
    Task {
        name: "ci",
        arguments: "[--only STEP]",
        summary: "run all that must hold: format, clippy, docs, tests, consumer, deny, rules",
        by: By::Xtask(ci::run),
    },
    Task {
        name: "doctor",
        arguments: "",
        summary: "say what this machine has, what is missing and what to do",
        by: By::Xtask(doctor::run),
    },
];

/// Does the task that the first argument names.
pub fn run(arguments: &[OsString]) -> Result<ExitCode> {
    let Some((name, rest)) = arguments.split_first() else {
        talk::say(list())?;
        return Ok(ExitCode::SUCCESS);
    };
    if is_help(name) || name == "help" {
        talk::say(list())?;
        return Ok(ExitCode::SUCCESS);
    }
    let Some(task) = TASKS.iter().find(|task| name == task.name) else {
        let name = name.to_string_lossy();
        let hint =
            nearest(&name).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        bail!("unknown task `{name}`{hint}\n\n{}", list());
    };
    match task.by {
        By::Atelier => experiment::run(&Workspace::find()?, arguments),
        By::Xtask(_) if rest.first().is_some_and(is_help) => {
            talk::say(format!("{}\n\nusage: {}\n", task.summary, task.usage()))?;
            Ok(ExitCode::SUCCESS)
        }
        By::Xtask(run) => run(&Workspace::find()?, rest),
    }
}

/// Refuses arguments that a task does not take.
pub fn expect_none(task: &str, arguments: &[OsString]) -> Result<()> {
    match arguments.first() {
        Some(argument) => bail!("`cargo xtask {task}` does not take `{}`", argument.display()),
        None => Ok(()),
    }
}

impl Task {
    fn usage(&self) -> String {
        format!("cargo xtask {} {}", self.name, self.arguments).trim_end().to_owned()
    }
}

fn is_help(argument: &OsString) -> bool {
    argument == "--help" || argument == "-h"
}

fn list() -> String {
    let mut text = String::from("usage: cargo xtask TASK [ARGUMENTS]; TASK --help says more\n");
    for (heading, experiments) in
        [("Experiments, done by atelier", true), ("The repository", false)]
    {
        let _ = writeln!(text, "\n{heading}:");
        for task in TASKS.iter().filter(|task| matches!(task.by, By::Atelier) == experiments) {
            let _ = writeln!(text, "  {:<11} {}", task.name, task.summary);
        }
    }
    text
}

/// The task whose name is nearest to what was typed, where one is near enough to be meant.
fn nearest(typed: &str) -> Option<&'static str> {
    TASKS
        .iter()
        .map(|task| (edits(typed, task.name), task.name))
        .min()
        .filter(|&(edits, name)| edits <= name.len().div_ceil(3))
        .map(|(_, name)| name)
}

/// Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b` (optimal string alignment).
fn edits(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut table = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            table[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let replaced = table[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
                let mut least = replaced.min(table[i - 1][j] + 1).min(table[i][j - 1] + 1);
                if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                    least = least.min(table[i - 2][j - 2] + 1);
                }
                least
            };
        }
    }
    table[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_swap_of_neighbours_is_one_edit() {
        assert_eq!(edits("trian", "train"), 1);
        assert_eq!(edits("train", "train"), 0);
        assert_eq!(edits("", "ci"), 2);
        assert_eq!(edits("docs", "doctor"), 3);
    }

    #[test]
    fn a_slip_finds_its_task_and_another_word_finds_none() {
        assert_eq!(nearest("tset"), Some("test"));
        assert_eq!(nearest("reproduced"), Some("reproduce"));
        assert_eq!(nearest("confg"), Some("config"));
        assert_eq!(nearest("photograph"), None);
    }

    #[test]
    fn every_task_is_listed_on_a_line_of_its_own_that_fits_the_terminal() {
        let list = list();
        for task in TASKS {
            let start = format!("  {} ", task.name);
            assert_eq!(
                list.lines().filter(|line| line.starts_with(&start)).count(),
                1,
                "{}",
                task.name
            );
        }
        assert!(list.lines().all(|line| line.len() <= 100), "{list}");
    }

    #[test]
    fn a_task_that_takes_nothing_refuses_arguments() {
        let refused = expect_none("doc", &["--open".into()]).expect_err("an argument too many");
        assert_eq!(refused.to_string(), "`cargo xtask doc` does not take `--open`");
        assert!(expect_none("doc", &[]).is_ok());
    }
}
