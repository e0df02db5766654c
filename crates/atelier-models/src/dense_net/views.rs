//! How landscapes see a network: its modules in a plane of parameters, its units as they can be reordered.

use atelier_core::HiddenUnits;
use atelier_core::plane::DenseModule;
use candle_core::Var;

use super::{DenseNet, Module};

impl DenseNet {
    /// The modules as [`atelier_core::plane`] and [`atelier_core::curvature`] take them, their parameters counted from `first`; `None`
    /// where there is a batch norm, whose statistics are those of each point.
    #[must_use]
    pub fn plane_modules(&self, first: usize) -> Option<Vec<DenseModule>> {
        let position = |var: &Var| {
            self.parameters.iter().position(|p| p.var.id() == var.id()).map(|p| first + p)
        };
        let mut modules = Vec::with_capacity(self.modules.len());
        for module in &self.modules {
            modules.push(match module {
                Module::Dense { weight, bias, activation } => DenseModule::Dense {
                    weight: position(weight)?,
                    bias: position(bias)?,
                    activation: *activation,
                },
                Module::BatchNorm(_) => return None,
                Module::Activation(activation) => DenseModule::Activation(*activation),
                Module::Prelu(slope) => DenseModule::Prelu { slope: position(slope)? },
                Module::Dropout { .. } => continue,
            });
        }
        Some(modules)
    }

    /// The hidden layers, each with the axes along which its units can be reordered.
    #[must_use]
    pub fn hidden_units(&self) -> Vec<HiddenUnits> {
        // Everything between two weight matrices belongs to the units between them.
        let weights: Vec<usize> =
            (0..self.parameters.len()).filter(|&p| self.parameters[p].decayed).collect();
        let between = weights.windows(2).map(|pair| {
            let units = self.parameters[pair[0]].shape()[0];
            let own = (pair[0]..pair[1]).filter(|&p| self.parameters[p].shape()[0] == units);
            // A PReLU's one slope is shared by all units.
            let own = own.filter(|&p| !self.is_slope(p));
            let axes = own.map(|p| (p, 0)).chain([(pair[1], 1)]).collect();
            HiddenUnits { units, axes }
        });
        between.collect()
    }

    fn is_slope(&self, position: usize) -> bool {
        let id = self.parameters[position].var.id();
        self.modules.iter().any(|module| matches!(module, Module::Prelu(slope) if slope.id() == id))
    }
}
