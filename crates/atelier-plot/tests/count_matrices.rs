//! Matrices of counts: what is drawn where, and what is refused.

use atelier_plot::{CountMatrix, Error, Figure};

fn labels(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

fn matrix(counts: &[[usize; 3]; 3]) -> CountMatrix {
    let counts: Vec<Vec<usize>> = counts.iter().map(|row| row.to_vec()).collect();
    CountMatrix::new("Three classes", "is", "said", labels(&["shirt", "coat", "bag"]), counts)
}

/// Text, place and colour of every text in the SVG.
fn texts(figure: &Figure) -> Vec<(String, f64, f64, String)> {
    let document = roxmltree::Document::parse(&figure.svg).unwrap();
    let texts = document.descendants().filter(|node| node.has_tag_name("text"));
    texts
        .map(|node| {
            let number = |name| node.attribute(name).unwrap().parse::<f64>().unwrap();
            let color = node.attribute("fill").unwrap().to_string();
            (node.text().unwrap().to_string(), number("x"), number("y"), color)
        })
        .collect()
}

#[test]
fn a_number_stands_in_the_row_of_what_is_and_the_column_of_what_was_said() {
    let figure = matrix(&[[90, 10, 0], [5, 70, 0], [0, 0, 33]]).render().unwrap();
    let texts = texts(&figure);
    let find = |text: &str| texts.iter().filter(|(t, ..)| t == text).collect::<Vec<_>>();
    let (ten, five) = (find("10")[0], find("5")[0]);
    let (row, column) = (find("shirt"), find("coat"));
    // Each label stands twice: left of its row, and under its column.
    assert_eq!((row.len(), column.len()), (2, 2));
    assert!((ten.2 - row[0].2).abs() < 3.0 && (ten.1 - column[1].1).abs() < 3.0, "{texts:?}");
    assert!(five.2 > ten.2 && five.1 < ten.1);
    assert!(find("0").is_empty());
}

#[test]
fn the_larger_its_share_of_the_row_the_darker_a_cell_and_its_number_can_be_read() {
    let figure = matrix(&[[99, 1, 0], [1, 2, 1], [0, 0, 1]]).render().unwrap();
    let document = roxmltree::Document::parse(&figure.svg).unwrap();
    let cells = document.descendants().filter(|node| node.has_tag_name("rect")).skip(1);
    let red = |fill: &str| u8::from_str_radix(&fill[1..3], 16).unwrap();
    let reds: Vec<u8> = cells.map(|node| red(node.attribute("fill").unwrap())).collect();
    assert_eq!(reds.len(), 9);
    assert!(reds[0] < reds[4] && reds[4] < reds[3] && reds[3] < reds[1] && reds[2] == 255);
    let color = |text: &str| texts(&figure).into_iter().find(|(t, ..)| t == text).unwrap().3;
    assert_eq!(color("99"), "#ffffff");
    assert_eq!(color("2"), "#1a1a1a");
}

#[test]
fn long_labels_are_turned_and_many_are_thinned() {
    let long = labels(&["a very long name of a class", "another quite long name", "bag"]);
    let turned = CountMatrix::new("", "is", "said", long, vec![vec![1; 3]; 3]);
    assert!(turned.size(600, 900).render().unwrap().svg.contains("rotate(-90"));
    let many: Vec<String> = (0..100).map(|i| format!("class {i}")).collect();
    let figure = CountMatrix::new("", "is", "said", many, vec![vec![7; 100]; 100]);
    let figure = figure.render().unwrap();
    assert!(figure.svg.contains("class 0<") && !figure.svg.contains("class 1<"));
    // A number that has no room in its cell is left out.
    assert!(!figure.svg.contains(">7<"));
}

#[test]
fn the_same_matrix_gives_the_same_bytes() {
    let matrix = || matrix(&[[1, 2, 3], [4, 5, 6], [7, 8, 9]]).subtitle("s").caption("c");
    assert_eq!(matrix().render().unwrap(), matrix().render().unwrap());
}

#[test]
fn counts_that_are_no_square_of_the_labels_and_too_small_a_figure_are_refused() {
    for counts in [vec![], vec![vec![1, 2]], vec![vec![1, 2], vec![1]]] {
        let refused = CountMatrix::new("", "", "", labels(&["a", "b"]), counts).render();
        assert!(matches!(refused, Err(Error::Matrix { labels: 2, .. })), "{refused:?}");
    }
    let none = CountMatrix::new("", "", "", labels(&[]), vec![]).render();
    assert!(matches!(none, Err(Error::Matrix { labels: 0, .. })));
    let many = labels(&["a"; 256]);
    let crowd = CountMatrix::new("", "", "", many, vec![vec![0; 256]; 256]);
    assert!(matches!(crowd.render(), Err(Error::NoRoomForMatrix { labels: 256, .. })));
}
