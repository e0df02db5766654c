// Values of the snapshots by step. A curve is { of: run -> values, width, dash, faint }.

class StepView extends CanvasView {
  constructor(id, title, curves, { logarithmic = () => false, fromZero = false } = {}) {
    super(id);
    Object.assign(this, { title, curves, logarithmic, fromZero });
  }

  aim() {
    const values = shownRuns().flatMap((run) => this.curves.flatMap((curve) => curve.of(data.runs[run])));
    const range = extent(values) ?? [0, 1];
    const log = this.logarithmic();
    let [low, high] = widened(range.map((value) => (log ? Math.log10(value) : value)));
    if (this.fromZero) low = Math.min(0, low);
    const pad = 0.05 * (high - low);
    [this.low, this.high] = [this.fromZero ? low : low - pad, high + pad];
    this.ticks = log ? logarithmicTicks(this.low, this.high, 5) : linearTicks(this.low, this.high, 5);
    const widest = this.ticks.reduce((most, { text }) => Math.max(most, text.length), 0);
    const x = 34 + 6.6 * widest;
    this.area = { x, y: 10, width: this.width - x - 18, height: this.height - 10 - 46 };
    const last = moments[moments.length - 1];
    this.steps = last > moments[0] ? [moments[0], last] : [last - 1, last + 1];
  }

  px(step) { return this.area.x + (this.area.width * (step - this.steps[0])) / (this.steps[1] - this.steps[0]); }
  py(value) {
    const h = !isNumber(value) ? NaN : this.logarithmic() ? Math.log10(value) : value;
    return this.area.y + (this.area.height * (this.high - h)) / (this.high - this.low);
  }

  draw(g) {
    this.aim();
    const { area } = this;
    for (const { value, text } of this.ticks) {
      const y = area.y + (area.height * (this.high - value)) / (this.high - this.low);
      line(g, [[area.x, y], [area.x + area.width, y]], colors.rule, 1);
      label(g, text, area.x - 8, y, { align: "right", size: 11.5 });
    }
    for (const { value, text } of linearTicks(...this.steps, this.width < 420 ? 4 : 7)) {
      line(g, [[this.px(value), area.y + area.height], [this.px(value), area.y + area.height + 5]], colors["strong-rule"], 1);
      label(g, text, this.px(value), area.y + area.height + 15, { align: "center", size: 11.5 });
    }
    line(g, [[area.x, area.y + area.height], [area.x + area.width, area.y + area.height]], colors["strong-rule"], 1);
    label(g, "step", area.x + area.width / 2, area.y + area.height + 35, { align: "center", size: 13, color: colors.ink });
    turnedLabel(g, this.title, 10, area.y + area.height / 2, -Math.PI / 2, { size: 13, color: colors.ink });
    this.drawMoment(g);
    for (const curve of this.curves) {
      for (const run of shownRuns()) this.drawCurve(g, curve, run);
    }
    for (const run of shownRuns()) {
      const k = Math.floor(progress(run));
      const y = this.py(this.curves[0].of(data.runs[run])[k]);
      if (!Number.isNaN(y)) sign(g, run, this.px(data.runs[run].step[k]), y, 4.5, { width: 1.5 });
    }
    const { mark } = state;
    if (mark?.run !== undefined) {
      const x = this.px(data.runs[mark.run].step[mark.k]);
      line(g, [[x, area.y], [x, area.y + area.height]], colors.faint, 1);
      const y = this.py(this.curves[0].of(data.runs[mark.run])[mark.k]);
      if (!Number.isNaN(y)) ring(g, x, y);
    }
  }

  /** Where the slider stands, unless it stands at the end. */
  drawMoment(g) {
    if (state.time >= moments.length - 1) return;
    const x = this.px(moments[Math.floor(state.time)]);
    g.fillStyle = colors.panel;
    g.fillRect(x, this.area.y, this.area.x + this.area.width - x, this.area.height);
    line(g, [[x, this.area.y], [x, this.area.y + this.area.height]], colors["strong-rule"], 1);
  }

  drawCurve(g, curve, run) {
    const { step } = data.runs[run];
    const values = curve.of(data.runs[run]);
    const done = Math.floor(progress(run));
    g.beginPath();
    let broken = true;
    for (let k = 0; k <= done; k += 1) {
      const y = this.py(values[k]);
      if (Number.isNaN(y)) {
        broken = true;
      } else {
        if (broken) g.moveTo(this.px(step[k]), y);
        else g.lineTo(this.px(step[k]), y);
        broken = false;
      }
    }
    g.globalAlpha = curve.faint ? 0.45 : 1;
    g.strokeStyle = colors.runs[run];
    g.lineWidth = curve.width;
    g.setLineDash(curve.dash);
    g.stroke();
    g.setLineDash([]);
    g.globalAlpha = 1;
  }

  /** The snapshot nearest in step, and among the runs there the nearest curve. */
  find(px, py) {
    if (!this.area) return null;
    let best = null;
    let least = Infinity;
    for (const run of shownRuns()) {
      const { step } = data.runs[run];
      const k = nearestIndex(step.slice(0, Math.floor(progress(run)) + 1).map((s) => this.px(s)), px);
      for (const curve of this.curves) {
        const away = Math.abs(this.px(step[k]) - px) * 1e3 + Math.abs(this.py(curve.of(data.runs[run])[k]) - py);
        if (away < least) [best, least] = [{ run, k }, away];
      }
    }
    return best;
  }

  key(key) {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[key];
    if (step) goTo(...step);
    return Boolean(step);
  }
}
