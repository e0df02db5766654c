// What the page was given, and what follows from it at once. Numbers that are none are null.

const data = JSON.parse(document.getElementById("data").textContent);

const columns = data.x.length;
const rows = data.y.length;
const left = data.x[0];
const right = data.x[columns - 1];
const bottom = data.y[0];
const top = data.y[rows - 1];

const gridExtent = extent(data.loss);
const runLosses = data.runs.flatMap((run) => [...run.loss, ...run.inPlane]);
/** Everything that stands on the axis of heights. */
const heightExtent = extent([...data.loss, ...runLosses]);
/** All losses are above zero, so that they have logarithms. */
const canBeLogarithmic = heightExtent[0] > 0 && !(extent(data.runs.flatMap((run) => run.minibatch))?.[0] <= 0);

/** The moments at which the page can stand still: every step at which some run has a snapshot. */
const moments = [...new Set(data.runs.flatMap((run) => run.step))].sort((a, b) => a - b);

/** How long the y axis is for an x axis of 1: to scale, unless one would be less than half of the other. */
const shape = Math.min(2, Math.max(0.5, (top - bottom) / (right - left)));

/** Names of the two axes, and their shares of variance where they are known. */
const axisLines = data.axes.map((axis) =>
  isNumber(axis.share) ? [axis.title, `${percent(axis.share)} of variance`] : [axis.title]);
const axisTitles = axisLines.map(([title, share]) => (share ? `${title} (${share})` : title));

function percent(share) {
  return `${(100 * share).toFixed(share < 0.0995 ? 2 : 1)} %`;
}
