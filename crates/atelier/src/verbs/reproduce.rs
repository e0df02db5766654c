use anyhow::Result;

use crate::cli::ReproduceArgs;
use crate::experiment::finished::finished;
use crate::experiment::reproducing::{VERB, reproduce};
use crate::signals::Stop;
use crate::terminal::Terminal;

/// `reproduce`.
pub(crate) fn run(arguments: &ReproduceArgs, command_line: &[String], stop: &Stop) -> Result<u8> {
    let terminal = Terminal::new(arguments.output);
    if let Some(code) = finished(&arguments.run, VERB, terminal)? {
        return Ok(code);
    }
    reproduce(arguments, command_line, terminal, stop)
}
