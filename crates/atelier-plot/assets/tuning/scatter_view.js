// Trials as dots, by number or by one of their parameters.

class ScatterView extends CanvasView {
  /** `place(trial)` is where a trial stands on the x axis. */
  constructor(id, title, place, { kind = "linear", words = null, running = false } = {}) {
    super(id);
    Object.assign(this, { title, place, kind, words, running });
  }

  aim() {
    const shown = shownTrials();
    const n = this.width < 360 ? 4 : 6;
    const x = new Axis(this.kind, shown.map(this.place).filter(isNumber), { words: this.words, n });
    this.frame = new Frame(this, x, valueAxis(), this.title, this.running ? data.quantity : "");
    this.places = shown.map((trial) => [this.frame.px(this.place(trial)), this.frame.py(trials[trial].value), trial])
      .filter(([x, y]) => !Number.isNaN(x) && !Number.isNaN(y));
  }

  draw(g) {
    this.aim();
    this.frame.draw(g);
    if (this.running) this.drawBest(g);
    for (const [x, y, trial] of this.places) trialSign(g, trial, x, y, 4.2);
    const marked = this.places.find(([, , trial]) => trial === state.mark);
    if (marked) ring(g, marked[0], marked[1]);
  }

  /** The best value so far, as steps. */
  drawBest(g) {
    const points = [];
    let least = Infinity;
    trials.forEach((trial, i) => {
      if (!rankOf.has(i)) return;
      const x = this.frame.px(this.place(i));
      if (trial.value < least) {
        if (least <= ceiling || state.outliers) points.push([x, this.frame.py(least)]);
        least = trial.value;
      }
      if (least <= ceiling || state.outliers) points.push([x, this.frame.py(least)]);
    });
    line(g, points.filter(([x, y]) => Number.isFinite(x) && Number.isFinite(y)), colors.best, 2);
  }

  find(x, y) { return nearest(this.places ?? [], x, y, 24); }
}
