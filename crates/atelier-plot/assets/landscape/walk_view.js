// Random walks in a plane of their own, to scale: how much of a path chance alone makes.

class WalkView extends CanvasView {
  constructor() {
    super("walks");
    this.extents = ["x", "y"].map((axis) => extent(data.null.flatMap((walk) => walk[axis])) ?? [0, 0]);
  }

  aim() {
    this.area = { x: 58, y: 10, width: this.width - 58 - 14, height: this.height - 10 - 46 };
    const { width, height } = this.area;
    const spans = this.extents.map(([low, high]) => high - low);
    const unit = 1.1 * Math.max(spans[0] / width, spans[1] / height) || 1 / width;
    [this.x, this.y] = [width, height].map((size, axis) => {
      const middle = (this.extents[axis][0] + this.extents[axis][1]) / 2;
      return [middle - (unit * size) / 2, middle + (unit * size) / 2];
    });
    this.unit = unit;
  }

  px(x) { return this.area.x + (x - this.x[0]) / this.unit; }
  py(y) { return this.area.y + (this.y[1] - y) / this.unit; }

  draw(g) {
    this.aim();
    this.drawAxes(g);
    for (const { x, y } of data.null) {
      const points = x.map((_, k) => [this.px(x[k]), this.py(y[k])]);
      line(g, points, colors.faint, 1.3);
      for (const point of points) this.dot(g, point, 1.8, colors.ink);
      if (points.length > 0) this.dot(g, points[0], 4.5, colors.paper);
    }
  }

  dot(g, [x, y], radius, fill) {
    g.beginPath();
    g.arc(x, y, radius, 0, 2 * Math.PI);
    g.fillStyle = fill;
    g.fill();
    g.strokeStyle = colors.ink;
    g.lineWidth = 1;
    g.stroke();
  }

  drawAxes(g) {
    const { x, y, width, height } = this.area;
    let widest = 0;
    for (const { value, text } of linearTicks(...this.y, 5)) {
      line(g, [[x, this.py(value)], [x + width, this.py(value)]], colors.rule, 1);
      label(g, text, x - 8, this.py(value), { align: "right", size: 11.5 });
      widest = Math.max(widest, g.measureText(text).width);
    }
    for (const { value, text } of linearTicks(...this.x, width < 420 ? 4 : 7)) {
      line(g, [[this.px(value), y], [this.px(value), y + height]], colors.rule, 1);
      label(g, text, this.px(value), y + height + 15, { align: "center", size: 11.5 });
    }
    g.strokeStyle = colors["strong-rule"];
    g.lineWidth = 1;
    g.strokeRect(x, y, width, height);
    label(g, "first direction of the walks", x + width / 2, y + height + 35, { align: "center", size: 13, color: colors.ink });
    turnedLabel(g, "second direction", x - 22 - widest, y + height / 2, -Math.PI / 2, { size: 13, color: colors.ink });
  }

  /** There is nothing to mark: the points of walks are nowhere else. */
  find() { return null; }
}
