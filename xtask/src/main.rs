//! `cargo xtask`: the tasks of the repository, and the way to the experiments.
//!
//! Thin on purpose: it answers before anything heavy is built. Experiments belong to `atelier`, which is built
//! in release when one is first asked for.

use std::{env, ffi::OsString, process::ExitCode};

mod bench;
mod build;
mod ci;
mod consumer;
mod cuda;
mod deny;
mod doc;
mod doctor;
mod experiment;
mod lint;
mod peers;
mod rules;
mod rust_text;
mod sanitize;
mod talk;
mod tally;
mod tasks;
mod test;
mod torture;
mod workspace;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    match tasks::run(&arguments) {
        Ok(code) => code,
        Err(error) => {
            talk::tell(&format!("error: {error:#}"));
            ExitCode::from(2)
        }
    }
}
