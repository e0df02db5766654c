//! The data of a page as JSON that can stand inside of a `<script>` element.

use serde_json::{Value, json};

use super::{LandscapePage, PageAxis, PagePoint, PageRun};

/// One line of JSON without `<`, `>` and `&`: no text in it can end the element or begin another.
pub(super) fn of(page: &LandscapePage) -> String {
    let data = json!({
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
            "inPlane": walk.iter().map(|point| point.loss_in_plane.map_or(Value::Null, number)).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
        "scree": numbers(&page.scree),
    });
    data.to_string().replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
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

fn numbers(values: &[f64]) -> Vec<Value> {
    values.iter().copied().map(number).collect()
}

/// Six significant digits, which no screen resolves; `null` for what is no number.
fn number(value: f64) -> Value {
    let rounded: f64 = format!("{value:.5e}").parse().unwrap_or(value);
    // Whole numbers without ".0": a quarter of the file otherwise.
    #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and small")]
    if rounded.fract() == 0.0 && rounded.abs() < 1e15 {
        json!(rounded as i64)
    } else {
        json!(rounded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_six_digits_and_what_is_no_number_is_null() {
        let written =
            json!(numbers(&[1.0 / 3.0, 12_345_678.9, 2.0, -0.0, f64::NAN, f64::INFINITY]));
        assert_eq!(written.to_string(), "[0.333333,12345700,2,0,null,null]");
    }
}
