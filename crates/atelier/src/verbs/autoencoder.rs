use anyhow::Result;
use serde_json::json;

use crate::cli::AutoencoderArgs;
use crate::experiment::autoencoding::train;
use crate::experiment::training::Trained;
use crate::failure::DONE;
use crate::signals::Stop;
use crate::terminal::Terminal;
use crate::verbs::bottlenecks;

/// `autoencoder`.
pub(crate) fn run(arguments: &AutoencoderArgs, command_line: &[String], stop: &Stop) -> Result<u8> {
    arguments.flags().check()?;
    if let Some(sizes) = &arguments.bottlenecks {
        return bottlenecks::run(sizes, arguments, command_line, stop);
    }
    let terminal = Terminal::new(arguments.output);
    let (path, summary) = match train(arguments, command_line, terminal, stop)? {
        Trained::Complete(path, summary) => (path, summary),
        Trained::Interrupted(next, code) => {
            terminal.talk(&format!("help: {next}"));
            return Ok(code);
        }
    };
    let mut object = serde_json::to_value(&summary)?;
    object["run"] = json!(path.display().to_string());
    terminal.object(&object)?;
    Ok(DONE)
}
