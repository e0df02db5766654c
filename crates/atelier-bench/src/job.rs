//! Atelier's side of every row: something that can be called again and again.

use std::path::Path;

use anyhow::{Result, bail};
use atelier_data::{FASHION_MNIST, load_dir};

use crate::copying::Copying;
use crate::epoch::{Epochs, Evaluation};
use crate::fused;
use crate::grid::Grid;
use crate::peak::{Product, SHAPES};
use crate::round_trip;
use crate::row::{CLASSES, INPUTS, ROWS, Work};
use crate::step::Step;
use crate::tuning::Trials;

/// One call of what is measured.
pub type Job = Box<dyn FnMut() -> Result<()>>;

/// The job of this name, on this many threads; `work` has the data of rows that need it.
///
/// # Errors
/// Fails if nothing has this name, its data is not there, or there is no memory left.
pub fn job(id: &str, threads: usize, work: &Path) -> Result<Job> {
    atelier_core::threads::set(threads);
    if let Some(number) = id.strip_prefix("product-").and_then(|number| number.parse().ok())
        && let Some(shape) = SHAPES.get::<usize>(number)
    {
        let product = Product::new(*shape)?;
        return Ok(Box::new(move || Ok(product.take().map(drop)?)));
    }
    if id == "fused" {
        return Ok(Box::new(move || {
            std::hint::black_box(fused::take(threads));
            Ok(())
        }));
    }
    if id == "round-trip" {
        return Ok(Box::new(|| {
            round_trip::take(round_trip::TRIPS);
            Ok(())
        }));
    }
    if id == "copy" {
        let mut copying = Copying::new(threads);
        return Ok(Box::new(move || {
            copying.take();
            Ok(())
        }));
    }
    let Some(row) = ROWS.iter().find(|row| row.id == id) else {
        bail!("no row is called {id:?}");
    };
    Ok(match row.work {
        Work::Steps { width, batch, images } if images == batch => {
            let mut step = network(width, batch)?;
            Box::new(move || step.take().map(drop))
        }
        Work::Steps { width, batch, images } => {
            let mut epochs = Epochs::of(network(width, batch)?, images, CLASSES, batch, 1)?;
            Box::new(move || epochs.take())
        }
        Work::Autoencoder { images: batch @ 128, .. } => {
            let mut step = Step::autoencoder(batch)?;
            Box::new(move || step.take().map(drop))
        }
        Work::Autoencoder { images, epochs } => {
            let mut epochs = Epochs::of(Step::autoencoder(128)?, images, CLASSES, 128, epochs)?;
            Box::new(move || epochs.take())
        }
        Work::Evaluation { images } => {
            let evaluation = Evaluation::new(&[50; 3], images, INPUTS, CLASSES)?;
            Box::new(move || evaluation.take())
        }
        Work::Grid { points } => {
            let grid = Grid::new(points, threads)?;
            Box::new(move || grid.take().map(drop))
        }
        Work::Calls if id == "tune" => {
            let trials = Trials::new(&work.join("cache"), threads)?;
            Box::new(move || trials.take())
        }
        Work::Calls => {
            let place = work.join(if id == "load-gzip" { "gzip" } else { "cache" });
            Box::new(move || Ok(load_dir(&place, &[FASHION_MNIST], false).map(drop)?))
        }
        Work::Process => bail!("{id:?} is a row of a whole process"),
    })
}

fn network(width: usize, batch: usize) -> Result<Step> {
    if width == 512 { Step::regularized(&[width; 3], batch) } else { Step::new(&[width; 3], batch) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_offers_is_refused_by_name() {
        for id in ["step-51-16", "product-9", "product-x", "predict"] {
            let refused = job(id, 1, Path::new("")).err().expect("no such job");
            assert!(refused.to_string().contains(id) || refused.to_string().contains("no row"));
        }
    }

    #[test]
    fn a_step_and_the_peak_can_be_called_again_and_again() {
        for id in ["step-50-16", "product-1"] {
            let mut job = job(id, 1, Path::new("")).unwrap();
            job().unwrap();
            job().unwrap();
        }
    }
}
