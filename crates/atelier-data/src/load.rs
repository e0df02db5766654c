use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::idx::{self, Fingerprint, Images};
use crate::pins::{is_mnist, name_content};
use crate::{Dataset, Error, FASHION_MNIST, FILE_NAMES, Pins, Result, TestSet};

/// Where the files may lie under a directory: in it, as the Debian package unpacks them, as
/// torchvision keeps them, and in the cache.
const LAYOUTS: [&str; 4] =
    [".", "usr/share/datasets/fashion-mnist", "FashionMNIST/raw", FASHION_MNIST.name];

/// A training and a test set, and where they come from.
#[derive(Debug)]
pub struct Loaded {
    /// The examples to train on and to validate with.
    pub train: Arc<Dataset>,
    /// The examples to test with.
    pub test: TestSet,
    /// The names of the classes, in the order of the labels.
    pub class_names: Vec<String>,
    /// What exactly was read.
    pub provenance: Provenance,
}

/// What exactly was read, for the record of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// The name of the data set; `unpinned` where it is not a known one.
    pub name: String,
    /// Whether the content is, bit for bit, that of a pinned data set.
    pub pinned: bool,
    /// Where it was read from.
    pub source: String,
    /// The four files by their standard names.
    pub files: BTreeMap<String, FileRecord>,
}

/// One file of a data set, decompressed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRecord {
    /// SHA-256 of the decompressed content, in lower-case hexadecimal.
    pub sha256: String,
    /// Size of the decompressed content in bytes.
    pub bytes: u64,
}

/// Reads the four files under `directory` and verifies that they are one of `pins`.
///
/// The files have their standard names ([`FILE_NAMES`]), plain or with `.gz`, and lie in the
/// directory itself or where a Debian package or torchvision puts them below it. With
/// `allow_unpinned` any well-formed content will do; its classes are those of the training labels.
///
/// # Errors
/// [`Error::Missing`] if a file is not there; [`Error::Format`], [`Error::NotIdx`],
/// [`Error::Counts`] or [`Error::ImageSize`] if one is not what it should be; [`Error::Digest`] or
/// [`Error::Mnist`] if it is well formed, but other content than the pinned.
pub fn load_dir(directory: &Path, pins: &[Pins], allow_unpinned: bool) -> Result<Loaded> {
    let place = locate(directory).unwrap_or_else(|| directory.to_path_buf());
    let paths = find_files(&place)?;
    let [train_images, train_labels, test_images, test_labels] = &paths;
    // The training images are seven eighths of the work: they have a thread of their own.
    let (images, (labels, t_images, t_labels)) = thread::scope(|scope| {
        let big = scope.spawn(|| open(train_images, idx::images));
        let small = (
            open(train_labels, idx::labels),
            open(test_images, idx::images),
            open(test_labels, idx::labels),
        );
        (big.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), small)
    });
    let ((images, images_print), (labels, labels_print)) = (images?, labels?);
    let ((t_images, t_images_print), (t_labels, t_labels_print)) = (t_images?, t_labels?);

    check_counts(train_images, images.count(), train_labels, labels.len())?;
    check_counts(test_images, t_images.count(), test_labels, t_labels.len())?;
    if (images.height, images.width) != (t_images.height, t_images.width) {
        return Err(Error::ImageSize {
            path: test_images.clone(),
            height: images.height,
            width: images.width,
            found_height: t_images.height,
            found_width: t_images.width,
        });
    }
    let found = [&images_print, &labels_print, &t_images_print, &t_labels_print];
    let known = identify(found, pins);
    let classes = match known {
        Some(pins) => pins.classes.len(),
        None if allow_unpinned => labels.iter().max().map_or(0, |&label| usize::from(label) + 1),
        None => {
            let classes = pins.iter().map(|pins| pins.classes.len()).max();
            idx::check_labels(&labels, classes, train_labels)?;
            idx::check_labels(&t_labels, classes, test_labels)?;
            return Err(mismatch(&paths, found, pins));
        }
    };
    idx::check_labels(&t_labels, Some(classes), test_labels)?;

    let files = FILE_NAMES.iter().zip(found).map(|(name, print)| {
        ((*name).to_string(), FileRecord { sha256: print.sha256.clone(), bytes: print.bytes })
    });
    let provenance = Provenance {
        name: match known {
            Some(pins) => pins.name,
            None if found.iter().all(|print| is_mnist(&print.sha256)) => "mnist",
            None => "unpinned",
        }
        .to_string(),
        pinned: known.is_some(),
        source: place.display().to_string(),
        files: files.collect(),
    };
    Ok(Loaded {
        train: Arc::new(dataset(images, labels, classes)?),
        test: TestSet::new(dataset(t_images, t_labels, classes)?),
        class_names: match known {
            Some(pins) => pins.classes.iter().map(|&name| name.to_string()).collect(),
            None => (0..classes).map(|class| class.to_string()).collect(),
        },
        provenance,
    })
}

/// Where under `directory` any of the four files lies.
pub(crate) fn locate(directory: &Path) -> Option<PathBuf> {
    let mut places = LAYOUTS.iter().map(|layout| match *layout {
        "." => directory.to_path_buf(),
        below => directory.join(below),
    });
    places.find(|place| FILE_NAMES.iter().any(|name| find_file(place, name).is_some()))
}

