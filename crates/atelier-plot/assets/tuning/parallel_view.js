// All parameters side by side: one upright axis for each and one for the value, one line for each trial.

class ParallelView extends CanvasView {
  aim() {
    this.shown = shownTrials();
    const axes = parameters.map(({ name, kind, words }, k) => ({
      title: name,
      axis: new Axis(kind, trials.map((trial) => trial.places[k]), { words, n: 5 }),
      place: (trial) => trials[trial].places[k],
    }));
    axes.push({ title: data.quantity, axis: valueAxis(5), place: (trial) => trials[trial].value });
    this.top = 34;
    this.bottom = this.height - 16;
    const gap = (this.width - 30) / axes.length;
    this.axes = axes.map((upright, k) => ({ ...upright, x: 20 + (k + 0.62) * gap, gap }));
    this.lines = new Map(this.shown.map((trial) => [trial, this.axes.map(({ axis, place, x }) =>
      [x, this.bottom - (this.bottom - this.top) * axis.share(place(trial))])]));
  }

  draw(g) {
    this.aim();
    for (const trial of this.shown) {
      const alpha = state.mark === null ? (trials[trial].state === "complete" ? 0.9 : 0.4) : 0.16;
      this.drawTrial(g, trial, trial === best ? 3 : 1.4, alpha);
    }
    if (this.lines.has(state.mark)) this.drawTrial(g, state.mark, 3.6, 1);
    for (const { axis, title, x, gap } of this.axes) {
      line(g, [[x, this.top], [x, this.bottom]], colors["strong-rule"], 1.4);
      for (const { value, text } of axis.ticks) {
        const y = this.bottom - (this.bottom - this.top) * axis.shareOfTick(value);
        line(g, [[x - 5, y], [x, y]], colors["strong-rule"], 1);
        label(g, text, x - 8, y, { align: "right", size: 11, halo: colors.paper });
      }
      // As much of a name as there is room for; its last part says most.
      const room = Math.max(4, Math.floor(gap / 6.6));
      const last = title.split(".").pop();
      const text = title.length <= room ? title : last.length <= room ? last : `${last.slice(0, room - 1)}…`;
      label(g, text, x, 14, { align: "center", size: 12, weight: 650, color: colors.ink });
    }
  }

  drawTrial(g, trial, width, alpha) {
    g.globalAlpha = alpha;
    let stretch = [];
    for (const [x, y] of [...this.lines.get(trial), [0, NaN]]) {
      if (!Number.isNaN(y)) stretch.push([x, y]);
      else if (stretch.length > 0) {
        line(g, stretch, colorOf(trial), width, trials[trial].state === "complete" ? [] : [5, 4]);
        stretch = [];
      }
    }
    g.globalAlpha = 1;
  }

  /** The trial whose line passes nearest. */
  find(x, y) {
    let found = null;
    let least = 14;
    for (const [trial, points] of this.lines ?? []) {
      for (let k = 0; k + 1 < points.length; k += 1) {
        const [[x0, y0], [x1, y1]] = [points[k], points[k + 1]];
        if (x < x0 - 4 || x > x1 + 4) continue;
        const at = y0 + (y1 - y0) * Math.max(0, Math.min(1, (x - x0) / (x1 - x0)));
        const away = Math.abs(at - y);
        // Of equals the better one, which is drawn above.
        if (away <= least) [found, least] = [trial, away];
      }
    }
    return found;
  }
}
