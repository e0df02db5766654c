//! `runs check`: the results of a run against requirements.

use anyhow::{Result, anyhow};
use atelier_store::{Manifest, Status};
use serde_json::json;

use super::requirement::{Requirement, told};
use super::{find, shown_whole, standing, summary};
use crate::cli::RunsCheckArgs;
use crate::failure::{CheckFailed, DONE, Help as _};
use crate::home;
use crate::terminal::{Align, Table, Terminal, counted};

/// `runs check`.
pub(super) fn run(arguments: &RunsCheckArgs) -> Result<u8> {
    let terminal = Terminal::new(arguments.output);
    let path = find(&arguments.name)?;
    let required: Vec<Requirement> =
        arguments.require.iter().map(|text| Requirement::read(text)).collect::<Result<_>>()?;
    let manifest = Manifest::read(&path.join("manifest.json"))?;
    let status = standing(&path, &manifest);
    let shown = home::quoted(&path);
    let results = if status == Status::Complete { summary(&path)? } else { None };
    let Some(results) = results else {
        let word = status.word();
        return Err(anyhow!("the run in {shown} is {word} and has no results to check"))
            .help(|| format!("`{} runs show {shown}` says how it stands", home::program()));
    };

    let mut table =
        Table::new(&[("required", Align::Left), ("found", Align::Right), ("holds", Align::Left)]);
    let (mut objects, mut broken) = (Vec::new(), 0);
    for requirement in &required {
        let found = requirement
            .find(&results)
            .help(|| format!("`{} runs show {shown}` lists the keys", home::program()))?;
        let holds = requirement.holds(found)?;
        broken += usize::from(!holds);
        table.row([
            requirement.to_string(),
            told(found),
            if holds { "yes" } else { "no" }.to_string(),
        ]);
        objects.push(json!({
            "key": requirement.key,
            "operator": requirement.operator.sign(),
            "value": requirement.value,
            "found": found,
            "holds": holds,
        }));
    }
    terminal.text(&table.to_string())?;
    terminal.object(&json!({
        "schema_version": 1,
        "path": shown_whole(&path),
        "requirements": objects,
        "holds": broken == 0,
    }))?;
    if broken > 0 {
        let (all, verb) =
            (counted(required.len(), "requirement"), if broken == 1 { "does" } else { "do" });
        return Err(CheckFailed(format!("{broken} of {all} {verb} not hold")).into());
    }
    Ok(DONE)
}
