//! The rows of the bench: what they are called, and how much work they are.

/// What is measured, of Atelier and of its peers alike.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// What programs are asked by.
    pub id: &'static str,
    /// What people read.
    pub name: &'static str,
    /// With how many threads it is measured.
    pub threads: Threads,
    /// What is done.
    pub work: Work,
    /// Whether it reads the real data.
    pub needs_data: bool,
    /// Whether `--quick` has it.
    pub quick: bool,
}

/// With how many threads a row is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Threads {
    /// With one, and with as many as there are cores.
    OneAndAll,
    /// With as many as there are cores: it is long, or never done otherwise.
    All,
}

/// What a row does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// Training a classifier with three hidden layers of this width: steps, and images in each.
    Steps {
        /// Units of each hidden layer; 512 have batch norm, dropout and `AdamW`.
        width: usize,
        /// Images in a batch.
        batch: usize,
        /// Images in all.
        images: usize,
    },
    /// Training the autoencoder on so many images in batches of 128, so often.
    Autoencoder {
        /// Images of an epoch.
        images: usize,
        /// Epochs.
        epochs: usize,
    },
    /// Evaluating 784-50-50-50-10 on so many images.
    Evaluation {
        /// Images.
        images: usize,
    },
    /// A loss grid of so many points a side.
    Grid {
        /// Points a side.
        points: usize,
    },
    /// Anything whose operations nobody counts, within a process.
    Calls,
    /// A process from its start to its end, or to a line that it writes.
    Process,
}

/// Pixels of an image, and classes.
pub const INPUTS: usize = 784;
pub const CLASSES: usize = 10;
/// The images of an epoch.
pub const IMAGES: usize = 60_000;
/// Examples of a loss grid.
pub const GRID_EXAMPLES: usize = 2500;

const fn row(id: &'static str, name: &'static str, work: Work) -> Row {
    Row { id, name, threads: Threads::OneAndAll, work, needs_data: false, quick: true }
}

const fn step(id: &'static str, name: &'static str, width: usize, batch: usize) -> Row {
    row(id, name, Work::Steps { width, batch, images: batch })
}

const fn epoch(id: &'static str, name: &'static str, width: usize, batch: usize) -> Row {
    row(id, name, Work::Steps { width, batch, images: IMAGES })
}

const fn all(row: Row, quick: bool, needs_data: bool) -> Row {
    Row { threads: Threads::All, needs_data, quick, ..row }
}

/// Every row, in the order of the table.
pub const ROWS: [Row; 19] = [
    step("step-50-16", "3 x 50, batch 16, SGD: step", 50, 16),
    step("step-50-64", "3 x 50, batch 64, SGD: step", 50, 64),
    step("step-50-256", "3 x 50, batch 256, SGD: step", 50, 256),
    step("step-256-64", "3 x 256, batch 64, SGD: step", 256, 64),
    step("step-512-256", "3 x 512 + BN + dropout, batch 256, AdamW: step", 512, 256),
    epoch("epoch-50-16", "3 x 50, batch 16, SGD: epoch", 50, 16),
    epoch("epoch-50-64", "3 x 50, batch 64, SGD: epoch", 50, 64),
    epoch("epoch-50-256", "3 x 50, batch 256, SGD: epoch", 50, 256),
    epoch("epoch-256-64", "3 x 256, batch 64, SGD: epoch", 256, 64),
    epoch("epoch-512-256", "3 x 512 + BN + dropout, batch 256, AdamW: epoch", 512, 256),
    row(
        "step-autoencoder",
        "autoencoder, batch 128, Adam: step",
        Work::Autoencoder { images: 128, epochs: 1 },
    ),
    all(
        row(
            "epochs-autoencoder",
            "autoencoder, batch 128, Adam: 20 epochs",
            Work::Autoencoder { images: IMAGES, epochs: 20 },
        ),
        false,
        false,
    ),
    row("evaluate", "evaluation of 60,000 images, 3 x 50", Work::Evaluation { images: IMAGES }),
    row("grid", "loss grid 41 x 41, 2,500 examples", Work::Grid { points: 41 }),
    all(row("load-gzip", "loading the data from gzip", Work::Calls), true, true),
    all(row("load-cache", "loading the data from the cache", Work::Calls), true, true),
    all(row("tune", "twelve tuning trials of 10 epochs", Work::Calls), false, true),
    all(row("predict", "prediction of one image, start included", Work::Process), true, false),
    all(row("first-epoch", "fresh process to first epoch", Work::Process), true, true),
];

