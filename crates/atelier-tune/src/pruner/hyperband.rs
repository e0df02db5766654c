use super::batch;
use crate::Schedule;

/// The first rung of the trial at `slot`; `None` where its turn has no rung.
pub(super) fn turn(
    slot: u64,
    schedule: Schedule,
    first: u64,
    last: u64,
    reduction: u64,
) -> Option<u64> {
    let mut rungs = Vec::new();
    let mut rung = first;
    while rung < last {
        rungs.push(rung);
        let Some(next) = rung.checked_mul(reduction) else { break };
        rung = next;
    }
    let round = batch(Some(slot), schedule).unwrap_or(slot);
    let turns = rungs.len() as u64 + 1;
    rungs.get(usize::try_from(round % turns).unwrap_or_default()).copied()
}
