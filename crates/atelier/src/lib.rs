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

use anyhow::anyhow;
use atelier_store::Fault;
use clap::Parser as _;

use cli::{Cli, Verb};
use failure::Help as _;
use signals::Stop;

/// Runs the command line `arguments` (the program's name first) and returns its exit code: 0 done,
/// 1 a check did not hold or training diverged, 2 usage, configuration or I/O, 129 hung up, 130
/// interrupted, 143 terminated.
///
/// Results go to stdout, everything else to stderr.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    if let Err(error) = arm_fault() {
        terminal::stderr(&failure::render(&error));
        return failure::UNUSABLE;
    }
    // As a user writes it; where the program lies is the machine's own business.
    let words = arguments.iter().skip(1).map(|word| word.to_string_lossy().into_owned());
    let command_line: Vec<String> = iter::once("atelier".to_string()).chain(words).collect();
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(message) => return tell(&message, &arguments),
    };
    match execute(cli.verb, &command_line) {
        Ok(code) => code,
        Err(error) => {
            terminal::stderr(&failure::render(&error));
            failure::exit_code(&error)
        }
    }
}

/// Prints what clap says of the arguments (help and version among it, which are no failures) and returns the exit code
/// for it.
///
/// clap repeats arguments as they are, between colours of its own: it is asked once more, about arguments that neither
/// steer nor break a line. A question mark makes none of them right.
fn tell(message: &clap::Error, arguments: &[OsString]) -> u8 {
    let harmless = |word: &OsString| terminal::one_line(&word.to_string_lossy());
    let again = Cli::try_parse_from(arguments.iter().map(harmless)).err();
    match again.filter(|again| again.kind() == message.kind()) {
        // Nobody is left to tell if it cannot be printed.
        Some(again) => drop(again.print()),
        // What is no Unicode became some.
        None => terminal::warn(&message.render().to_string()),
    }
    u8::try_from(message.exit_code()).unwrap_or(failure::UNUSABLE)
}

/// Has the file system fail where `ATELIER_FAULT` says so: how tests see what a run survives. Said
/// aloud, because nobody else wants it.
fn arm_fault() -> anyhow::Result<()> {
    let Some(text) = std::env::var_os("ATELIER_FAULT") else { return Ok(()) };
    let text = text.to_string_lossy();
    let fault = text.parse::<Fault>().map_err(|reason| anyhow!("ATELIER_FAULT: {reason}"));
    fault.help(|| "unset it".to_string())?.arm();
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
