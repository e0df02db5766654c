// Everything that is said in words. Texts reach the document through textContent alone.

function swatch(run) {
  const dot = element("span", { className: "swatch" });
  dot.style.setProperty("--color", `var(--run-${run % 7})`);
  return dot;
}

const runTitle = (run) => [data.runs[run].name, data.runs[run].seed].filter(Boolean).join(", ");

function writeTexts() {
  byId("title").textContent = data.title;
  byId("subtitle").textContent = data.subtitle;
  byId("subtitle").hidden = data.subtitle === "";
  byId("summary").textContent = summary();
  byId("caption").textContent = data.caption;
  byId("facts-section").hidden = data.facts.length === 0;
  byId("facts").append(...data.facts.map(([name, value]) =>
    element("tr", {}, element("th", { scope: "row", textContent: name }), element("td", { textContent: value }))));
  byId("scree-figure").hidden = data.scree.length === 0;
  byId("walks-figure").hidden = data.null.length === 0;
  byId("table-section").hidden = data.runs.length === 0;
  for (const figure of document.querySelectorAll(".of-runs")) figure.hidden = data.runs.length === 0;
  // A long table is made when somebody wants it.
  byId("table-section").addEventListener("toggle", writeTable, { once: true });
}

/** The page in a few sentences, for everybody and for those who do not see the figures. */
function summary() {
  const range = `The loss on the grid of ${columns} × ${rows} points lies between ${show(gridExtent[0])} and ${show(gridExtent[1])}.`;
  const ways = data.runs.map((run) => {
    const last = run.step.length - 1;
    return `${run.name}: from a loss of ${show(run.loss[0])} to ${show(run.loss[last])} in ${whole(run.step[last] - run.step[0])} steps ` +
      `(in the plane from ${show(run.inPlane[0])} to ${show(run.inPlane[last])}), at the end ${show(run.distance[last], 3)} off the plane.`;
  });
  return [range, ...ways].join(" ");
}

function writeLegend(curves) {
  byId("loss-legend").append(...curves.map(({ label: text, width, dash, faint }) => {
    const sample = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    sample.setAttribute("aria-hidden", "true");
    const stroke = document.createElementNS("http://www.w3.org/2000/svg", "line");
    const values = { x1: 0, y1: 5, x2: 30, y2: 5, "stroke-width": width, "stroke-dasharray": dash.join(" "), opacity: faint ? 0.55 : 1 };
    for (const [name, value] of Object.entries(values)) stroke.setAttribute(name, value);
    sample.append(stroke);
    return element("li", {}, sample, text);
  }));
}

/** What is marked, as { title, run, values: [[name, text]] }. */
function reading() {
  const { mark } = state;
  if (!mark) return null;
  if (mark.component !== undefined) {
    const upTo = data.scree.slice(0, mark.component + 1).reduce((sum, share) => sum + (share ?? 0), 0);
    return {
      title: `Component ${mark.component + 1}`,
      values: [["share of variance", percent(data.scree[mark.component])], ["up to here", percent(upTo)]],
    };
  }
  if (mark.column !== undefined) {
    const at = mark.row * columns + mark.column;
    const error = isNumber(data.standardError[at]) ? ` ± ${show(data.standardError[at], 2)}` : "";
    const values = [["x", show(data.x[mark.column])], ["y", show(data.y[mark.row])], ["loss", `${show(data.loss[at])}${error}`]];
    if (data.accuracy) values.push(["accuracy", isNumber(data.accuracy[at]) ? percent(data.accuracy[at]) : "—"]);
    return { title: "Grid point", values };
  }
  const run = data.runs[mark.run];
  const { k } = mark;
  const values = [
    ["step", whole(run.step[k])],
    ["epoch", show(run.epoch[k], 3)],
    ["loss", show(run.loss[k])],
    ["in the plane", show(run.inPlane[k])],
  ];
  if (isNumber(run.minibatch[k])) values.push(["minibatch", show(run.minibatch[k])]);
  values.push(["off the plane", show(run.distance[k], 3)]);
  return { title: `${run.name}, snapshot ${k + 1} of ${run.step.length}`, run: mark.run, values };
}

function showReadout() {
  const read = reading();
  const parts = !read ? [element("span", { className: "hint", textContent: "Point at a snapshot or a grid point to read its values." })] : [
    element("b", {}, ...(read.run === undefined ? [] : [swatch(read.run)]), read.title),
    ...read.values.map(([name, text]) => element("span", {}, element("i", { textContent: name }), text)),
  ];
  byId("readout").replaceChildren(...parts);
}

function writeTable() {
  const names = ["run", "step", "epoch", "x", "y", "loss", "loss in plane", "minibatch loss", "distance off plane"];
  const head = element("tr", {}, ...names.map((name) => element("th", { scope: "col", textContent: name })));
  const body = data.runs.flatMap((run) => run.step.map((step, k) => {
    const values = [run.x[k], run.y[k], run.loss[k], run.inPlane[k], run.minibatch[k], run.distance[k]].map((value) => show(value, 5));
    const cells = [run.name, whole(step), show(run.epoch[k], 3), ...values];
    return element("tr", {}, ...cells.map((text) => element("td", { textContent: text })));
  }));
  byId("table").replaceChildren(element("thead", {}, head), element("tbody", {}, ...body));
}
