//! What stands around every kind of figure: title and subtitle above, caption below.

use crate::color::Rgb;
use crate::font::Weight;
use crate::scene::{Anchor, Rect, Scene, Text};
use crate::text::{self, Lines};
use crate::theme;

/// The texts around a figure; an empty one takes no room.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Words<'a> {
    pub title: &'a str,
    pub subtitle: &'a str,
    pub caption: &'a str,
    /// Most lines of the caption; longer ones end in an ellipsis.
    pub caption_lines: usize,
}

/// Writes the texts around the figure and returns the area that is left between them.
pub(crate) fn draw(scene: &mut Scene, words: Words<'_>) -> Rect {
    scene.title = text::clean(words.title);
    scene.description = text::clean(&format!("{} {}", words.subtitle, words.caption));
    let (width, height) = (f64::from(scene.size.0), f64::from(scene.size.1));
    let mut area = Rect {
        left: theme::MARGIN,
        top: theme::MARGIN,
        right: width - theme::MARGIN,
        bottom: height - theme::MARGIN,
    };
    let title = text::fit(words.title, Weight::Bold, theme::TITLE, area.width(), 2);
    let subtitle = text::fit(words.subtitle, Weight::Regular, theme::SUBTITLE, area.width(), 2);
    let caption = text::fit(
        words.caption,
        Weight::Regular,
        theme::SMALLEST,
        area.width(),
        words.caption_lines,
    );

    write_lines(scene, &title, (area.left, area.top), theme::INK);
    area.top += title.height();
    write_lines(scene, &subtitle, (area.left, area.top), theme::FAINT_INK);
    area.top += subtitle.height();
    if title.height() + subtitle.height() > 0.0 {
        area.top += theme::GAP;
    }
    if caption.height() > 0.0 {
        area.bottom -= caption.height();
        write_lines(scene, &caption, (area.left, area.bottom), theme::FAINT_INK);
        area.bottom -= theme::GAP;
    }
    area
}

/// Writes left-aligned lines below `top_left`.
pub(crate) fn write_lines(scene: &mut Scene, lines: &Lines, (left, top): (f64, f64), color: Rgb) {
    for (i, line) in lines.rows.iter().enumerate() {
        scene.text(Text {
            at: (left, top + (i as f64 * theme::LINE_SPACING + 1.0) * lines.size),
            content: line.clone(),
            size: lines.size,
            weight: lines.weight,
            color,
            anchor: Anchor::Start,
            turn: 0.0,
        });
    }
}
