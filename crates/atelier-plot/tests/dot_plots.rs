//! Dot plots: what is drawn where, and what is refused.

use atelier_plot::{Axis, Color, DotPlot, DotRow, Error, Figure};

const ORANGE: &str = "#e69f00";

fn plot() -> DotPlot {
    let rows = [
        DotRow::new("baseline", [88.0, 89.0, 90.0]).note("89.00").reference(),
        DotRow::new("another", [89.0, 89.0, 92.0]).note("90.00").color(Color::Orange),
    ];
    DotPlot::new("Every seed", Axis::linear("accuracy (%)")).group("validation", rows)
}

/// Centres of the circles of one colour in the SVG, in their order there.
fn dots(figure: &Figure, color: &str) -> Vec<(f64, f64)> {
    let document = roxmltree::Document::parse(&figure.svg).unwrap();
    let circles = document.descendants().filter(|node| node.has_tag_name("circle"));
    let of_color = circles.filter(|node| node.attribute("fill") == Some(color));
    let number = |node: roxmltree::Node, name| node.attribute(name).unwrap().parse().unwrap();
    of_color.map(|node| (number(node, "cx"), number(node, "cy"))).collect()
}

#[test]
fn every_value_is_a_dot_at_its_place_on_the_common_axis() {
    let figure = plot().render().unwrap();
    let (first, second) = (dots(&figure, "#0072b2"), dots(&figure, ORANGE));
    let xs: Vec<f64> = first.iter().map(|dot| dot.0).collect();
    assert_eq!((first.len(), second.len()), (3, 3));
    assert!((xs[2] - xs[1] - (xs[1] - xs[0])).abs() < 0.1, "{xs:?}");
    // 89 stands where 89 stood in the row above; the two of it above one another.
    assert!((second[0].0 - xs[1]).abs() < 0.1 && (second[1].0 - xs[1]).abs() < 0.1);
    assert!((second[0].1 - second[1].1).abs() >= 14.0, "{second:?}");
    assert!((second[2].0 - xs[0] - 4.0 * (xs[1] - xs[0])).abs() < 0.2);
    assert!(first.iter().all(|dot| dot.1 < second[0].1 - 30.0));
}

#[test]
fn labels_notes_and_headings_stand_in_the_picture_as_text() {
    let figure = plot().caption("Not shown: other data.").render().unwrap();
    for text in ["baseline", "another", "90.00", "validation", "accuracy (%)", "other data"] {
        assert!(figure.svg.contains(text), "no {text:?}");
    }
    assert!(figure.png.starts_with(b"\x89PNG"));
    assert_eq!(figure, plot().caption("Not shown: other data.").render().unwrap());
}

#[test]
fn what_cannot_be_drawn_is_refused_by_the_name_of_its_row() {
    let axis = || Axis::logarithmic("x");
    let error = |rows: Vec<DotRow>| DotPlot::new("", axis()).group("", rows).render().unwrap_err();
    assert!(matches!(error(vec![]), Error::NoRow));
    assert!(matches!(error(vec![DotRow::new("a", [])]), Error::NoDot { row } if row == "a"));
    for value in [0.0, f64::NAN, f64::INFINITY, 1e301] {
        let refused = error(vec![DotRow::new("a", [1.0]), DotRow::new("b", [1.0, value])]);
        assert!(matches!(refused, Error::Dot { row, index: 1, .. } if row == "b"), "{value}");
    }
    let many: Vec<DotRow> = (0..100).map(|_| DotRow::new("a", [1.0])).collect();
    assert!(matches!(error(many.clone()), Error::NoRoomForRows { rows: 100, .. }));
    DotPlot::new("", axis()).group("", many).size(1600, 4000).render().unwrap();
}

#[test]
fn long_labels_leave_room_for_the_dots() {
    let rows = [DotRow::new("a long name ".repeat(40), [1.0, 2.0]).note("a note ".repeat(40))];
    let figure = DotPlot::new("", Axis::linear("x")).group("", rows).render().unwrap();
    let dots = dots(&figure, "#0072b2");
    assert!(dots[1].0 - dots[0].0 > 200.0, "{dots:?}");
    assert!(figure.svg.contains('…'));
}

#[test]
fn an_absent_row_has_its_label_and_its_note_and_no_dot() {
    let plot = |rows: Vec<DotRow>| DotPlot::new("t", Axis::linear("x")).group("", rows).render();
    let dots = |rows| plot(rows).expect("a figure").svg.matches("<circle").count();
    let there = || DotRow::new("a", [1.0, 2.0]);
    let absent = || DotRow::absent("nobody").note("not measured");
    assert_eq!(dots(vec![there()]), dots(vec![there(), absent()]));
    let svg = plot(vec![there(), absent()]).expect("a figure").svg;
    assert!(svg.contains("nobody") && svg.contains("not measured"));
    assert!(matches!(plot(vec![absent()]), Err(Error::NoRow)));
}
