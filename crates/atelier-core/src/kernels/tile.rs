//! The matrix product in registers.
//!
//! `out` is computed in tiles of up to six rows and four vectors (two with AVX2), whose sums stay in
//! registers over a block of the inner dimension: for each step along it a row of `b` is loaded once
//! for six rows of `a`, of which each number goes into every lane. Every element is the sum over each
//! block from its beginning to its end, whichever tile it lies in, and of these sums in their order.
//!
//! Columns beyond the last whole vector would leave most lanes of a further one empty: 2 of the 50
//! columns of a small layer would cost as much as 16. A few of them are summed with the lanes along
//! the inner dimension instead, or along the rows, wherever `a` lies contiguous: in an order that the
//! shape, the layout and the number of lanes decide. A product may therefore be cut at any row, at
//! columns that are multiples of the lanes, and between [`blocks`], and gives the same bits.
#![expect(
    unsafe_code,
    reason = "reads operands through strides; `Multiply::new` checks the bounds"
)]
#![expect(
    clippy::inline_always,
    reason = "these must be compiled with the vector instructions of their caller"
)]

use std::cell::RefCell;
use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::pack::pack;
use super::product::Matrix;

/// Rows of a tile.
const ROWS: usize = 6;
/// Longest block of the inner dimension: as many rows of `b`, four vectors wide, are 64 KB, which the
/// second cache holds beside everything else. Few under Miri, so that there is more than one.
const DEPTH: usize = if cfg!(miri) { 8 } else { 256 };

/// The blocks of an inner dimension, of nearly the same length: one, or an even number, which two threads
/// can share.
pub(crate) fn blocks(len: usize) -> impl ExactSizeIterator<Item = Range<usize>> {
    let count = if len <= DEPTH { 1 } else { len.div_ceil(DEPTH).next_multiple_of(2) };
    (0..count).map(move |block| block * len / count..(block + 1) * len / count)
}

/// Up to so many rows of `a`, reading `b` where it lies costs less than packing it.
const FEW_ROWS: usize = 4 * ROWS;

thread_local! {
    /// Room for a packed panel of `b`; kept, because allocating it anew costs as much as filling it.
    static PANEL: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

/// What a product is added to.
#[derive(Clone, Copy)]
pub(crate) enum Start<'a> {
    Zero,
    /// The same row everywhere.
    Row(&'a [f32]),
    /// What `out` holds, to which the sum over a block is added.
    Out,
    /// What `out` holds, from which the sum over a block goes on: as [`Start::Row`], of other shape.
    Sums,
}

/// `out = start + a b`.
pub(crate) struct Multiply<'a> {
    a: Matrix<'a>,
    b: Matrix<'a>,
    start: Start<'a>,
    out: *mut f32,
    out_stride: usize,
}

impl<'a> Multiply<'a> {
    /// Element `(i, j)` of the result lies at `out + i * out_stride + j`.
    ///
    /// # Safety
    /// All of these elements must be valid for writing until the product was dispatched, and initialised if
    /// `start` is [`Start::Out`] or [`Start::Sums`]; nobody else may read or write them meanwhile, and neither operand nor
    /// `start` may lie among them. `out_stride` must not be less than the columns of `b`.
    ///
    /// # Panics
    /// Panics if the shapes do not fit, or an operand does not lie within its slice.
    pub(crate) unsafe fn new(
        a: Matrix<'a>,
        b: Matrix<'a>,
        start: Start<'a>,
        out: *mut f32,
        out_stride: usize,
    ) -> Self {
        assert_eq!(a.cols, b.rows, "inner dimensions of a product");
        assert!(a.lies_within() && b.lies_within(), "an operand outside its slice");
        if let Start::Row(row) = start {
            assert_eq!(row.len(), b.cols, "a row to start from");
        }
        Self { a, b, start, out, out_stride }
    }

