// What is shown now. Views read it and draw; everything that changes it says which views must draw again.

const state = {
  log: canBeLogarithmic && (data.logarithmic ?? heightExtent[1] > 8 * heightExtent[0]),
  trajectories: true,
  stems: false,
  /** Which runs are shown. */
  runs: data.runs.map(() => true),
  /** Where the slider stands: an index into `moments`, between two of them while playing. */
  time: Math.max(0, moments.length - 1),
  playing: false,
  /** What is pointed at: { run, k }, { column, row }, { component }, or null. */
  mark: null,
};

/** Marks something, or nothing, in all views. What the keyboard marks is also spoken. */
function setMark(mark, byKeyboard = false) {
  if (JSON.stringify(mark) === JSON.stringify(state.mark)) return;
  state.mark = mark;
  showReadout();
  if (byKeyboard) speak();
  redraw();
}

/** How far run `run` has come at the present time: an index into its snapshots, with a fraction; -1 before it. */
function progress(run) {
  const steps = data.runs[run].step;
  const before = Math.floor(state.time);
  const next = Math.min(before + 1, moments.length - 1);
  const step = moments[before] + (state.time - before) * (moments[next] - moments[before]);
  if (step < steps[0]) return -1;
  let k = 0;
  while (k + 1 < steps.length && steps[k + 1] <= step) k += 1;
  return k + 1 < steps.length ? k + (step - steps[k]) / (steps[k + 1] - steps[k]) : k;
}

/** The numbers of the runs that are shown and have begun. */
const shownRuns = () => data.runs.map((_, run) => run).filter((run) => state.runs[run] && progress(run) >= 0);

/** Marks the snapshot `by` places further on, in the same run or in the one `across` further on. */
function goTo(by, across = 0) {
  const shown = shownRuns();
  if (shown.length === 0) return;
  const mark = state.mark;
  if (mark?.run === undefined || !shown.includes(mark.run)) {
    const run = shown[0];
    setMark({ run, k: by < 0 ? Math.floor(progress(run)) : 0 }, true);
    return;
  }
  const run = shown[(shown.indexOf(mark.run) + across + shown.length) % shown.length];
  const k = Math.max(0, Math.min(Math.floor(progress(run)), mark.k + by));
  setMark({ run, k }, true);
}