impl Row {
    /// Whether a call takes seconds to minutes: it is not warmed up, and longer waited for.
    #[must_use]
    pub fn long(&self) -> bool {
        match self.work {
            Work::Steps { width, images, .. } => width == 512 && images == IMAGES,
            Work::Autoencoder { epochs, .. } => epochs > 1,
            _ => self.id == "tune",
        }
    }

    /// Whether `--quick` has it of peers too: not the epochs, whose programs start for minutes in all, and whose steps
    /// it has.
    #[must_use]
    pub fn quick_for_peers(&self) -> bool {
        !matches!(self.work, Work::Steps { images: IMAGES, .. })
    }

    /// Multiplications and additions of the matrix products of one call; 0 where nobody counts.
    #[must_use]
    pub fn flop(&self) -> f64 {
        match self.work {
            Work::Steps { width, images, .. } => {
                training(&[INPUTS, width, width, width, CLASSES]) * images as f64
            }
            Work::Autoencoder { images, epochs } => {
                training(&[INPUTS, 128, 64, 128, INPUTS]) * (images * epochs) as f64
            }
            Work::Evaluation { images } => {
                2.0 * (images * products(&[INPUTS, 50, 50, 50, CLASSES])) as f64
            }
            Work::Grid { points } => grid(points),
            Work::Calls | Work::Process => 0.0,
        }
    }
}

fn products(widths: &[usize]) -> usize {
    widths.windows(2).map(|pair| pair[0] * pair[1]).sum()
}

/// For one image: forward, weight gradients, and input gradients of every layer but the first; 2
/// operations a multiplication.
pub fn training(widths: &[usize]) -> f64 {
    2.0 * (3 * products(widths) - widths[0] * widths[1]) as f64
}

/// As Atelier computes it: three products for the first layer, and those of the others at each
/// point.
pub fn grid(points: usize) -> f64 {
    let others = products(&[50, 50, 50, CLASSES]);
    2.0 * (GRID_EXAMPLES * (3 * INPUTS * 50 + points * points * others)) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flop(id: &str) -> f64 {
        ROWS.iter().find(|row| row.id == id).expect("a row of this name").flop()
    }

    fn is(found: f64, by_hand: f64) {
        assert!((found - by_hand).abs() < 0.5, "{found}, by hand {by_hand}");
    }

    #[test]
    fn operations_of_a_step_are_counted_as_by_hand() {
        // 784 x 50 twice; 50 x 50 three times, two layers; 50 x 10 three times.
        let image = 2.0 * (2.0 * 39_200.0 + 6.0 * 2_500.0 + 3.0 * 500.0);
        is(flop("step-50-16"), 16.0 * image);
        is(flop("step-50-256"), 256.0 * image);
        is(flop("step-256-64"), 64.0 * 2.0 * (2.0 * 200_704.0 + 6.0 * 65_536.0 + 3.0 * 2_560.0));
    }

    #[test]
    fn an_epoch_is_as_many_images_whatever_the_batch() {
        is(flop("epoch-50-16"), 3750.0 * flop("step-50-16"));
        is(flop("epoch-50-64"), flop("epoch-50-256"));
    }

    #[test]
    fn operations_of_the_autoencoder_are_counted_as_by_hand() {
        // 784 x 128 twice and three times; 128 x 64 three times, twice.
        let image = 2.0 * (5.0 * 100_352.0 + 6.0 * 8_192.0);
        is(flop("step-autoencoder"), 128.0 * image);
        is(flop("epochs-autoencoder"), 20.0 * 60_000.0 * image);
    }

    #[test]
    fn operations_of_evaluation_and_grid_are_counted_as_by_hand() {
        is(flop("evaluate"), 2.0 * 60_000.0 * (39_200.0 + 5_000.0 + 500.0));
        // 2 x 2,500 x (3 x 39,200 + 9 x 5,500).
        is(grid(3), 5000.0 * (117_600.0 + 49_500.0));
    }

    #[test]
    fn long_rows_are_those_whose_calls_take_seconds() {
        let long: Vec<&str> = ROWS.iter().filter(|row| row.long()).map(|row| row.id).collect();
        assert_eq!(long, ["epoch-512-256", "epochs-autoencoder", "tune"]);
    }

    #[test]
    fn rows_are_told_apart_by_id_and_by_name() {
        for (number, row) in ROWS.iter().enumerate() {
            let others = &ROWS[number + 1..];
            assert!(others.iter().all(|other| other.id != row.id && other.name != row.name));
        }
    }
}