    fn part(&self, columns: Range<usize>) -> Self {
        let start = match self.start {
            Start::Row(row) => Start::Row(&row[columns.clone()]),
            other => other,
        };
        // SAFETY: the columns lie within the matrix, hence within `out`.
        let out = unsafe { self.out.add(columns.start) };
        Self { a: self.a, b: self.b.columns(columns), start, out, out_stride: self.out_stride }
    }
}

impl WithSimd for Multiply<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        if self.a.rows == 0 || self.b.cols == 0 {
            return;
        }
        // Taken out, because a closure that lends it would not be compiled with these instructions.
        let mut room = PANEL.take();
        for block in blocks(self.a.cols) {
            let start = if block.start == 0 { self.start } else { Start::Out };
            let (a, b) = (self.a.columns(block.clone()), self.b.rows(block));
            Multiply { a, b, start, ..self }.block(simd, &mut room);
        }
        PANEL.set(room);
    }
}

impl Multiply<'_> {
    /// The product over a single block.
    #[inline(always)]
    fn block<S: Simd>(self, simd: S, room: &mut Vec<f32>) {
        let (columns, beyond) = (self.b.cols, self.b.cols % S::F32_LANES);
        // Along the inner dimension sums are taken in another order: what decides that must not
        // depend on the rows, or on where columns were cut.
        let few = beyond > 0 && 4 * beyond <= S::F32_LANES;
        let along_inner = few && self.a.col_stride == 1 && self.a.cols >= S::F32_LANES;
        let along_rows = few && self.a.row_stride == 1 && self.a.rows >= S::F32_LANES;
        if along_inner || along_rows {
            let whole = columns - beyond;
            let rest = self.part(whole..columns);
            if along_inner {
                rest.along_inner(simd);
            } else {
                rest.along_rows(simd, room);
            }
            self.part(0..whole).panels(simd, room);
        } else {
            self.panels(simd, room);
        }
    }

    /// The product in panels of a few vectors of columns, of nearly the same width.
    #[inline(always)]
    fn panels<S: Simd>(self, simd: S, room: &mut Vec<f32>) {
        let (m, n) = (self.a.rows, self.b.cols);
        let lanes = S::F32_LANES;
        let vectors = n.div_ceil(lanes);
        let panels = vectors.div_ceil(if lanes == 16 { 4 } else { 2 });
        let groups = m.div_ceil(ROWS);
        let bound = |part: usize, parts: usize, len: usize| part * len / parts;
        for panel in 0..panels {
            let (from, to) = (bound(panel, panels, vectors), bound(panel + 1, panels, vectors));
            let columns = from * lanes..n.min(to * lanes);
            let width = (to - from) * lanes;
            let direct = columns.len() == width && self.b.col_stride == 1 && m <= FEW_ROWS;
            let b = self.b.columns(columns.clone());
            let (b, b_stride) = if direct {
                (b.data.as_ptr(), b.row_stride)
            } else {
                (pack(b, width, room).as_ptr(), width)
            };
            for group in 0..groups {
                let (top, bottom) = (bound(group, groups, m), bound(group + 1, groups, m));
                let a = self.a.rows(top..bottom);
                // SAFETY: the tile lies within `out`.
                let out = unsafe { self.out.add(top * self.out_stride + columns.start) };
                let start = match self.start {
                    Start::Row(row) => Start::Row(&row[columns.clone()]),
                    other => other,
                };
                let last = columns.len() - (width - lanes);
                let out_stride = self.out_stride;
                let tile = Tile { simd, a, b, b_stride, start, out, out_stride, last };
                // SAFETY: `a` lies within its slice; `b` has a row of whole vectors for
                // each of its columns, either in its slice or packed.
                unsafe {
                    match to - from {
                        1 => tile.rows::<1>(),
                        2 => tile.rows::<2>(),
                        3 => tile.rows::<3>(),
                        _ => tile.rows::<4>(),
                    }
                }
            }
        }
    }

    /// The product with the lanes along the rows of `a`, which are contiguous: the transpose of
    /// `b^T a^T`.
    #[inline(always)]
    fn along_rows<S: Simd>(self, simd: S, room: &mut Vec<f32>) {
        let (m, n) = (self.a.rows, self.b.cols);
        let mut transpose = vec![0.0; m * n];
        // SAFETY: `out` as it was given; both loops stay within m and n.
        let element = |i: usize, j: usize| unsafe { self.out.add(i * self.out_stride + j) };
        let mut start = self.start;
        for (j, row) in transpose.chunks_exact_mut(m).enumerate() {
            match self.start {
                Start::Zero => {}
                // What begins every row elsewhere stands in a row of its own here.
                Start::Row(numbers) => {
                    row.fill(numbers[j]);
                    start = Start::Sums;
                }
                // SAFETY: initialised, as `new` demands for these.
                Start::Out | Start::Sums => {
                    (0..m).for_each(|i| row[i] = unsafe { *element(i, j) });
                }
            }
        }
        let out = transpose.as_mut_ptr();
        Multiply { a: self.b.t(), b: self.a.t(), start, out, out_stride: m }.panels(simd, room);
        for (j, row) in transpose.chunks_exact(m).enumerate() {
            // SAFETY: as above.
            (0..m).for_each(|i| unsafe { *element(i, j) = row[i] });
        }
    }

    /// The product with the lanes along the inner dimension, along which rows of `a` are contiguous.
    #[inline(always)]
    fn along_inner<S: Simd>(self, simd: S) {
        /// Rows of `a` for which a vector of `b` is loaded once.
        const TOGETHER: usize = 4;
        let (m, n) = (self.a.rows, self.b.cols);
        let columns: Vec<Vec<f32>> = (0..n).map(|j| self.b.column(j)).collect();
        for top in (0..m).step_by(TOGETHER) {
            let count = TOGETHER.min(m - top);
            let row = |r: usize| self.a.contiguous_row(top + r.min(count - 1));
            let rows: [&[f32]; TOGETHER] = [row(0), row(1), row(2), row(3)];
            for (j, column) in columns.iter().enumerate() {
                let sums = dots(simd, rows, column);
                for (r, sum) in sums.into_iter().enumerate().take(count) {
                    // SAFETY: the element lies within `out`; it is read only where `new` demands
                    // that it is initialised.
                    unsafe {
                        let out = self.out.add((top + r) * self.out_stride + j);
                        *out = match self.start {
                            Start::Zero => sum,
                            Start::Row(start) => start[j] + sum,
                            Start::Out | Start::Sums => *out + sum,
                        };
                    }
                }
            }
        }
    }
}

