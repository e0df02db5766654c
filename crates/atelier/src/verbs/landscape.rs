use anyhow::Result;

use crate::cli::LandscapeArgs;
use crate::experiment::finished::finished;
use crate::experiment::landscaping::landscape;
use crate::experiment::training::Flags;
use crate::signals::Stop;
use crate::terminal::Terminal;

/// `landscape`.
pub(crate) fn run(arguments: &LandscapeArgs, command_line: &[String], stop: &Stop) -> Result<u8> {
    let flags = Flags {
        config: &arguments.config,
        run: &arguments.run_flags,
        data: &arguments.data,
        from: None,
    };
    flags.check()?;
    let terminal = Terminal::new(arguments.output);
    if let Some(code) = finished(&arguments.run_flags, "landscape", terminal)? {
        return Ok(code);
    }
    landscape(arguments, command_line, terminal, stop)?.told(terminal)
}
