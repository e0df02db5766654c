//! What a page cannot show is refused before anything is written.

use super::{LandscapePage, PageRun};
use crate::error::Error;

pub(super) fn page(page: &LandscapePage) -> Result<(), Error> {
    coordinates("x", &page.x)?;
    coordinates("y", &page.y)?;
    let points = page.x.len() * page.y.len();
    length("loss", page.loss.len(), points)?;
    length("standard_error", page.standard_error.len(), points)?;
    if let Some(accuracy) = &page.accuracy {
        length("accuracy", accuracy.len(), points)?;
    }
    if !page.loss.iter().any(|loss| loss.is_finite()) {
        return Err(Error::NoFiniteLoss { points });
    }
    for (i, axis) in page.axes.iter().enumerate() {
        if let Some(value) = axis.variance_share {
            share(format!("variance_share of axis {}", i + 1), value)?;
        }
    }
    for (i, value) in page.scree.iter().enumerate() {
        share(format!("scree[{i}]"), *value)?;
    }
    page.runs.iter().try_for_each(run)?;
    for (i, walk) in page.null.iter().enumerate() {
        for (k, point) in walk.iter().enumerate() {
            finite(|| format!("point {k} of null[{i}]"), [point.x, point.y])?;
        }
    }
    Ok(())
}

fn coordinates(what: &str, values: &[f64]) -> Result<(), Error> {
    if values.len() < 2 {
        return Err(Error::PageGrid { axis: what.to_owned(), found: values.len() });
    }
    let mut before = f64::NEG_INFINITY;
    for (i, &value) in values.iter().enumerate() {
        if !(value.is_finite() && value > before) {
            let expected = "finite numbers, each greater than the one before";
            return Err(Error::PageValue { place: format!("{what}[{i}]"), value, expected });
        }
        before = value;
    }
    Ok(())
}

fn length(what: &'static str, found: usize, expected: usize) -> Result<(), Error> {
    if found == expected { Ok(()) } else { Err(Error::PageLength { what, found, expected }) }
}

fn share(place: String, value: f64) -> Result<(), Error> {
    // Shares are quotients of sums, and may miss 1 by their rounding.
    if (0.0..=1.0 + 1e-9).contains(&value) {
        Ok(())
    } else {
        Err(Error::PageValue { place, value, expected: "a share between 0 and 1" })
    }
}

fn finite<const N: usize>(place: impl Fn() -> String, values: [f64; N]) -> Result<(), Error> {
    match values.into_iter().find(|value| !value.is_finite()) {
        Some(value) => {
            Err(Error::PageValue { place: place(), value, expected: "a finite coordinate" })
        }
        None => Ok(()),
    }
}

fn run(run: &PageRun) -> Result<(), Error> {
    if run.points.is_empty() {
        return Err(Error::PageRun { run: run.name.clone() });
    }
    let mut before = None;
    for (k, point) in run.points.iter().enumerate() {
        let place = || format!("point {k} of run {:?}", run.name);
        finite(place, [point.x, point.y, point.epoch])?;
        if before.is_some_and(|before| point.step <= before) {
            let expected = "more steps than at the point before";
            let place = format!("step of {}", place());
            return Err(Error::PageValue { place, value: point.step as f64, expected });
        }
        before = Some(point.step);
    }
    Ok(())
}
