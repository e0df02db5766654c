use anyhow::Result;

use crate::cli::TuneArgs;
use crate::experiment::finished::finished;
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
    // More trials than it has would be something to do, which a finished search does not take up.
    if arguments.trials.is_none()
        && let Some(code) = finished(&arguments.run, "tune", terminal)?
    {
        return Ok(code);
    }
    tune(arguments, command_line, terminal, stop)?.told(terminal)
}
