//! `deny`, a step of `ci`: the licences and sources of everything that is built in, by cargo-deny.

use std::process::Stdio;

use anyhow::{Context, Result};

use crate::{talk, workspace::Workspace};

/// Whether `deny.toml` holds; where cargo-deny is not installed it is said that nothing was looked at.
pub fn holds(workspace: &Workspace) -> Result<bool> {
    let mut look = workspace.cargo();
    look.args(["deny", "--version"]).stdout(Stdio::null()).stderr(Stdio::null());
    if !look.status().context("cannot run cargo")?.success() {
        talk::tell("skipped: no cargo-deny; `cargo install cargo-deny --locked` gets it");
        return Ok(true);
    }
    let mut cargo = workspace.cargo();
    // Not `advisories`: they need the network, and change from day to day.
    cargo.args(["deny", "--workspace", "check", "bans", "licenses", "sources"]);
    Ok(cargo.status().context("cannot run cargo deny")?.success())
}
