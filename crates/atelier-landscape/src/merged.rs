//! Many small batches as a few large ones: the matrix products of small ones cost more than they must.

use atelier_core::{Batch, Targets};
use candle_core::Tensor;

use crate::Result;

/// Enough for matrix products to be fast, few enough for what lies between them to stay in the cache.
const MOST_EXAMPLES: usize = 512;

/// The same examples in the same order, in batches of at most [`MOST_EXAMPLES`] unless they were larger
/// before. Batches that cannot stand in one tensor stay apart.
pub(crate) fn merged(batches: &[Batch]) -> Result<Vec<Batch>> {
    let mut groups: Vec<&[Batch]> = Vec::new();
    let mut start = 0;
    for end in 1..=batches.len() {
        let full = batches.get(end).is_none_or(|next| {
            let examples: usize = batches[start..=end].iter().map(Batch::len).sum();
            examples > MOST_EXAMPLES || !alike(&batches[start], next)
        });
        if full {
            groups.push(&batches[start..end]);
            start = end;
        }
    }
    groups.into_iter().map(concatenated).collect()
}

/// Whether two batches differ in their numbers of examples only.
fn alike(a: &Batch, b: &Batch) -> bool {
    let stack = |a: &Tensor, b: &Tensor| {
        a.dtype() == b.dtype() && a.dims().get(1..) == b.dims().get(1..) && a.rank() == b.rank()
    };
    stack(&a.inputs, &b.inputs)
        && match (&a.targets, &b.targets) {
            (Targets::None, Targets::None) => true,
            (Targets::Classes(a), Targets::Classes(b))
            | (Targets::Distribution(a), Targets::Distribution(b)) => stack(a, b),
            _ => false,
        }
}

/// Batches that are alike, as one.
fn concatenated(group: &[Batch]) -> Result<Batch> {
    if let [alone] = group {
        return Ok(alone.clone());
    }
    let targets: Vec<&Tensor> = group
        .iter()
        .filter_map(|batch| match &batch.targets {
            Targets::None => None,
            Targets::Classes(targets) | Targets::Distribution(targets) => Some(targets),
        })
        .collect();
    let inputs: Vec<&Tensor> = group.iter().map(|batch| &batch.inputs).collect();
    Ok(Batch {
        inputs: Tensor::cat(&inputs, 0)?,
        targets: match &group[0].targets {
            Targets::None => Targets::None,
            Targets::Classes(_) => Targets::Classes(Tensor::cat(&targets, 0)?),
            Targets::Distribution(_) => Targets::Distribution(Tensor::cat(&targets, 0)?),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    fn batch(start: u32, count: u32, classes: bool) -> Batch {
        let numbers: Vec<u32> = (start..start + count).collect();
        let values: Vec<f32> = numbers.iter().map(|&i| i as f32).collect();
        let inputs = Tensor::new(values, &Device::Cpu).unwrap().unsqueeze(1).unwrap();
        let numbers = Tensor::new(numbers, &Device::Cpu).unwrap();
        let targets = if classes { Targets::Classes(numbers) } else { Targets::None };
        Batch { inputs, targets }
    }

    fn sizes(batches: &[Batch]) -> Vec<usize> {
        batches.iter().map(Batch::len).collect()
    }

    #[test]
    fn small_batches_become_few_with_their_examples_in_order() {
        let batches: Vec<Batch> = (0..12).map(|i| batch(100 * i, 100, true)).collect();
        let merged = merged(&batches).unwrap();
        assert_eq!(sizes(&merged), [500, 500, 200]);
        let Targets::Classes(classes) = &merged[1].targets else { panic!("classes") };
        assert_eq!(classes.to_vec1::<u32>().unwrap(), (500..1000).collect::<Vec<u32>>());
        let inputs = merged[1].inputs.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert!((inputs[0] - 500.0).abs() < 1e-6 && (inputs[499] - 999.0).abs() < 1e-6);
    }

    #[test]
    fn large_and_unlike_batches_stay_apart() {
        let wide = Batch {
            inputs: Tensor::zeros((3, 2), candle_core::DType::F32, &Device::Cpu).unwrap(),
            targets: Targets::None,
        };
        let given = [
            batch(0, 600, false),
            batch(0, 10, false),
            batch(0, 10, true),
            batch(0, 10, true),
            wide.clone(),
            wide,
        ];
        assert_eq!(sizes(&merged(&given).unwrap()), [600, 10, 20, 6]);
    }
}
