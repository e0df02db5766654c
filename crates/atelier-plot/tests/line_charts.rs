//! What a user of the crate sees: the two pictures, and the errors.

use std::io::Cursor;

use atelier_plot::{Axis, Error, Figure, LineChart, Panel, Series, Style};
use image::{ImageReader, RgbImage};

const STYLES: [Style; 4] = [Style::Line, Style::Dashed, Style::Points, Style::LineWithPoints];

fn panel() -> Panel {
    Panel::new(Axis::linear("epoch"), Axis::linear("cross-entropy (nats)"))
}

fn render(panel: Panel) -> Result<Figure, Error> {
    LineChart::new("A chart").panel(panel).render()
}

fn pixels(figure: &Figure) -> RgbImage {
    let reader = ImageReader::new(Cursor::new(&figure.png)).with_guessed_format().unwrap();
    reader.decode().unwrap().to_rgb8()
}

fn texts(figure: &Figure) -> Vec<String> {
    let document = roxmltree::Document::parse(&figure.svg).unwrap();
    let texts = document.descendants().filter(|node| node.has_tag_name("text"));
    texts.filter_map(|node| node.text().map(str::to_owned)).collect()
}

fn count(figure: &Figure, tag: &str, attribute: (&str, &str)) -> usize {
    let document = roxmltree::Document::parse(&figure.svg).unwrap();
    let nodes = document.descendants().filter(|node| node.has_tag_name(tag));
    nodes.filter(|node| node.attribute(attribute.0) == Some(attribute.1)).count()
}

/// Blue, the colour of a panel's first series.
const BLUE: (&str, &str) = ("stroke", "#0072b2");

#[test]
fn both_pictures_have_the_size_asked_for() {
    for (width, height) in [(1600, 1000), (801, 603), (400, 400)] {
        let chart = LineChart::new("A chart").size(width, height);
        let figure = chart
            .panel(panel().series(Series::line("a", [1.0, 2.0], [3.0, 4.0])))
            .render()
            .unwrap();
        assert_eq!(pixels(&figure).dimensions(), (width, height));
        let document = roxmltree::Document::parse(&figure.svg).unwrap();
        let root = document.root_element();
        assert_eq!(root.attribute("width"), Some(width.to_string().as_str()));
        assert_eq!(root.attribute("viewBox"), Some(format!("0 0 {width} {height}").as_str()));
    }
}

#[test]
fn every_label_stands_in_the_svg_as_text() {
    let figure = LineChart::new("Title of all")
        .subtitle("and a subtitle")
        .caption("What it does not show.")
        .panel(
            panel()
                .title("Left")
                .series(Series::line("training", [1.0, 2.0], [3.0, 4.0]))
                .series(Series::new("validation", Style::Dashed, [1.0, 2.0], [3.5, 4.5]))
                .horizontal(2.303, "chance"),
        )
        .panel(
            Panel::new(Axis::logarithmic("learning rate (1/step)"), Axis::linear("loss"))
                .series(Series::line("", [0.001, 0.1], [1.0, 2.0]))
                .vertical(0.01, "suggested"),
        )
        .render()
        .unwrap();
    let texts = texts(&figure);
    for label in [
        "Title of all",
        "and a subtitle",
        "What it does not show.",
        "Left",
        "training",
        "validation",
        "chance",
        "suggested",
        "epoch",
        "cross-entropy (nats)",
        "learning rate (1/step)",
        "0.01",
    ] {
        assert!(texts.iter().any(|text| text == label), "{label} is not among {texts:?}");
    }
    let document = roxmltree::Document::parse(&figure.svg).unwrap();
    let families = document.root_element().attribute("font-family").unwrap();
    assert!(families.ends_with("sans-serif"), "{families}");
}

#[test]
fn the_same_chart_gives_the_same_bytes() {
    let chart =
        LineChart::new("A chart").panel(STYLES.into_iter().fold(panel(), |panel, style| {
            panel.series(Series::new(format!("{style:?}"), style, [0.1, 0.2, 0.4], [3.0, 1.0, 2.0]))
        }));
    assert_eq!(chart.render().unwrap(), chart.render().unwrap());
}

#[test]
fn the_curve_is_in_the_png_where_its_values_are() {
    let figure =
        render(panel().series(Series::line("", [0.0, 1.0, 2.0], [5.0, 5.0, 9.0]))).unwrap();
    let image = pixels(&figure);
    let blue = |x: u32| (0..1000).rev().find(|y| image.get_pixel(x, *y).0 == [0x00, 0x72, 0xB2]);
    let flat = blue(400).expect("a curve in the left half");
    assert_eq!(blue(600), Some(flat));
    assert!(blue(1400).expect("a curve in the right half") < flat - 100);
}

