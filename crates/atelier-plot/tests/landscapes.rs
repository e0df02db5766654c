//! Loss landscapes: what hides what, what stands where, and what is refused.

use std::io::Cursor;

use atelier_plot::{
    Axis, Color, Error, Figure, Landscape, SurfaceGrid, Trajectory, TrajectoryPoint,
};
use image::{ImageReader, RgbImage};

/// The colour of a vermillion path, which no surface has.
const VERMILLION: [u8; 3] = [0xD5, 0x5E, 0x00];

fn line(n: u32) -> Vec<f64> {
    (0..n).map(|i| f64::from(i) / f64::from(n - 1)).collect()
}

fn grid(height: impl Fn(f64, f64) -> f64) -> SurfaceGrid {
    let line = line(41);
    let row = |y: &f64| line.iter().map(|x| height(*x, *y)).collect::<Vec<_>>();
    let heights: Vec<f64> = line.iter().flat_map(row).collect();
    SurfaceGrid::new(line.clone(), line, heights)
}

fn point(x: f64, y: f64) -> TrajectoryPoint {
    TrajectoryPoint { x, y, loss_in_plane: f64::NAN, loss: f64::NAN }
}

fn landscape(grid: SurfaceGrid) -> Landscape {
    let labels = ["PC 1 (62.1 % of variance)", "PC 2 (17.4 % of variance)"];
    Landscape::new("A landscape", grid, labels, Axis::linear("cross-entropy (nats)"))
}

fn bowl() -> Landscape {
    let points: Vec<TrajectoryPoint> = (0..20)
        .map(|k| {
            let x = 0.1 + 0.02 * f64::from(k);
            let loss = 1.0 + 2.0 * (x - 0.5).powi(2);
            TrajectoryPoint { x, y: 0.5, loss_in_plane: loss, loss: loss - 0.2 }
        })
        .collect();
    landscape(grid(|x, y| 1.0 + 2.0 * ((x - 0.5).powi(2) + (y - 0.5).powi(2))))
        .trajectory(Trajectory::new("seed 0", points).color(Color::Vermillion))
}

fn pixels(png: &[u8]) -> RgbImage {
    ImageReader::new(Cursor::new(png)).with_guessed_format().unwrap().decode().unwrap().to_rgb8()
}

/// How many pixels below the legend, and left of the colour bar, have exactly this colour.
fn count(figure: &Figure, color: [u8; 3]) -> usize {
    let image = pixels(&figure.png);
    let inside = |x: u32, y: u32| y > 170 && x < 1300;
    image.enumerate_pixels().filter(|(x, y, pixel)| inside(*x, *y) && pixel.0 == color).count()
}

fn texts(figure: &Figure) -> Vec<String> {
    let document = roxmltree::Document::parse(&figure.svg).unwrap();
    let texts = document.descendants().filter(|node| node.has_tag_name("text"));
    texts.filter_map(|node| node.text().map(str::to_owned)).collect()
}

#[test]
fn a_ridge_hides_the_mark_behind_it_and_not_the_one_in_front() {
    let ridge = |x: f64, _: f64| if (x - 0.5).abs() < 0.03 { 5.0 } else { 1.0 };
    // Seen from the side of large x.
    let marks = |x: f64| {
        let mark = Trajectory::new("", [point(x, 0.5)]).color(Color::Vermillion);
        let figure = landscape(grid(ridge)).trajectory(mark).view(0.0, 30.0).surface().unwrap();
        count(&figure, VERMILLION)
    };
    assert!(marks(0.6) > 300, "{}", marks(0.6));
    assert_eq!(marks(0.42), 0);
    // Farther back the line of sight passes above the ridge's foot only.
    let turned = landscape(grid(ridge))
        .trajectory(Trajectory::new("", [point(0.42, 0.5)]).color(Color::Vermillion))
        .view(180.0, 30.0);
    assert!(count(&turned.surface().unwrap(), VERMILLION) > 300);
}

#[test]
fn without_a_view_the_side_is_chosen_from_which_the_path_is_seen() {
    // A high wall at each side but that of large y.
    let cove = |x: f64, y: f64| if (0.1..=0.9).contains(&x) && y > 0.1 { 1.0 } else { 9.0 };
    let path: Vec<TrajectoryPoint> =
        (0..10).map(|k| point(0.3 + 0.04 * f64::from(k), 0.2)).collect();
    let figure = landscape(grid(cove))
        .trajectory(Trajectory::new("seed 0", path).color(Color::Vermillion))
        .surface()
        .unwrap();
    assert!(count(&figure, VERMILLION) > 1000);
    assert!(!texts(&figure).contains(&"hidden by the surface".to_owned()));
}

