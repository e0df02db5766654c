// Everything that is said in words.

function swatch(color) {
  const dot = element("span", { className: "swatch" });
  dot.style.setProperty("--color", color);
  return dot;
}

const SWATCHES = { complete: "var(--run-1)", pruned: "var(--run-4)", failed: "var(--run-3)" };
const swatchOf = (trial) => swatch(trial === best ? "var(--run-0)" : SWATCHES[trials[trial].state]);

function writeTexts() {
  byId("title").textContent = data.title;
  byId("subtitle").textContent = data.subtitle;
  byId("subtitle").hidden = data.subtitle === "";
  byId("summary").textContent = summary();
  byId("caption").textContent = data.caption;
  byId("facts-section").hidden = data.facts.length === 0;
  byId("facts").append(...data.facts.map(([name, value]) =>
    element("tr", {}, element("th", { scope: "row", textContent: name }), element("td", { textContent: value }))));
  byId("importance-figure").hidden = data.importances.length === 0;
  // A long table is made when somebody wants it.
  byId("table-section").addEventListener("toggle", writeTable, { once: true });
}

/** The page in a few sentences, for everybody and for those who do not see the figures. */
function summary() {
  const count = (kind) => trials.filter((trial) => trial.state === kind).length;
  const kinds = states.map((kind) => `${whole(count(kind))} ${kind === "complete" ? "completed" : kind}`).join(", ");
  const settings = parameters.map(({ name }, k) => `${name} ${setting(best, k)}`).join(", ");
  const hidden = outliers.length > 0
    ? ` ${outliers.length === 1 ? "One trial" : `${whole(outliers.length)} trials`} above ${show(ceiling, 3)} ${outliers.length === 1 ? "is" : "are"} hidden until asked for.` : "";
  return `${whole(trials.length)} trials: ${kinds}. The best is trial ${trials[best].number}, ${data.quantity} ${show(trials[best].value)}: ${settings}.${hidden}`;
}

/** What is marked, as { title, trial, values: [[name, text]] }. */
function reading() {
  const { mark } = state;
  if (mark === null) return null;
  const trial = trials[mark];
  const values = [[data.quantity, show(trial.value)]];
  if (rankOf.has(mark)) values.push(["rank", `${whole(rankOf.get(mark) + 1)} of ${whole(ranking.length)}`]);
  else values.push([data.step, `${trial.state}${trial.steps.length > 0 ? ` after ${exactly(trial.steps[trial.steps.length - 1])}` : ""}`]);
  parameters.forEach(({ name }, k) => values.push([name, setting(mark, k)]));
  if (trial.note !== "") values.push(["note", trial.note]);
  return { title: `Trial ${trial.number}${mark === best ? ", the best" : ""}`, trial: mark, values };
}

function showReadout() {
  const read = reading();
  const parts = !read ? [element("span", { className: "hint", textContent: "Point at a trial to read its settings." })] : [
    element("b", {}, swatchOf(read.trial), read.title),
    ...read.values.map(([name, text]) => element("span", {}, element("i", { textContent: name }), text)),
  ];
  byId("readout").replaceChildren(...parts);
}

function writeTable() {
  const names = ["trial", "state", data.quantity, ...parameters.map(({ name }) => name), "note"];
  const head = element("tr", {}, ...names.map((name) => element("th", { scope: "col", textContent: name })));
  const rest = trials.map((_, i) => i).filter((i) => !rankOf.has(i));
  const body = [...ranking, ...rest].map((i) => {
    const { number, state: kind, value, note } = trials[i];
    const cells = [whole(number), kind, show(value), ...parameters.map((_, k) => setting(i, k)), note];
    return element("tr", {}, ...cells.map((text) => element("td", { textContent: text })));
  });
  byId("table").replaceChildren(element("thead", {}, head), element("tbody", {}, ...body));
}