#[test]
fn a_value_that_is_not_finite_breaks_the_line() {
    let xs: Vec<f64> = (0..9).map(f64::from).collect();
    let whole = Series::line("", xs.clone(), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]);
    assert_eq!(count(&render(panel().series(whole)).unwrap(), "polyline", BLUE), 1);

    let (nan, infinity) = (f64::NAN, f64::INFINITY);
    let broken = [nan, 2.0, 3.0, nan, infinity, 6.0, 7.0, -infinity, 9.0];
    for style in STYLES {
        let figure = render(panel().series(Series::new("", style, xs.clone(), broken))).unwrap();
        let lines = if style == Style::Points { 0 } else { 2 };
        assert_eq!(count(&figure, "polyline", BLUE), lines, "{style:?}");
        // The last point has no neighbour: it is drawn as a disc even where lines have none.
        let discs = if matches!(style, Style::Line | Style::Dashed) { 1 } else { 5 };
        assert_eq!(count(&figure, "circle", ("fill", "#0072b2")), discs, "{style:?}");
    }
}

#[test]
fn markup_and_control_characters_in_names_are_text() {
    let name = "<script>alert(1)</script> & \"quotes\" \u{0}\u{1b}[31m\n]]> 'x' \u{FFFE}";
    let figure = LineChart::new(name)
        .subtitle(name)
        .caption(name)
        .panel(
            Panel::new(Axis::linear(name), Axis::linear(name))
                .title(name)
                .series(Series::line(name, [1.0, 2.0], [1.0, 2.0]))
                .horizontal(1.5, name),
        )
        .render()
        .unwrap();
    let shown = "<script>alert(1)</script> & \"quotes\" [31m ]]> 'x' \u{FFFD}";
    assert!(texts(&figure).iter().filter(|text| *text == shown).count() >= 5);
    let document = roxmltree::Document::parse(&figure.svg).unwrap();
    assert!(!document.descendants().any(|node| node.has_tag_name("script")));
}

#[test]
fn extreme_values_are_drawn_on_both_scales() {
    let cases: [(&str, &[f64]); 7] = [
        ("wide", &[1e-30, 1.0, 1e30]),
        ("tiny", &[1e-30, 2e-30]),
        ("huge", &[1e299, 1e300]),
        ("subnormal", &[5e-324, 1e-310]),
        ("one point", &[0.3]),
        ("constant", &[7.0, 7.0, 7.0]),
        ("nearly constant", &[1.0, 1.0 + 1e-15, 1.0]),
    ];
    let axes = [Axis::linear, Axis::logarithmic];
    for (case, values) in cases {
        for (x, y) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            for style in STYLES {
                let panel = Panel::new(axes[x]("x"), axes[y]("y"));
                let figure =
                    render(panel.series(Series::new(case, style, values, values))).unwrap();
                assert!(!figure.svg.contains("NaN") && !figure.svg.contains("inf"), "{case}");
                let ticks =
                    texts(&figure).iter().filter(|t| t.starts_with(char::is_numeric)).count();
                assert!(ticks >= 2, "{case} has {ticks} ticks on axes {x} and {y}");
            }
        }
    }
    let negative = [-1e300, 0.0, 1e300];
    render(panel().series(Series::line("", negative, negative))).unwrap();
}

#[test]
fn a_hundred_thousand_points_stay_small_and_keep_their_peaks() {
    let n = 100_000;
    let xs: Vec<f64> = (0..n).map(f64::from).collect();
    let mut ys: Vec<f64> = (0..n).map(|i| f64::from(i * 7919 % 1013)).collect();
    ys[54_321] = 5000.0;
    for style in STYLES {
        let figure =
            render(panel().series(Series::new("", style, xs.clone(), ys.clone()))).unwrap();
        let limit = if matches!(style, Style::Line | Style::Dashed) { 100_000 } else { 2_500_000 };
        assert!(figure.svg.len() < limit, "{style:?} takes {} bytes", figure.svg.len());
        // The axis ends 5 % above the peak; the top of the plot is where the y axis begins.
        let image = pixels(&figure);
        let highest =
            (0..1000).find(|y| (150..1600).any(|x| image.get_pixel(x, *y).0 == [0x00, 0x72, 0xB2]));
        assert!(highest.is_some_and(|y| y < 200), "{style:?} loses its peak: {highest:?}");
    }
}

#[test]
fn no_text_leaves_the_figure() {
    let long = "words that go on for longer than any figure is wide and then some ".repeat(20);
    let figure = LineChart::new(long.clone())
        .subtitle(long.clone())
        .caption(long.clone())
        .size(1000, 1400)
        .panel(
            Panel::new(Axis::linear(long.clone()), Axis::linear(long.clone()))
                .title(long.clone())
                .series(Series::line(long.clone(), [1e5, 1e6], [1e-5, 1e-6]))
                .series(Series::line(long.clone(), [1e5, 1e6], [1e-5, 1e-6]))
                .vertical(5e5, long),
        )
        .render()
        .unwrap();
    let image = pixels(&figure);
    for x in 0..1000 {
        for y in 0..1400 {
            let edge = x < 20 || y < 20 || x >= 980 || y >= 1380;
            assert!(!edge || image.get_pixel(x, y).0 == [255; 3], "ink at {x}, {y}");
        }
    }
}

