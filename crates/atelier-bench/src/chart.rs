//! The figure: how many times as long as Atelier each peer takes.

use anyhow::{Context as _, Result, ensure};
use atelier_plot::{Axis, Color, DotPlot, DotRow, Figure};

use crate::contestant::ATELIER;
use crate::report::{Report, Times};
use crate::statistics::{median, ratios};
use crate::table::duration;

/// The rows of the figure: what a training run and its neighbours consist of.
const SHOWN: [&str; 6] =
    ["step-50-16", "step-50-64", "step-256-64", "step-512-256", "step-autoencoder", "evaluate"];
/// The axis ends here: one contestant far out would press all others together.
const FARTHEST: f64 = 20.0;
const WIDTH: u32 = 1600;
/// Height of a row and of a heading, and of everything around the rows.
const ROW: u32 = 38;
const HEADING: u32 = 50;
const AROUND: u32 = 450;

/// Draws the report.
///
/// # Errors
/// Fails if no peer was measured in any of the rows that are shown.
pub fn draw(report: &Report) -> Result<Figure> {
    let axis = Axis::logarithmic("time, in multiples of Atelier's (logarithmic; 1 is as fast)");
    let machine = &report.machine;
    let mut plot = DotPlot::new("Time of Atelier's peers", axis)
        .subtitle(format!(
            "{}, {} cores; each with one or all threads, whichever is faster",
            machine.processor, machine.cores
        ))
        .caption(format!(
            "A dot is a round of the bench: the median of its calls over Atelier's of the same round, drawn at {FARTHEST:.0} \
             where it is beyond. Bar: mean of the dots as drawn; number: median; dash: no result. Steps take batches that are in memory; \
             compiling, reading data, other processors and GPUs are not shown. {}.",
            report.versions.iter().map(|(name, version)| format!("{name} {version}")).collect::<Vec<_>>().join(", ")
        ));
    let (mut rows, mut groups) = (0, 0);
    for id in SHOWN {
        let Some((name, ours)) = fastest(report, id, ATELIER) else { continue };
        let mut group = vec![
            DotRow::new(ATELIER, [1.0])
                .color(Color::Black)
                .note(duration(ours.seconds))
                .reference(),
        ];
        let mut measured = false;
        for (number, peer) in report.contestants().skip(1).enumerate() {
            let Some((_, theirs)) = fastest(report, id, peer) else {
                group.push(DotRow::absent(peer).note("-"));
                continue;
            };
            let ratios = ratios(&theirs.rounds, &ours.rounds);
            let note = format!("{:.1}x", median(&ratios));
            let shown: Vec<f64> = ratios.into_iter().map(|ratio| ratio.min(FARTHEST)).collect();
            group.push(DotRow::new(peer, shown).color(Color::of_class(number)).note(note));
            measured = true;
        }
        if measured {
            rows += u32::try_from(group.len())?;
            groups += 1;
            plot = plot.group(name, group);
        }
    }
    ensure!(rows > 0, "no figure: it shows peers, which `--peers` measures");
    let height = AROUND + rows * ROW + groups * HEADING;
    plot.size(WIDTH, height).render().context("no figure")
}

/// The result with the number of threads that is best for this contestant.
fn fastest<'a>(report: &'a Report, id: &str, contestant: &str) -> Option<(&'a str, &'a Times)> {
    report
        .rows
        .iter()
        .filter(|row| row.id == id && row.contestant == contestant)
        .filter_map(|row| Some((row.row.as_str(), row.times.as_ref()?)))
        .min_by(|a, b| a.1.seconds.total_cmp(&b.1.seconds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::{measured, report};

    #[test]
    fn everyone_is_shown_with_the_better_number_of_threads() {
        let of = |seconds: f64| Ok(Times::of(&[vec![seconds], vec![seconds]]));
        let mut slower = measured("step-50-16", "JAX", of(3.0));
        slower.threads = 2;
        let rows = vec![
            measured("step-50-16", ATELIER, of(1.0)),
            measured("step-50-16", "JAX", of(2.0)),
            slower,
            measured("step-50-16", "burn", Err("no such row")),
        ];
        let report = report(rows, &["JAX", "burn"]);
        let figure = draw(&report).unwrap();
        assert!(figure.svg.contains("2.0x") && !figure.svg.contains("3.0x"));
        assert!(figure.svg.contains("burn") && figure.svg.contains(">-<"), "burn has no result");
        assert!(figure.png.starts_with(b"\x89PNG"));
    }

    #[test]
    fn one_far_out_leaves_the_others_their_room() {
        let drawn = |far: f64| {
            let of = |seconds: f64| Ok(Times::of(&[vec![seconds]]));
            let rows = vec![
                measured("step-50-16", ATELIER, of(1.0)),
                measured("step-50-16", "JAX", of(2.0)),
                measured("step-50-16", "candle", of(far)),
            ];
            draw(&report(rows, &["JAX", "candle"])).unwrap().svg
        };
        let (far, farthest) = (drawn(84.0), drawn(FARTHEST));
        assert!(far.contains("84.0x"));
        assert_eq!(far.replace("84.0x", "20.0x"), farthest);
    }

    #[test]
    fn without_peers_there_is_no_figure() {
        let alone = report(vec![measured("step-50-16", ATELIER, Ok(Times::of(&[vec![1.0]])))], &[]);
        assert!(draw(&alone).unwrap_err().to_string().contains("--peers"));
    }
}
