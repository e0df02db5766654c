//! The matrix product, in safe clothes.
#![expect(unsafe_code, reason = "tiles write disjoint parts of the result")]

use std::ops::Range;

use super::arch;
use super::tile::{Multiply, Start, blocks};
use crate::threads::{self, Parts, for_each_range, for_each_tile};

/// Some microseconds of one core: what makes a hand-over worth its while. Few under Miri, which takes a millisecond for
/// each, so that there is something to cut.
const MULTIPLICATIONS_PER_PIECE: usize = if cfg!(miri) { 500 } else { 250_000 };
/// Most elements of the sums of all blocks, half a megabyte: writing more of them costs more than it saves.
const MOST_SUMS: usize = 131_072;
/// Elements of a sum of blocks that make a piece.
const SUMS_PER_PIECE: usize = 4_096;
/// Pieces for each thread: one that is late leaves half of its share to the others.
const PIECES_PER_THREAD: usize = 2;
/// Fewest columns of a piece: four vectors of AVX-512.
const PANEL: usize = 64;
/// Floats in a line of the cache, a multiple of the lanes of every vector: columns are cut at multiples
/// of it, so that those beyond the last whole vector are the same ones however a product is cut.
const LINE: usize = 16;
const _: () = assert!(PANEL.is_multiple_of(LINE));

/// A matrix inside a slice: element `(i, j)` lies at `i * row_stride + j * col_stride`.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<'a> {
    pub(super) data: &'a [f32],
    pub(super) rows: usize,
    pub(super) cols: usize,
    pub(super) row_stride: usize,
    pub(super) col_stride: usize,
}

impl<'a> Matrix<'a> {
    /// A row-major `(rows, cols)` matrix that fills `data`.
    ///
    /// # Panics
    /// Panics if the length is not `rows * cols`; callers take both from one tensor.
    pub(crate) fn new(data: &'a [f32], rows: usize, cols: usize) -> Self {
        let wanted = rows.checked_mul(cols);
        assert_eq!(Some(data.len()), wanted, "a matrix that does not fill its slice");
        Self { data, rows, cols, row_stride: cols, col_stride: 1 }
    }

    /// The transpose, without moving anything.
    #[inline]
    pub(crate) fn t(self) -> Self {
        Self {
            data: self.data,
            rows: self.cols,
            cols: self.rows,
            row_stride: self.col_stride,
            col_stride: self.row_stride,
        }
    }

    #[inline]
    pub(super) fn rows(self, rows: Range<usize>) -> Self {
        let data = self.data.get(rows.start * self.row_stride..).unwrap_or_default();
        Self { data, rows: rows.len(), ..self }
    }

    #[inline]
    pub(super) fn columns(self, columns: Range<usize>) -> Self {
        self.t().rows(columns).t()
    }

    /// Row `i` of a matrix whose rows are contiguous.
    #[inline]
    pub(super) fn contiguous_row(self, i: usize) -> &'a [f32] {
        &self.data[i * self.row_stride..][..self.cols]
    }

    /// A copy of column `j`.
    pub(super) fn column(self, j: usize) -> Vec<f32> {
        (0..self.rows).map(|i| self.data[i * self.row_stride + j * self.col_stride]).collect()
    }

    /// Whether the last element lies in the slice, and hence all.
    pub(super) fn lies_within(self) -> bool {
        let empty = self.rows == 0 || self.cols == 0;
        empty
            || (self.rows - 1) * self.row_stride + (self.cols - 1) * self.col_stride
                < self.data.len()
    }
}

/// Along what a product is cut into pieces, where there is enough of it.
///
/// A weight matrix is divided among threads along its longer side, by its gradient, its update and, where that is
/// possible, both products that read it: each thread then has its part of the weights in a cache of its own, and what
/// passes from one core to another is small. Where two cores share no cache, that is what two threads gain anything by.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// The rows of `a`: each piece packs all of `b`.
    Rows,
    /// The columns of `b`, where there are enough of them; else the rows.
    Columns,
    /// The inner dimension, where it has blocks for all threads, whose sums are small; else the columns.
    Inner,
}

/// `a b`, row-major `(a.rows, b.cols)`.
///
/// # Panics
/// Panics if the shapes do not fit; callers have checked them.
pub(crate) fn product(a: Matrix, b: Matrix, cut: Cut) -> Vec<f32> {
    with_product(a, b, Start::Zero, cut, &|_| {})
}

