use atelier_core::Parameter;

use crate::{Error, Result};

/// One tensor of a network as the outside sees it: PyTorch's name, shape and layout.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedTensor {
    /// Such as `net.0.weight`.
    pub name: String,
    /// For a weight `[out, in]`.
    pub shape: Vec<usize>,
    /// Row-major.
    pub values: Vec<f32>,
}

/// The values of `parameters`, in their order.
///
/// # Errors
/// Fails if the device cannot be read.
pub fn state<'a>(parameters: impl IntoIterator<Item = &'a Parameter>) -> Result<Vec<NamedTensor>> {
    parameters
        .into_iter()
        .map(|p| Ok(NamedTensor { name: p.name.clone(), shape: p.shape(), values: p.values()? }))
        .collect()
}

/// Sets `parameters` to the tensors of the same names; nothing is changed unless all of them fit.
///
/// # Errors
/// [`Error::Missing`] and [`Error::Unknown`] if the names differ, [`Error::Core`] if a shape differs
/// or a value is not finite.
pub fn load_state(parameters: &[&Parameter], tensors: &[NamedTensor]) -> Result<()> {
    if let Some(unknown) = tensors.iter().find(|t| parameters.iter().all(|p| p.name != t.name)) {
        return Err(Error::Unknown { name: unknown.name.clone() });
    }
    let mut ready = Vec::with_capacity(parameters.len());
    for parameter in parameters {
        let tensor = tensors
            .iter()
            .find(|t| t.name == parameter.name)
            .ok_or_else(|| Error::Missing { name: parameter.name.clone() })?;
        if tensor.shape != parameter.shape() {
            let expected = parameter.shape();
            return Err(atelier_core::Error::shape(&tensor.name, &expected, &tensor.shape).into());
        }
        ready.push(parameter.import(&tensor.values)?);
    }
    for (parameter, tensor) in parameters.iter().zip(ready) {
        parameter.var.set(&tensor)?;
    }
    Ok(())
}

/// Moves a standardisation of the inputs, (x - mean) / deviation, into the first layer, so that the
/// network takes plain inputs: W' = W / deviation, b' = b - W' mean.
///
/// `weight` is `[out, in]`, `bias` `[out]`; `mean` and `deviation` have one number per input.
///
/// # Errors
/// [`Error::Core`] if the sizes do not fit.
pub fn fold_standardization(
    weight: &mut NamedTensor,
    bias: &mut NamedTensor,
    mean: &[f32],
    deviation: &[f32],
) -> Result<()> {
    let inputs = check_standardization(weight, bias, mean, deviation)?;
    for (row, b) in weight.values.chunks_exact_mut(inputs).zip(&mut bias.values) {
        let mut shift = 0.0_f64;
        for ((w, &m), &d) in row.iter_mut().zip(mean).zip(deviation) {
            let folded = f64::from(*w) / f64::from(d);
            shift += folded * f64::from(m);
            #[expect(clippy::cast_possible_truncation, reason = "weights are f32")]
            {
                *w = folded as f32;
            }
        }
        #[expect(clippy::cast_possible_truncation, reason = "biases are f32")]
        {
            *b = (f64::from(*b) - shift) as f32;
        }
    }
    Ok(())
}

/// The inverse of [`fold_standardization`]: of a first layer for plain inputs, the one for standardised
/// inputs that computes the same, W' = W * deviation, b' = b + W mean.
///
/// # Errors
/// As [`fold_standardization`].
pub fn unfold_standardization(
    weight: &mut NamedTensor,
    bias: &mut NamedTensor,
    mean: &[f32],
    deviation: &[f32],
) -> Result<()> {
    let inputs = check_standardization(weight, bias, mean, deviation)?;
    for (row, b) in weight.values.chunks_exact_mut(inputs).zip(&mut bias.values) {
        let mut shift = 0.0_f64;
        for ((w, &m), &d) in row.iter_mut().zip(mean).zip(deviation) {
            shift += f64::from(*w) * f64::from(m);
            *w *= d;
        }
        #[expect(clippy::cast_possible_truncation, reason = "biases are f32")]
        {
            *b = (f64::from(*b) + shift) as f32;
        }
    }
    Ok(())
}

/// The number of inputs, where everything fits.
fn check_standardization(
    weight: &NamedTensor,
    bias: &NamedTensor,
    mean: &[f32],
    deviation: &[f32],
) -> Result<usize> {
    let inputs = mean.len();
    let fits = weight.values.len() == inputs * bias.values.len();
    if let Some(bad) = deviation.iter().find(|d| !(d.is_finite() && **d > 0.0)) {
        let expected = "a finite number above 0";
        return Err(atelier_core::Error::value("a standard deviation", expected, bad).into());
    }
    if !fits
        || weight.shape != [bias.values.len(), inputs]
        || deviation.len() != inputs
        || inputs == 0
    {
        let expected = [bias.values.len(), inputs];
        return Err(atelier_core::Error::shape(&weight.name, &expected, &weight.shape).into());
    }
    Ok(inputs)
}
