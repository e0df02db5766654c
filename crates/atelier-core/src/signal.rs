//! Hidden values on their way through the layers of a network, beside candle's graph.
//!
//! candle's backward pass adds the gradient of every tensor of the graph to a tensor of zeros; from
//! 65,536 elements on it does so in a pool of threads of its own, which spins beside ours. For wide
//! layers that costs more than the layers themselves. The nodes that a [`Signal`] leaves in the
//! graph have one element each; the gradient of its values is handed from layer to layer.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use candle_core::{
    CpuStorage, CustomOp1, CustomOp2, CustomOp3, DType, Device, Layout, Shape, Storage, Tensor,
    bail,
};

use crate::activation::Activation;
use crate::kernels::activation::{Elementwise, Prelu};
use crate::kernels::dense::Dense;
use crate::kernels::reconstruction::Reconstruction;
use crate::kernels::{tensor, with_elements};
use crate::ops::{self, BatchNorm, fused};
use crate::seed::Stream;
use crate::{Loss, Result};

/// Values between two layers, with their way back to the parameters that they came from.
///
/// Every method takes the signal: what goes through a layer goes through one. Values and gradients
/// are those of the functions of the same name in [`ops`]; where the kernels do not apply, or the
/// input itself wants a gradient, these are what is called. A graph of signals is for one backward
/// pass at a time.
///
/// ```
/// use atelier_core::{Activation, Signal, backward};
/// use candle_core::{Device, Tensor, Var};
///
/// let x = Tensor::new(&[[1.0_f32, 2.0]], &Device::Cpu)?;
/// let w = Var::new(&[[0.5_f32], [0.25]], &Device::Cpu)?;
/// let b = Var::new(&[0.0_f32], &Device::Cpu)?;
/// let y = Signal::new(x).dense(&w, &b, Activation::Relu)?.into_tensor()?;
/// let gradients = backward(&y.sum_all()?)?;
/// assert_eq!(gradients.get(&w).expect("a gradient").to_vec2::<f32>()?, [[1.0], [2.0]]);
/// # Ok::<(), atelier_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Signal {
    /// In candle's graph only where there is no link.
    values: Tensor,
    link: Option<Link>,
}

/// The node that stands for the values in the graph, and where their gradient is left.
#[derive(Debug)]
struct Link {
    node: Tensor,
    gradient: Arc<Inbox>,
}

#[derive(Debug, Default)]
struct Inbox(Mutex<Option<Tensor>>);

impl Inbox {
    fn put(&self, gradient: Tensor) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(gradient);
    }

    fn take(&self) -> candle_core::Result<Tensor> {
        match self.0.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(gradient) => Ok(gradient),
            None => bail!("a layer without a gradient from the one behind it"),
        }
    }
}

impl Signal {
    /// The values that a network begins with.
    #[must_use]
    pub fn new(values: Tensor) -> Self {
        Self { values, link: None }
    }

    /// As [`ops::dense`].
    ///
    /// # Errors
    /// As there.
    pub fn dense(self, weight: &Tensor, bias: &Tensor, activation: Activation) -> Result<Self> {
        ops::check_dense(&self.values, weight, bias)?;
        if !(self.applies() && fused(weight) && fused(bias)) {
            return Ok(Self::new(ops::dense(&self.into_tensor()?, weight, bias, activation)?));
        }
        let (fused, rest) = activation.split();
        let kernel = Dense { activation: fused, inwards: self.inwards() };
        self.through(kernel, |link, layer| link.apply_op3(weight, bias, layer))?.activate(rest)
    }

    /// As [`BatchNorm::train`], [`ops::activate`] and [`ops::dropout`] one after the other.
    ///
    /// # Errors
    /// As these.
    pub fn batch_norm(
        self,
        layer: &BatchNorm,
        activation: Activation,
        dropout: Option<(f64, &mut Stream)>,
    ) -> Result<Self> {
        let (batch, features) = layer.check(&self.values)?;
        let mask = match dropout {
            Some((p, stream)) => ops::mask(batch * features, p, stream)?,
            None => None,
        };
        if batch > 1 && fused(&self.values) && layer.fused() {
            let kernel = layer.kernel(&self.values, activation, mask)?;
            return if self.applies() {
                let (gamma, beta) = (&layer.gamma, &layer.beta);
                self.through(kernel, |link, layer| link.apply_op3(gamma, beta, layer))
            } else {
                Ok(Self::new(self.values.apply_op3(&layer.gamma, &layer.beta, kernel)?))
            };
        }
        let y = ops::activate(&layer.train(&self.into_tensor()?)?, activation)?;
        Ok(Self::new(match mask {
            Some(mask) => ops::masked(&y, mask)?,
            None => y,
        }))
    }

