//! Panels of an operand, so that a product reads it from beginning to end.

#![cfg_attr(
    target_arch = "x86_64",
    expect(unsafe_code, reason = "four shuffles that every x86-64 processor has")
)]

use super::product::Matrix;

/// Floats in a line of the cache.
const LINE: usize = 16;

/// `b` row by row, each row filled up with zeros to `width`.
#[inline(always)]
#[expect(clippy::inline_always, reason = "must be compiled with the caller's vector instructions")]
pub(crate) fn pack<'a>(b: Matrix, width: usize, room: &'a mut Vec<f32>) -> &'a [f32] {
    let len = b.rows * width;
    if room.len() < len + LINE {
        room.resize(len + LINE, 0.0);
    }
    // A vector that crosses from one line into the next takes two loads.
    let skip = room.as_ptr().align_offset(LINE * size_of::<f32>()).min(LINE);
    let panel = &mut room[skip..skip + len];
    if b.col_stride == 1 {
        for (i, row) in panel.chunks_exact_mut(width).enumerate() {
            let (head, rest) = row.split_at_mut(b.cols);
            // Line by line: for rows this short a call of `memmove` takes longer than the copy.
            let (lines, others) = b.data[i * b.row_stride..][..b.cols].as_chunks::<LINE>();
            let (to, to_others) = head.as_chunks_mut::<LINE>();
            to.iter_mut().zip(lines).for_each(|(to, line)| *to = *line);
            to_others.iter_mut().zip(others).for_each(|(to, x)| *to = *x);
            rest.fill(0.0);
        }
    } else {
        transposed(b, width, panel);
    }
    panel
}

/// As `pack`, four columns of four numbers at a time where columns are contiguous: in strips of as many rows as
/// a line of the cache has numbers, so that each line of `b` is read once and each of the panel stays in the
/// first cache until it is full.
#[inline(always)]
#[expect(clippy::inline_always, reason = "must be compiled with the caller's vector instructions")]
fn transposed(b: Matrix, width: usize, panel: &mut [f32]) {
    let (rows, beyond) = if b.row_stride == 1 { (b.rows / 4 * 4, b.cols / 4 * 4) } else { (0, 0) };
    for (number, strip) in panel[..rows * width].chunks_mut(LINE * width).enumerate() {
        for j in (0..beyond).step_by(4) {
            let column = |c: usize| {
                let start = (j + c) * b.col_stride + number * LINE;
                b.data[start..][..strip.len() / width].as_chunks::<4>().0
            };
            let columns = [column(0), column(1), column(2), column(3)];
            for (i, four) in strip.chunks_exact_mut(4 * width).enumerate() {
                let square = columns.map(|column| column[i]);
                for (row, numbers) in four.chunks_exact_mut(width).zip(turned(square)) {
                    row[j..j + 4].copy_from_slice(&numbers);
                }
            }
        }
    }
    for (i, row) in panel.chunks_exact_mut(width).enumerate() {
        let done = if i < rows { beyond } else { 0 };
        for (j, value) in row.iter_mut().enumerate().skip(done) {
            *value = if j < b.cols { b.data[i * b.row_stride + j * b.col_stride] } else { 0.0 };
        }
    }
}

/// The transpose of four rows of four.
#[cfg(target_arch = "x86_64")]
#[inline]
fn turned(square: [[f32; 4]; 4]) -> [[f32; 4]; 4] {
    use std::arch::x86_64::{
        __m128, _mm_movehl_ps, _mm_movelh_ps, _mm_unpackhi_ps, _mm_unpacklo_ps,
    };
    let [a, b, c, d]: [__m128; 4] = pulp::cast(square);
    // SAFETY: every x86-64 processor has these instructions.
    unsafe {
        let (ab, cd) = (_mm_unpacklo_ps(a, b), _mm_unpacklo_ps(c, d));
        let (ef, gh) = (_mm_unpackhi_ps(a, b), _mm_unpackhi_ps(c, d));
        pulp::cast([
            _mm_movelh_ps(ab, cd),
            _mm_movehl_ps(cd, ab),
            _mm_movelh_ps(ef, gh),
            _mm_movehl_ps(gh, ef),
        ])
    }
}

/// The transpose of four rows of four.
#[cfg(not(target_arch = "x86_64"))]
fn turned(square: [[f32; 4]; 4]) -> [[f32; 4]; 4] {
    let mut out = [[0.0; 4]; 4];
    for (i, row) in square.iter().enumerate() {
        for (j, value) in row.iter().enumerate() {
            out[j][i] = *value;
        }
    }
    out
}
