//! Parallel coordinates: what is drawn where, and what is refused.

use atelier_plot::{Axis, Error, Figure, ParallelAxis, ParallelCoordinates, ParallelLine};

const WORST: &str = "#c8c8c8";

fn figure() -> ParallelCoordinates {
    ParallelCoordinates::new("Settings")
        .axis(ParallelAxis::numbers(Axis::logarithmic("rate")))
        .axis(ParallelAxis::words("kind", ["sgd".to_string(), "adam".to_string()]))
        .axis(ParallelAxis::numbers(Axis::linear("error (%)")))
        .line(ParallelLine::new([0.01, 0.0, 12.0]).rank(0))
        .line(ParallelLine::new([1.0, 1.0, 20.0]).rank(1))
        .line(ParallelLine::new([0.1, f64::NAN, 16.0]))
}

/// The points of the polylines of one colour in the SVG.
fn lines(figure: &Figure, color: &str) -> Vec<Vec<(f64, f64)>> {
    let document = roxmltree::Document::parse(&figure.svg).unwrap();
    let of_color = |node: &roxmltree::Node| {
        node.has_tag_name("polyline") && node.attribute("stroke") == Some(color)
    };
    let number = |text: &str| text.parse::<f64>().unwrap();
    let points = |node: roxmltree::Node| {
        let points = node.attribute("points").unwrap().split_whitespace();
        let pair = |point: &str| {
            let (x, y) = point.split_once(',').unwrap();
            (number(x), number(y))
        };
        points.map(pair).collect()
    };
    document.descendants().filter(of_color).map(points).collect()
}

#[test]
fn a_line_goes_through_its_place_on_every_axis() {
    let figure = figure().render().unwrap();
    // Viridis begins with this colour: the best line.
    let best = &lines(&figure, "#440154")[0];
    assert_eq!(best.len(), 3);
    assert!((best[1].0 - best[0].0 - (best[2].0 - best[1].0)).abs() < 0.2, "{best:?}");
    // The least value on every axis: all at the same height, just above the bottom.
    assert!(best.iter().all(|point| (point.1 - best[0].1).abs() < 0.2), "{best:?}");
    for text in ["rate", "sgd", "adam", "error (%)"] {
        assert!(figure.svg.contains(text), "no {text:?}");
    }
    assert_eq!(figure, self::figure().render().unwrap());
}

#[test]
fn a_place_that_is_no_number_leaves_a_gap() {
    let figure = figure().render().unwrap();
    assert!(lines(&figure, WORST).is_empty(), "a line across the gap");
    assert_eq!(figure.svg.matches(&format!("fill=\"{WORST}\"")).count(), 2, "a dot on either side");
}

#[test]
fn what_cannot_be_drawn_is_refused_with_its_place() {
    let error = |figure: ParallelCoordinates| figure.render().unwrap_err();
    let empty = ParallelCoordinates::new("");
    assert!(matches!(error(empty.clone()), Error::NothingParallel { axes: 0, lines: 0 }));
    let axis = || ParallelAxis::numbers(Axis::logarithmic("x"));
    let one = empty.clone().axis(axis());
    assert!(matches!(
        error(one.clone().line(ParallelLine::new([1.0, 2.0]))),
        Error::ParallelPlaces { line: 0, found: 2, expected: 1 }
    ));
    for value in [0.0, -1.0, f64::INFINITY] {
        let refused = error(one.clone().line(ParallelLine::new([value])));
        assert!(matches!(refused, Error::ParallelValue { line: 0, .. }), "{value}");
    }
    let nowhere = error(one.line(ParallelLine::new([f64::NAN])));
    assert!(matches!(nowhere, Error::EmptyAxis { axis } if axis == "x"));
    let many = (0..40).fold(empty, |figure, _| figure.axis(axis()));
    let refused = error(many.line(ParallelLine::new(vec![1.0; 40])));
    assert!(matches!(refused, Error::NoRoomForAxes { axes: 40, .. }));
}
