use std::sync::atomic::{AtomicU64, Ordering};

use ndarray::{Array2, ArrayView2};

use crate::{Error, Result};

/// Labelled greyscale images of one size, as they were read: one byte a pixel.
#[derive(Debug)]
pub struct Dataset {
    /// `(n, pixels)`, in standard (row-major) layout.
    images: Array2<u8>,
    labels: Vec<u8>,
    height: usize,
    width: usize,
    classes: usize,
}

impl Dataset {
    /// A data set from images `(n, height * width)` and as many labels, each below `classes`.
    ///
    /// # Errors
    /// [`Error::Setting`] if these do not fit together, or there is no image at all.
    pub fn new(
        images: Array2<u8>,
        labels: Vec<u8>,
        (height, width): (usize, usize),
        classes: usize,
    ) -> Result<Self> {
        let refuse = |key, expected: String, found: usize| {
            Err(Error::Setting { key, expected, found: found.to_string() })
        };
        let (n, pixels) = images.dim();
        if n == 0 || u32::try_from(n).is_err() {
            return refuse("number of images", "at least 1 and below 2^32".to_string(), n);
        }
        if height.checked_mul(width) != Some(pixels) || pixels == 0 {
            return refuse("pixels per image", format!("{height} x {width}, at least 1"), pixels);
        }
        if labels.len() != n {
            return refuse("number of labels", format!("{n}, one for each image"), labels.len());
        }
        if let Some(&label) = labels.iter().find(|&&label| usize::from(label) >= classes) {
            return refuse("label", format!("below {classes}"), label.into());
        }
        let images = if images.is_standard_layout() {
            images
        } else {
            images.as_standard_layout().into_owned()
        };
        Ok(Self { images, labels, height, width, classes })
    }

    /// How many examples there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Always false: a data set holds at least one example.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The images, `(n, pixels)`.
    #[must_use]
    pub fn images(&self) -> ArrayView2<'_, u8> {
        self.images.view()
    }

    /// The labels, one for each image, each below [`Dataset::classes`].
    #[must_use]
    pub fn labels(&self) -> &[u8] {
        &self.labels
    }

    /// Rows of an image.
    #[must_use]
    pub fn height(&self) -> usize {
        self.height
    }

    /// Columns of an image.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Pixels of an image: `height * width`.
    #[must_use]
    pub fn pixels(&self) -> usize {
        self.images.ncols()
    }

    /// How many classes there are.
    #[must_use]
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// How many examples each class has.
    #[must_use]
    pub fn class_counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.classes];
        for &label in &self.labels {
            counts[usize::from(label)] += 1;
        }
        counts
    }

    /// All pixels, image after image.
    pub(crate) fn bytes(&self) -> &[u8] {
        // `new` made sure of the layout that makes this a slice.
        self.images.as_slice().unwrap_or_default()
    }
}

/// The examples that a result is measured on, once everything is chosen.
///
/// A type of its own, so that no function that fits or chooses can be given it by mistake, and
/// with a counter, so that a run can record how often it was looked at.
#[derive(Debug)]
pub struct TestSet {
    dataset: Dataset,
    reads: AtomicU64,
}

impl TestSet {
    /// Sets `dataset` aside for testing.
    #[must_use]
    pub fn new(dataset: Dataset) -> Self {
        Self { dataset, reads: AtomicU64::new(0) }
    }

    /// How many examples there are; not a read.
    #[must_use]
    pub fn len(&self) -> usize {
        self.dataset.len()
    }

    /// Always false: a data set holds at least one example.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.dataset.is_empty()
    }

    /// How many examples each class has; not a read.
    #[must_use]
    pub fn class_counts(&self) -> Vec<usize> {
        self.dataset.class_counts()
    }

    /// The examples themselves; counted as a read.
    pub fn read(&self) -> &Dataset {
        self.reads.fetch_add(1, Ordering::Relaxed);
        &self.dataset
    }

    /// The examples, for purposes that learn nothing from them.
    pub(crate) fn uncounted(&self) -> &Dataset {
        &self.dataset
    }

    /// How often the examples were read: each pass of
    /// [`evaluation_batches`](Self::evaluation_batches) and each [`TestSet::read`] is one.
    #[must_use]
    pub fn reads(&self) -> u64 {
        self.reads.load(Ordering::Relaxed)
    }
}
