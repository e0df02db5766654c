use std::io;
use std::path::{Path, PathBuf};

use crate::files::{COURSE_FILE_NAMES, is_npy};
use crate::obtain::Attempt;

/// What can go wrong in this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused.
    #[error("{}: {operation} failed: {cause}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What was tried.
        operation: &'static str,
        /// The system's answer; part of the message, therefore not repeated as the error's source.
        cause: io::Error,
    },
    /// A file is not what its header, or the format, says it must be.
    #[error("{}: byte {offset}: {what}: expected {expected}, found {found}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Where in the decompressed content.
        offset: u64,
        /// What is wrong.
        what: &'static str,
        /// What would have been right.
        expected: String,
        /// What is there.
        found: String,
    },
    /// A file is well formed, but holds what is no data of this kind.
    #[error("{}: {what} is {found}, expected {expected}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong, such as `pixel 5 of image 3`; counted from 0.
        what: String,
        /// What would have been right.
        expected: String,
        /// What is there.
        found: String,
    },
    /// A file holds something else altogether, such as a web page that was saved in its place.
    #[error("{}: this is {found}, not IDX data; get the file again", path.display())]
    NotIdx {
        /// The file.
        path: PathBuf,
        /// What it seems to be.
        found: &'static str,
    },
    /// Images and labels do not belong together.
    #[error(
        "{} holds {n_images} images, but {} holds {n_labels} labels; \
         take both from the same source",
        images.display(), labels.display()
    )]
    Counts {
        /// The file of images.
        images: PathBuf,
        /// How many it holds.
        n_images: usize,
        /// The file of labels.
        labels: PathBuf,
        /// How many it holds.
        n_labels: usize,
    },
    /// Training and test images differ in size.
    #[error(
        "{}: images are {found_height}x{found_width}, but the training images are {height}x{width}",
        path.display()
    )]
    ImageSize {
        /// The file of test images.
        path: PathBuf,
        /// Height of the training images.
        height: usize,
        /// Width of the training images.
        width: usize,
        /// Height of the test images.
        found_height: usize,
        /// Width of the test images.
        found_width: usize,
    },
    /// The content is well formed, but not the pinned one.
    #[error(
        "{}: not the content of {name}: SHA-256 expected {expected}, found {found}{}; \
         get the file again, or allow unpinned data (--allow-unpinned) if it is your own",
        path.display(), known.map(|known| format!(" (that is {known})")).unwrap_or_default()
    )]
    Digest {
        /// The file.
        path: PathBuf,
        /// The data set it was held against.
        name: &'static str,
        /// The pinned digest of the decompressed content, in hexadecimal.
        expected: String,
        /// The digest of what is there.
        found: String,
        /// What the content is, where its digest is known.
        known: Option<&'static str>,
    },
    /// The content is larger than that of any pinned data set.
    #[error(
        "{}: not the content of {name}: {found} bytes, expected at most {largest}; \
         get the file again, or allow unpinned data (--allow-unpinned) if it is your own",
        path.display()
    )]
    Larger {
        /// The file.
        path: PathBuf,
        /// The data set that has the most.
        name: &'static str,
        /// How many bytes that is; of an NPY file, in its widest element type.
        largest: u64,
        /// How many bytes the header promises; of an NPY file, how long it is.
        found: u64,
    },
    /// Plain MNIST, which has the same file names, sizes and magic numbers.
    #[error(
        "{}: this is plain MNIST (handwritten digits), not {name}; remove it to have the right \
         files obtained, or allow unpinned data (--allow-unpinned) to use it as it is",
        path.display()
    )]
    Mnist {
        /// The file.
        path: PathBuf,
        /// The data set that was expected.
        name: &'static str,
    },
    /// Some or all of the four files are not there.
    #[error(
        "{}: no {}; expected all four files{}", directory.display(), names.join(", no "),
        if names.iter().any(|name| is_npy(Path::new(name))) { "" } else { ", plain or with .gz" }
    )]
    Missing {
        /// Where they were looked for.
        directory: PathBuf,
        /// The files that are not there.
        names: Vec<&'static str>,
    },
    /// A directory that the user named is not there: more likely misspelt than meant to be filled.
    #[error(
        "{} does not exist; create it (mkdir) to have the data fetched into it, or correct --data-dir",
        directory.display()
    )]
    NoDirectory {
        /// The directory.
        directory: PathBuf,
    },
    /// A setting, or a value given to a function, cannot be met.
    #[error("{key} is {found}, expected {expected}")]
    Setting {
        /// The setting, by its key.
        key: &'static str,
        /// What would have been allowed.
        expected: String,
        /// What was asked for.
        found: String,
    },
    /// No source could give the data.
    #[error(
        "{name} could not be obtained\n{}  help: put the four files (train-images-idx3-ubyte.gz, \
         train-labels-idx1-ubyte.gz, t10k-images-idx3-ubyte.gz, t10k-labels-idx1-ubyte.gz) into {}, \
         or install the package dataset-fashion-mnist, or name a directory that has them (--data-dir)",
        Attempt::list(attempts),
        directory.display()
    )]
    Unobtainable {
        /// The data set.
        name: &'static str,
        /// Every source that was tried, in order, and why it was passed over.
        attempts: Vec<Attempt>,
        /// Where the files can be put by hand.
        directory: PathBuf,
    },
    /// The course's files could not be had.
    #[error(
        "the course's files could not be obtained\n{}  help: put {} into {}, or leave out \
         --source course: the same images come from other sources",
        Attempt::list(attempts),
        COURSE_FILE_NAMES.join(", "),
        directory.display()
    )]
    NoCourseFiles {
        /// Every source that was tried, in order, and why it was passed over.
        attempts: Vec<Attempt>,
        /// Where the files can be put by hand.
        directory: PathBuf,
    },
    /// A file could not be written, or is no NPY file.
    #[error(transparent)]
    Store(#[from] atelier_store::Error),
}

impl Error {
    /// An [`Error::Io`] for `path`, to be used with `map_err`.
    pub(crate) fn io(path: &Path, operation: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |cause| Self::Io { path: path.to_path_buf(), operation, cause }
    }
}

/// The result of this crate's functions.
pub type Result<T> = std::result::Result<T, Error>;
