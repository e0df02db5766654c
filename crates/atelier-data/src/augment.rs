use atelier_core::seed::{Stream, permutation, stream};
use rand::RngExt;
use rand_distr::{Beta, Distribution};

use crate::{AugmentConfig, Dataset, Error, Result};

/// Moves and mirrors the images of one batch.
///
/// Each kind draws from a stream of its own, and every image draws once from each, so that turning
/// one kind on does not change the other.
pub(crate) struct Movement<'a> {
    dataset: &'a Dataset,
    shift: usize,
    shifts: Stream,
    flip: bool,
    flips: Stream,
}

/// How one image moves, in pixels, and whether it is mirrored afterwards.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Move {
    pub down: f32,
    pub right: f32,
    pub flip: bool,
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
        (augment.shift > 0 || augment.flip).then(|| Self {
            dataset,
            shift: augment.shift,
            shifts: stream(seed, "shift", epoch, index),
            flip: augment.flip,
            flips: stream(seed, "flip", epoch, index),
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

    /// The moves of the next `n` images.
    pub fn next(&mut self, n: usize) -> Vec<Move> {
        let signed = |(on, back): (usize, usize)| on as f32 - back as f32;
        let one = |_| {
            let (down, right) = self.draw();
            let flip = self.flip && self.flips.random::<bool>();
            Move { down: signed(down), right: signed(right), flip }
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
    if augment.mixup != 0.0 && !(0.01..=100.0).contains(&augment.mixup) {
        return Err(Error::Setting {
            key: "data.augment.mixup",
            expected: "0, or between 0.01 and 100".to_string(),
            found: crate::error::number(augment.mixup),
        });
    }
    Ok(())
}
