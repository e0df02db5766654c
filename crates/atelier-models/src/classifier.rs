use atelier_core::plane::{self, DenseLoss};
use atelier_core::{
    Activation as Core, Batch, HiddenUnits, Loss, Mode, Objective, Parameter, PlaneEvaluator,
    PlaneOfParameters, curvature, ops,
};
use candle_core::Device;

use crate::{DenseNet, Ends, Error, ModelConfig, Result};

/// A dense network with a softmax at its end, trained on the cross-entropy.
///
/// Its parameters carry the names of an `nn.Sequential` called `net`: `net.0.weight`, `net.0.bias`,
/// `net.2.weight`, … at the positions that PyTorch gives.
#[derive(Debug)]
pub struct Classifier {
    /// The network; its output are logits.
    pub net: DenseNet,
    label_smoothing: f64,
}

impl Classifier {
    /// A classifier with freshly drawn weights.
    ///
    /// # Errors
    /// As [`ModelConfig::check`]; [`Error::Setting`] if `label_smoothing` is not in [0, 1).
    pub fn new(
        inputs: usize,
        classes: usize,
        config: &ModelConfig,
        label_smoothing: f64,
        seed: u64,
        device: &Device,
    ) -> Result<Self> {
        if !(0.0..1.0).contains(&label_smoothing) {
            return Err(Error::Setting {
                key: "train.label_smoothing",
                expected: "a share in [0, 1)",
                found: label_smoothing.to_string(),
            });
        }
        let ends = Ends { prefix: "net", inputs, outputs: classes, activation: Core::Identity };
        Ok(Self { net: DenseNet::new(ends, config, seed, device)?, label_smoothing })
    }
}

impl Objective for Classifier {
    fn parameters(&self) -> &[Parameter] {
        self.net.parameters()
    }

    fn buffers(&self) -> &[Parameter] {
        self.net.buffers()
    }

    fn loss(&self, batch: &Batch, mode: Mode) -> atelier_core::Result<Loss> {
        let logits = self.net.forward(&batch.matrix()?, mode)?;
        let smoothing = match mode {
            Mode::Train(_) => self.label_smoothing,
            Mode::Evaluate => 0.0,
        };
        ops::cross_entropy(&logits, &batch.targets, smoothing)
    }

    fn replica(&self) -> atelier_core::Result<Option<Box<dyn Objective + Send>>> {
        let (net, label_smoothing) = (self.net.replica()?, self.label_smoothing);
        Ok(Some(Box::new(Self { net, label_smoothing })))
    }

    fn recompute_statistics(&self, batches: &[Batch]) -> atelier_core::Result<()> {
        let inputs: atelier_core::Result<_> = batches.iter().map(Batch::matrix).collect();
        self.net.recompute_statistics(inputs?)
    }

    fn plane(
        &self,
        plane: PlaneOfParameters,
        batches: &[Batch],
    ) -> atelier_core::Result<Option<Box<dyn PlaneEvaluator>>> {
        let Some(modules) = self.net.plane_modules(0) else { return Ok(None) };
        let loss = DenseLoss::CrossEntropy;
        plane::dense_network(self.net.parameters(), &modules, loss, plane, batches)
    }

    /// With batch norm there is none.
    fn hessian_product(
        &self,
        vector: &[f32],
        batch: &Batch,
    ) -> atelier_core::Result<Option<Vec<f32>>> {
        let Some(modules) = self.net.plane_modules(0) else { return Ok(None) };
        let (parameters, loss) = (self.net.parameters(), DenseLoss::CrossEntropy);
        curvature::dense_network(parameters, &modules, loss, vector, batch).map(Some)
    }

    fn hidden_units(&self) -> Vec<HiddenUnits> {
        self.net.hidden_units()
    }
}