/// The file of that name, plain before compressed.
pub(crate) fn find_file(place: &Path, name: &str) -> Option<PathBuf> {
    [place.join(name), place.join(format!("{name}.gz"))].into_iter().find(|path| path.is_file())
}

/// Opens `path` and reads it with one of the readers of [`idx`].
pub(crate) fn open<T>(path: &Path, read: impl Fn(File, u64, &Path) -> Result<T>) -> Result<T> {
    let file = File::open(path).map_err(Error::io(path, "opening"))?;
    let size = file.metadata().map_err(Error::io(path, "asking for the size"))?.len();
    read(file, size, path)
}

fn find_files(place: &Path) -> Result<[PathBuf; 4]> {
    let found = FILE_NAMES.map(|name| find_file(place, name));
    let missing = FILE_NAMES.into_iter().zip(&found).filter(|(_, path)| path.is_none());
    let names: Vec<_> = missing.map(|(name, _)| name).collect();
    if names.is_empty() {
        Ok(found.map(Option::unwrap_or_default))
    } else {
        Err(Error::Missing { directory: place.to_path_buf(), names })
    }
}

fn check_counts(images: &Path, n_images: usize, labels: &Path, n_labels: usize) -> Result<()> {
    if n_images == n_labels {
        return Ok(());
    }
    let (images, labels) = (images.to_path_buf(), labels.to_path_buf());
    Err(Error::Counts { images, n_images, labels, n_labels })
}

fn identify<'p>(found: [&Fingerprint; 4], pins: &'p [Pins]) -> Option<&'p Pins> {
    pins.iter()
        .find(|pins| pins.files.iter().zip(found).all(|(pin, print)| pin.sha256 == print.sha256))
}

/// Which file is wrong, seen from the data set that most of the others belong to.
fn mismatch(paths: &[PathBuf; 4], found: [&Fingerprint; 4], pins: &[Pins]) -> Error {
    let differing = |pins: &Pins| {
        (0..4).filter(|&i| pins.files[i].sha256 != found[i].sha256).collect::<Vec<_>>()
    };
    let best = pins.iter().map(|pins| (pins, differing(pins))).min_by_key(|(_, wrong)| wrong.len());
    let Some((pins, wrong)) = best else {
        return Error::Setting {
            key: "pins",
            expected: "at least one data set, or unpinned data allowed".to_string(),
            found: "none".to_string(),
        };
    };
    let file = wrong.first().copied().unwrap_or(0);
    let (path, sha256) = (paths[file].clone(), found[file].sha256.clone());
    if is_mnist(&sha256) {
        return Error::Mnist { path, name: pins.name };
    }
    Error::Digest {
        path,
        name: pins.name,
        expected: pins.files[file].sha256.to_string(),
        known: name_content(&sha256),
        found: sha256,
    }
}

fn dataset(images: Images, labels: Vec<u8>, classes: usize) -> Result<Dataset> {
    let (height, width) = (images.height, images.width);
    let shape = (images.count(), height * width);
    let pixels = Array2::from_shape_vec(shape, images.pixels).map_err(|error| Error::Setting {
        key: "images",
        expected: format!("{} x {}", shape.0, shape.1),
        found: error.to_string(),
    })?;
    Dataset::new(pixels, labels, (height, width), classes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pins::MNIST_SHA256;
    use crate::{FASHION_MNIST, SAMPLE};

    fn told(digests: [&str; 4], pins: &[Pins]) -> Error {
        let prints = digests.map(|sha256| Fingerprint { bytes: 0, sha256: sha256.to_string() });
        let paths = FILE_NAMES.map(PathBuf::from);
        let [a, b, c, d] = &prints;
        assert_eq!(identify([a, b, c, d], pins), None);
        mismatch(&paths, [a, b, c, d], pins)
    }

    #[test]
    fn plain_mnist_is_named_whole_or_in_part() {
        let fashion = FASHION_MNIST.files.map(|pin| pin.sha256);
        for file in 0..4 {
            let mut digests = fashion;
            digests[file] = MNIST_SHA256[file];
            let error = told(digests, &[FASHION_MNIST]);
            assert!(error.to_string().contains("plain MNIST"), "{error}");
            assert!(matches!(error, Error::Mnist { path, .. } if path.ends_with(FILE_NAMES[file])));
        }
        let error = told(MNIST_SHA256, &[FASHION_MNIST, SAMPLE]);
        assert!(matches!(error, Error::Mnist { name: "fashion-mnist", .. }), "{error}");
    }

    #[test]
    fn content_is_held_against_the_set_that_most_files_belong_to() {
        let mut digests = SAMPLE.files.map(|pin| pin.sha256);
        digests[3] = "0000";
        let error = told(digests, &[FASHION_MNIST, SAMPLE]);
        assert!(matches!(error, Error::Digest { name: "fashion-mnist-sample", .. }), "{error}");
        // Training and test labels that changed places.
        let mut digests = FASHION_MNIST.files.map(|pin| pin.sha256);
        digests.swap(1, 3);
        let error = told(digests, &[FASHION_MNIST]).to_string();
        assert!(error.contains("(that is t10k-labels-idx1-ubyte)"), "{error}");
    }
}
