//! The data of a page as JSON.

use serde_json::{Value, json};

use super::{LandscapePage, PageAxis, PagePoint, PageRun};
use crate::page_document::{number, numbers};

/// What the page's scripts read.
pub(super) fn of(page: &LandscapePage) -> Value {
    json!({
        "title": page.title,
        "subtitle": page.subtitle,
        "caption": page.caption,
        "facts": page.facts,
        "axes": page.axes.iter().map(axis).collect::<Vec<_>>(),
        "x": numbers(&page.x),
        "y": numbers(&page.y),
        "loss": numbers(&page.loss),
        "standardError": numbers(&page.standard_error),
        "accuracy": page.accuracy.as_deref().map(numbers),
        "runs": page.runs.iter().map(run).collect::<Vec<_>>(),
        "null": page.null.iter().map(|walk| json!({
            "x": column(walk, |point| point.x),
            "y": column(walk, |point| point.y),
        })).collect::<Vec<_>>(),
        "scree": numbers(&page.scree),
        "logarithmic": page.logarithmic,
    })
}

fn axis(axis: &PageAxis) -> Value {
    json!({ "title": axis.title, "share": axis.variance_share.map(number) })
}

fn run(run: &PageRun) -> Value {
    let points = &run.points;
    let minibatch = |point: &PagePoint| point.minibatch_loss.map_or(Value::Null, number);
    json!({
        "name": run.name,
        "seed": run.seed,
        "step": points.iter().map(|point| point.step).collect::<Vec<_>>(),
        "epoch": column(points, |point| point.epoch),
        "x": column(points, |point| point.x),
        "y": column(points, |point| point.y),
        "loss": column(points, |point| point.loss),
        "inPlane": column(points, |point| point.loss_in_plane),
        "minibatch": points.iter().map(minibatch).collect::<Vec<_>>(),
        "distance": column(points, |point| point.distance_off_plane),
    })
}

fn column<T>(points: &[T], value: impl Fn(&T) -> f64) -> Vec<Value> {
    points.iter().map(|point| number(value(point))).collect()
}
