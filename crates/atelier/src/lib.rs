#![doc = include_str!("../README.md")]

pub mod cli;
pub mod config;
mod dataset;
mod experiment;
mod export;
pub mod failure;
pub mod home;
#[doc(hidden)]
pub mod outside;
mod picture;
mod signals;
pub mod terminal;
mod verbs;

use std::ffi::OsString;
use std::iter;

use atelier_store::Fault;
use clap::Parser as _;

use cli::{Cli, Verb};
use signals::Stop;

/// Runs the command line `arguments` (the program's name first) and returns its exit code: 0 done,
/// 1 a check did not hold or training diverged, 2 usage, configuration or I/O, 129 hung up, 130
/// interrupted, 143 terminated.
///
/// Results go to stdout, everything else to stderr.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    if let Err(reason) = arm_fault() {
        terminal::warn(&format!("error: ATELIER_FAULT: {reason}\nhelp: unset it"));
        return failure::UNUSABLE;
    }
    // As a user writes it; where the program lies is the machine's own business.
    let words = arguments.iter().skip(1).map(|word| word.to_string_lossy().into_owned());
    let command_line: Vec<String> = iter::once("atelier".to_string()).chain(words).collect();
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(message) => {
            // Also `--help` and `--version`, which are no failures.
            let _ = message.print();
            return u8::try_from(message.exit_code()).unwrap_or(failure::UNUSABLE);
        }
    };
    match execute(cli.verb, &command_line) {
        Ok(code) => code,
        Err(error) => {
            terminal::warn(&failure::render(&error));
            failure::exit_code(&error)
        }
    }
}

/// Has the file system fail where `ATELIER_FAULT` says so: how tests see what a run survives. Said
/// aloud, because nobody else wants it.
fn arm_fault() -> Result<(), String> {
    let Some(text) = std::env::var_os("ATELIER_FAULT") else { return Ok(()) };
    let text = text.to_string_lossy();
    text.parse::<Fault>()?.arm();
    terminal::warn(&format!("warning: ATELIER_FAULT is set: files fail on purpose ({text})"));
    Ok(())
}

fn execute(verb: Verb, command_line: &[String]) -> anyhow::Result<u8> {
    let stop = Stop::listen()?;
    match verb {
        Verb::Completions(arguments) => verbs::completions::run(&arguments),
        Verb::Config(verb) => verbs::config::run(&verb),
        Verb::Data(verb) => verbs::data::run(&verb),
        Verb::Runs(verb) => verbs::runs::run(&verb),
        Verb::Predict(arguments) => verbs::predict::run(&arguments),
        Verb::Train(arguments) => verbs::train::run(&arguments, command_line, &stop),
        Verb::Autoencoder(arguments) => verbs::autoencoder::run(&arguments, command_line, &stop),
        Verb::Init(arguments) => verbs::init::run(&arguments, command_line, &stop),
        Verb::Landscape(arguments) => verbs::landscape::run(&arguments, command_line, &stop),
        Verb::Tune(arguments) => verbs::tune::run(&arguments, command_line, &stop),
        Verb::Variants(arguments) => verbs::variants::run(&arguments, command_line, &stop),
        Verb::Reproduce(arguments) => verbs::reproduce::run(&arguments, command_line, &stop),
        Verb::Report(arguments) => verbs::report::run(&arguments, &stop),
    }
}
