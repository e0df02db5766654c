// Puts the page together: views, switches, the player, the theme.

const lossCurves = [
  { label: "at the snapshot", of: (run) => run.loss, width: 2.2, dash: [] },
  { label: "at its projection, in the plane", of: (run) => run.inPlane, width: 1.6, dash: [5, 4] },
];
if (data.runs.some((run) => run.minibatch.some(isNumber))) {
  lossCurves.push({ label: "of the minibatch", of: (run) => run.minibatch, width: 1, dash: [], faint: true });
}

/** The keys that work in every figure; whether it was one of them. */
function pageKey(key) {
  switch (key) {
    case " ": player.toggle(); return true;
    case "n": case "N": goTo(1); return true;
    case "p": case "P": goTo(-1); return true;
    case "Escape": setMark(null); return true;
    default: return false;
  }
}

/** Lets the points descend, all steps in about ten seconds. Where motion is not wanted: from snapshot to snapshot. */
const player = {
  begun: 0,

  toggle() { this.set(!state.playing); },

  set(playing) {
    if (moments.length < 2) return;
    state.playing = playing;
    if (playing) {
      if (state.time >= moments.length - 1) state.time = 0;
      const seconds = Math.min(10, Math.max(3, moments.length / 8));
      const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
      this.from = state.time;
      this.begun = performance.now();
      this.perSecond = (moments.length - 1) / (still ? 3 * seconds : seconds);
      this.still = still;
      requestAnimationFrame(() => this.advance());
    }
    this.show();
  },

  advance() {
    if (!state.playing) return;
    const time = this.from + ((performance.now() - this.begun) / 1000) * this.perSecond;
    this.goTo(this.still ? Math.floor(time) : time);
    if (state.time >= moments.length - 1) this.set(false);
    else requestAnimationFrame(() => this.advance());
  },

  goTo(time) {
    state.time = Math.max(0, Math.min(moments.length - 1, time));
    // What is not there yet cannot be pointed at.
    if (state.mark?.run !== undefined && state.mark.k > progress(state.mark.run)) setMark(null);
    this.show();
    redraw();
  },

  show() {
    const button = byId("play");
    button.textContent = state.playing ? "Pause" : "Play";
    button.classList.toggle("playing", state.playing);
    const moment = Math.floor(state.time);
    byId("time").value = moment;
    const run = data.runs.find(({ step }) => step.includes(moments[moment]));
    const text = `step ${whole(moments[moment])}, epoch ${show(run.epoch[run.step.indexOf(moments[moment])], 3)}`;
    byId("moment").textContent = `${text} (${moment + 1} of ${moments.length})`;
    byId("time").setAttribute("aria-valuetext", text);
  },
};

function addSwitch(id, text, checked, change, run) {
  const box = element("input", { type: "checkbox", id, checked });
  box.addEventListener("change", () => { change(box.checked); redraw(); });
  const shown = element("label", {}, box, ...(run === undefined ? [] : [swatch(run)]), element("span", { textContent: text }));
  byId("switches").append(shown);
  return box;
}

function addSwitches() {
  data.runs.forEach((_, run) => addSwitch(`run-${run}`, runTitle(run), true, (on) => {
    state.runs[run] = on;
    if (!on && state.mark?.run === run) setMark(null);
  }, run));
  if (data.runs.length > 0) {
    addSwitch("trajectories", "Trajectories", state.trajectories, (on) => { state.trajectories = on; });
    addSwitch("stems", "Stems to the true losses", state.stems, (on) => { state.stems = on; });
  }
  if (data.null.length > 0) addSwitch("walks-shown", "Random walks (the null)", true, (on) => { byId("walks-figure").hidden = !on; });
  const log = addSwitch("log", "Logarithmic loss", state.log, (on) => { state.log = on; layAll(); });
  log.disabled = !canBeLogarithmic;
}

function layAll() {
  layGround();
  surface.lay();
}

writeTexts();
writeLegend(lossCurves);
const surface = new SurfaceView();
new ContourView();
if (data.runs.length > 0) {
  new StepView("loss", "loss", lossCurves, { logarithmic: () => state.log });
  const distances = [{ of: (run) => run.distance, width: 2, dash: [] }];
  new StepView("distance", "distance", distances, { fromZero: true });
}
if (data.scree.length > 0) new ScreeView();
if (data.null.length > 0) new WalkView();
layAll();
addSwitches();
showReadout();
byId("player").hidden = moments.length < 2;
if (moments.length > 1) {
  byId("time").max = moments.length - 1;
  player.show();
  byId("play").addEventListener("click", () => player.toggle());
  byId("time").addEventListener("input", () => {
    state.playing = false;
    player.goTo(Number(byId("time").value));
  });
}
followTheme();
