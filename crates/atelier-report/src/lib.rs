#![doc = include_str!("../README.md")]

mod error;
mod listings;
mod parts;
mod results;
mod shape;
mod typeset;
mod world;

use std::io::Write as _;
use std::path::Path;

use atelier_store::Staged;

pub use error::{Error, Result};

/// A finished report: both documents, whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The document to hand in. The same results give the same bytes.
    pub pdf: Vec<u8>,
    /// The same as one HTML page that needs no network and no other file.
    pub page: String,
}

/// Reports the run of `reproduce` in a directory, in the name of these authors.
///
/// Nothing is written.
///
/// # Errors
/// Names the file, and the key in it, that is missing or not what it must be.
pub fn report(run: &Path, authors: &[String]) -> Result<Report> {
    let results = results::Results::read(run, authors)?;
    typeset::typeset(results)
}

impl Report {
    /// Writes `report.pdf` and `index.html` into a directory, in place of those that are there. Both are written out
    /// beside the old ones first.
    ///
    /// # Errors
    /// [`Error::Store`] if one cannot be written.
    pub fn write(&self, directory: &Path) -> Result<()> {
        let stage = |name: &str, bytes: &[u8]| -> Result<Staged> {
            let path = directory.join(name);
            let mut staged = Staged::create(&path)?;
            staged.write_all(bytes).map_err(|cause| atelier_store::Error::Io {
                path,
                operation: "write",
                cause,
            })?;
            Ok(staged)
        };
        let pdf = stage("report.pdf", &self.pdf)?;
        let page = stage("index.html", self.page.as_bytes())?;
        pdf.commit()?;
        page.commit()?;
        Ok(())
    }
}
