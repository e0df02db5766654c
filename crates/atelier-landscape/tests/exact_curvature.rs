//! Exact Hessian-vector products of dense networks, and what is computed from them.

use std::cell::Cell;
use std::ops::ControlFlow;

use atelier_core::plane::{DenseLoss, DenseModule};
use atelier_core::{
    Activation, Batch, Loss, Mode, Objective, Parameter, assign, curvature, flatten,
};
use atelier_landscape::{Error, Hessian, Lanczos, Method, Plane};
use linfa_linalg::eigh::Eigh;
use ndarray::{Array1, Array2};

#[path = "objectives/full_hessian.rs"]
mod full_hessian;
#[path = "objectives/network.rs"]
mod network;

use full_hessian::full_hessian;
use network::{Examples, Network};

const SIZES: [usize; 4] = [4, 6, 5, 3];

/// The network with products of its own, which it gives for a while.
struct Exact {
    network: Network,
    given: Cell<usize>,
}

impl Exact {
    fn new(activation: Activation) -> Self {
        let mut network = Network::new(&SIZES, 1, 0.0);
        network.activation = activation;
        Self { network, given: Cell::new(usize::MAX) }
    }
}

impl Objective for Exact {
    fn parameters(&self) -> &[Parameter] {
        self.network.parameters()
    }

    fn loss(&self, batch: &Batch, mode: Mode) -> atelier_core::Result<Loss> {
        self.network.loss(batch, mode)
    }

    fn hessian_product(
        &self,
        vector: &[f32],
        batch: &Batch,
    ) -> atelier_core::Result<Option<Vec<f32>>> {
        if self.given.get() == 0 {
            return Ok(None);
        }
        self.given.set(self.given.get() - 1);
        let layers = SIZES.len() - 1;
        let module = |layer: usize| DenseModule::Dense {
            weight: 2 * layer,
            bias: 2 * layer + 1,
            activation: if layer + 1 == layers {
                Activation::Identity
            } else {
                self.network.activation
            },
        };
        let modules: Vec<DenseModule> = (0..layers).map(module).collect();
        let loss = DenseLoss::CrossEntropy;
        curvature::dense_network(self.parameters(), &modules, loss, vector, batch).map(Some)
    }
}

fn relu(z: f64) -> f64 {
    z.max(0.0)
}

fn examples() -> Examples {
    Examples::new(60, SIZES[0], 3, 2)
}

/// The Hessian at the objective's point in f64.
fn reference(objective: &Exact, activation: fn(f64) -> f64) -> Array2<f64> {
    let point = flatten(objective.parameters()).unwrap();
    full_hessian(&SIZES, activation, &examples(), &point)
}

fn go_on(_done: usize, _of: usize) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn vector(count: usize) -> Vec<f64> {
    (0..count).map(|i| (7.0 * i as f64).sin()).collect()
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
}

#[test]
fn products_are_exact_where_the_objective_computes_them_also_across_kinks() {
    for (activation, known) in
        [(Activation::Relu, relu as fn(f64) -> f64), (Activation::Tanh, f64::tanh)]
    {
        let objective = Exact::new(activation);
        let full = reference(&objective, known);
        let batches = examples().batches(&[25, 25, 10]);
        let hessian = Hessian::new(&objective, &batches).unwrap();
        assert_eq!(hessian.method(), Method::Exact);
        let v = vector(hessian.dimension());
        let expected = full.dot(&Array1::from(v.clone())).to_vec();
        let length = distance(&expected, &vec![0.0; v.len()]);
        // Lengths that f32 does not hold are no obstacle.
        for scale in [1.0, 1e-50, 1e50] {
            let scaled: Vec<f64> = v.iter().map(|x| x * scale).collect();
            let (product, error) = hessian.product_with_error(&scaled).unwrap();
            let product: Vec<f64> = product.iter().map(|x| x / scale).collect();
            let off = distance(&product, &expected);
            assert!(off < 1e-4 * length, "{activation:?}, {scale}: {off} of {length}");
            assert!(error.abs() < 1e-12, "{error}");
        }
        assert_eq!(hessian.product(&vec![0.0; v.len()]).unwrap(), vec![0.0; v.len()]);
    }
}

