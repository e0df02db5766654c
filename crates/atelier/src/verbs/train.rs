use anyhow::Result;
use serde_json::json;

use crate::cli::TrainArgs;
use crate::experiment::range::find_learning_rate;
use crate::experiment::training::{Trained, train};
use crate::failure::{DONE, UNUSABLE};
use crate::home;
use crate::signals::Stop;
use crate::terminal::{Terminal, warn};

/// `train`.
pub(crate) fn run(arguments: &TrainArgs, command_line: &[String], stop: &Stop) -> Result<u8> {
    let config = &arguments.config;
    let configured = config.preset.is_some()
        || config.config.is_some()
        || config.seed.is_some()
        || !config.set.is_empty();
    if arguments.run.resume && configured {
        warn(
            "error: --resume goes on with the run's own configuration\nhelp: leave out --preset, \
             --config, --set and --seed, or begin a new run without --resume",
        );
        return Ok(UNUSABLE);
    }
    let terminal = Terminal::new(arguments.output);
    let (path, mut object) = if arguments.find_learning_rate {
        find_learning_rate(arguments, command_line, terminal)?
    } else {
        match train(arguments, command_line, terminal, stop)? {
            Trained::Complete(path, summary) => (path, serde_json::to_value(&summary)?),
            Trained::Interrupted(path, code) => {
                terminal.talk(&format!(
                    "help: `{} train --resume --out {}` goes on from here",
                    home::program(),
                    home::quoted(&path)
                ));
                return Ok(code);
            }
        }
    };
    object["run"] = json!(path);
    terminal.object(&object)?;
    Ok(DONE)
}
