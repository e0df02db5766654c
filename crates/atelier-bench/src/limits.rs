//! The limits of the machine, asked in every round of every row.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::contestant::Contestant;
use crate::copying::Copying;
use crate::fused;
use crate::peak::{Product, SHAPES};
use crate::report::Limits;
use crate::round_trip;
use crate::session::{Session, Started};
use crate::statistics::quantile;

/// Seconds of each limit's turn.
const TURN: f64 = 0.03;
/// The longest that any of them may take to answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Programs that meet the limits with so many threads, and what they have reached.
pub struct LimitsAsked {
    fused: Session,
    products: Vec<(Session, f64)>,
    copy: Session,
    /// `None` with one thread.
    round_trip: Option<Session>,
    limits: Limits,
}

impl LimitsAsked {
    /// Starts them.
    ///
    /// # Errors
    /// Fails if one does not start.
    pub fn new(atelier: &Contestant, threads: usize, work: &Path) -> Result<Self> {
        let start = |id: &str| -> Result<Session> {
            let command = atelier.command(id, threads, work).context("Atelier has no program")?;
            match Session::start(command, PATIENCE)? {
                Started::Ready(session) => Ok(session),
                Started::Missing(why) => bail!("{id} is missing: {why}"),
            }
        };
        let product = |(number, shape): (usize, &(usize, usize, usize))| -> Result<_> {
            Ok((start(&format!("product-{number}"))?, Product::flop(*shape)))
        };
        Ok(Self {
            fused: start("fused")?,
            products: SHAPES.iter().enumerate().map(product).collect::<Result<_>>()?,
            copy: start("copy")?,
            round_trip: (threads > 1).then(|| start("round-trip")).transpose()?,
            limits: Limits {
                threads,
                registers_gflop_per_second: 0.0,
                products_gflop_per_second: 0.0,
                copy_gigabytes_per_second: 0.0,
                round_trip_seconds: Vec::new(),
            },
        })
    }

    /// The fastest call of all rounds counts: a limit is what the machine can do when nothing hinders it.
    ///
    /// # Errors
    /// Fails if one of the programs does.
    pub fn round(&mut self) -> Result<()> {
        let Self { fused, products, copy, round_trip, limits } = self;
        let threads = limits.threads;
        let raise = |limit: &mut f64, session: &mut Session, work: f64| -> Result<()> {
            let calls = session.round(TURN);
            let calls = calls.with_context(|| format!("limits with {threads} threads"))?;
            *limit = limit.max(work / quantile(&calls, 0.0) / 1e9);
            Ok(())
        };
        raise(&mut limits.registers_gflop_per_second, fused, fused::flop(threads))?;
        for (session, flop) in products {
            raise(&mut limits.products_gflop_per_second, session, *flop)?;
        }
        raise(&mut limits.copy_gigabytes_per_second, copy, Copying::BYTES)?;
        if let Some(session) = round_trip {
            let calls = session.round(TURN).context("round trips between cores")?;
            limits.round_trip_seconds.push(quantile(&calls, 0.5) / round_trip::TRIPS as f64);
        }
        Ok(())
    }

    /// What was reached.
    pub fn reached(self) -> Limits {
        self.limits
    }
}
