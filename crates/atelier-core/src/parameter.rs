use candle_core::{DType, Tensor, Var};

use crate::{Error, Result};

/// Weights of the largest network, a gigabyte: more would not be a dense network for images of this kind, and the
/// system would end the program for want of memory rather than report an error.
pub const MOST_WEIGHTS: usize = 1 << 28;

/// A named trainable tensor, or a named buffer such as a running mean.
///
/// In memory a dense layer keeps its weight as `(in, out)`, because the forward product reads it
/// twice as fast that way; everything outside the program sees `(out, in)`, PyTorch's layout.
/// [`Parameter::shape`], [`Parameter::values`] and [`Parameter::assign`] speak of the outside.
///
/// A clone shares the tensor: it is the same parameter, not a copy of its values.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// PyTorch's name of it, such as `net.0.weight`.
    pub name: String,
    /// The tensor itself, as it lies in memory.
    pub var: Var,
    /// Whether weight decay applies: true for weight matrices, false for biases, batch-norm and
    /// PReLU parameters and for buffers.
    pub decayed: bool,
    /// Whether `var` is the transpose of what the outside sees.
    pub transposed: bool,
}

impl Parameter {
    /// The shape under PyTorch's conventions.
    #[must_use]
    pub fn shape(&self) -> Vec<usize> {
        let mut dims = self.var.dims().to_vec();
        if self.transposed {
            dims.reverse();
        }
        dims
    }

    /// How many numbers it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.var.elem_count()
    }

    /// Whether it holds no number at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The values in PyTorch's layout, row-major.
    ///
    /// # Errors
    /// Fails if the device cannot be read.
    pub fn values(&self) -> Result<Vec<f32>> {
        self.export(self.var.as_tensor())
    }

    /// The values of `tensor`, which lies in memory as this parameter does (an optimiser's moment,
    /// an average), in PyTorch's layout.
    ///
    /// # Errors
    /// Fails if the device cannot be read.
    pub fn export(&self, tensor: &Tensor) -> Result<Vec<f32>> {
        let outside = if self.transposed { tensor.t()? } else { tensor.clone() };
        Ok(outside.flatten_all()?.to_vec1::<f32>()?)
    }

    /// A tensor that lies in memory as this parameter does, from values in PyTorch's layout.
    ///
    /// # Errors
    /// [`Error::Shape`] if the number of values differs from [`Parameter::len`];
    /// [`Error::Value`] if one of them is not finite.
    pub fn import(&self, values: &[f32]) -> Result<Tensor> {
        if values.len() != self.len() {
            return Err(Error::shape(&self.name, &self.shape(), &[values.len()]));
        }
        if let Some(position) = values.iter().position(|v| !v.is_finite()) {
            return Err(Error::value(
                format!("{}[{position}]", self.name),
                "a finite number",
                values[position],
            ));
        }
        let outside = Tensor::from_slice(values, self.shape(), self.var.device())?;
        Ok(if self.transposed { outside.t()?.contiguous()? } else { outside })
    }

    /// Replaces the values; they come in PyTorch's layout, row-major.
    ///
    /// # Errors
    /// As [`Parameter::import`]; the old values stay in place then.
    pub fn assign(&self, values: &[f32]) -> Result<()> {
        Ok(self.var.set(&self.import(values)?)?)
    }

    /// A parameter of its own with the same name and, at this moment, the same values.
    ///
    /// # Errors
    /// Fails if the device has no memory left.
    pub fn replica(&self) -> Result<Self> {
        let var = Var::from_tensor(&self.var.copy()?)?;
        Ok(Self { name: self.name.clone(), var, ..*self })
    }

    /// A zero tensor that lies in memory as this parameter does.
    ///
    /// # Errors
    /// Fails if the device has no memory left.
    pub fn zeros(&self) -> Result<Var> {
        Ok(Var::zeros(self.var.shape(), DType::F32, self.var.device())?)
    }
}

/// All values in order, in PyTorch's layout: the point in parameter space that snapshots,
/// directions and projections speak of.
///
/// # Errors
/// Fails if the device cannot be read.
pub fn flatten(parameters: &[Parameter]) -> Result<Vec<f32>> {
    let mut all = Vec::with_capacity(parameters.iter().map(Parameter::len).sum());
    for parameter in parameters {
        all.extend(parameter.values()?);
    }
    Ok(all)
}

/// Sets all parameters to the point `values`, which is as [`flatten`] gives it; nothing is
/// changed unless it fits.
///
/// # Errors
/// [`Error::Shape`] if there are more or fewer values than parameters;
/// [`Error::Value`] if one is not finite.
pub fn assign(parameters: &[Parameter], values: &[f32]) -> Result<()> {
    let wanted: usize = parameters.iter().map(Parameter::len).sum();
    if values.len() != wanted {
        return Err(Error::shape("the parameters together", &[wanted], &[values.len()]));
    }
    let mut rest = values;
    let mut ready = Vec::with_capacity(parameters.len());
    for parameter in parameters {
        let (own, others) = rest.split_at(parameter.len());
        ready.push(parameter.import(own)?);
        rest = others;
    }
    for (parameter, tensor) in parameters.iter().zip(ready) {
        parameter.var.set(&tensor)?;
    }
    Ok(())
}
