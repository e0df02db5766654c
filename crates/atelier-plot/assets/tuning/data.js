// What the page was given, and what follows from it at once.

const data = JSON.parse(document.getElementById("data").textContent);
const { trials, parameters } = data;

/** Trials with a value, the best first: indices into `trials`. */
const valued = trials.map((_, i) => i).filter((i) => isNumber(trials[i].value)).sort((a, b) => trials[a].value - trials[b].value);
/** Completed ones among them. */
const ranking = valued.filter((i) => trials[i].state === "complete");
const rankOf = new Map(ranking.map((trial, rank) => [trial, rank]));
const best = ranking[0] ?? valued[0];

/** Values above this are far from anything good: hidden unless they are asked for. */
const ceiling = 2 * trials[best].value;
const outliers = valued.filter((i) => trials[i].value > ceiling);
const states = ["complete", "pruned", "failed"].filter((state) => trials.some((trial) => trial.state === state));

/** What the trial has for a parameter, in words. */
function setting(trial, k) {
  const place = trials[trial].places[k];
  const { words } = parameters[k];
  if (!isNumber(place)) return "—";
  return words ? words[place] : exactly(place);
}

/** Numbers of epochs and the like in full, without decimals that are all 0. */
function exactly(value) {
  return Number.isInteger(value) && Math.abs(value) < 1e7 ? whole(value) : show(value);
}
