// The plane from above: losses as colours, lines of equal loss, and the ways of the runs.

class ContourView extends CanvasView {
  constructor() {
    super("contour");
    this.canvas.style.setProperty("--shape", shape);
    this.picture = document.createElement("canvas");
    this.preparedFor = "";
  }

  aim() {
    const margin = { left: 58, right: 14, top: 12, bottom: 48 };
    const room = [this.width - margin.left - margin.right, this.height - margin.top - margin.bottom];
    const width = Math.max(60, Math.min(room[0], room[1] / shape));
    const height = width * shape;
    const x = margin.left + (room[0] - width) / 2;
    this.area = { x, y: margin.top + (room[1] - height) / 2, width, height };
  }

  px(x) { return this.area.x + (this.area.width * (x - left)) / (right - left); }
  py(y) { return this.area.y + this.area.height * (1 - (y - bottom) / (top - bottom)); }

  draw(g) {
    this.aim();
    const { area } = this;
    this.prepare();
    g.save();
    g.beginPath();
    g.rect(area.x, area.y, area.width, area.height);
    g.clip();
    g.drawImage(this.picture, area.x, area.y, area.width, area.height);
    this.drawIsoLines(g);
    if (state.trajectories) this.drawRuns(g);
    g.restore();
    this.drawAxes(g);
    if (state.trajectories) {
      for (const run of shownRuns()) {
        const [x, y] = headOf(run);
        startSign(g, run, this.px(data.runs[run].x[0]), this.py(data.runs[run].y[0]));
        headSign(g, run, this.px(x), this.py(y));
      }
    }
    this.drawMark(g);
  }

  /** Makes the picture and finds the places of the labels; both are kept until they change. */
  prepare() {
    const key = `${this.area.x} ${this.area.y} ${this.area.width} ${state.log}`;
    if (key === this.preparedFor) return;
    this.preparedFor = key;
    this.paintPicture();
    this.placeLabels();
  }

  /** Colours by bilinear interpolation, a point of it for two by two of the screen. */
  paintPicture() {
    const [width, height] = [Math.ceil(this.area.width / 2), Math.ceil(this.area.height / 2)];
    Object.assign(this.picture, { width, height });
    const g = this.picture.getContext("2d");
    const image = g.createImageData(width, height);
    for (let j = 0; j < height; j += 1) {
      const y = top - ((j + 0.5) / height) * (top - bottom);
      for (let i = 0; i < width; i += 1) {
        const h = heightAt(left + ((i + 0.5) / width) * (right - left), y);
        if (!Number.isNaN(h)) {
          const at = 4 * (j * width + i);
          image.data.set(colorOf(colorShare(h)), at);
          image.data[at + 3] = 255;
        }
      }
    }
    g.putImageData(image, 0, 0);
  }

  /** A label stands where its line comes nearest to the diagonal, well inside, off other labels and off the runs. */
  placeLabels() {
    const { x, y, width, height } = this.area;
    const taken = data.runs.flatMap((run) => run.x.map((_, k) => [this.px(run.x[k]), this.py(run.y[k])]));
    this.labels = [];
    for (const { text, segments } of ground.iso) {
      let best = null;
      let least = Infinity;
      for (const [x0, y0, x1, y1] of segments) {
        const [mx, my] = [(this.px(x0) + this.px(x1)) / 2, (this.py(y0) + this.py(y1)) / 2];
        const inside = mx > x + 20 && mx < x + width - 20 && my > y + 12 && my < y + height - 12;
        const away = Math.abs((mx - x) / width - (my - y) / height);
        if (inside && away < least && taken.every(([tx, ty]) => Math.abs(tx - mx) > 30 || Math.abs(ty - my) > 16)) {
          [best, least] = [[mx, my], away];
        }
      }
      if (best) {
        taken.push(best);
        this.labels.push([text, ...best]);
      }
    }
  }

