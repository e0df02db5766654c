use atelier_core::seed::{Stream, permutation, stream};
use rand::RngExt;
use rand_distr::{Beta, Distribution};

use crate::{AugmentConfig, Dataset, Error, Result};

/// Moves, mirrors and partly erases the images of one batch.
///
/// Each kind draws from a stream of its own, and every image draws from each in turn, so that turning
/// one kind on does not change the other.
pub(crate) struct Movement<'a> {
    dataset: &'a Dataset,
    shift: usize,
    shifts: Stream,
    flip: bool,
    flips: Stream,
    erase: f64,
    erasures: Stream,
}

/// How one image moves, in pixels, whether it is mirrored afterwards, and what is erased at last.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Move {
    pub down: f32,
    pub right: f32,
    pub flip: bool,
    pub patch: Option<Patch>,
}

/// A rectangle of noise.
///
/// # References
/// Zhong, Zheng, Kang, Li, Yang, *Random erasing data augmentation*, AAAI 2020. Here 2 to 25 % of
/// the image, evenly, with sides in a ratio of up to 3 either way, log-evenly; sides are rounded, and cut
/// to those of the image.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Patch {
    left: usize,
    top: usize,
    width: usize,
    /// Row by row.
    noise: Vec<u8>,
}

impl Patch {
    /// Calls `put` with the start of each row of the patch in an image of `width`, and its noise.
    pub fn for_rows(&self, width: usize, mut put: impl FnMut(usize, &[u8])) {
        for (row, noise) in self.noise.chunks_exact(self.width).enumerate() {
            put((self.top + row) * width + self.left, noise);
        }
    }
}

impl<'a> Movement<'a> {
    /// The movements of batch `index` of `epoch`; `None` where nothing moves.
    pub fn new(
        dataset: &'a Dataset,
        augment: &AugmentConfig,
        seed: u64,
        epoch: u64,
        index: u64,
    ) -> Option<Self> {
        (augment.shift > 0 || augment.flip || augment.erase > 0.0).then(|| Self {
            dataset,
            shift: augment.shift,
            shifts: stream(seed, "shift", epoch, index),
            flip: augment.flip,
            flips: stream(seed, "flip", epoch, index),
            erase: augment.erase,
            erasures: stream(seed, "erase", epoch, index),
        })
    }

    /// How far down and up, and how far to the right and to the left, the next image moves.
    fn draw(&mut self) -> ((usize, usize), (usize, usize)) {
        let mut draw = || match self.shift {
            0 => (0, 0),
            shift => {
                let offset = self.shifts.random_range(0..=2 * shift);
                (offset.saturating_sub(shift), shift.saturating_sub(offset))
            }
        };
        (draw(), draw())
    }

    /// What is erased of the next image.
    fn patch(&mut self) -> Option<Patch> {
        let stream = &mut self.erasures;
        if self.erase == 0.0 || stream.random::<f64>() >= self.erase {
            return None;
        }
        let (height, width) = (self.dataset.height(), self.dataset.width());
        let area = (height * width) as f64 * stream.random_range(0.02..0.25);
        let ratio = 3.0_f64.powf(stream.random_range(-1.0..1.0));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a side")]
        let side = |length: f64, most: usize| (length.round() as usize).clamp(1, most);
        let (rows, columns) =
            (side((area * ratio).sqrt(), height), side((area / ratio).sqrt(), width));
        let top = stream.random_range(0..=height - rows);
        let left = stream.random_range(0..=width - columns);
        let mut noise = vec![0; rows * columns];
        stream.fill(&mut noise[..]);
        Some(Patch { left, top, width: columns, noise })
    }

    /// The moves of the next `n` images.
    pub fn next(&mut self, n: usize) -> Vec<Move> {
        let signed = |(on, back): (usize, usize)| on as f32 - back as f32;
        let one = |_| {
            let (down, right) = self.draw();
            let flip = self.flip && self.flips.random::<bool>();
            Move { down: signed(down), right: signed(right), flip, patch: self.patch() }
        };
        (0..n).map(one).collect()
    }

