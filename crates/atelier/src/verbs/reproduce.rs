use anyhow::Result;

use crate::cli::ReproduceArgs;
use crate::experiment::reproducing::reproduce;
use crate::signals::Stop;
use crate::terminal::Terminal;

/// `reproduce`.
pub(crate) fn run(arguments: &ReproduceArgs, command_line: &[String], stop: &Stop) -> Result<u8> {
    reproduce(arguments, command_line, Terminal::new(arguments.output), stop)
}
