use anyhow::Result;
use serde_json::json;

use crate::cli::AutoencoderArgs;
use crate::experiment::autoencoding::train;
use crate::experiment::training::Trained;
use crate::failure::DONE;
use crate::home;
use crate::signals::Stop;
use crate::terminal::Terminal;

/// `autoencoder`.
pub(crate) fn run(arguments: &AutoencoderArgs, command_line: &[String], stop: &Stop) -> Result<u8> {
    arguments.flags().check()?;
    let terminal = Terminal::new(arguments.output);
    let (path, summary) = match train(arguments, command_line, terminal, stop)? {
        Trained::Complete(path, summary) => (path, summary),
        Trained::Interrupted(path, code) => {
            terminal.talk(&format!(
                "help: `{} autoencoder --resume --out {}` goes on from here",
                home::program(),
                home::quoted(&path)
            ));
            return Ok(code);
        }
    };
    let mut object = serde_json::to_value(&summary)?;
    object["run"] = json!(path);
    terminal.object(&object)?;
    Ok(DONE)
}
