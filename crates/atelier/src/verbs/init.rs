use anyhow::Result;

use crate::cli::InitArgs;
use crate::experiment::finished::finished;
use crate::experiment::initialising::initialise;
use crate::experiment::training::{Flags, Trained};
use crate::failure::CheckFailed;
use crate::signals::Stop;
use crate::terminal::Terminal;

/// `init`.
pub(crate) fn run(arguments: &InitArgs, command_line: &[String], stop: &Stop) -> Result<u8> {
    Flags { config: &arguments.config, run: &arguments.run, data: &arguments.data, from: None }
        .check()?;
    let terminal = Terminal::new(arguments.output);
    if let Some(code) = finished(&arguments.run, "init", terminal)? {
        return Ok(code);
    }
    let studied = initialise(arguments, command_line, terminal, stop)?;
    let broken = match &studied {
        Trained::Complete(_, summary) => summary.broken(),
        Trained::Interrupted(..) => Vec::new(),
    };
    let code = studied.told(terminal)?;
    if broken.is_empty() { Ok(code) } else { Err(CheckFailed(broken.join("; ")).into()) }
}
