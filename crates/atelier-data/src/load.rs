use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::files::{find_files, is_npy, locate};
use crate::idx::{self, Expected, Fingerprint, Images, LARGEST_IMAGES, LARGEST_LABELS};
use crate::npy::{self, Scale};
use crate::pins::{is_mnist, name_content};
use crate::{Dataset, Error, FILE_NAMES, Pins, Result, TestSet, class_names};

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
    /// How files were read that can be understood in more than one way (floating-point pixels): a
    /// sentence for each, to be shown.
    pub assumptions: Vec<String>,
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
    /// The four files by their standard names. One that was read from NPY is recorded as the IDX file
    /// of the same content.
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
/// The files are IDX under their standard names ([`FILE_NAMES`]), plain or with `.gz`, or NPY under
/// those of [`COURSE_FILE_NAMES`](crate::COURSE_FILE_NAMES) or
/// [`NPY_FILE_NAMES`](crate::NPY_FILE_NAMES). They lie in the directory itself or where a Debian
/// package or torchvision puts them below it. With `allow_unpinned` any well-formed content will do;
/// its classes are those of the file `classes.txt` beside it, else those of the training labels.
///
/// # Errors
/// [`Error::Missing`] if a file is not there; [`Error::Format`], [`Error::NotIdx`],
/// [`Error::Content`], [`Error::Store`], [`Error::Counts`] or [`Error::ImageSize`] if one is not what
/// it should be; [`Error::Digest`], [`Error::Larger`] or [`Error::Mnist`] if it is well formed, but
/// other content than the pinned.
pub fn load_dir(directory: &Path, pins: &[Pins], allow_unpinned: bool) -> Result<Loaded> {
    let place = locate(directory).unwrap_or_else(|| directory.to_path_buf());
    load_files(&place, &find_files(&place)?, pins, allow_unpinned)
}

/// As [`load_dir`], for these files in `place`.
pub(crate) fn load_files(
    place: &Path,
    paths: &[PathBuf; 4],
    pins: &[Pins],
    allow_unpinned: bool,
) -> Result<Loaded> {
    let [train_images, train_labels, test_images, test_labels] = paths;
    let (of_images, of_labels) = if allow_unpinned {
        (Expected::up_to(LARGEST_IMAGES), Expected::up_to(LARGEST_LABELS))
    } else {
        (largest(pins, 0, LARGEST_IMAGES), largest(pins, 1, LARGEST_LABELS))
    };
    // Labels are small, and say how many images there can be before those are unpacked.
    let (labels, labels_print) = read_labels(train_labels, of_labels)?;
    let (t_labels, t_labels_print) = read_labels(test_labels, of_labels)?;
    let read = |images: &Path, path, labels: &[u8]| {
        read_images(images, Expected { labels: Some((path, labels.len())), ..of_images })
    };
    // The training images are seven eighths of the work: they have a thread of their own.
    let (images, t_images) = thread::scope(|scope| {
        let big = || read(train_images, train_labels, &labels);
        let spawned = thread::Builder::new().spawn_scoped(scope, big);
        let small = read(test_images, test_labels, &t_labels);
        let big = match spawned {
            Ok(thread) => thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            // The system has no more threads to give.
            Err(_) => big(),
        };
        (big, small)
    });
    let ((images, images_print, scale), (t_images, t_images_print, t_scale)) = (images?, t_images?);

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
    let unit = |scale: Option<Scale>| scale.is_some_and(|scale| scale.unit);
    if unit(scale) != unit(t_scale) {
        let range = |unit| if unit { "pixels in [0, 1]" } else { "pixels in [0, 255]" };
        let expected = format!("{}, as in the training images", range(unit(scale)));
        return Err(npy::wrong(test_images, "the content", expected, range(unit(t_scale))));
    }
    let found = [&images_print, &labels_print, &t_images_print, &t_labels_print];
    let known = identify(found, pins);
    let class_names = match known {
        Some(pins) => pins.classes.iter().map(|&name| name.to_string()).collect(),
        None if allow_unpinned => match class_names::read(place)? {
            Some(names) => names,
            None => {
                (0..=labels.iter().copied().max().unwrap_or(0)).map(|c| c.to_string()).collect()
            }
        },
        None => {
            let classes = pins.iter().map(|pins| pins.classes.len()).max();
            check_labels(&labels, classes, train_labels)?;
            check_labels(&t_labels, classes, test_labels)?;
            return Err(mismatch(paths, found, pins));
        }
    };
    let classes = class_names.len();
    check_labels(&labels, Some(classes), train_labels)?;
    check_labels(&t_labels, Some(classes), test_labels)?;

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
    let scales = [(train_images, scale), (test_images, t_scale)].into_iter();
    let assumptions = scales.filter_map(|(path, scale)| Some(npy::assumption(path, scale?)));
    Ok(Loaded {
        train: Arc::new(dataset(images, labels, classes)?),
        test: TestSet::new(dataset(t_images, t_labels, classes)?),
        class_names,
        provenance,
        assumptions: assumptions.collect(),
    })
}

/// The largest content that file number `kind` of a pair of images (0) and labels (1) has in any of `pins`.
fn largest(pins: &[Pins], kind: usize, otherwise: u64) -> Expected<'static> {
    let files = pins.iter().flat_map(|pins| [kind, kind + 2].map(|i| (pins.files[i].bytes, pins)));
    match files.max_by_key(|(bytes, _)| *bytes) {
        Some((largest, pins)) => {
            Expected { any: otherwise, largest, pinned: Some(pins.name), labels: None }
        }
        None => Expected::up_to(otherwise),
    }
}

/// The images of an IDX or NPY file, the fingerprint of its content as IDX, and how floats were read.
fn read_images(
    path: &Path,
    expected: Expected<'_>,
) -> Result<(Images, Fingerprint, Option<Scale>)> {
    if is_npy(path) {
        return npy::images(path, expected);
    }
    let (images, print) = open(path, expected, idx::images)?;
    Ok((images, print, None))
}

/// The labels of an IDX or NPY file, and the fingerprint of its content as IDX.
fn read_labels(path: &Path, expected: Expected<'_>) -> Result<(Vec<u8>, Fingerprint)> {
    if is_npy(path) { npy::labels(path, expected) } else { open(path, expected, idx::labels) }
}

/// The fingerprint of a file as IDX, whatever it is; of no more than `largest` bytes if it is IDX.
pub(crate) fn fingerprint(path: &Path, of_images: bool, largest: u64) -> Result<Fingerprint> {
    let expected = Expected::up_to(largest);
    if of_images {
        read_images(path, expected).map(|(_, print, _)| print)
    } else {
        read_labels(path, expected).map(|(_, print)| print)
    }
}

/// Opens `path` and reads it with one of the readers of [`idx`].
fn open<T>(
    path: &Path,
    expected: Expected<'_>,
    read: impl Fn(File, u64, &Path, Expected<'_>) -> Result<T>,
) -> Result<T> {
    let file = File::open(path).map_err(Error::io(path, "opening"))?;
    let size = file.metadata().map_err(Error::io(path, "asking for the size"))?.len();
    read(file, size, path, expected)
}

/// Refuses labels that are not below `classes`.
fn check_labels(labels: &[u8], classes: Option<usize>, path: &Path) -> Result<()> {
    let check = if is_npy(path) { npy::check_labels } else { idx::check_labels };
    check(labels, classes, path)
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