/// `start + a b`, row-major `(a.rows, b.cols)`; `then` is called with parts of it while they are in
/// the cache.
///
/// # Panics
/// Panics if the shapes do not fit; callers have checked them. `start` must be [`Start::Zero`] or [`Start::Row`]. Panics
/// also if no memory is large enough for the result.
pub(crate) fn with_product(
    a: Matrix,
    b: Matrix,
    start: Start,
    cut: Cut,
    then: &(dyn Fn(&mut [f32]) + Sync),
) -> Vec<f32> {
    assert!(matches!(start, Start::Zero | Start::Row(_)), "there is no output to begin with");
    let (m, n) = (a.rows, b.cols);
    let len = m.checked_mul(n).expect("a product that fits into memory");
    let work = len.saturating_mul(a.cols);
    let most = if threads::count() == 1 { 1 } else { PIECES_PER_THREAD * threads::count() };
    let pieces = (work / MULTIPLICATIONS_PER_PIECE).clamp(1, most);
    let blocks = blocks(a.cols).len();
    let by_blocks = pieces > 1 && cut == Cut::Inner && blocks >= threads::count();
    if by_blocks && blocks.saturating_mul(len) <= MOST_SUMS {
        return product_by_blocks(a, b, start, then);
    }
    let by_columns = cut != Cut::Rows && n >= 2 * PANEL;
    let mut out: Vec<f32> = Vec::with_capacity(len);
    // Not zeroed first: for the gradient of a weight that is as much traffic as the update.
    let room = Room(out.as_mut_ptr());
    let (extent, step) = if by_columns {
        // Whole lines of the cache, and pieces of nearly the same size.
        (n, n.div_ceil(pieces).next_multiple_of(LINE).max(PANEL))
    } else {
        (m, m.div_ceil(pieces))
    };
    for_each_range(extent, step, &|range| {
        let (rows, columns) = if by_columns { (0..m, range) } else { (range, 0..n) };
        let start = match start {
            Start::Row(row) => Start::Row(&row[columns.clone()]),
            other => other,
        };
        let (a, b) = (a.rows(rows.clone()), b.columns(columns.clone()));
        // SAFETY: the piece lies within the room for m x n numbers, which no other piece shares.
        let out = unsafe { room.start().add(rows.start * n + columns.start) };
        // SAFETY: as above; with such a start nothing is read from it.
        arch().dispatch(unsafe { Multiply::new(a, b, start, out, n) });
        // Whole rows follow each other.
        let (count, len) =
            if by_columns { (rows.len(), columns.len()) } else { (1, rows.len() * n) };
        for i in 0..count {
            // SAFETY: a part of the piece, which the product has initialised.
            then(unsafe { std::slice::from_raw_parts_mut(out.add(i * n), len) });
        }
    });
    // SAFETY: the pieces cover all m x n elements, and each has been written completely.
    unsafe { out.set_len(len) };
    out
}

/// As [`with_product`], cut along the inner dimension: the sums of the blocks apart, and then the sum of these in
/// their order, which is what any other cut computes.
fn product_by_blocks(
    a: Matrix,
    b: Matrix,
    start: Start,
    then: &(dyn Fn(&mut [f32]) + Sync),
) -> Vec<f32> {
    let (n, len) = (b.cols, a.rows * b.cols);
    let blocks: Vec<Range<usize>> = blocks(a.cols).collect();
    let mut sums: Vec<f32> = Vec::with_capacity(blocks.len() * len);
    let room = Room(sums.as_mut_ptr());
    for_each_tile(blocks.len(), &|number| {
        let block = blocks[number].clone();
        let start = if number == 0 { start } else { Start::Zero };
        let (a, b) = (a.columns(block.clone()), b.rows(block));
        // SAFETY: the room has m x n numbers for each block.
        let out = unsafe { room.start().add(number * len) };
        // SAFETY: as above; with such a start nothing is read from it.
        arch().dispatch(unsafe { Multiply::new(a, b, start, out, n) });
    });
    // SAFETY: every block has written its m x n numbers.
    unsafe { sums.set_len(blocks.len() * len) };
    let (out, others) = sums.split_at_mut(len);
    let out = Parts::new(out);
    for_each_range(len, SUMS_PER_PIECE, &|range| {
        // SAFETY: the ranges of `for_each_range` are disjoint.
        let out = unsafe { out.part(range.clone()) };
        for other in others.chunks_exact(len) {
            vectorized!(|| for (out, other) in out.iter_mut().zip(&other[range.clone()]) {
                *out += other;
            });
        }
        then(out);
    });
    // The room of the other blocks, half a megabyte at most, goes with the result.
    sums.truncate(len);
    sums
}

/// Where pieces of a result are written.
struct Room(*mut f32);

impl Room {
    fn start(&self) -> *mut f32 {
        self.0
    }
}

