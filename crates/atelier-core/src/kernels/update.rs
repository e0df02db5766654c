//! Optimiser steps: one pass over a parameter and its state, nothing allocated.
//!
//! A loop reads an element, computes with local values and writes it once. Reading `*m` again after
//! `*m = ...` is a load that waits for the store before it: Adam took 2.8 times as long that way.
#![expect(unsafe_code, reason = "tiles write disjoint parts of the parameter and its state")]

use std::cell::RefCell;
use std::ops::Range;

use candle_core::{CpuStorage, InplaceOp1, Layout, Result, Tensor};

use super::dense::tall;
use super::{elements_mut, with_elements};
use crate::threads::{self, Parts, for_each_range};
use crate::update::{AdamStep, SgdStep};

/// Tiles of a large parameter: as many as the product that its gradient comes from is cut into, so
/// that a core finds its part of all of them in its own cache.
const TILES: usize = 4;
/// Floats in a line of the cache.
const LINE: usize = 16;
/// Elements that are worth a tile, some microseconds of one core.
const TILE: usize = 8_192;
/// Elements whose squares are summed before they join the total.
const RUN: usize = 65_536;

/// Calls `work` for disjoint parts of a parameter, which together are all of it, cut as a large gradient is: a wide
/// matrix by columns, all else from its beginning to its end.
fn for_each_part(parameter: &Tensor, work: &(dyn Fn(Range<usize>) + Sync)) {
    let len = parameter.elem_count();
    match *parameter.dims() {
        [rows, columns] if threads::count() > 1 && len > TILE && !tall(rows, columns) => {
            let step = columns.div_ceil(TILES).next_multiple_of(LINE);
            for_each_range(columns, step, &|some| {
                for row in 0..rows {
                    work(row * columns + some.start..row * columns + some.end);
                }
            });
        }
        _ => for_each_range(len, len.div_ceil(TILES).max(TILE), work),
    }
}

/// Lends the elements of a tensor to a closure, to be written in place.
struct Lend<F>(RefCell<F>);

impl<F: FnMut(&mut [f32]) -> Result<()>> InplaceOp1 for Lend<F> {
    fn name(&self) -> &'static str {
        "update"
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> Result<()> {
        (self.0.borrow_mut())(elements_mut(storage, layout)?)
    }
}

fn with_elements_mut(tensor: &Tensor, f: impl FnMut(&mut [f32]) -> Result<()>) -> Result<()> {
    tensor.inplace_op1(&Lend(RefCell::new(f)))
}

/// Decaying state ends among the denormal numbers, where each operation takes a hundred cycles;
/// it is 0 from there on.
#[inline(always)]
#[expect(clippy::inline_always, reason = "must be compiled with the caller's vector instructions")]
fn flush(x: f32) -> f32 {
    if x.abs() < f32::MIN_POSITIVE { 0.0 } else { x }
}

/// One step of SGD without momentum.
pub(crate) fn sgd(parameter: &Tensor, gradient: &Tensor, step: &SgdStep) -> Result<()> {
    let (rate, decay, scale) = (step.learning_rate, step.weight_decay, step.gradient_scale);
    with_elements_mut(parameter, |w| {
        let parts = Parts::new(w);
        with_elements(gradient, |g| {
            for_each_part(parameter, &|range| {
                // SAFETY: the parts of `for_each_part` are disjoint.
                let w = unsafe { parts.part(range.clone()) };
                vectorized!(|| {
                    for (w, g) in w.iter_mut().zip(&g[range.clone()]) {
                        *w -= rate * (g * scale + decay * *w);
                    }
                });
            });
        })
    })
}

