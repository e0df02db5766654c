//! Grids of grey images: what is drawn where, and what is refused.

use std::io::Cursor;

use atelier_plot::{Error, Figure, GreyImage, ImageGrid};
use image::{ImageReader, RgbImage};

fn pixels(figure: &Figure) -> RgbImage {
    let reader = ImageReader::new(Cursor::new(&figure.png)).with_guessed_format().unwrap();
    reader.decode().unwrap().to_rgb8()
}

/// The areas of the images in the SVG, from left, top, width and height.
fn areas(figure: &Figure) -> Vec<[f64; 4]> {
    let document = roxmltree::Document::parse(&figure.svg).unwrap();
    let images = document.descendants().filter(|node| node.has_tag_name("image"));
    let side = |node: roxmltree::Node, name| node.attribute(name).unwrap().parse().unwrap();
    images.map(|node| ["x", "y", "width", "height"].map(|name| side(node, name))).collect()
}

fn quarters() -> GreyImage {
    GreyImage::new(2, 2, [0, 80, 160, 255])
}

fn grid() -> ImageGrid {
    ImageGrid::new("A grid", 2)
        .image("one", quarters())
        .image("two", quarters())
        .image("three", quarters())
        .image("four", quarters())
}

#[test]
fn every_image_is_drawn_pixel_by_pixel_where_the_svg_says() {
    let figure = grid().render().unwrap();
    let picture = pixels(&figure);
    let areas = areas(&figure);
    assert_eq!(areas.len(), 4);
    for [left, top, width, height] in areas {
        for (x, y, grey) in
            [(0.25, 0.25, 0), (0.75, 0.25, 80), (0.25, 0.75, 160), (0.75, 0.75, 255)]
        {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "inside")]
            let at = ((left + x * width) as u32, (top + y * height) as u32);
            assert_eq!(picture.get_pixel(at.0, at.1).0, [grey; 3], "at {at:?}");
        }
    }
}

#[test]
fn rows_are_filled_one_after_the_other_and_images_do_not_touch() {
    let areas = areas(&grid().render().unwrap());
    let [one, two, three, four] = areas.as_slice() else { panic!("{areas:?}") };
    assert!(one[0] + one[2] < two[0] && one[1] + one[3] < three[1]);
    assert_eq!((one[1], one[0], two[0]), (two[1], three[0], four[0]));
}

#[test]
fn a_label_keeps_its_line_breaks_and_each_line_that_is_too_long_is_cut() {
    let label = format!("7, 97.5 %\nis {}\nsaid b", "a long name ".repeat(20));
    let figure = ImageGrid::new("", 2).image(label, quarters()).render().unwrap();
    let document = roxmltree::Document::parse(&figure.svg).unwrap();
    let texts = document.descendants().filter(|node| node.has_tag_name("text"));
    let texts: Vec<&str> = texts.filter_map(|node| node.text()).collect();
    let [first, second, third] = texts.as_slice() else { panic!("{texts:?}") };
    assert!(second.starts_with("is a long name") && second.ends_with('…'), "{texts:?}");
    let mut others = [*first, *third];
    others.sort_unstable();
    assert_eq!(others, ["7, 97.5 %", "said b"]);
}

#[test]
fn labels_stand_above_their_images() {
    let figure = grid().render().unwrap();
    let document = roxmltree::Document::parse(&figure.svg).unwrap();
    let text = document.descendants().find(|node| node.text() == Some("three")).unwrap();
    let baseline: f64 = text
        .parent()
        .map_or(text, |p| if p.has_tag_name("text") { p } else { text })
        .attribute("y")
        .unwrap()
        .parse()
        .unwrap();
    let three = areas(&figure)[2];
    assert!(baseline < three[1] && baseline > three[1] - 40.0, "{baseline} and {three:?}");
}

#[test]
fn pixels_stay_squares_and_whole() {
    let figure = ImageGrid::new("", 1).image("", GreyImage::new(7, 3, [9; 21])).render().unwrap();
    let [_, _, width, height] = areas(&figure)[0];
    assert_eq!((width / 7.0, (width / 7.0).fract()), (height / 3.0, 0.0));
}

#[test]
fn the_same_grid_gives_the_same_bytes() {
    assert_eq!(grid().render().unwrap(), grid().render().unwrap());
}

#[test]
fn shares_become_greys_whatever_they_are() {
    let shares = [0.0, 0.5, 1.0, -3.0, 7.0, f32::NAN];
    assert_eq!(
        GreyImage::from_shares(6, 1, &shares),
        GreyImage::new(6, 1, [0, 128, 255, 0, 255, 0])
    );
}

#[test]
fn an_empty_grid_a_wrong_image_and_too_many_images_are_refused() {
    assert!(matches!(ImageGrid::new("A grid", 2).render(), Err(Error::NoImage)));
    for image in [
        GreyImage::new(2, 2, [0; 3]),
        GreyImage::new(0, 0, []),
        GreyImage::new(usize::MAX, 2, [0; 4]),
    ] {
        let refused = ImageGrid::new("", 1).image("", image).render().unwrap_err();
        assert!(matches!(refused, Error::Pixels { .. }), "{refused}");
    }
    let crowd = (0..400).fold(ImageGrid::new("", 20), |grid, _| grid.image("label", quarters()));
    let message = crowd.render().unwrap_err().to_string();
    assert!(message.contains("400 images in 20 columns"), "{message}");
}
