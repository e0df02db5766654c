#![doc = include_str!("../README.md")]

mod augment;
mod batch;
mod class_names;
mod config;
mod course;
mod dataset;
mod download;
mod error;
mod evaluation;
mod event;
mod files;
pub mod idx;
mod load;
pub mod npy;
mod obtain;
mod package;
mod pins;
mod resident;
mod rows;
mod split;
mod standardization;

pub use batch::Batcher;
pub use class_names::parse_class_names;
pub use config::{AugmentConfig, DataConfig, SplitSeed, ValidationSize};
pub use course::load_course;
pub use dataset::{Dataset, TestSet};
pub use error::{Error, Result};
pub use evaluation::EvaluationBatches;
pub use event::Event;
pub use files::{COURSE_FILE_NAMES, NPY_FILE_NAMES};
pub use load::{FileRecord, Loaded, Provenance, load_dir};
pub use obtain::{Attempt, Sources, obtain};
pub use pins::{FASHION_MNIST, FASHION_MNIST_CLASSES, FILE_NAMES, Pin, Pins, SAMPLE};
pub use split::{Split, Subset, split};
pub use standardization::Standardization;