#[test]
fn lanczos_finds_the_eigenvalues_of_a_relu_networks_explicit_hessian() {
    let objective = Exact::new(Activation::Relu);
    let mut values = reference(&objective, relu).eigh().unwrap().0.to_vec();
    values.sort_by(|a, b| b.total_cmp(a));
    let batches = examples().batches(&[30, 30]);
    let hessian = Hessian::new(&objective, &batches).unwrap();
    let mut told = 0;
    let found = hessian
        .eigenpairs(&Lanczos::default(), &mut |done, of| {
            assert!(done <= of);
            told = done;
            ControlFlow::Continue(())
        })
        .unwrap();
    assert!(found.converged);
    assert_eq!(told, found.steps + 5);
    for (pair, value) in found.pairs.iter().zip(&values) {
        assert!((pair.value - value).abs() < 1e-4 * values[0], "{} not {value}", pair.value);
        assert!(pair.residual < 1e-3 * values[0], "{}", pair.residual);
        assert!(pair.difference_error.abs() < 1e-12);
    }
    let trace = hessian.trace(200, 0, &mut go_on).unwrap();
    let expected: f64 = values.iter().sum();
    assert!((trace.value - expected).abs() < 4.0 * trace.standard_error, "{trace:?}, {expected}");
}

#[test]
fn the_curvature_within_a_plane_of_a_relu_network_is_off_by_rounding_alone() {
    let objective = Exact::new(Activation::Relu);
    let full = reference(&objective, relu);
    let batches = examples().batches(&[60]);
    let hessian = Hessian::new(&objective, &batches).unwrap();
    let first = vector(hessian.dimension());
    let second: Vec<f64> = first.iter().map(|x| (9.0 * x).cos()).collect();
    let plane = Plane::new(vec![0.0; first.len()], &first, &second).unwrap();
    let wide = |k: usize| Array1::from_iter(plane.directions[k].iter().map(|&x| f64::from(x)));
    let seen = |i: usize, j: usize| wide(i).dot(&full.dot(&wide(j)));
    let found = hessian.in_plane(&plane).unwrap();
    for (i, row) in found.matrix.iter().enumerate() {
        for (j, entry) in row.iter().enumerate() {
            assert!((entry - seen(i, j)).abs() < 1e-5, "{found:?}");
        }
    }
    assert!(found.error < 1e-5, "{found:?}");
}

#[test]
fn the_hessian_stays_at_its_point_and_leaves_the_objective_where_it_is() {
    let objective = Exact::new(Activation::Relu);
    let batches = examples().batches(&[60]);
    let hessian = Hessian::new(&objective, &batches).unwrap();
    let v = vector(hessian.dimension());
    let before = hessian.product(&v).unwrap();
    let elsewhere: Vec<f32> = (0..v.len()).map(|i| (i as f32).cos()).collect();
    assign(objective.parameters(), &elsewhere).unwrap();
    assert_eq!(hessian.product(&v).unwrap(), before);
    assert_eq!(flatten(objective.parameters()).unwrap(), elsewhere);
}

#[test]
fn wrong_vectors_and_an_objective_that_gives_up_are_refused() {
    let objective = Exact::new(Activation::Relu);
    let batches = examples().batches(&[60]);
    let hessian = Hessian::new(&objective, &batches).unwrap();
    let n = hessian.dimension();
    let refused = |v: &[f64]| hessian.product(v).unwrap_err().to_string();
    assert!(refused(&[1.0]).contains("83 components"));
    assert!(refused(&vec![f64::NAN; n]).contains("finite components"));
    objective.given.set(0);
    let error = hessian.product(&vec![1.0; n]).unwrap_err();
    assert!(matches!(&error, Error::Setting { found, .. } if found == "none"), "{error}");
}
