use std::sync::Arc;

use atelier_core::seed::{permutation, stream};

use crate::{DataConfig, Dataset, Error, Result, ValidationSize};

/// Some examples of a data set, in a fixed order.
#[derive(Debug, Clone)]
pub struct Subset {
    dataset: Arc<Dataset>,
    /// Each below `dataset.len()`, ascending, none twice.
    indices: Vec<u32>,
}

impl Subset {
    /// All examples.
    #[must_use]
    pub fn all(dataset: &Arc<Dataset>) -> Self {
        // A data set has fewer than 2^32 examples.
        let n = u32::try_from(dataset.len()).unwrap_or(u32::MAX);
        Self { dataset: Arc::clone(dataset), indices: (0..n).collect() }
    }

    /// The data set that these are examples of.
    #[must_use]
    pub fn dataset(&self) -> &Arc<Dataset> {
        &self.dataset
    }

    /// Which examples these are: ascending indices into the data set.
    #[must_use]
    pub fn indices(&self) -> &[u32] {
        &self.indices
    }

    /// How many examples these are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.indices.len()
    }

    /// Whether there is no example at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.indices.is_empty()
    }

    /// How many examples each class has.
    #[must_use]
    pub fn class_counts(&self) -> Vec<usize> {
        self.by_class().iter().map(Vec::len).collect()
    }

    /// `count` of the examples, drawn with `seed`, with the shares of the classes kept: each class
    /// gives its share rounded down, and what is left goes to the largest remainders (the first
    /// class first among equals).
    ///
    /// # Errors
    /// [`Error::Setting`] if there are fewer than `count` examples.
    pub fn stratified(&self, count: usize, seed: u64) -> Result<Self> {
        if count > self.len() {
            return Err(Error::Setting {
                key: "data.examples",
                expected: format!("at most {}, the number of training examples", self.len()),
                found: count.to_string(),
            });
        }
        Ok(self.divide(count, seed, "subset").0)
    }

    /// `count` stratified examples, drawn from the streams of `purpose`, and the others.
    fn divide(&self, count: usize, seed: u64, purpose: &str) -> (Self, Self) {
        let mut classes = self.by_class();
        let sizes: Vec<usize> = classes.iter().map(Vec::len).collect();
        let (mut taken, mut left) = (Vec::with_capacity(count), Vec::new());
        for (class, quota) in apportion(count, &sizes).into_iter().enumerate() {
            let members = &mut classes[class];
            let n = u32::try_from(members.len()).unwrap_or(u32::MAX);
            let order = permutation(&mut stream(seed, purpose, 0, class as u64), n);
            let drawn = order.iter().map(|&position| members[position as usize]);
            let drawn: Vec<u32> = drawn.collect();
            taken.extend(&drawn[..quota]);
            left.extend(&drawn[quota..]);
        }
        taken.sort_unstable();
        left.sort_unstable();
        let subset = |indices| Self { dataset: Arc::clone(&self.dataset), indices };
        (subset(taken), subset(left))
    }

    fn by_class(&self) -> Vec<Vec<u32>> {
        let mut classes = vec![Vec::new(); self.dataset.classes()];
        for &index in &self.indices {
            classes[usize::from(self.dataset.labels()[index as usize])].push(index);
        }
        classes
    }
}

/// Examples to train on and examples to validate with; no example is in both.
#[derive(Debug, Clone)]
pub struct Split {
    /// The examples to train on.
    pub train: Subset,
    /// The examples to choose with; `None` where the configuration sets none aside.
    pub validation: Option<Subset>,
}

/// Splits `dataset` as `config` says: validation examples are set aside first, so that they are
/// the same however many of the others are used. Both draws keep the shares of the classes and
/// depend on `seed` alone, the run's, or on that of the configuration where it has one.
///
/// # Errors
/// [`Error::Setting`] if the sizes cannot be met.
pub fn split(dataset: &Arc<Dataset>, config: &DataConfig, seed: u64) -> Result<Split> {
    let seed = config.seed.of_run(seed);
    let all = Subset::all(dataset);
    let count = validation_count(config.validation, all.len())?;
    let (validation, train) = all.divide(count, seed, "validation");
    let train = match config.examples {
        0 => train,
        examples => train.stratified(examples, seed)?,
    };
    Ok(Split { train, validation: (count > 0).then_some(validation) })
}

fn validation_count(size: ValidationSize, n: usize) -> Result<usize> {
    let refuse = |expected: String, found: String| {
        Err(Error::Setting { key: "data.validation", expected, found })
    };
    match size {
        ValidationSize::Count(count) if count < n => Ok(count),
        ValidationSize::Count(count) => {
            refuse(format!("below {n}, the number of training examples"), count.to_string())
        }
        ValidationSize::Fraction(0.0) => Ok(0),
        ValidationSize::Fraction(share) => {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "negative and undefined shares become 0, too large ones stay too large"
            )]
            let count = (share * n as f64).round() as usize;
            if count == 0 || count >= n {
                return refuse(
                    format!("0, or a share in (0, 1) that leaves some of {n} on both sides"),
                    atelier_core::number(share),
                );
            }
            Ok(count)
        }
    }
}

/// How many of `count` each of the classes gives, by largest remainder. `count` must not exceed
/// the sum of `sizes`.
fn apportion(count: usize, sizes: &[usize]) -> Vec<usize> {
    let total = sizes.iter().sum::<usize>().max(1) as u128;
    let share = |size: usize| (count as u128 * size as u128) / total;
    let remainder = |size: usize| (count as u128 * size as u128) % total;
    let mut quotas: Vec<usize> =
        sizes.iter().map(|&size| usize::try_from(share(size)).unwrap_or(size)).collect();
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    // The sort is stable: equal remainders stay in the order of the classes.
    order.sort_by_key(|&class| std::cmp::Reverse(remainder(sizes[class])));
    let missing = count - quotas.iter().sum::<usize>();
    for &class in order.iter().take(missing) {
        quotas[class] += 1;
    }
    quotas
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotas_add_up_and_leftovers_go_to_the_largest_remainders() {
        assert_eq!(apportion(10_000, &[6000; 10]), [1000; 10]);
        assert_eq!(apportion(7, &[10, 10, 10]), [3, 2, 2]);
        assert_eq!(apportion(10, &[1, 2, 97]), [0, 0, 10]);
        assert_eq!(apportion(3, &[5, 0, 1]), [3, 0, 0]);
        assert_eq!(apportion(6, &[5, 0, 1]), [5, 0, 1]);
        assert_eq!(apportion(0, &[]), [0; 0]);
        for count in 0..=60 {
            let quotas = apportion(count, &[17, 0, 1, 30, 12]);
            assert_eq!(quotas.iter().sum::<usize>(), count);
            assert!(quotas.iter().zip([17, 0, 1, 30, 12]).all(|(&quota, size)| quota <= size));
        }
    }

    #[test]
    fn validation_sizes_are_counts_or_shares_and_leave_something_to_train_on() {
        use ValidationSize::{Count, Fraction};
        for (size, count) in
            [(Count(0), 0), (Count(99), 99), (Fraction(0.25), 25), (Fraction(0.0), 0)]
        {
            assert_eq!(validation_count(size, 100).expect("fits"), count);
        }
        for size in [
            Count(100),
            Count(usize::MAX),
            Fraction(1.0),
            Fraction(-0.5),
            Fraction(1e-9),
            Fraction(f64::NAN),
            Fraction(f64::INFINITY),
        ] {
            let message = validation_count(size, 100).expect_err("does not fit").to_string();
            assert!(message.starts_with("data.validation is "), "{message}");
        }
    }
}
