#![doc = include_str!("../README.md")]

mod claim;
mod config;
mod domain;
mod driver;
mod error;
mod event;
mod history;
mod importance;
mod journal;
mod options;
mod pruner;
mod record;
mod sampler;
mod space;
mod storage;
mod stream;
mod study;
mod trial;
mod value;

pub use config::{ParameterConfig, PrunerKind, SamplerKind, SpaceConfig, TuneConfig};
pub use domain::Domain;
pub use error::{Error, Result};
pub use event::Event;
pub use importance::importances;
pub use journal::{Journal, read_studies};
pub use options::{Options, Schedule};
pub use pruner::Pruner;
pub use record::{Change, Direction, State, StudyRecord, TrialRecord};
pub use sampler::Sampler;
pub use space::{Parameter, Space};
pub use storage::{Memory, Storage};
pub use study::{Ended, Study, hyperparam_tuning};
pub use trial::{Trial, TrialError, Verdict};
pub use value::{Settings, Value};