#[test]
fn the_axes_of_panels_line_up_and_labels_stay_beside_them() {
    let tall = (0..8).fold(panel().title("tall head"), |panel, i| {
        panel.series(Series::line(format!("a rather long name of series {i}"), [1.0], [1.0]))
    });
    let words = "a label that needs two lines of the height that its neighbour leaves it";
    let wide = Panel::new(Axis::linear("epoch"), Axis::linear(words)).series(Series::line(
        "",
        [1.0, 2.0],
        [123_456.0, 234_567.0],
    ));
    let figure = LineChart::new("").panel(tall.clone()).panel(wide.clone()).render().unwrap();
    let stacked =
        LineChart::new("").panel(tall).panel(wide).size(1000, 1400).stacked().render().unwrap();
    // The axes are the thickest grey lines: x, y of both ends of each.
    let axes = |figure: &Figure| -> Vec<[f64; 4]> {
        let document = roxmltree::Document::parse(&figure.svg).unwrap();
        let lines = document.descendants().filter(|n| n.attribute("stroke-width") == Some("2.5"));
        let ends = lines.map(|n| {
            let points = n.attribute("points").unwrap().replace(',', " ");
            let numbers: Vec<f64> = points.split(' ').map(|t| t.parse().unwrap()).collect();
            [numbers[0], numbers[1], numbers[2], numbers[3]]
        });
        ends.filter(|[x0, y0, x1, y1]| (x1 - x0).abs() + (y1 - y0).abs() > 100.0).collect()
    };
    let [left_y, _, right_y, _] = axes(&figure)[..] else { panic!("four axes") };
    assert_eq!((left_y[1], left_y[3]), (right_y[1], right_y[3]));
    let [_, upper_x, _, lower_x] = axes(&stacked)[..] else { panic!("four axes") };
    assert_eq!((upper_x[0], upper_x[2]), (lower_x[0], lower_x[2]));

    let length = (right_y[3] - right_y[1]).abs();
    let rows: Vec<String> = texts(&figure)
        .into_iter()
        .filter(|text| words.contains(text.trim_end_matches('…')))
        .collect();
    // English words in this font at 26 pixels take more than 12 a letter.
    assert!(
        rows.iter().all(|row| row.chars().count() as f64 * 12.0 < length),
        "{rows:?}, {length}"
    );
    assert!(rows.len() == 2, "{rows:?}, {length}");
}

#[test]
fn without_anything_to_draw_there_is_an_error() {
    assert!(matches!(LineChart::new("A chart").render(), Err(Error::NoPanel)));
    assert!(matches!(render(panel()), Err(Error::NoSeries { panel: 1 })));
    let empty = render(panel().series(Series::line("training", [], [])));
    assert!(matches!(empty, Err(Error::Empty { panel: 1, points: 0, .. })));
    let nan = render(panel().series(Series::line("training", [1.0, f64::NAN], [f64::NAN, 1.0])));
    let message = nan.unwrap_err().to_string();
    assert!(
        message.contains("\"training\" of panel 1 has no finite point among its 2"),
        "{message}"
    );
}

#[test]
fn arrays_of_different_lengths_are_refused_by_name() {
    let error = render(panel().series(Series::line("training", [1.0, 2.0], [1.0]))).unwrap_err();
    assert_eq!(error.to_string(), "series \"training\" of panel 1 has 2 x values but 1 y values");
}

#[test]
fn a_value_that_its_axis_cannot_show_is_named() {
    let log = || Panel::new(Axis::logarithmic("x"), Axis::logarithmic("y"));
    let series = Series::line("training", [1.0, 2.0], [1.0, 2.0]);
    for (panel, place) in [
        (log().series(Series::line("loss", [1.0, 2.0], [3.0, 0.0])), "y[1] of series \"loss\""),
        (log().series(Series::line("loss", [-1.0, 2.0], [3.0, 1.0])), "x[0] of series \"loss\""),
        (log().series(series.clone()).vertical(0.0, "best"), "reference line \"best\""),
        (panel().series(series.clone()).horizontal(f64::NAN, "mean"), "reference line \"mean\""),
        (panel().series(Series::line("loss", [1.0], [2e300])), "y[0] of series \"loss\""),
    ] {
        let message = render(panel).unwrap_err().to_string();
        assert!(message.contains(&format!("panel 1, {place}: ")), "{message}");
        assert!(message.contains("expected a "), "{message}");
    }
}

#[test]
fn a_size_out_of_bounds_or_without_room_is_refused() {
    let chart = LineChart::new("A chart").panel(panel().series(Series::line("", [1.0], [1.0])));
    for (width, height) in [(0, 0), (399, 1000), (1600, 4001), (u32::MAX, u32::MAX)] {
        let error = chart.clone().size(width, height).render().unwrap_err();
        assert!(matches!(error, Error::Size { .. }), "{error}");
    }
    let crowded =
        (0..12).fold(chart, |chart, _| chart.panel(panel().series(Series::line("", [1.0], [1.0]))));
    assert!(matches!(crowded.render(), Err(Error::NoRoom { .. })));
}