    /// As [`ops::activate`].
    ///
    /// # Errors
    /// As there.
    pub fn activate(self, activation: Activation) -> Result<Self> {
        if activation == Activation::Identity {
            return Ok(self);
        }
        if !self.applies() {
            return Ok(Self::new(ops::activate(&self.into_tensor()?, activation)?));
        }
        self.through(Elementwise(activation), Tensor::apply_op1)
    }

    /// As [`ops::prelu`].
    ///
    /// # Errors
    /// As there.
    pub fn prelu(self, slope: &Tensor) -> Result<Self> {
        if !(self.applies() && fused(slope) && slope.elem_count() == 1) {
            return Ok(Self::new(ops::prelu(&self.into_tensor()?, slope)?));
        }
        self.through(Prelu, |link, layer| link.apply_op2(slope, layer))
    }

    /// As [`ops::dropout`].
    ///
    /// # Errors
    /// As there.
    pub fn dropout(self, p: f64, stream: &mut Stream) -> Result<Self> {
        if !self.applies() {
            return Ok(Self::new(ops::dropout(&self.into_tensor()?, p, stream)?));
        }
        match ops::mask(self.values.elem_count(), p, stream)? {
            Some(mask) => self.through(mask, Tensor::apply_op1),
            None => Ok(self),
        }
    }

    /// As [`ops::reconstruction`].
    ///
    /// # Errors
    /// As there.
    pub fn reconstruction(
        self,
        weight: &Tensor,
        bias: &Tensor,
        activation: Activation,
        targets: &Tensor,
    ) -> Result<Loss> {
        let fits = ops::reconstruction_applies(&self.values, weight, bias, activation, targets)?;
        if !(fits && self.applies()) {
            return ops::reconstruction(&self.into_tensor()?, weight, bias, activation, targets);
        }
        let total = self.values.dims()[0];
        let kernel = Reconstruction::new(activation, self.inwards(), targets.detach());
        let loss = self.through(kernel, |link, layer| link.apply_op3(weight, bias, layer))?;
        let objective = loss.into_tensor()?;
        Ok(Loss { reported: objective.detach(), objective, correct: None, total })
    }

    /// The values as a tensor of candle's graph.
    ///
    /// # Errors
    /// Fails if there is no memory left.
    pub fn into_tensor(self) -> Result<Tensor> {
        let Self { values, link } = self;
        Ok(match link {
            Some(Link { node, gradient }) => node.apply_op1(Leave { values, gradient })?,
            None => values,
        })
    }

    /// Whether the values may be kept out of the graph.
    fn applies(&self) -> bool {
        self.link.is_some() || (fused(&self.values) && !self.values.track_op())
    }

    /// Whether something before this point wants a gradient.
    fn inwards(&self) -> bool {
        self.link.as_ref().is_some_and(|link| link.node.track_op())
    }

    /// What `kernel` makes of the values; `apply` lays it into the graph, upon the node of the values.
    fn through<K>(
        self,
        kernel: K,
        apply: impl FnOnce(&Tensor, Layer<K>) -> candle_core::Result<Tensor>,
    ) -> Result<Self> {
        let (output, gradient) = (Arc::new(OnceLock::new()), Arc::new(Inbox::default()));
        let inwards = self.inwards();
        let (node, before) = match self.link {
            Some(Link { node, gradient }) => (node, inwards.then_some(gradient)),
            None => (Tensor::zeros(1, DType::F32, &Device::Cpu)?, None),
        };
        let layer = Layer {
            kernel,
            input: self.values,
            output: Arc::clone(&output),
            gradient: Arc::clone(&gradient),
            before,
        };
        let node = apply(&node, layer)?;
        // candle has run the forward pass, which leaves the values.
        let Some(values) = output.get().cloned() else {
            return Err(candle_core::Error::Msg("a layer without values".to_string()).into());
        };
        Ok(Self { values, link: Some(Link { node, gradient }) })
    }
}

/// A kernel whose first argument and output are kept out of the graph.
struct Layer<K> {
    kernel: K,
    input: Tensor,
    output: Arc<OnceLock<Tensor>>,
    /// Of the output, left by the layer behind this one.
    gradient: Arc<Inbox>,
    /// Where that of the input is left, if anybody before this layer wants it.
    before: Option<Arc<Inbox>>,
}