    /// Writes the moved `image` to `out`; what moves in from outside is 0.
    pub fn apply(&mut self, image: &[u8], out: &mut [u8]) {
        let (height, width) = (self.dataset.height(), self.dataset.width());
        let ((down, up), (right, left)) = self.draw();
        out.fill(0);
        let copied = width - left - right;
        for row in down..height - up {
            let source = &image[(row + up - down) * width + left..][..copied];
            out[row * width + right..][..copied].copy_from_slice(source);
        }
        if self.flip && self.flips.random::<bool>() {
            out.chunks_exact_mut(width).for_each(<[u8]>::reverse);
        }
        if let Some(patch) = self.patch() {
            patch.for_rows(width, |start, noise| {
                out[start..start + noise.len()].copy_from_slice(noise);
            });
        }
    }
}

/// How the examples of one batch are mixed: example `i` becomes `weight` times itself plus
/// `1 - weight` times example `partners[i]`, and its target likewise.
///
/// # References
/// Zhang, Cisse, Dauphin, Lopez-Paz, *mixup: Beyond empirical risk minimization*, ICLR 2018; one
/// weight for a batch, as in the authors' code.
pub(crate) struct Mixup {
    pub weight: f32,
    pub partners: Vec<u32>,
}

impl Mixup {
    /// The mixture of batch `index` of `epoch`, which holds `n` examples; `None` where `alpha`
    /// is 0.
    pub fn new(alpha: f64, seed: u64, epoch: u64, index: u64, n: usize) -> Option<Self> {
        let distribution = Beta::new(alpha, alpha).ok()?;
        let mut stream = stream(seed, "mixup", epoch, index);
        #[expect(clippy::cast_possible_truncation, reason = "f32 is what the inputs are")]
        let weight = distribution.sample(&mut stream) as f32;
        let n = u32::try_from(n).unwrap_or(u32::MAX);
        Some(Self { weight, partners: permutation(&mut stream, n) })
    }

    /// Mixes rows of inputs.
    pub fn inputs(&self, rows: &[f32], features: usize) -> Vec<f32> {
        let mut mixed = Vec::with_capacity(rows.len());
        for (row, &partner) in rows.chunks_exact(features).zip(&self.partners) {
            let other = &rows[partner as usize * features..][..features];
            let mix = |(own, other)| self.weight * own + (1.0 - self.weight) * other;
            pulp::Arch::new().dispatch(|| mixed.extend(row.iter().zip(other).map(mix)));
        }
        mixed
    }

    /// The mixed targets, `(n, classes)`.
    pub fn targets(&self, labels: &[u32], classes: usize) -> Vec<f32> {
        let mut targets = vec![0.0; labels.len() * classes];
        for ((target, &own), &partner) in
            targets.chunks_exact_mut(classes).zip(labels).zip(&self.partners)
        {
            target[own as usize] += self.weight;
            target[labels[partner as usize] as usize] += 1.0 - self.weight;
        }
        targets
    }
}

/// Refuses settings that cannot be meant.
pub(crate) fn check(augment: &AugmentConfig, dataset: &Dataset) -> Result<()> {
    let side = dataset.height().min(dataset.width());
    if augment.shift >= side {
        return Err(Error::Setting {
            key: "data.augment.shift",
            expected: format!("below {side}, the side of an image"),
            found: augment.shift.to_string(),
        });
    }
    if !(0.0..=1.0).contains(&augment.erase) {
        return Err(Error::Setting {
            key: "data.augment.erase",
            expected: "between 0 and 1".to_string(),
            found: atelier_core::number(augment.erase),
        });
    }
    if augment.mixup != 0.0 && !(0.01..=100.0).contains(&augment.mixup) {
        return Err(Error::Setting {
            key: "data.augment.mixup",
            expected: "0, or between 0.01 and 100".to_string(),
            found: atelier_core::number(augment.mixup),
        });
    }
    Ok(())
}
