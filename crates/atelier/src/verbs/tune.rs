use anyhow::Result;

use crate::cli::TuneArgs;
use crate::experiment::training::Flags;
use crate::experiment::tuning::tune;
use crate::signals::Stop;
use crate::terminal::Terminal;

/// `tune`.
pub(crate) fn run(arguments: &TuneArgs, command_line: &[String], stop: &Stop) -> Result<u8> {
    let flags =
        Flags { config: &arguments.config, run: &arguments.run, data: &arguments.data, from: None };
    flags.check()?;
    let terminal = Terminal::new(arguments.output);
    tune(arguments, command_line, terminal, stop)?.told(terminal)
}