/// What a node of the graph holds: nothing.
fn placeholder() -> (CpuStorage, Shape) {
    (CpuStorage::F32(vec![0.0]), Shape::from(1))
}

impl<K> Layer<K> {
    /// Runs the kernel's forward pass on the input and keeps the values.
    fn forward(
        &self,
        run: impl FnOnce(&CpuStorage, &Layout) -> candle_core::Result<(CpuStorage, Shape)>,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let (storage, layout) = self.input.storage_and_layout();
        let Storage::Cpu(storage) = &*storage else { bail!("a CPU kernel got another tensor") };
        let (CpuStorage::F32(values), shape) = run(storage, layout)? else {
            bail!("a kernel gave something else than f32")
        };
        let _ = self.output.set(tensor(values, shape)?);
        Ok(placeholder())
    }

    /// Output and gradient, for the kernel's backward pass.
    fn behind(&self) -> candle_core::Result<(&Tensor, Tensor)> {
        match self.output.get() {
            Some(output) => Ok((output, self.gradient.take()?)),
            None => bail!("a backward pass without a forward pass"),
        }
    }

    /// Leaves the gradient of the input to the layer before; what the node gets instead.
    fn leave(&self, gradient: Option<Tensor>) -> candle_core::Result<Option<Tensor>> {
        let (Some(before), Some(gradient)) = (&self.before, gradient) else { return Ok(None) };
        before.put(gradient);
        Ok(Some(Tensor::zeros(1, DType::F32, &Device::Cpu)?))
    }
}

impl<K: CustomOp1> CustomOp1 for Layer<K> {
    fn name(&self) -> &'static str {
        self.kernel.name()
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout) -> candle_core::Result<(CpuStorage, Shape)> {
        self.forward(|x, layout| self.kernel.cpu_fwd(x, layout))
    }

    fn bwd(&self, _: &Tensor, _: &Tensor, _: &Tensor) -> candle_core::Result<Option<Tensor>> {
        let (y, gradient) = self.behind()?;
        self.leave(self.kernel.bwd(&self.input, y, &gradient)?)
    }
}

impl<K: CustomOp2> CustomOp2 for Layer<K> {
    fn name(&self) -> &'static str {
        self.kernel.name()
    }

    fn cpu_fwd(
        &self,
        _: &CpuStorage,
        _: &Layout,
        a: &CpuStorage,
        a_layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        self.forward(|x, layout| self.kernel.cpu_fwd(x, layout, a, a_layout))
    }

    fn bwd(
        &self,
        _: &Tensor,
        a: &Tensor,
        _: &Tensor,
        _: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>)> {
        let (y, gradient) = self.behind()?;
        let (dx, da) = self.kernel.bwd(&self.input, a, y, &gradient)?;
        Ok((self.leave(dx)?, da))
    }
}

impl<K: CustomOp3> CustomOp3 for Layer<K> {
    fn name(&self) -> &'static str {
        self.kernel.name()
    }

    fn cpu_fwd(
        &self,
        _: &CpuStorage,
        _: &Layout,
        a: &CpuStorage,
        a_layout: &Layout,
        b: &CpuStorage,
        b_layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        self.forward(|x, layout| self.kernel.cpu_fwd(x, layout, a, a_layout, b, b_layout))
    }

    fn bwd(
        &self,
        _: &Tensor,
        a: &Tensor,
        b: &Tensor,
        _: &Tensor,
        _: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (y, gradient) = self.behind()?;
        let (dx, da, db) = self.kernel.bwd(&self.input, a, b, y, &gradient)?;
        Ok((self.leave(dx)?, da, db))
    }
}

/// From a signal back to a tensor of the graph.
struct Leave {
    values: Tensor,
    gradient: Arc<Inbox>,
}

impl CustomOp1 for Leave {
    fn name(&self) -> &'static str {
        "leave"
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout) -> candle_core::Result<(CpuStorage, Shape)> {
        let values = with_elements(&self.values, <[f32]>::to_vec)?;
        Ok((CpuStorage::F32(values), self.values.shape().clone()))
    }

    fn bwd(
        &self,
        _: &Tensor,
        _: &Tensor,
        gradient: &Tensor,
    ) -> candle_core::Result<Option<Tensor>> {
        self.gradient.put(gradient.clone());
        Ok(Some(Tensor::zeros(1, DType::F32, &Device::Cpu)?))
    }
}
