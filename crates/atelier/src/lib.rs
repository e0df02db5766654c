#![doc = include_str!("../README.md")]

pub mod cli;
pub mod config;
mod dataset;
pub mod failure;
pub mod home;
mod signals;
pub mod terminal;
mod verbs;

use std::ffi::OsString;

use clap::Parser as _;

use cli::{Cli, Verb};

/// Runs the command line `arguments` (the program's name first) and returns its exit code: 0 done,
/// 1 a check did not hold or training diverged, 2 usage, configuration or I/O, 130 interrupted,
/// 143 terminated.
///
/// Results go to stdout, everything else to stderr.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(message) => {
            // Also `--help` and `--version`, which are no failures.
            let _ = message.print();
            return u8::try_from(message.exit_code()).unwrap_or(failure::UNUSABLE);
        }
    };
    match execute(cli.verb) {
        Ok(code) => code,
        Err(error) => {
            terminal::warn(&failure::render(&error));
            failure::exit_code(&error)
        }
    }
}

fn execute(verb: Verb) -> anyhow::Result<u8> {
    match verb {
        Verb::Config(verb) => verbs::config::run(&verb),
        Verb::Data(verb) => verbs::data::run(&verb),
        Verb::Runs(verb) => verbs::runs::run(&verb),
        Verb::Train(_) | Verb::Reproduce(_) => anyhow::bail!("not part of this version"),
    }
}
