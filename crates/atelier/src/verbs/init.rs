use anyhow::Result;

use crate::cli::InitArgs;
use crate::experiment::finished::finished_check;
use crate::experiment::initialising::{broken, initialise};
use crate::experiment::training::{Flags, Trained};
use crate::failure::CheckFailed;
use crate::signals::Stop;
use crate::terminal::Terminal;

/// `init`.
pub(crate) fn run(arguments: &InitArgs, command_line: &[String], stop: &Stop) -> Result<u8> {
    Flags { config: &arguments.config, run: &arguments.run, data: &arguments.data, from: None }
        .check()?;
    let terminal = Terminal::new(arguments.output);
    if let Some(code) = finished_check(&arguments.run, "init", terminal, broken)? {
        return Ok(code);
    }
    let studied = initialise(arguments, command_line, terminal, stop)?;
    let broken = match &studied {
        Trained::Complete(_, summary) => broken(&serde_json::to_value(summary)?)?,
        Trained::Interrupted(..) => None,
    };
    let code = studied.told(terminal)?;
    broken.map_or(Ok(code), |broken| Err(CheckFailed(broken).into()))
}
