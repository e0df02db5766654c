//! Who is measured: Atelier, and the peers that `cargo xtask bench --peers` has made ready.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

/// How Atelier is called in tables and files.
pub const ATELIER: &str = "Atelier";

/// The variable in which `cargo xtask bench --peers` lists the peers, as JSON.
pub const PEERS: &str = "ATELIER_BENCH_PEERS";

/// A program that answers as `serve` says, or why there is none.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contestant {
    /// As tables call it.
    pub name: String,
    /// Of what is measured.
    pub version: String,
    /// The program and its first arguments; empty where it could not be made.
    #[serde(default)]
    pub command: Vec<String>,
    /// Why it could not be made.
    #[serde(default)]
    pub missing: Option<String>,
}

impl Contestant {
    /// This program.
    ///
    /// # Errors
    /// Fails if the system cannot say where it lies.
    pub fn atelier(avx2: bool) -> Result<Self> {
        let program = std::env::current_exe().context("cannot tell where this program lies")?;
        let mut command = vec![program.display().to_string(), "row".to_string()];
        command.extend(avx2.then(|| "--avx2".to_string()));
        let version = env!("CARGO_PKG_VERSION").to_string();
        Ok(Self { name: ATELIER.to_string(), version, command, missing: None })
    }

    /// The peers that the environment lists.
    ///
    /// # Errors
    /// Fails if it lists none, or not as it should.
    pub fn peers() -> Result<Vec<Self>> {
        let listed = std::env::var(PEERS).with_context(|| {
            format!(
                "--peers needs the programs that {PEERS} lists: run `cargo xtask bench --peers`"
            )
        })?;
        serde_json::from_str(&listed).with_context(|| format!("{PEERS} lists no peers"))
    }

    /// The program, asked for a row.
    #[must_use]
    pub fn command(&self, id: &str, threads: usize, work: &Path) -> Option<Command> {
        let (program, first) = self.command.split_first()?;
        let mut command = Command::new(program);
        command.args(first).arg(id).arg("--threads").arg(threads.to_string());
        command.arg("--work").arg(work);
        set_threads(&mut command, threads);
        Some(command)
    }
}

/// What is set for every program: the size of pools, and none of the choices of kernels that this
/// machine's administrator has made for older programs.
pub fn set_threads(command: &mut Command, threads: usize) {
    let threads = OsString::from(threads.to_string());
    for pool in ["RAYON_NUM_THREADS", "CANDLE_NUM_THREADS", "OMP_NUM_THREADS"] {
        command.env(pool, &threads);
    }
    for chosen in ["OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"] {
        command.env_remove(chosen);
    }
}