#[test]
fn what_the_surface_hides_is_dashed_and_the_legend_says_so() {
    let ridge = |x: f64, _: f64| if (x - 0.5).abs() < 0.03 { 5.0 } else { 1.0 };
    let path: Vec<TrajectoryPoint> = (2..9).map(|k| point(0.1 * f64::from(k), 0.5)).collect();
    let landscape = landscape(grid(ridge)).trajectory(Trajectory::new("seed 0", path));
    let figure = landscape.view(10.0, 30.0).surface().unwrap();
    assert!(texts(&figure).contains(&"hidden by the surface".to_owned()));
    let document = roxmltree::Document::parse(&figure.svg).unwrap();
    let lines = document.descendants().filter(|node| node.has_tag_name("polyline"));
    let of_path = lines.filter(|node| node.attribute("stroke") == Some("#d55e00"));
    let (dashed, solid): (Vec<_>, Vec<_>) =
        of_path.partition(|node| node.attribute("stroke-dasharray").is_some());
    assert!(!dashed.is_empty() && solid.len() >= 2, "{} {}", dashed.len(), solid.len());
}

#[test]
fn nothing_shines_through_between_the_quadrilaterals() {
    // A level sheet: inside, every pixel has the one colour.
    let figure = landscape(grid(|_, _| 1.0)).view(30.0, 50.0).surface().unwrap();
    let image = pixels(&figure.png);
    let fills: Vec<&str> = figure.svg.matches("<path d=").collect();
    assert!(fills.len() > 10_000);
    // The middle of the box, which is that of the sheet.
    let row = image.height() / 2;
    let colors: Vec<[u8; 3]> = (500..700).map(|x| image.get_pixel(x, row).0).collect();
    assert!(colors.iter().all(|color| *color == colors[0]), "{colors:?}");
    assert_ne!(colors[0], [255; 3]);
}

#[test]
fn the_axes_and_the_colour_bar_are_labelled_in_both_pictures() {
    let logarithmic = Landscape::new(
        "Two descents",
        grid(|x, y| 0.3 + 80.0 * (x - 0.5).powi(2) + 80.0 * (y - 0.5).powi(2)),
        ["PC 1 (62.1 % of variance)", "PC 2 (17.4 % of variance)"],
        Axis::logarithmic("cross-entropy (nats)"),
    )
    .subtitle("41 x 41")
    .caption("A two-dimensional slice.")
    .trajectory(Trajectory::new("seed 0", [point(0.1, 0.1), point(0.5, 0.5)]))
    .trajectory(Trajectory::new("seed 1", [point(0.9, 0.1), point(0.6, 0.5)]));
    for figure in [logarithmic.surface().unwrap(), logarithmic.contour_map().unwrap()] {
        let texts = texts(&figure);
        for label in [
            "Two descents",
            "41 x 41",
            "A two-dimensional slice.",
            "PC 1 (62.1 % of variance)",
            "PC 2 (17.4 % of variance)",
            "cross-entropy (nats)",
            "seed 0",
            "seed 1",
            "start",
            "end",
            "0.5",
            "10",
        ] {
            assert!(texts.iter().any(|text| text == label), "{label} is not among {texts:?}");
        }
        assert_eq!(pixels(&figure.png).dimensions(), (1600, 1200));
        let document = roxmltree::Document::parse(&figure.svg).unwrap();
        for text in document.descendants().filter(|node| node.has_tag_name("text")) {
            let size: f64 = text.attribute("font-size").unwrap().parse().unwrap();
            assert!(size >= 26.0, "{text:?}");
        }
    }
}

#[test]
fn the_same_landscape_gives_the_same_bytes() {
    let (a, b) = (bowl().size(800, 600), bowl().size(800, 600));
    assert_eq!(a.surface().unwrap(), b.surface().unwrap());
    assert_eq!(a.contour_map().unwrap(), b.contour_map().unwrap());
    assert_eq!(a.animation(4).unwrap(), b.animation(4).unwrap());
}

