#![doc = include_str!("../README.md")]

mod append_log;
mod array;
mod checkpoint;
mod durable;
mod error;
mod fs;
mod lock;
mod manifest;
mod npy;
mod npy_header;
mod npy_log;
mod run_dir;
mod runs;
mod snapshots;
mod space;
mod tensor_file;
mod utc;

pub use append_log::{AppendLog, read_lines};
pub use array::{Dtype, NamedArray};
pub use checkpoint::{Checkpoint, Checkpoints, Latest, PassedOver};
pub use durable::{Staged, durable_write, remove_leftovers};
pub use error::{Error, Result};
pub use fs::read_regular;
pub use lock::Lock;
pub use manifest::{Dataset, Manifest, Program, SCHEMA_VERSION, Status};
pub use npy::{NpyArray, NpyElement, NpyValues, npy_bytes, read_npy};
pub use npy_log::NpyLog;
pub use run_dir::RunDir;
pub use runs::{RunSummary, list_runs, newest_interrupted};
pub use snapshots::{SnapshotLog, Snapshots};
pub use space::probe;
pub use tensor_file::{read_model, write_model};
pub use utc::{format_utc, utc_now};
