// The values of the trials on their way; where one was pruned stands a ring.

class CurveView extends CanvasView {
  aim() {
    this.shown = shownTrials().filter((trial) => trials[trial].steps.length > 0);
    const values = this.shown.flatMap((trial) => trials[trial].values).filter((value) => state.outliers || value <= ceiling);
    const x = new Axis("linear", this.shown.flatMap((trial) => trials[trial].steps), { n: this.width < 420 ? 4 : 8 });
    this.frame = new Frame(this, x, valueAxis(5, values), data.step, data.quantity);
    this.places = this.shown.flatMap((trial) =>
      trials[trial].steps.map((step, k) => [this.frame.px(step), this.frame.py(trials[trial].values[k]), trial]));
  }

  draw(g) {
    this.aim();
    const { frame } = this;
    frame.draw(g);
    g.save();
    g.beginPath();
    g.rect(frame.left - 6, frame.top - 6, frame.width + 12, frame.height + 6);
    g.clip();
    for (const trial of this.shown) this.drawTrial(g, trial, trial === best ? 2.6 : 1.3, state.mark === null || trial === best ? 1 : 0.35);
    if (this.shown.includes(state.mark)) this.drawTrial(g, state.mark, 3.4, 1);
    g.restore();
  }

  drawTrial(g, trial, width, alpha) {
    const { steps, values } = trials[trial];
    const points = steps.map((step, k) => [this.frame.px(step), this.frame.py(values[k])]).filter(([, y]) => !Number.isNaN(y));
    if (points.length === 0) return;
    g.globalAlpha = alpha;
    line(g, points, colorOf(trial), width);
    const [x, y] = points[points.length - 1];
    trialSign(g, trial, x, y, 3.4);
    g.globalAlpha = 1;
  }

  find(x, y) { return nearest(this.places ?? [], x, y, 24); }
}