/// One step of SGD with momentum; `velocity` is updated too.
pub(crate) fn momentum(
    parameter: &Tensor,
    velocity: &Tensor,
    gradient: &Tensor,
    step: &SgdStep,
) -> Result<()> {
    let (rate, decay, scale) = (step.learning_rate, step.weight_decay, step.gradient_scale);
    let keep = step.momentum;
    // Nesterov looks one velocity ahead: g + momentum * velocity instead of velocity.
    let (of_velocity, of_gradient) = if step.nesterov { (keep, 1.0) } else { (1.0, 0.0) };
    with_elements_mut(parameter, |w| {
        let w = Parts::new(w);
        with_elements_mut(velocity, |v| {
            let v = Parts::new(v);
            with_elements(gradient, |g| {
                for_each_part(parameter, &|range| {
                    // SAFETY: the parts of `for_each_part` are disjoint.
                    let (w, v) = unsafe { (w.part(range.clone()), v.part(range.clone())) };
                    vectorized!(|| {
                        for ((w, v), g) in w.iter_mut().zip(v).zip(&g[range.clone()]) {
                            // Nothing is read back after it was written: see the module.
                            let g = g * scale + decay * *w;
                            let new = flush(keep * *v + g);
                            *w -= rate * (of_velocity * new + of_gradient * g);
                            *v = new;
                        }
                    });
                });
            })
        })
    })
}

/// One step of Adam or `AdamW`; `mean` and `square` are updated too.
pub(crate) fn adam(
    parameter: &Tensor,
    mean: &Tensor,
    square: &Tensor,
    gradient: &Tensor,
    step: &AdamStep,
) -> Result<()> {
    let scale = step.gradient_scale;
    let (into_gradient, shrink) = step.decays();
    let (beta1, beta2, epsilon) = (step.beta1, step.beta2, step.epsilon);
    let (rate, root_correction) = step.corrections();
    with_elements_mut(parameter, |w| {
        let w = Parts::new(w);
        with_elements_mut(mean, |m| {
            let m = Parts::new(m);
            with_elements_mut(square, |s| {
                let s = Parts::new(s);
                with_elements(gradient, |g| {
                    for_each_part(parameter, &|range| {
                        // SAFETY: the parts of `for_each_part` are disjoint.
                        let (w, m, s) = unsafe {
                            (w.part(range.clone()), m.part(range.clone()), s.part(range.clone()))
                        };
                        vectorized!(|| {
                            for (((w, m), s), g) in
                                w.iter_mut().zip(m).zip(s).zip(&g[range.clone()])
                            {
                                // Nothing is read back after it was written: see the module.
                                let old = *w;
                                let g = g * scale + into_gradient * old;
                                let mean = flush(beta1 * *m + (1.0 - beta1) * g);
                                let square = flush(beta2 * *s + (1.0 - beta2) * (g * g));
                                let denominator = square.sqrt() * root_correction + epsilon;
                                *w = old * shrink - rate * (mean / denominator);
                                *m = mean;
                                *s = square;
                            }
                        });
                    });
                })
            })
        })
    })
}

/// average := average + (1 - decay) (values - average).
pub(crate) fn average(average: &Tensor, values: &Tensor, decay: f32) -> Result<()> {
    with_elements_mut(average, |a| {
        let a = Parts::new(a);
        with_elements(values, |values| {
            for_each_part(average, &|range| {
                // SAFETY: the parts of `for_each_part` are disjoint.
                let a = unsafe { a.part(range.clone()) };
                vectorized!(|| {
                    for (a, value) in a.iter_mut().zip(&values[range.clone()]) {
                        *a += (1.0 - decay) * (value - *a);
                    }
                });
            });
        })
    })
}

/// Sum of squares in f64, run by run.
pub(crate) fn squared_norm(values: &Tensor) -> Result<f64> {
    with_elements(values, |values| {
        values
            .chunks(RUN)
            .map(|tile| {
                let mut lanes = [0.0_f64; 16];
                vectorized!(|| {
                    let (whole, rest) = tile.as_chunks::<16>();
                    for chunk in whole {
                        for (lane, &x) in lanes.iter_mut().zip(chunk) {
                            *lane += f64::from(x) * f64::from(x);
                        }
                    }
                    for (lane, &x) in lanes.iter_mut().zip(rest) {
                        *lane += f64::from(x) * f64::from(x);
                    }
                });
                lanes.iter().sum::<f64>()
            })
            .sum()
    })
}
