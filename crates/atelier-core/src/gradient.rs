//! Backward passes that hand the gradients of variables over as they are.
//!
//! candle's own backward pass adds every gradient to a tensor of zeros: for the weights of a dense
//! network that is as much memory traffic as the update itself, and from 65,536 elements on it wakes
//! a pool of threads that keeps spinning beside ours. The kernels of this crate therefore put the
//! gradients of variables aside while [`backward`] runs; under a plain `Tensor::backward` they
//! return them to candle as usual.

use std::cell::RefCell;

use candle_core::Tensor;
use candle_core::backprop::GradStore;

use crate::Result;

thread_local! {
    static ASIDE: RefCell<Option<Vec<(Tensor, Tensor)>>> = const { RefCell::new(None) };
}

/// The gradients of the scalar `loss`, as by [`Tensor::backward`].
///
/// # Errors
/// Fails if an operation of the graph has no backward pass, or the device does.
pub fn backward(loss: &Tensor) -> Result<GradStore> {
    /// Takes what was put aside, also when the backward pass fails.
    struct Aside;
    impl Drop for Aside {
        fn drop(&mut self) {
            ASIDE.set(None);
        }
    }

    ASIDE.set(Some(Vec::new()));
    let aside = Aside;
    let mut gradients = loss.backward()?;
    for (variable, gradient) in ASIDE.take().unwrap_or_default() {
        let sum = match gradients.remove(&variable) {
            Some(other) => (other + gradient)?,
            None => gradient,
        };
        gradients.insert(&variable, sum);
    }
    drop(aside);
    Ok(gradients)
}

/// Puts `gradient` aside if `variable` is one and [`backward`] is running on this thread; otherwise
/// gives it back, for candle to add up.
pub(crate) fn put_aside(variable: &Tensor, gradient: Tensor) -> Option<Tensor> {
    ASIDE.with_borrow_mut(|aside| match aside {
        Some(aside) if variable.is_variable() => {
            aside.push((variable.clone(), gradient));
            None
        }
        _ => Some(gradient),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Activation, ops};
    use candle_core::{Device, Var};

    #[test]
    fn gradients_are_those_of_candles_own_backward_pass_also_for_shared_weights() {
        let x = Tensor::new(&[[0.5_f32, -1.0], [2.0, 0.25]], &Device::Cpu).unwrap();
        let w = Var::new(&[[0.3_f32, -0.7], [1.1, 0.2]], &Device::Cpu).unwrap();
        let b = Var::new(&[0.1_f32, -0.2], &Device::Cpu).unwrap();
        // Twice through the kernel and once through candle's own product.
        let h = ops::dense(&x, &w, &b, Activation::Tanh).unwrap();
        let h = ops::dense(&h, &w, &b, Activation::Sigmoid).unwrap();
        let loss = h.matmul(&w).unwrap().sqr().unwrap().sum_all().unwrap();
        let (ours, plain) = (backward(&loss).unwrap(), loss.backward().unwrap());
        for variable in [&w, &b] {
            let difference = (ours.get(variable).unwrap() - plain.get(variable).unwrap()).unwrap();
            let largest = difference.abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
            assert!(largest < 1e-6, "{largest}");
        }
    }

    #[test]
    fn outside_of_a_backward_pass_nothing_is_put_aside() {
        let w = Var::new(&[[0.3_f32]], &Device::Cpu).unwrap();
        backward(&w.sum_all().unwrap()).unwrap();
        assert!(put_aside(&w, w.as_tensor().clone()).is_some());
    }
}
