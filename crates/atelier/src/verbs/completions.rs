use anyhow::Result;
use clap::CommandFactory as _;

use crate::cli::{Cli, CompletionsArgs};
use crate::failure::DONE;
use crate::terminal::stdout;

/// `completions`.
pub(crate) fn run(arguments: &CompletionsArgs) -> Result<u8> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "atelier", &mut script);
    stdout(&String::from_utf8_lossy(&script))?;
    Ok(DONE)
}
