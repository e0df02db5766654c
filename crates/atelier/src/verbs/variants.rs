use anyhow::Result;

use crate::cli::VariantsArgs;
use crate::experiment::finished::finished;
use crate::experiment::training::Flags;
use crate::experiment::variants::variants;
use crate::signals::Stop;
use crate::terminal::Terminal;
use crate::verbs::best_dense;

/// `variants`.
pub(crate) fn run(arguments: &VariantsArgs, command_line: &[String], stop: &Stop) -> Result<u8> {
    Flags { config: &arguments.config, run: &arguments.run, data: &arguments.data, from: None }
        .check()?;
    if arguments.best_dense {
        return best_dense::run(arguments, command_line, stop);
    }
    let terminal = Terminal::new(arguments.output);
    if let Some(code) = finished(&arguments.run, "variants", terminal)? {
        return Ok(code);
    }
    variants(arguments, command_line, terminal, stop)?.told(terminal)
}