// SAFETY: threads write disjoint pieces of it.
unsafe impl Sync for Room {}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole_numbers(len: usize, factor: usize, modulus: usize) -> Vec<f32> {
        (0..len).map(|i| ((i * factor) % modulus) as f32 - (modulus / 2) as f32).collect()
    }

    fn transpose(x: &[f32], rows: usize, cols: usize) -> Vec<f32> {
        (0..rows * cols).map(|i| x[(i % rows) * cols + i / rows]).collect()
    }

    #[test]
    fn a_product_over_nothing_is_what_it_starts_from() {
        let (a, b) = (Matrix::new(&[], 2, 0), Matrix::new(&[], 0, 3));
        assert!(product(a, b, Cut::Rows).iter().all(|x| x.to_bits() == 0));
        let row = [1.0, 2.0, 3.0];
        let rows = with_product(a, b, Start::Row(&row), Cut::Columns, &|_| {});
        assert!((rows.iter().sum::<f32>() - 12.0).abs() < 1e-6);
        let (a, b) = (Matrix::new(&[], 0, 2), Matrix::new(&[1.0, 2.0], 2, 1));
        assert!(product(a, b, Cut::Rows).is_empty());
    }

    #[test]
    fn products_of_all_shapes_and_layouts_are_right() {
        let sizes: &[usize] = if cfg!(miri) { &[1, 3, 9] } else { &[1, 5, 7, 16, 18, 50, 67, 300] };
        for &m in sizes {
            for &n in sizes {
                for &k in sizes {
                    products_are_right(m, n, k);
                }
            }
        }
    }

    /// Small whole numbers: every order of summation is exact.
    fn products_are_right(m: usize, n: usize, k: usize) {
        let (a, b) = (whole_numbers(m * k, 7, 13), whole_numbers(k * n, 5, 11));
        let (a_t, b_t) = (transpose(&a, m, k), transpose(&b, k, n));
        let start = whole_numbers(n, 3, 7);
        let wanted: Vec<f32> = (0..m * n)
            .map(|i| {
                start[i % n] + (0..k).map(|l| a[i / n * k + l] * b[l * n + i % n]).sum::<f32>()
            })
            .collect();
        for a in [Matrix::new(&a, m, k), Matrix::new(&a_t, k, m).t()] {
            for b in [Matrix::new(&b, k, n), Matrix::new(&b_t, n, k).t()] {
                for cut in [Cut::Rows, Cut::Columns, Cut::Inner] {
                    let found = with_product(a, b, Start::Row(&start), cut, &|_| {});
                    assert_eq!(found, wanted, "{m} x {n} x {k}");
                }
                assert_eq!(narrow(a, b, Start::Row(&start)), wanted, "{m} x {n} x {k}, narrow");
            }
        }
    }

    /// With the vectors of AVX2, where there are some.
    fn narrow(a: Matrix, b: Matrix, start: Start) -> Vec<f32> {
        let mut out = vec![f32::NAN; a.rows * b.cols];
        // SAFETY: a row-major matrix that fills `out`.
        let multiply = unsafe { Multiply::new(a, b, start, out.as_mut_ptr(), b.cols) };
        #[cfg(target_arch = "x86_64")]
        match pulp::x86::V3::try_new() {
            Some(v3) => pulp::Arch::V3(v3).dispatch(multiply),
            None => arch().dispatch(multiply),
        }
        #[cfg(not(target_arch = "x86_64"))]
        arch().dispatch(multiply);
        out
    }

    /// One image is predicted to the same bits as among others.
    #[test]
    fn a_row_has_the_same_bits_alone_and_among_others() {
        let (inner, columns): (&[usize], &[usize]) =
            if cfg!(miri) { (&[1, 9], &[1, 7]) } else { (&[1, 2, 16, 257], &[1, 2, 17, 18, 50]) };
        for &k in inner {
            for &n in columns {
                let m = 19;
                let a: Vec<f32> = (0..m * k).map(|i| (i as f32 * 0.37).sin()).collect();
                let b: Vec<f32> = (0..k * n).map(|i| (i as f32 * 0.73).cos()).collect();
                let start: Vec<f32> = (0..n).map(|i| (i as f32 * 0.11).sin()).collect();
                let a_t = transpose(&a, m, k);
                for a in [Matrix::new(&a, m, k), Matrix::new(&a_t, k, m).t()] {
                    let b = Matrix::new(&b, k, n);
                    for start in [Start::Zero, Start::Row(&start)] {
                        let of = |rows| with_product(a.rows(rows), b, start, Cut::Rows, &|_| {});
                        let all = of(0..m);
                        for i in [0, 7, m - 1] {
                            assert!(of(i..i + 1) == all[i * n..(i + 1) * n], "{n} x {k}: {i}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn a_product_has_the_same_bits_wherever_it_is_cut() {
        let (sizes, counts): (&[_], &[_]) = if cfg!(miri) {
            (&[(3, 129, 10)], &[1, 2])
        } else {
            (&[(131, 274, 300), (67, 578, 90)], &[1, 2, 3, 5])
        };
        for &(m, n, k) in sizes {
            let a: Vec<f32> = (0..m * k).map(|i| (i as f32 * 0.37).sin()).collect();
            let b: Vec<f32> = (0..k * n).map(|i| (i as f32 * 0.73).cos()).collect();
            let a_t = transpose(&a, m, k);
            for a in [Matrix::new(&a, m, k), Matrix::new(&a_t, k, m).t()] {
                let b = Matrix::new(&b, k, n);
                let one = product(a, b, Cut::Rows);
                for &threads in counts {
                    threads::set(threads);
                    for cut in [Cut::Rows, Cut::Columns, Cut::Inner] {
                        assert!(product(a, b, cut) == one, "{threads} threads");
                    }
                }
                threads::set(1);
            }
        }
    }
}
