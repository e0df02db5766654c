use atelier_core::seed::stream;
use rand_distr::{Distribution as _, StandardNormal};

use crate::{Error, Plane, Result};

/// Two random directions in a space of `parameters` dimensions: independent standard normal
/// numbers.
///
/// In many dimensions they are nearly perpendicular; [`Plane::new`] makes them so, and of length 1.
#[must_use]
pub fn random_directions(parameters: usize, seed: u64) -> [Vec<f64>; 2] {
    [0, 1].map(|axis| {
        let mut stream = stream(seed, "random direction", 0, axis);
        (0..parameters).map(|_| StandardNormal.sample(&mut stream)).collect()
    })
}

/// Two random directions whose filters are as long as those of `point`.
///
/// `shapes` are the parameters' shapes as [`atelier_core::Parameter::shape`] gives them, in order.
/// In a weight (two axes or more), each slice along the first axis, which holds the weights of one
/// output, is a filter; each is scaled to the length of the point's. Biases and all other vectors
/// and single numbers are zero: the network is not moved along them, as in the authors' program.
///
/// The paper's coordinates count these vectors; those of a [`Plane`] count distances. One unit of
/// the paper along an axis is the length of the vector here.
///
/// # Errors
/// [`Error::Setting`] if the shapes do not add up to the point, or if the point's weights are all
/// zero or not finite.
///
/// # References
/// Li et al., *Visualizing the loss landscape of neural nets*, `NeurIPS` 2018 (section 4).
pub fn filter_normalised_directions(
    point: &[f32],
    shapes: &[Vec<usize>],
    seed: u64,
) -> Result<[Vec<f64>; 2]> {
    let numbers: usize = shapes.iter().map(|shape| shape.iter().product::<usize>()).sum();
    if numbers != point.len() {
        let expected = format!("{numbers} values, as the shapes have together");
        return Err(Error::setting(
            "the point of filter-normalised directions",
            expected,
            point.len(),
        ));
    }
    let mut directions = random_directions(point.len(), seed);
    for direction in &mut directions {
        let mut start = 0;
        for shape in shapes {
            let len: usize = shape.iter().product();
            let (own, of_point) = (&mut direction[start..start + len], &point[start..start + len]);
            start += len;
            if shape.len() < 2 {
                own.fill(0.0);
                continue;
            }
            let filter = (len / shape[0].max(1)).max(1);
            for (own, of_point) in own.chunks_mut(filter).zip(of_point.chunks(filter)) {
                let wanted = of_point.iter().map(|&w| f64::from(w).powi(2)).sum::<f64>().sqrt();
                let found = own.iter().map(|d| d.powi(2)).sum::<f64>().sqrt();
                for d in own {
                    *d *= wanted / found;
                }
            }
        }
        let length = direction.iter().map(|d| d.powi(2)).sum::<f64>();
        if !(length.is_finite() && length > 0.0) {
            let found = format!("filters with squared lengths that add up to {length}");
            let expected = "weights that are finite and not all zero";
            return Err(Error::setting(
                "the point of filter-normalised directions",
                expected,
                found,
            ));
        }
    }
    Ok(directions)
}

/// The plane through three points. The first is its origin, the second lies on the positive first
/// axis, the third above it (y > 0).
///
/// # Errors
/// As [`Plane::new`]: if the points have different numbers of parameters, if one is not finite, or
/// if they lie on one line.
///
/// # References
/// Garipov et al., *Loss surfaces, mode connectivity, and fast ensembling of DNNs*, `NeurIPS` 2018
/// (appendix A.1).
pub fn plane_through(first: &[f32], second: &[f32], third: &[f32]) -> Result<Plane> {
    Plane::new(first.to_vec(), &difference(second, first), &difference(third, first))
}

fn difference(a: &[f32], b: &[f32]) -> Vec<f64> {
    if a.len() != b.len() {
        // Of no use to `Plane::new`, which then says that the lengths differ.
        return Vec::new();
    }
    a.iter().zip(b).map(|(&a, &b)| f64::from(a) - f64::from(b)).collect()
}
