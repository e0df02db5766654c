//! The descent as an animated PNG.
//!
//! Only trajectories change from picture to picture, so the surface is painted once, and each
//! picture after the first holds the pixels that changed and is transparent elsewhere.
//!
//! # References
//! "Portable Network Graphics (PNG) Specification (Third Edition)", W3C, 2025: chunks acTL, fcTL
//! and fdAT.

use png::{BitDepth, BlendOp, ColorType, Compression, Encoder, Filter};

use crate::bitmap::Canvas;
use crate::error::Error;
use crate::landscape::Prepared;
use crate::surface_drawing::{self, SurfaceDrawing};

/// Time of a picture and of the last one, in milliseconds.
const DELAY: u16 = 80;
const LAST_DELAY: u16 = 3000;

pub(crate) fn encode(prepared: &Prepared<'_>, frames: u32) -> Result<Vec<u8>, Error> {
    let SurfaceDrawing { scene, camera, paths } = surface_drawing::lay_out(prepared)?;
    let size = (scene.size.0 / 2, scene.size.1 / 2);
    let mut surface = Canvas::new(scene.size, size, scene.samples);
    surface.paint(&scene.shapes)?;

    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, size.0, size.1);
    encoder.set_color(ColorType::Rgba);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_compression(Compression::Balanced);
    encoder.set_filter(Filter::Adaptive);
    encoder.set_animated(frames, 0)?;
    let mut writer = encoder.write_header()?;
    let mut before: Vec<u8> = Vec::new();
    let mut canvas = surface.clone();
    for frame in 0..frames {
        let progress = f64::from(frame) / f64::from(frames - 1);
        canvas.clone_from(&surface);
        canvas.paint(&surface_drawing::paths_at(&paths, &camera, progress))?;
        let now = canvas.pixels();
        let last = frame + 1 == frames;
        writer.set_frame_delay(if last { LAST_DELAY } else { DELAY }, 1000)?;
        if before.is_empty() {
            writer.set_blend_op(BlendOp::Source)?;
            let opaque: Vec<u8> =
                now.chunks_exact(3).flat_map(|p| [p[0], p[1], p[2], 255]).collect();
            writer.write_image_data(&opaque)?;
        } else {
            let changed = Changed::new(&before, &now, size.0 as usize);
            // Back to the corner first: what is set in between must fit the picture, too.
            writer.set_frame_position(0, 0)?;
            writer.set_frame_dimension(changed.size.0, changed.size.1)?;
            writer.set_frame_position(changed.corner.0, changed.corner.1)?;
            writer.set_blend_op(BlendOp::Over)?;
            writer.write_image_data(&changed.pixels)?;
        }
        before = now;
    }
    writer.finish()?;
    Ok(bytes)
}

/// The part of a picture that differs from the one before.
struct Changed {
    corner: (u32, u32),
    size: (u32, u32),
    /// Red, green, blue and opacity; transparent where nothing changed.
    pixels: Vec<u8>,
}

impl Changed {
    fn new(before: &[u8], now: &[u8], width: usize) -> Self {
        let pixel = |i: usize| (&before[3 * i..3 * i + 3], &now[3 * i..3 * i + 3]);
        let differs = |i: usize| pixel(i).0 != pixel(i).1;
        // A picture without any change is one transparent pixel.
        let (mut left, mut right, mut top, mut bottom) = (width, 0, usize::MAX, 0);
        for i in (0..now.len() / 3).filter(|i| differs(*i)) {
            (left, right) = (left.min(i % width), right.max(i % width));
            (top, bottom) = (top.min(i / width), bottom.max(i / width));
        }
        if top == usize::MAX {
            (left, top) = (0, 0);
        }
        let mut pixels = Vec::new();
        for row in top..=bottom {
            for i in row * width + left..=row * width + right {
                let (_, now) = pixel(i);
                let shown = [now[0], now[1], now[2], 255];
                pixels.extend(if differs(i) { shown } else { [0; 4] });
            }
        }
        #[expect(clippy::cast_possible_truncation, reason = "sides of a figure: at most 4000")]
        let narrow = |side: usize| side as u32;
        Self {
            corner: (narrow(left), narrow(top)),
            size: (narrow(right - left + 1), narrow(bottom - top + 1)),
            pixels,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_changed_is_kept() {
        let before = [9; 3 * 12];
        let mut now = before;
        // Of four columns: the second pixel of the second row, the third of the third.
        now[3 * 5] = 7;
        now[3 * 10 + 2] = 8;
        let changed = Changed::new(&before, &now, 4);
        assert_eq!((changed.corner, changed.size), ((1, 1), (2, 2)));
        let clear = [0; 4];
        assert_eq!(changed.pixels, [[7, 9, 9, 255], clear, clear, [9, 9, 8, 255]].concat());
        let same = Changed::new(&before, &before, 4);
        assert_eq!((same.size, same.pixels.as_slice()), ((1, 1), &[0; 4][..]));
    }
}
