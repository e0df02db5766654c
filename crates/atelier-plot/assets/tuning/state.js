// What is shown now, and what the colours are.

const state = {
  /** Which kinds of trials are shown. */
  states: Object.fromEntries(states.map((state) => [state, true])),
  outliers: false,
  /** What is pointed at: the index of a trial, or null. */
  mark: null,
};

const colors = {};

/** Takes the colours of the present theme from the style sheet. */
function readColors() {
  const style = getComputedStyle(document.documentElement);
  for (const name of ["paper", "panel", "ink", "faint", "rule", "strong-rule", "accent", "casing"]) {
    colors[name] = style.getPropertyValue(`--${name}`).trim();
  }
  colors.complete = style.getPropertyValue("--run-1").trim();
  colors.pruned = style.getPropertyValue("--run-4").trim();
  colors.failed = style.getPropertyValue("--run-3").trim();
  colors.best = style.getPropertyValue("--run-0").trim();
}

const isHigh = (value) => isNumber(value) && value > ceiling;
const isShown = (trial) => state.states[trials[trial].state] && (state.outliers || !isHigh(trials[trial].value));
/** Trials that are shown and have a value, the best last, so that it is drawn above the others. */
const shownTrials = () => valued.filter(isShown).reverse();
const colorOf = (trial) => (trial === best ? colors.best : colors[trials[trial].state]);

/** Marks a trial, or nothing, in all views. What the keyboard marks is also spoken. */
function setMark(mark, byKeyboard = false) {
  if (mark === state.mark) return;
  state.mark = mark;
  showReadout();
  if (byKeyboard) speak();
  redraw();
}

/** Marks the trial `by` places further on among `order`, from the one that is marked. */
function goAlong(order, by) {
  if (order.length === 0) return;
  const at = order.indexOf(state.mark);
  const next = at < 0 ? (by > 0 ? 0 : order.length - 1) : Math.max(0, Math.min(order.length - 1, at + by));
  setMark(order[next], true);
}

const byNumber = () => shownTrials().sort((a, b) => a - b);
const byValue = () => shownTrials().reverse();

/** The keys that work in every figure; whether it was one of them. */
function pageKey(key) {
  switch (key) {
    case "ArrowLeft": goAlong(byNumber(), -1); return true;
    case "ArrowRight": goAlong(byNumber(), 1); return true;
    case "ArrowUp": goAlong(byValue(), -1); return true;
    case "ArrowDown": goAlong(byValue(), 1); return true;
    case "Home": setMark(best, true); return true;
    case "Escape": setMark(null); return true;
    default: return false;
  }
}