#[test]
fn on_the_map_colours_and_marks_are_where_their_places_are() {
    let mark = Trajectory::new("", [point(0.0, 0.0), point(0.25, 0.25)]).color(Color::Vermillion);
    let figure = landscape(grid(|x, _| x)).trajectory(mark).contour_map().unwrap();
    let document = roxmltree::Document::parse(&figure.svg).unwrap();
    let map = document.descendants().find(|node| node.has_tag_name("image")).unwrap();
    let side = |name| map.attribute(name).unwrap().parse::<f64>().unwrap();
    let image = pixels(&figure.png);
    let at = |u: f64, v: f64| {
        let (x, y) = (side("x") + u * side("width"), side("y") + (1.0 - v) * side("height"));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "inside")]
        let (x, y) = (x as u32, y as u32);
        image.get_pixel(x, y).0
    };
    assert_eq!(at(0.25, 0.25), VERMILLION);
    assert_eq!(at(0.125, 0.125), VERMILLION);
    // Viridis: dark purple at the low end, yellow at the high one.
    let (low, high) = (at(0.01, 0.6), at(0.99, 0.6));
    assert!(low[0] < 90 && low[1] < 30 && high[0] > 220 && high[1] > 200, "{low:?} {high:?}");
}

#[test]
fn equal_scales_make_equal_distances_equally_long() {
    let heights = vec![1.0; 21 * 11];
    let (xs, ys): (Vec<f64>, Vec<f64>) =
        ((0..21).map(f64::from).collect(), (0..11).map(f64::from).collect());
    let figure = landscape(SurfaceGrid::new(xs, ys, heights)).equal_scales().contour_map().unwrap();
    let document = roxmltree::Document::parse(&figure.svg).unwrap();
    let map = document.descendants().find(|node| node.has_tag_name("image")).unwrap();
    let side = |name| map.attribute(name).unwrap().parse::<f64>().unwrap();
    assert!((side("width") / side("height") - 2.0).abs() < 0.01);
}

#[test]
fn holes_and_a_ceiling_leave_the_surface_open() {
    let pierced = |x: f64, y: f64| if (x - 0.5).hypot(y - 0.5) < 0.2 { f64::NAN } else { 1.0 + x };
    let quadrilaterals = |landscape: Landscape| {
        landscape.view(30.0, 40.0).surface().unwrap().svg.matches("<path d=").count()
    };
    let whole = quadrilaterals(landscape(grid(|x, _| 1.0 + x)));
    assert!(quadrilaterals(landscape(grid(pierced))) < whole);
    let cut = quadrilaterals(landscape(grid(|x, _| 1.0 + x)).ceiling(1.5));
    assert!(cut < whole * 6 / 10 && cut > whole * 4 / 10, "{cut} of {whole}");
    let infinite = landscape(grid(|x, _| if x > 0.9 { f64::INFINITY } else { 1.0 + x }));
    infinite.contour_map().unwrap();
}

#[test]
fn an_animation_grows_the_paths_and_ends_with_the_still_picture() {
    let landscape = bowl().size(800, 600);
    let bytes = landscape.animation(6).unwrap();
    assert!(bytes.len() < 500_000, "{}", bytes.len());
    let mut reader = png::Decoder::new(Cursor::new(&bytes)).read_info().unwrap();
    let control = reader.info().animation_control.unwrap();
    assert_eq!((control.num_frames, control.num_plays), (6, 0));
    assert_eq!((reader.info().width, reader.info().height), (400, 300));
    let mut canvas = vec![0; 400 * 300 * 4];
    let mut vermillion = Vec::new();
    for _ in 0..6 {
        let mut frame = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut frame).unwrap();
        let place = *reader.info().frame_control().unwrap();
        for (i, pixel) in frame[..info.buffer_size()].chunks_exact(4).enumerate() {
            let (column, row) = (i % place.width as usize, i / place.width as usize);
            let at = (row + place.y_offset as usize) * 400 + column + place.x_offset as usize;
            if pixel[3] == 255 {
                canvas[4 * at..4 * at + 4].copy_from_slice(pixel);
            }
        }
        let colored = |p: &&[u8]| p[0] > 200 && (70..120).contains(&p[1]) && p[2] < 30;
        vermillion.push(canvas.chunks_exact(4).filter(colored).count());
    }
    // The star at the end is smaller than the disc before it.
    assert!(vermillion[..5].windows(2).all(|pair| pair[0] < pair[1]), "{vermillion:?}");
    assert_eq!(reader.info().frame_control().unwrap().delay_num, 3000);
    // The last picture is the still one at half its size.
    let still = pixels(&landscape.surface().unwrap().png);
    let differing = (0..400 * 300_u32)
        .filter(|i| {
            let (x, y) = (i % 400, i / 400);
            let mean = |channel: usize| {
                let pixel = |dx, dy| u32::from(still.get_pixel(2 * x + dx, 2 * y + dy).0[channel]);
                (pixel(0, 0) + pixel(1, 0) + pixel(0, 1) + pixel(1, 1)) / 4
            };
            (0..3).any(|channel| {
                mean(channel).abs_diff(u32::from(canvas[4 * *i as usize + channel])) > 40
            })
        })
        .count();
    assert!(differing < 1200, "{differing}");
}

