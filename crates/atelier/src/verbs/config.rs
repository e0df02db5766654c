use anyhow::Result;

use crate::cli::{ConfigShowArgs, ConfigVerb};
use crate::config::Resolved;
use crate::failure::DONE;
use crate::terminal::Terminal;

/// `config show`.
pub(crate) fn run(verb: &ConfigVerb) -> Result<u8> {
    let ConfigVerb::Show(arguments) = verb;
    show(arguments)
}

fn show(arguments: &ConfigShowArgs) -> Result<u8> {
    let mut flags = arguments.config.clone();
    if let Some(name) = &arguments.name {
        flags.preset = Some(name.clone());
    }
    let resolved = Resolved::new("train", &flags, arguments.smoke)?;
    let terminal = Terminal::new(arguments.output);
    terminal.text(&resolved.to_toml()?)?;
    terminal.object(&resolved.to_json()?)?;
    Ok(DONE)
}
