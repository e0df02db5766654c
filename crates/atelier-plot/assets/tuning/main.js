// Puts the page together: views, switches, the theme.

function addSwitch(id, text, checked, change, color) {
  const box = element("input", { type: "checkbox", id, checked });
  box.addEventListener("change", () => {
    change(box.checked);
    if (state.mark !== null && !isShown(state.mark)) setMark(null);
    redraw();
  });
  const shown = element("label", {}, box, ...(color ? [swatch(color)] : []), element("span", { textContent: text }));
  byId("switches").append(shown);
}

/** One figure for each parameter. */
function addSlices() {
  parameters.forEach(({ name, kind, words }, k) => {
    const canvas = element("canvas", { id: `slice-${k}`, tabIndex: 0 });
    const attributes = { role: "application", "aria-label": `Trials by ${name}`, "aria-describedby": "keys", "aria-roledescription": "interactive figure" };
    for (const [attribute, value] of Object.entries(attributes)) canvas.setAttribute(attribute, value);
    byId("views").insertBefore(
      element("figure", {}, element("figcaption", {}, element("h2", { textContent: name })), canvas),
      byId("importance-figure"));
    new ScatterView(canvas.id, name, (trial) => trials[trial].places[k], { kind, words });
  });
}

writeTexts();
new ScatterView("history", "trial", (trial) => trials[trial].number, { running: true });
new CurveView("curves");
new ParallelView("parallel");
addSlices();
if (data.importances.length > 0) new ImportanceView("importance");
for (const kind of states) {
  addSwitch(`show-${kind}`, kind === "complete" ? "Completed" : kind === "pruned" ? "Pruned" : "Failed", true,
    (on) => { state.states[kind] = on; }, SWATCHES[kind]);
}
if (outliers.length > 0) addSwitch("outliers", `Values above ${show(ceiling, 3)}`, false, (on) => { state.outliers = on; });
showReadout();
followTheme();