/// The inner products of `column` with each of the rows, all of the same length.
#[inline(always)]
fn dots<S: Simd, const N: usize>(simd: S, rows: [&[f32]; N], column: &[f32]) -> [f32; N] {
    let (vectors, rest) = S::as_simd_f32s(column);
    let whole = vectors.len() * S::F32_LANES;
    let mut sums = [simd.splat_f32s(0.0); N];
    let mut heads: [&[S::f32s]; N] = [&[]; N];
    for (head, row) in heads.iter_mut().zip(rows) {
        *head = &S::as_simd_f32s(row).0[..vectors.len()];
    }
    for (l, &b) in vectors.iter().enumerate() {
        for (sum, head) in sums.iter_mut().zip(heads) {
            *sum = simd.mul_add_f32s(head[l], b, *sum);
        }
    }
    let mut out = [0.0; N];
    for ((out, sum), row) in out.iter_mut().zip(sums).zip(rows) {
        let tail: f32 = row[whole..].iter().zip(rest).map(|(a, b)| a * b).sum();
        *out = simd.reduce_sum_f32s(sum) + tail;
    }
    out
}

/// A tile: some rows of `a` times a panel of `b`.
struct Tile<'a, S> {
    simd: S,
    a: Matrix<'a>,
    /// Rows of whole vectors, `b_stride` apart.
    b: *const f32,
    b_stride: usize,
    /// A row has as many numbers as the tile has columns.
    start: Start<'a>,
    out: *mut f32,
    out_stride: usize,
    /// Lanes of the last vector that belong to the product.
    last: usize,
}