#[test]
fn grids_that_are_none_are_refused() {
    let refused = |grid: SurfaceGrid| landscape(grid).surface().unwrap_err();
    let one = refused(SurfaceGrid::new([0.0], [0.0, 1.0], [1.0, 2.0]));
    assert_eq!(one.to_string(), "the surface has 1 coordinates along x: expected at least 2");
    let short = refused(SurfaceGrid::new([0.0, 1.0], [0.0, 1.0], [1.0, 2.0, 3.0]));
    assert!(matches!(short, Error::SurfaceHeights { xs: 2, ys: 2, found: 3 }), "{short}");
    let empty = refused(SurfaceGrid::new([0.0, 1.0], [0.0, 1.0], [f64::NAN; 4]));
    assert!(matches!(empty, Error::NoFiniteHeight { points: 4 }), "{empty}");
    let back = refused(SurfaceGrid::new([0.0, 1.0], [1.0, 1.0], [1.0; 4]));
    assert!(back.to_string().contains("y[1] is 1e0: expected finite values, each above"), "{back}");
    let nan = refused(SurfaceGrid::new([f64::NAN, 1.0], [0.0, 1.0], [1.0; 4]));
    assert!(nan.to_string().contains("x[0] is NaN"), "{nan}");
}

#[test]
fn values_that_an_axis_cannot_show_are_refused_by_place() {
    let logarithmic = |heights: [f64; 4]| {
        let grid = SurfaceGrid::new([0.0, 1.0], [0.0, 1.0], heights);
        Landscape::new("", grid, ["x", "y"], Axis::logarithmic("loss"))
    };
    let message = |landscape: Landscape| landscape.contour_map().unwrap_err().to_string();
    let zero = message(logarithmic([1.0, 2.0, 0.0, 3.0]));
    assert!(zero.contains("heights[2] is 0e0: expected a value above 0"), "{zero}");
    let huge = message(logarithmic([1.0, 2.0, 1e301, 3.0]));
    assert!(huge.contains("heights[2] is 1e301: expected a magnitude"), "{huge}");
    let fine = || logarithmic([1.0, 2.0, 3.0, 4.0]);
    let below = TrajectoryPoint { loss: -1.0, ..point(0.5, 0.5) };
    let stem = message(fine().trajectory(Trajectory::new("a", [point(0.1, 0.1), below])));
    assert!(stem.contains("loss of point 1 of trajectory \"a\" is -1e0"), "{stem}");
    let nowhere = message(fine().trajectory(Trajectory::new("a", [point(0.5, f64::NAN)])));
    assert!(nowhere.contains("y of point 0 of trajectory \"a\" is NaN"), "{nowhere}");
    let empty = message(fine().trajectory(Trajectory::new("a", [])));
    assert!(empty.contains("\"a\" has no point"), "{empty}");
    assert!(message(fine().ceiling(1.0)).contains("ceiling is 1e0: expected a value above"));
    assert!(message(fine().ceiling(f64::NAN)).contains("ceiling is NaN"));
    assert!(message(fine().view(0.0, 90.0)).contains("elevation is 9e1"));
    assert!(message(fine().view(f64::INFINITY, 30.0)).contains("azimuth is inf"));
}

#[test]
fn a_figure_without_room_is_refused() {
    let crowded = bowl().caption("many words ".repeat(80)).size(400, 400);
    for refused in [crowded.surface().unwrap_err(), crowded.contour_map().unwrap_err()] {
        assert!(
            matches!(refused, Error::NoRoomForSurface { width: 400, height: 400 }),
            "{refused}"
        );
    }
    assert!(matches!(bowl().size(399, 400).animation(3), Err(Error::Size { .. })));
}

#[test]
fn extreme_heights_and_paths_far_outside_are_drawn() {
    for heights in [[1.0; 4], [-1e299, 1e299, 0.0, 1e-300], [1.0, 1.0 + 1e-15, 1.0, 1.0]] {
        let grid = SurfaceGrid::new([-1e299, 1e299], [0.0, 1e-300], heights);
        let path =
            Trajectory::new("far", [point(-2e299, 5.0), point(2e299, -5.0), point(0.0, 0.0)]);
        let landscape = landscape(grid).trajectory(path).size(1000, 800);
        for figure in [landscape.surface().unwrap(), landscape.contour_map().unwrap()] {
            roxmltree::Document::parse(&figure.svg).unwrap();
            assert!(!figure.svg.contains("NaN") && !figure.svg.contains("inf"));
        }
    }
}
