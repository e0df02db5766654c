//! A run directory as it was when its run began or was taken up.

use std::path::{Path, PathBuf};

use crate::fs::identity;
use crate::{Error, Result};

/// A directory by its path, and by what tells it from any other that may come to have this path.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    path: PathBuf,
    /// Of which device, and the number there.
    identity: (u64, u64),
}

impl Place {
    /// The directory that has this path now.
    pub(crate) fn of(path: &Path) -> Result<Self> {
        let identity = identity(path).map_err(|cause| Error::io(path, "look at", cause))?;
        Ok(Self { path: path.to_path_buf(), identity })
    }

    /// Refuses to go on where the path leads to nothing, or to another directory.
    pub(crate) fn check(&self) -> Result<()> {
        let same = identity(&self.path).is_ok_and(|identity| identity == self.identity);
        if same { Ok(()) } else { Err(Error::Moved { path: self.path.clone() }) }
    }
}
