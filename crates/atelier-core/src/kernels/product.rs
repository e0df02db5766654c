//! The matrix product, in safe clothes.
#![expect(unsafe_code, reason = "gemm takes raw pointers; every view checks its bounds first")]

use crate::threads::{Parts, for_each_range};

/// About 15 microseconds of one core: what makes a hand-over worth its while.
const MULTIPLICATIONS_PER_TILE: usize = 1_200_000;
/// A tile of fewer rows spends too much of its time on packing `b`.
const FEWEST_ROWS: usize = 32;
/// More tiles than this pack `b` too often for what they share.
const MOST_TILES: usize = 4;

/// A matrix inside a slice: element `(i, j)` lies at `i * row_stride + j * col_stride`.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<'a> {
    data: &'a [f32],
    rows: usize,
    cols: usize,
    row_stride: usize,
    col_stride: usize,
}

impl<'a> Matrix<'a> {
    /// A row-major `(rows, cols)` matrix that fills `data`.
    ///
    /// # Panics
    /// Panics if the length is not `rows * cols`; callers take both from one tensor.
    pub(crate) fn new(data: &'a [f32], rows: usize, cols: usize) -> Self {
        assert_eq!(data.len(), rows * cols, "a matrix that does not fill its slice");
        Self { data, rows, cols, row_stride: cols, col_stride: 1 }
    }

    /// The transpose, without moving anything.
    pub(crate) fn t(self) -> Self {
        Self {
            data: self.data,
            rows: self.cols,
            cols: self.rows,
            row_stride: self.col_stride,
            col_stride: self.row_stride,
        }
    }
}

/// `out += a b`, where `out` is row-major `(a.rows, b.cols)`; `overwrite` makes it `out = a b`.
///
/// # Panics
/// Panics if the shapes do not fit; callers have checked them.
pub(crate) fn product(a: Matrix, b: Matrix, out: &mut [f32], overwrite: bool) {
    assert_eq!(a.cols, b.rows, "inner dimensions of a product");
    assert_eq!(out.len(), a.rows * b.cols, "shape of a product");
    let n = b.cols;
    let parts = Parts::new(out);
    for_each_range(a.rows, tile_rows(a.rows, n, a.cols), &|rows| {
        // SAFETY: ranges of rows are disjoint, hence so are these parts.
        let out = unsafe { parts.part(rows.start * n..rows.end * n) };
        let a = Matrix { data: &a.data[rows.start * a.row_stride..], rows: rows.len(), ..a };
        tile(a, b, out, overwrite);
    });
}

/// Rows per tile, by shape alone: each tile packs `b` anew, so a product is cut only where that
/// pays.
fn tile_rows(m: usize, n: usize, k: usize) -> usize {
    let tiles = (m * n * k / MULTIPLICATIONS_PER_TILE).clamp(1, MOST_TILES);
    m.div_ceil(tiles).max(FEWEST_ROWS).next_multiple_of(16)
}

fn tile(a: Matrix, b: Matrix, out: &mut [f32], overwrite: bool) {
    let last = |m: Matrix| (m.rows - 1) * m.row_stride + (m.cols - 1) * m.col_stride;
    if a.rows == 0 || b.cols == 0 {
        return;
    }
    if a.cols == 0 {
        if overwrite {
            out.fill(0.0);
        }
        return;
    }
    assert!(last(a) < a.data.len() && last(b) < b.data.len() && out.len() == a.rows * b.cols);
    #[expect(clippy::cast_possible_wrap, reason = "strides of slices fit an isize")]
    // SAFETY: the largest offset that gemm reads in `a` and `b` and writes in `out` is in bounds,
    // by the assertion above; strides are not negative; `out` is exclusively borrowed.
    unsafe {
        gemm::gemm(
            a.rows,
            b.cols,
            a.cols,
            out.as_mut_ptr(),
            1,
            b.cols as isize,
            !overwrite,
            a.data.as_ptr(),
            a.col_stride as isize,
            a.row_stride as isize,
            b.data.as_ptr(),
            b.col_stride as isize,
            b.row_stride as isize,
            1.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}
