//! Where the four files of a set lie, and under which names.

use std::path::{Path, PathBuf};

use crate::{Error, FASHION_MNIST, FILE_NAMES, Result};

/// The course's own files: NPY, in the order of [`FILE_NAMES`].
pub const COURSE_FILE_NAMES: [&str; 4] = [
    "fashion_mnist_train_images.npy",
    "fashion_mnist_train_labels.npy",
    "fashion_mnist_test_images.npy",
    "fashion_mnist_test_labels.npy",
];

/// The files of a set of one's own as NPY, in the order of [`FILE_NAMES`].
pub const NPY_FILE_NAMES: [&str; 4] =
    ["train_images.npy", "train_labels.npy", "test_images.npy", "test_labels.npy"];

/// The names that a set can have, in the order in which they are looked for. The files of one set are
/// never mixed with those of another.
const NAMINGS: [&[&str; 4]; 3] = [&FILE_NAMES, &COURSE_FILE_NAMES, &NPY_FILE_NAMES];

/// Where the files may lie under a directory: in it, as the Debian package unpacks them, as
/// torchvision keeps them, and in the cache.
const LAYOUTS: [&str; 4] =
    [".", "usr/share/datasets/fashion-mnist", "FashionMNIST/raw", FASHION_MNIST.name];

/// Where under `directory` any of the four files lies.
pub(crate) fn locate(directory: &Path) -> Option<PathBuf> {
    let mut places = LAYOUTS.iter().map(|layout| match *layout {
        "." => directory.to_path_buf(),
        below => directory.join(below),
    });
    places.find(|place| naming(place).is_some())
}

/// The names that the files in `place` have, if any of them is there.
pub(crate) fn naming(place: &Path) -> Option<&'static [&'static str; 4]> {
    NAMINGS.into_iter().find(|names| names.iter().any(|name| find_file(place, name).is_some()))
}

/// The file of that name, plain before compressed.
pub(crate) fn find_file(place: &Path, name: &str) -> Option<PathBuf> {
    let packed = (!is_npy(Path::new(name))).then(|| place.join(format!("{name}.gz")));
    [Some(place.join(name)), packed].into_iter().flatten().find(|path| path.is_file())
}

/// The four files of the set in `place`.
pub(crate) fn find_files(place: &Path) -> Result<[PathBuf; 4]> {
    find_files_named(place, naming(place).unwrap_or(&FILE_NAMES))
}

/// The four files of those names in `place`.
pub(crate) fn find_files_named(
    place: &Path,
    names: &'static [&'static str; 4],
) -> Result<[PathBuf; 4]> {
    let found = names.map(|name| find_file(place, name));
    let missing = names.iter().zip(&found).filter(|(_, path)| path.is_none());
    let missing: Vec<_> = missing.map(|(name, _)| *name).collect();
    if missing.is_empty() {
        Ok(found.map(Option::unwrap_or_default))
    } else {
        Err(Error::Missing { directory: place.to_path_buf(), names: missing })
    }
}

/// Whether a file is NPY by its name; all others are IDX.
pub(crate) fn is_npy(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "npy")
}