impl<S: Simd> Tile<'_, S> {
    /// # Safety
    /// `b` must be valid for `V` vectors in each of its rows, one for every column of `a`, and `out` for
    /// writing of the tile, for reading too if it starts there; `a` must lie within its slice.
    #[inline(always)]
    unsafe fn rows<const V: usize>(self) {
        // SAFETY: the caller's promise.
        unsafe {
            match self.a.rows {
                1 => self.multiply::<1, V>(),
                2 => self.multiply::<2, V>(),
                3 => self.multiply::<3, V>(),
                4 => self.multiply::<4, V>(),
                5 => self.multiply::<5, V>(),
                _ => self.multiply::<ROWS, V>(),
            }
        }
    }

    /// # Safety
    /// As for `rows`; `a` must have `R` rows.
    #[inline(always)]
    unsafe fn multiply<const R: usize, const V: usize>(self) {
        let Self { simd, a, b_stride, out, out_stride, last, .. } = self;
        let lanes = S::F32_LANES;
        #[expect(clippy::cast_possible_truncation, reason = "at most sixteen")]
        let mask = simd.mask_between_m32s(0, last as u32);
        let whole = |v: usize| v + 1 < V || last == lanes;
        let mut sums = [[simd.splat_f32s(0.0); V]; R];
        if let Start::Row(start) = self.start {
            let mut first = [simd.splat_f32s(0.0); V];
            for (v, x) in first.iter_mut().enumerate() {
                // SAFETY: the row is as long as the tile is wide.
                *x = unsafe { load(simd, start.as_ptr().add(v * lanes), whole(v), mask) };
            }
            sums = [first; R];
        } else if let Start::Sums = self.start {
            for (r, row) in sums.iter_mut().enumerate() {
                for (v, sum) in row.iter_mut().enumerate() {
                    // SAFETY: the tile lies within `out`, which is initialised with such a start.
                    *sum =
                        unsafe { load(simd, out.add(r * out_stride + v * lanes), whole(v), mask) };
                }
            }
        }
        let (mut column, mut row) = (a.data.as_ptr(), self.b);
        for _ in 0..a.cols {
            let mut x = [simd.splat_f32s(0.0); V];
            for (v, x) in x.iter_mut().enumerate() {
                // SAFETY: a row of `b` has V vectors.
                *x = unsafe { row.add(v * lanes).cast::<S::f32s>().read_unaligned() };
            }
            for (r, sums) in sums.iter_mut().enumerate() {
                // SAFETY: `a` has R rows.
                let w = simd.splat_f32s(unsafe { *column.add(r * a.row_stride) });
                for (sum, &x) in sums.iter_mut().zip(&x) {
                    *sum = simd.mul_add_f32s(w, x, *sum);
                }
            }
            // Wrapping, because after the last round nothing is there.
            row = row.wrapping_add(b_stride);
            column = column.wrapping_add(a.col_stride);
        }
        let add = matches!(self.start, Start::Out);
        for (r, row) in sums.into_iter().enumerate() {
            for (v, mut sum) in row.into_iter().enumerate() {
                // SAFETY: of the last vector only the lanes of the product are read and written.
                unsafe {
                    let at = out.add(r * out_stride + v * lanes);
                    if add {
                        sum = simd.add_f32s(load(simd, at, whole(v), mask), sum);
                    }
                    if whole(v) {
                        at.cast::<S::f32s>().write_unaligned(sum);
                    } else {
                        simd.mask_store_ptr_f32s(mask, at, sum);
                    }
                }
            }
        }
    }
}

/// A vector, or where it is not `whole` those lanes of it that `mask` names.
///
/// # Safety
/// These lanes must be valid for reading.
#[inline(always)]
unsafe fn load<S: Simd>(
    simd: S,
    at: *const f32,
    whole: bool,
    mask: pulp::MemMask<S::m32s>,
) -> S::f32s {
    // SAFETY: the caller's promise.
    unsafe {
        if whole {
            at.cast::<S::f32s>().read_unaligned()
        } else {
            simd.mask_load_ptr_f32s(mask, at)
        }
    }
}
