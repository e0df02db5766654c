use anyhow::Result;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::cli::{ConfigFlags, ConfigShowArgs, ConfigVerb};
use crate::config::{
    AutoencodingConfig, Config, InitialisingConfig, LandscapingConfig, Resolved, TuningConfig,
    VaryingConfig,
};
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
    // A preset says by its name whose it is; without one it is of `train`.
    match flags.preset.as_deref().and_then(|name| name.split_once('/')) {
        Some(("autoencoder", _)) => shown::<AutoencodingConfig>("autoencoder", &flags, arguments),
        Some(("init", _)) => shown::<InitialisingConfig>("init", &flags, arguments),
        Some(("landscape", _)) => shown::<LandscapingConfig>("landscape", &flags, arguments),
        Some(("tune", _)) => shown::<TuningConfig>("tune", &flags, arguments),
        Some(("variants", _)) => shown::<VaryingConfig>("variants", &flags, arguments),
        _ => shown::<Config>("train", &flags, arguments),
    }
}

fn shown<C: Default + Serialize + DeserializeOwned>(
    verb: &str,
    flags: &ConfigFlags,
    arguments: &ConfigShowArgs,
) -> Result<u8> {
    let resolved = Resolved::<C>::new(verb, flags, arguments.smoke)?;
    let terminal = Terminal::new(arguments.output);
    terminal.text(&resolved.to_toml()?)?;
    terminal.object(&resolved.to_json()?)?;
    Ok(DONE)
}
