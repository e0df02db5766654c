//! Diagrams of networks: what is drawn where, and what is refused.

use atelier_plot::{DiagramLayer, Error, Figure, NetworkDiagram};

fn diagram(widths: &[usize]) -> NetworkDiagram {
    let layer = |(i, &units)| DiagramLayer::new(format!("layer {i}"), units).note("ReLU");
    let layers = widths.iter().enumerate().map(layer);
    layers.fold(NetworkDiagram::new("A network"), NetworkDiagram::layer)
}

/// Centre and radius of every circle.
fn circles(figure: &Figure) -> Vec<(f64, f64, f64)> {
    let document = roxmltree::Document::parse(&figure.svg).unwrap();
    let circles = document.descendants().filter(|node| node.has_tag_name("circle"));
    let number = |node: roxmltree::Node, name| node.attribute(name).unwrap().parse().unwrap();
    circles.map(|c| (number(c, "cx"), number(c, "cy"), number(c, "r"))).collect()
}

fn lines(figure: &Figure) -> usize {
    figure.svg.matches("<polyline").count()
}

#[test]
fn every_unit_of_small_layers_is_a_disc_connected_with_all_of_the_layer_before() {
    let figure = diagram(&[3, 4, 2]).render().unwrap();
    let circles = circles(&figure);
    assert_eq!((circles.len(), lines(&figure)), (9, 3 * 4 + 4 * 2));
    // Columns stand from left to right, equally far apart.
    let (a, b, c) = (circles[0].0, circles[3].0, circles[7].0);
    assert!(a < b && (b - a - (c - b)).abs() < 0.1);
}

#[test]
fn three_dots_stand_for_the_units_of_large_layers_and_the_number_is_written() {
    let figure = diagram(&[784, 11]).render().unwrap();
    // Nine places each, one of them taken by three dots.
    assert_eq!((circles(&figure).len(), lines(&figure)), (2 * (8 + 3), 64));
    for text in [">784<", ">11<", "layer 0", "ReLU"] {
        assert!(figure.svg.contains(text), "no {text}");
    }
}

#[test]
fn the_ten_units_of_an_output_for_ten_classes_are_all_drawn() {
    let figure = diagram(&[784, 10]).render().unwrap();
    assert_eq!((circles(&figure).len(), lines(&figure)), (8 + 3 + 10, 8 * 10));
}

#[test]
fn deep_networks_lose_layers_in_the_middle_and_say_how_many() {
    let figure = diagram(&[5; 40]).render().unwrap();
    assert!(figure.svg.contains("32 more"));
    for shown in ["layer 0", "layer 3", "layer 36", "layer 39"] {
        assert!(figure.svg.contains(shown), "no {shown}");
    }
    assert!(!figure.svg.contains("layer 4<"));
}

#[test]
fn the_same_diagram_gives_the_same_bytes() {
    assert_eq!(diagram(&[5, 50]).render().unwrap(), diagram(&[5, 50]).render().unwrap());
}

#[test]
fn a_diagram_without_layers_a_layer_without_units_and_too_small_a_figure_are_refused() {
    assert!(matches!(NetworkDiagram::new("").render(), Err(Error::NoLayer)));
    let empty = diagram(&[3, 0]).render();
    assert!(matches!(empty, Err(Error::NoUnit { layer }) if layer == "layer 1"));
    let long = "words ".repeat(200);
    let crowded = diagram(&[3, 3]).caption(&long).subtitle(&long).size(400, 400).render();
    assert!(matches!(crowded, Err(Error::NoRoomForLayers { layers: 2, .. })));
}
