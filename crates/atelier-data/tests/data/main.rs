//! What the crate promises, through its public interface.

mod batching;
mod downloads;
mod hostile_files;
mod loading;
mod numpy_files;
mod obtaining;
mod sample;
mod server;
mod small_set;
mod splitting;