  drawIsoLines(g) {
    g.beginPath();
    for (const [x0, y0, x1, y1] of ground.iso.flatMap(({ segments }) => segments)) {
      g.moveTo(this.px(x0), this.py(y0));
      g.lineTo(this.px(x1), this.py(y1));
    }
    g.strokeStyle = "rgba(255,255,255,.62)";
    g.lineWidth = 1;
    g.stroke();
    for (const [text, x, y] of this.labels) {
      label(g, text, x, y, { align: "center", size: 11, color: "#1a1a1a", halo: "rgba(255,255,255,.85)" });
    }
  }

  drawRuns(g) {
    g.lineCap = "round";
    for (const run of shownRuns()) {
      const { x, y } = data.runs[run];
      const done = progress(run);
      const points = x.slice(0, Math.floor(done) + 1).map((_, k) => [this.px(x[k]), this.py(y[k])]);
      const head = headOf(run);
      const way = [...points, [this.px(head[0]), this.py(head[1])]];
      line(g, way, colors.casing, 4.6);
      line(g, way, colors.runs[run], 2.4);
      for (const point of points) sign(g, run, ...point, 2.7, { width: 0 });
    }
    g.lineCap = "butt";
  }

  drawAxes(g) {
    const { x, y, width, height } = this.area;
    g.strokeStyle = colors["strong-rule"];
    g.lineWidth = 1;
    g.strokeRect(x, y, width, height);
    for (const { value, text } of linearTicks(left, right, width < 300 ? 4 : 7)) {
      line(g, [[this.px(value), y + height], [this.px(value), y + height + 5]], colors["strong-rule"], 1);
      label(g, text, this.px(value), y + height + 15, { align: "center", size: 11.5 });
    }
    let widest = 0;
    for (const { value, text } of linearTicks(bottom, top, height < 300 ? 4 : 7)) {
      line(g, [[x, this.py(value)], [x - 5, this.py(value)]], colors["strong-rule"], 1);
      label(g, text, x - 8, this.py(value), { align: "right", size: 11.5 });
      widest = Math.max(widest, g.measureText(text).width);
    }
    g.font = `13px ${FONT}`;
    const titles = [width, height + 20].map((room, i) =>
      g.measureText(axisTitles[i]).width <= room ? axisTitles[i] : axisLines[i][0]);
    label(g, titles[0], x + width / 2, y + height + 36, { align: "center", size: 13, color: colors.ink });
    turnedLabel(g, titles[1], x - 22 - widest, y + height / 2, -Math.PI / 2, { size: 13, color: colors.ink });
  }

  drawMark(g) {
    const { mark } = state;
    if (mark?.run !== undefined) {
      ring(g, this.px(data.runs[mark.run].x[mark.k]), this.py(data.runs[mark.run].y[mark.k]));
    } else if (mark?.column !== undefined) {
      ring(g, this.px(data.x[mark.column]), this.py(data.y[mark.row]));
    }
  }

  find(px, py) {
    const { area } = this;
    if (!area) return null;
    const places = shownRuns().flatMap((run) => {
      const { x, y } = data.runs[run];
      return x.slice(0, Math.floor(progress(run)) + 1).map((_, k) => [this.px(x[k]), this.py(y[k]), { run, k }]);
    });
    const snapshot = state.trajectories ? nearest(places, px, py, 11) : null;
    if (snapshot) return snapshot;
    if (px < area.x || px > area.x + area.width || py < area.y || py > area.y + area.height) return null;
    return {
      column: nearestIndex(data.x.map((x) => this.px(x)), px),
      row: nearestIndex(data.y.map((y) => this.py(y)), py),
    };
  }

  key(key) {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[key];
    if (!step) return false;
    const { mark } = state;
    let from = { column: columns >> 1, row: rows >> 1 };
    if (mark?.column !== undefined) from = mark;
    if (mark?.run !== undefined) {
      const { x, y } = data.runs[mark.run];
      from = { column: nearestIndex(data.x, x[mark.k]), row: nearestIndex(data.y, y[mark.k]) };
    }
    const within = (value, n) => Math.max(0, Math.min(n - 1, value));
    setMark({ column: within(from.column + step[0], columns), row: within(from.row + step[1], rows) }, true);
    return true;
  }
}

function nearestIndex(values, value) {
  let best = 0;
  values.forEach((other, i) => { if (Math.abs(other - value) < Math.abs(values[best] - value)) best = i; });
  return best;
}
