//! `deny`, a step of `ci`: the licences and sources of everything that is built in, by cargo-deny.

use std::process::Stdio;

use anyhow::{Context, Result};

use crate::workspace::Workspace;

/// Why nothing can be looked at, if so.
pub fn missing(workspace: &Workspace) -> Option<&'static str> {
    let mut look = workspace.cargo();
    look.args(["deny", "--version"]).stdout(Stdio::null()).stderr(Stdio::null());
    let there = look.status().is_ok_and(|status| status.success());
    (!there).then_some("no cargo-deny; `cargo install cargo-deny --locked` gets it")
}

/// Whether `deny.toml` holds.
pub fn holds(workspace: &Workspace) -> Result<bool> {
    let mut cargo = workspace.cargo();
    // Not `advisories`: they need the network, and change from day to day.
    cargo.args(["deny", "--workspace", "check", "bans", "licenses", "sources"]);
    Ok(cargo.status().context("cannot run cargo deny")?.success())
}
