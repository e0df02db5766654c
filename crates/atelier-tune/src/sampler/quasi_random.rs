use rand::RngExt;

use crate::stream::stream;
use crate::{Settings, Space};

/// The sequence has so many points before it repeats itself.
const POINTS: u64 = 1 << 16;

/// Point `slot` of Sobol's sequence under a scramble of the seed, one dimension a parameter. A
/// parameter that does not exist in some settings keeps its dimension.
pub(super) fn settings(space: &Space, seed: u64, slot: u64) -> Settings {
    // Each round through the points, and each parameter beyond the dimensions that there are, has
    // another scramble: independent, as random numbers are.
    let scramble = |dimension: u32| -> u32 {
        let set = u64::from(dimension / sobol_burley::NUM_DIMENSIONS);
        stream(seed, "sobol", slot / POINTS, set).random()
    };
    #[expect(clippy::cast_possible_truncation, reason = "below 2^16; nobody has 2^32 parameters")]
    space.fill(|i, domain| {
        let dimension = i as u32;
        let point = (slot % POINTS) as u32;
        let inner = dimension % sobol_burley::NUM_DIMENSIONS;
        domain.at(f64::from(sobol_burley::sample(point, inner, scramble(dimension))))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Parameter;

    #[test]
    fn sixty_four_points_hit_every_cell_of_eight_by_eight() {
        let space = Space::new([Parameter::float("x", 0.0, 8.0), Parameter::float("y", 0.0, 8.0)])
            .expect("a space");
        let cells: std::collections::HashSet<(u64, u64)> = (0..64)
            .map(|slot| {
                let settings = settings(&space, 3, slot);
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "in [0, 8]"
                )]
                let cell = |name| settings.float(name).expect("a number") as u64;
                (cell("x"), cell("y"))
            })
            .collect();
        assert_eq!(cells.len(), 64);
    }
}
