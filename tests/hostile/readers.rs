//! Every reader of outside bytes as a function of bytes: what the fuzz targets call, and what the kept corpus is
//! replayed through.

mod files;
mod program;

pub use files::PATH;

/// Reads bytes; the error is the message that a user would see.
pub type Reader = fn(&[u8]) -> Result<(), String>;

/// The readers, by the folder of the corpus that holds their files.
pub const READERS: &[(&str, Reader)] = &[
    ("images", program::images),
    ("labels", program::labels),
    ("classes", program::classes),
    ("npy-images", program::npy_images),
    ("npy-labels", program::npy_labels),
    ("npy", files::array),
    ("model", files::model),
    ("checkpoint", files::checkpoint),
    ("journal", files::journal),
    ("config", program::config),
    ("metrics", program::metrics),
    ("networks", program::networks),
    ("snapshots", files::snapshots),
    ("manifest", files::manifest),
    ("summary", program::summary),
    ("picture", program::picture),
    ("grid", program::grid),
];
