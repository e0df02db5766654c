//! The matrix product, in safe clothes.
#![expect(unsafe_code, reason = "gemm takes raw pointers; every view checks its bounds first")]

use std::mem::MaybeUninit;

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

/// `out += a b`, where `out` is row-major `(a.rows, b.cols)`.
///
/// # Panics
/// Panics if the shapes do not fit; callers have checked them.
pub(crate) fn add_product(a: Matrix, b: Matrix, out: &mut [f32]) {
    // SAFETY: `MaybeUninit<f32>` has the layout of `f32`, and `tiles` leaves no element
    // uninitialised that was initialised before.
    let out = unsafe { &mut *(std::ptr::from_mut(out) as *mut [MaybeUninit<f32>]) };
    tiles(a, b, out, true);
}

/// `a b`, row-major `(a.rows, b.cols)`.
///
/// # Panics
/// Panics if the shapes do not fit; callers have checked them.
pub(crate) fn product(a: Matrix, b: Matrix) -> Vec<f32> {
    let len = a.rows * b.cols;
    // Not zeroed first: for the gradient of a weight that is as much traffic as the update.
    let mut out = Vec::with_capacity(len);
    tiles(a, b, &mut out.spare_capacity_mut()[..len], false);
    // SAFETY: `tiles` has written every one of the `len` elements.
    unsafe { out.set_len(len) };
    out
}

/// Writes `a b` to every element of `out`, or adds it where `add` says so; then `out` must be
/// initialised.
fn tiles(a: Matrix, b: Matrix, out: &mut [MaybeUninit<f32>], add: bool) {
    assert_eq!(a.cols, b.rows, "inner dimensions of a product");
    assert_eq!(out.len(), a.rows * b.cols, "shape of a product");
    let n = b.cols;
    let parts = Parts::new(out);
    for_each_range(a.rows, tile_rows(a.rows, n, a.cols), &|rows| {
        // SAFETY: ranges of rows are disjoint, hence so are these parts.
        let out = unsafe { parts.part(rows.start * n..rows.end * n) };
        let a = Matrix { data: &a.data[rows.start * a.row_stride..], rows: rows.len(), ..a };
        tile(a, b, out, add);
    });
}

/// Rows per tile, by shape alone: each tile packs `b` anew, so a product is cut only where that
/// pays.
fn tile_rows(m: usize, n: usize, k: usize) -> usize {
    let tiles = (m * n * k / MULTIPLICATIONS_PER_TILE).clamp(1, MOST_TILES);
    m.div_ceil(tiles).max(FEWEST_ROWS).next_multiple_of(16)
}

fn tile(a: Matrix, b: Matrix, out: &mut [MaybeUninit<f32>], add: bool) {
    let last = |m: Matrix| (m.rows - 1) * m.row_stride + (m.cols - 1) * m.col_stride;
    if a.rows == 0 || b.cols == 0 {
        return;
    }
    if a.cols == 0 {
        if !add {
            out.fill(MaybeUninit::new(0.0));
        }
        return;
    }
    assert!(last(a) < a.data.len() && last(b) < b.data.len() && out.len() == a.rows * b.cols);
    #[expect(clippy::cast_possible_wrap, reason = "strides of slices fit an isize")]
    // SAFETY: the largest offset that gemm reads in `a` and `b` and writes in `out` is in bounds,
    // by the assertion above; strides are not negative; `out` is exclusively borrowed, read only
    // where `add` says that it is initialised, and written completely.
    unsafe {
        gemm::gemm(
            a.rows,
            b.cols,
            a.cols,
            out.as_mut_ptr().cast::<f32>(),
            1,
            b.cols as isize,
            add,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_product_over_nothing_is_zero_and_adds_nothing() {
        let (a, b) = (Matrix::new(&[], 2, 0), Matrix::new(&[], 0, 3));
        assert!(product(a, b).iter().all(|x| x.to_bits() == 0));
        let mut out = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        add_product(a, b, &mut out);
        assert!((out.iter().sum::<f32>() - 21.0).abs() < 1e-6);
        assert!(product(Matrix::new(&[], 0, 2), Matrix::new(&[1.0, 2.0], 2, 1)).is_empty());
    }

    #[test]
    fn products_of_transposes_and_of_several_tiles_are_right() {
        let (m, n, k) = (530, 70, 90);
        let a: Vec<f32> = (0..m * k).map(|i| ((i * 7) % 13) as f32 - 6.0).collect();
        let b: Vec<f32> = (0..k * n).map(|i| ((i * 5) % 11) as f32 - 5.0).collect();
        let transpose = |x: &[f32], rows: usize, cols: usize| -> Vec<f32> {
            (0..rows * cols).map(|i| x[(i % rows) * cols + i / rows]).collect()
        };
        let (a_t, b_t) = (transpose(&a, m, k), transpose(&b, k, n));
        let plain = product(Matrix::new(&a, m, k), Matrix::new(&b, k, n));
        // Small whole numbers: every order of summation is exact.
        for (i, value) in plain.iter().enumerate() {
            let wanted: f32 = (0..k).map(|l| a[i / n * k + l] * b[l * n + i % n]).sum();
            assert!((value - wanted).abs() < 1e-6, "{i}: {value} instead of {wanted}");
        }
        for a in [Matrix::new(&a, m, k), Matrix::new(&a_t, k, m).t()] {
            for b in [Matrix::new(&b, k, n), Matrix::new(&b_t, n, k).t()] {
                assert_eq!(product(a, b), plain);
                let mut twice = plain.clone();
                add_product(a, b, &mut twice);
                assert!(twice.iter().zip(&plain).all(|(t, p)| (t - 2.0 * p).abs() < 1e-6));
            }
        }
    }
}
