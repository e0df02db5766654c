#![doc = include_str!("../README.md")]

pub mod against;
pub mod chart;
mod contestant;
mod copying;
mod epoch;
mod fused;
mod grid;
mod job;
mod limits;
mod machine;
mod measure;
mod peak;
mod process;
mod report;
mod round_trip;
mod row;
mod serve;
mod session;
mod statistics;
mod step;
pub mod table;
mod tuning;
mod turn;
mod watch;
mod workplace;

pub use contestant::{ATELIER, Contestant, PEERS};
pub use grid::Grid;
pub use job::{Job, job};
pub use machine::Machine;
pub use measure::{Settings, all};
pub use report::{Limits, Measured, Report, SCHEMA_VERSION, Times};
pub use row::{ROWS, Row, Threads, Work};
pub use serve::serve;
pub use step::Step;
pub use watch::{heed_signals, interrupted};
