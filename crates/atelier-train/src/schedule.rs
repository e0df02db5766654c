//! The learning rate over a run.
//!
//! # References
//! Loshchilov and Hutter, *SGDR*, ICLR 2017 (cosine); Smith and Topin, *Super-convergence*, 2018
//! (one-cycle).

use std::f64::consts::PI;

use crate::{ScheduleConfig, ScheduleKind};

/// How far below its peak the one-cycle schedule begins.
const ONE_CYCLE_START: f64 = 1.0 / 25.0;

impl ScheduleConfig {
    /// The factor on the learning rate at `step` (counted from 0) of a run of `epochs` epochs of
    /// `batches` steps.
    #[must_use]
    pub fn factor_at(&self, step: u64, epochs: usize, batches: usize) -> f64 {
        let step = step as f64;
        let total = epochs as f64 * batches as f64;
        let rising = self.warmup * total;
        if step < rising {
            return match self.kind {
                ScheduleKind::OneCycle => half_cosine(ONE_CYCLE_START, 1.0, step / rising),
                _ => (step + 1.0).min(rising) / rising,
            };
        }
        match self.kind {
            ScheduleKind::Constant => 1.0,
            ScheduleKind::Step => {
                let drops = (step / (batches as f64 * self.every as f64)).floor();
                self.factor.powf(drops)
            }
            ScheduleKind::Cosine | ScheduleKind::OneCycle => {
                half_cosine(1.0, self.final_share, (step - rising) / (total - rising))
            }
        }
    }
}

/// From `start` to `end` along half a cosine; `progress` in [0, 1].
fn half_cosine(start: f64, end: f64, progress: f64) -> f64 {
    end + (start - end) * 0.5 * (1.0 + (PI * progress).cos())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(kind: ScheduleKind, warmup: f64, step: u64) -> f64 {
        let config = ScheduleConfig { kind, warmup, every: 2, factor: 0.1, final_share: 0.01 };
        config.factor_at(step, 10, 100)
    }

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-9
    }

    #[test]
    fn constant_stays_and_step_drops_every_so_many_epochs() {
        assert!(close(at(ScheduleKind::Constant, 0.0, 999), 1.0));
        assert!(close(at(ScheduleKind::Step, 0.0, 199), 1.0));
        assert!(close(at(ScheduleKind::Step, 0.0, 200), 0.1));
        assert!(close(at(ScheduleKind::Step, 0.0, 999), 1e-4));
    }

    #[test]
    fn cosine_begins_full_is_half_way_in_the_middle_and_ends_at_its_share() {
        assert!(close(at(ScheduleKind::Cosine, 0.0, 0), 1.0));
        assert!(close(at(ScheduleKind::Cosine, 0.0, 500), 0.505));
        assert!((at(ScheduleKind::Cosine, 0.0, 999) - 0.01).abs() < 1e-4);
    }

    #[test]
    fn warm_up_rises_linearly_to_the_full_rate() {
        assert!(close(at(ScheduleKind::Cosine, 0.1, 0), 0.01));
        assert!(close(at(ScheduleKind::Constant, 0.1, 49), 0.5));
        assert!(close(at(ScheduleKind::Constant, 0.1, 99), 1.0));
        assert!(close(at(ScheduleKind::Cosine, 0.1, 100), 1.0));
    }

    #[test]
    fn one_cycle_rises_from_a_twenty_fifth_and_falls() {
        assert!(close(at(ScheduleKind::OneCycle, 0.3, 0), 0.04));
        assert!(close(at(ScheduleKind::OneCycle, 0.3, 150), 0.52));
        assert!(close(at(ScheduleKind::OneCycle, 0.3, 300), 1.0));
        assert!(at(ScheduleKind::OneCycle, 0.3, 999) < 0.0101);
    }
}
