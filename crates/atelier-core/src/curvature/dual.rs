//! Tensors with the rate at which they change.

use candle_core::Tensor;

use crate::kernels::product::{Cut, Matrix, product};
use crate::kernels::{tensor, with_elements};
use crate::ops::fused;
use crate::{Error, Result};

/// A tensor that changes.
pub(super) struct Dual {
    pub(super) value: Tensor,
    /// Of the same shape; `None` where it stands still.
    pub(super) rate: Option<Tensor>,
}

/// Whether a factor of a matrix product is taken as it is.
#[derive(Clone, Copy)]
pub(super) enum Factor {
    Plain,
    Transposed,
}

impl Dual {
    pub(super) fn still(value: Tensor) -> Self {
        Self { value, rate: None }
    }

    /// Element by element.
    pub(super) fn times(&self, other: &Self) -> Result<Self> {
        let left = self.rate.as_ref().map(|rate| rate * &other.value).transpose()?;
        let right = other.rate.as_ref().map(|rate| &self.value * rate).transpose()?;
        Ok(Self { value: (&self.value * &other.value)?, rate: sum(left, right)? })
    }

    /// The product of two matrices.
    pub(super) fn product(a: (Factor, &Self), b: (Factor, &Self)) -> Result<Self> {
        let value = matrix_product((a.0, &a.1.value), (b.0, &b.1.value))?;
        Ok(Self { value, rate: Self::product_rate(a, b)? })
    }

    /// Only how fast the product of two matrices changes.
    pub(super) fn product_rate(
        (a_as, a): (Factor, &Self),
        (b_as, b): (Factor, &Self),
    ) -> Result<Option<Tensor>> {
        let left = a.rate.as_ref().map(|rate| matrix_product((a_as, rate), (b_as, &b.value)));
        let right = b.rate.as_ref().map(|rate| matrix_product((a_as, &a.value), (b_as, rate)));
        sum(left.transpose()?, right.transpose()?)
    }
}

/// The sum of what there is.
pub(super) fn sum(a: Option<Tensor>, b: Option<Tensor>) -> Result<Option<Tensor>> {
    Ok(match (a, b) {
        (Some(a), Some(b)) => Some((a + b)?),
        (a, b) => a.or(b),
    })
}

/// a b, each of them transposed or not.
pub(super) fn matrix_product(
    (a_as, a): (Factor, &Tensor),
    (b_as, b): (Factor, &Tensor),
) -> Result<Tensor> {
    if !(fused(a) && fused(b)) {
        return Ok(a_as.view(a)?.matmul(&b_as.view(b)?)?);
    }
    let (a_dims, b_dims) = (a.dims2()?, b.dims2()?);
    let ((rows, inner), (other, cols)) = (a_as.turn(a_dims), b_as.turn(b_dims));
    if inner != other {
        return Err(Error::shape("the second factor of a product", &[inner, cols], &[other, cols]));
    }
    let data = with_elements(a, |a| {
        with_elements(b, |b| product(a_as.matrix(a, a_dims), b_as.matrix(b, b_dims), Cut::Columns))
    })??;
    Ok(tensor(data, (rows, cols))?)
}

impl Factor {
    fn turn(self, (rows, cols): (usize, usize)) -> (usize, usize) {
        match self {
            Self::Plain => (rows, cols),
            Self::Transposed => (cols, rows),
        }
    }

    fn view(self, of: &Tensor) -> candle_core::Result<Tensor> {
        match self {
            Self::Plain => Ok(of.clone()),
            Self::Transposed => of.t(),
        }
    }

    fn matrix(self, data: &[f32], (rows, cols): (usize, usize)) -> Matrix<'_> {
        match self {
            Self::Plain => Matrix::new(data, rows, cols),
            Self::Transposed => Matrix::new(data, rows, cols).t(),
        }
    }
}
