use std::path::Path;

use anyhow::{Result, anyhow};

use crate::cli::ReproduceArgs;
use crate::experiment::finished::finished_check;
use crate::experiment::reproducing::{VERB, broken, reproduce};
use crate::failure::Help as _;
use crate::home;
use crate::signals::Stop;
use crate::terminal::Terminal;

/// `reproduce`.
pub(crate) fn run(arguments: &ReproduceArgs, command_line: &[String], stop: &Stop) -> Result<u8> {
    let terminal = Terminal::new(arguments.output);
    if let Some(code) = finished_check(&arguments.run, VERB, terminal, broken)? {
        let path = arguments.run.out.as_deref().unwrap_or_else(|| Path::new("."));
        if path.join("report.pdf").is_file() {
            return Ok(code);
        }
        return Err(anyhow!("the complete run in {} has no report.pdf", home::shown(path)))
            .help(|| format!("make it with `{} report {}`", home::program(), home::quoted(path)));
    }
    reproduce(arguments, command_line, terminal, stop)
}
