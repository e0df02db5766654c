// The surface in three dimensions: a parallel projection, painted from back to front.
//
// The plane lies flat, x to the right and y away from the viewer, and is turned by `azimuth` about its vertical axis.
// What is in front of what depends on the distance along the line of sight in the plane alone: cells of one grid are
// shifted copies of each other, so ordering them by their centres is exact. Pieces of paths lie within one cell and
// take its place, moved towards the viewer by a cell's size or their own width, so that no neighbour cuts into them.

const FIRST_VIEW = { azimuth: -0.5, elevation: 0.92, zoom: 1 };
const HALF_HEIGHT = 0.48;
const LIGHT = [-0.45, -0.35, 0.82];

class SurfaceView extends CanvasView {
  constructor() {
    super("surface");
    Object.assign(this, FIRST_VIEW);
    const longer = Math.max(1, shape);
    this.half = [1 / longer, shape / longer];
    this.fingers = new Map();
    this.listenToDragging();
  }

  /** To be called when the kind of height changes: colours and normals of the cells. */
  lay() {
    this.cells = [];
    for (let j = 0; j + 1 < rows; j += 1) {
      for (let i = 0; i + 1 < columns; i += 1) {
        const nodes = [j * columns + i, j * columns + i + 1, (j + 1) * columns + i + 1, (j + 1) * columns + i];
        const heights = nodes.map((node) => ground.heights[node]);
        if (heights.some(Number.isNaN)) continue;
        const dx = this.worldX(data.x[i + 1]) - this.worldX(data.x[i]);
        const dy = this.worldY(data.y[j + 1]) - this.worldY(data.y[j]);
        const z = heights.map((h) => this.worldZ(h));
        const slope = [(z[1] + z[2] - z[0] - z[3]) / (2 * dx), (z[2] + z[3] - z[0] - z[1]) / (2 * dy)];
        const normal = [-slope[0], -slope[1], 1];
        const length = Math.hypot(...normal);
        const lit = normal.reduce((sum, value, c) => sum + value * LIGHT[c], 0) / length;
        const color = colorOf(colorShare(heights.reduce((a, b) => a + b) / 4));
        const light = 0.86 + 0.2 * Math.max(-0.3, lit);
        this.cells.push({
          index: j * (columns - 1) + i, nodes, i, j,
          x: (this.worldX(data.x[i]) + this.worldX(data.x[i + 1])) / 2,
          y: (this.worldY(data.y[j]) + this.worldY(data.y[j + 1])) / 2,
          fill: css(color, light), under: css(color, light * 0.7), mesh: css(color, light * 0.87),
        });
      }
    }
    this.orderedFor = null;
  }

  worldX(x) { return this.half[0] * ((2 * (x - left)) / (right - left) - 1); }
  worldY(y) { return this.half[1] * ((2 * (y - bottom)) / (top - bottom) - 1); }
  worldZ(h) { return HALF_HEIGHT * ((2 * (h - ground.low)) / (ground.high - ground.low) - 1); }

  /** Where a point of the plane at height `h` is seen. */
  project(x, y, h) { return this.see(this.worldX(x), this.worldY(y), this.worldZ(h)); }

  see(x, y, z) {
    const across = x * this.cos + y * this.sin;
    const away = y * this.cos - x * this.sin;
    return [this.centerX + this.scale * across, this.centerY - this.scale * (z * this.cosE + away * this.sinE)];
  }

  /** How far away, along the line of sight in the plane. */
  depth(x, y) { return y * this.cos - x * this.sin; }

  aim() {
    [this.cos, this.sin] = [Math.cos(this.azimuth), Math.sin(this.azimuth)];
    [this.cosE, this.sinE] = [Math.cos(this.elevation), Math.sin(this.elevation)];
    const reach = Math.hypot(...this.half);
    const bar = this.width - barLeft(this) + 6;
    const room = [this.width - bar - (this.width < 480 ? 72 : 100), this.height - 96];
    const size = [2 * reach, 2 * (reach * this.sinE + HALF_HEIGHT * this.cosE)];
    this.scale = this.zoom * Math.min(room[0] / size[0], room[1] / size[1]) * 1.04;
    this.centerX = (this.width - bar) / 2 + 12;
    this.centerY = this.height / 2 - 18;
  }

  draw(g) {
    this.aim();
    g.save();
    g.beginPath();
    g.rect(0, 0, this.width, this.height);
    g.clip();
    drawBox(this, g);
    this.order();
    this.seen = Array.from(ground.heights, (h, node) =>
      this.project(data.x[node % columns], data.y[Math.floor(node / columns)], h));
    const things = surfaceThings(this).sort((a, b) => b.depth - a.depth);
    let next = 0;
    for (const cell of this.cells) {
      while (next < things.length && things[next].depth >= cell.depth) things[next++].paint(g);
      this.outline(g, cell);
      g.fillStyle = this.facesUp(cell) ? cell.fill : cell.under;
      g.fill();
      g.strokeStyle = cell.mesh;
      g.lineWidth = 0.7;
      g.stroke();
    }
    while (next < things.length) things[next++].paint(g);
    this.drawAbove(g);
    g.restore();
    drawColorBar(this, g);
  }

  outline(g, cell) {
    g.beginPath();
    for (const node of cell.nodes) g.lineTo(this.seen[node][0], this.seen[node][1]);
    g.closePath();
  }

  order() {
    if (this.orderedFor === this.azimuth) return;
    for (const cell of this.cells) cell.depth = this.depth(cell.x, cell.y);
    this.cells.sort((a, b) => b.depth - a.depth);
    this.byIndex = new Map(this.cells.map((cell) => [cell.index, cell]));
    this.orderedFor = this.azimuth;
  }

  /** Whether a cell shows its upper side. */
  facesUp(cell) {
    const [a, b, c, d] = cell.nodes.map((node) => this.seen[node]);
    return (c[0] - a[0]) * (d[1] - b[1]) - (c[1] - a[1]) * (d[0] - b[0]) < 0;
  }

  /** Signs that are never hidden: beginnings, heads, and what is marked. */
  drawAbove(g) {
    if (state.trajectories) {
      for (const run of shownRuns()) {
        const { x, y } = data.runs[run];
        startSign(g, run, ...this.project(x[0], y[0], ground.paths[run].own[0]));
      }
      for (const run of shownRuns()) headSign(g, run, ...this.project(...headOf(run)));
    }
    const place = this.placeOfMark();
    if (place && !Number.isNaN(place[1])) ring(g, ...place);
  }

  placeOfMark() {
    const { mark } = state;
    if (mark?.run !== undefined) {
      const { x, y } = data.runs[mark.run];
      return this.project(x[mark.k], y[mark.k], ground.paths[mark.run].own[mark.k]);
    }
    if (mark?.column === undefined) return null;
    return this.seen[mark.row * columns + mark.column];
  }

  find(px, py) {
    if (!this.seen) return null;
    const places = shownRuns().flatMap((run) => {
      const { x, y } = data.runs[run];
      return ground.paths[run].own.slice(0, Math.floor(progress(run)) + 1)
        .map((h, k) => [...this.project(x[k], y[k], h), { run, k }]);
    });
    const snapshot = state.trajectories ? nearest(places, px, py, 11) : null;
    if (snapshot && !this.hides(snapshot)) return snapshot;
    const corners = this.cellUnder(px, py)?.nodes.map((node) =>
      [...this.seen[node], { column: node % columns, row: Math.floor(node / columns) }]);
    return corners ? nearest(corners, px, py, Infinity) : null;
  }

  /** Whether the surface stands before a snapshot. */
  hides({ run, k }) {
    const [x, y] = [data.runs[run].x[k], data.runs[run].y[k]];
    const cell = this.cellUnder(...this.project(x, y, ground.paths[run].own[k]));
    return cell !== undefined && cell.depth < this.depth(this.worldX(x), this.worldY(y)) - 2 * this.cellSize();
  }

  /** The cell that is seen at a place: the last one that was painted over it. */
  cellUnder(px, py) {
    for (let c = this.cells.length - 1; c >= 0; c -= 1) {
      if (this.covers(this.cells[c], px, py)) return this.cells[c];
    }
    return undefined;
  }

  /** How far a cell reaches along the line of sight, and a line's width at least. */
  cellSize() {
    const [x, y] = [(2 * this.half[0]) / (columns - 1), (2 * this.half[1]) / (rows - 1)];
    return Math.max(Math.abs(this.sin) * x + Math.abs(this.cos) * y, 5 / this.scale);
  }

  covers(cell, x, y) {
    let inside = false;
    const corners = cell.nodes.map((node) => this.seen[node]);
    for (let c = 0; c < 4; c += 1) {
      const [ax, ay] = corners[c];
      const [bx, by] = corners[(c + 1) % 4];
      if (ay > y !== by > y && x < ax + ((y - ay) / (by - ay)) * (bx - ax)) inside = !inside;
    }
    return inside;
  }

  turn(azimuth, elevation) {
    this.azimuth += azimuth;
    this.elevation = Math.max(0.09, Math.min(Math.PI / 2, this.elevation + elevation));
    redraw(this);
  }

  enlarge(factor) {
    this.zoom = Math.max(0.5, Math.min(6, this.zoom * factor));
    redraw(this);
  }

  key(key) {
    const step = Math.PI / 36;
    switch (key) {
      case "ArrowLeft": this.turn(step, 0); return true;
      case "ArrowRight": this.turn(-step, 0); return true;
      case "ArrowUp": this.turn(0, step); return true;
      case "ArrowDown": this.turn(0, -step); return true;
      case "+": case "=": this.enlarge(1.15); return true;
      case "-": this.enlarge(1 / 1.15); return true;
      case "0": Object.assign(this, FIRST_VIEW); redraw(this); return true;
      default: return false;
    }
  }

  listenToDragging() {
    const { canvas, fingers } = this;
    const spread = () => {
      const [a, b] = [...fingers.values()];
      return Math.hypot(a[0] - b[0], a[1] - b[1]);
    };
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      fingers.set(event.pointerId, [event.clientX, event.clientY]);
      canvas.classList.add("dragging");
    });
    canvas.addEventListener("pointermove", (event) => {
      const before = fingers.get(event.pointerId);
      if (!before) return;
      const apart = fingers.size === 2 ? spread() : 0;
      fingers.set(event.pointerId, [event.clientX, event.clientY]);
      if (fingers.size === 1) {
        this.turn((before[0] - event.clientX) / 140, (event.clientY - before[1]) / 180);
      } else if (fingers.size === 2 && apart > 0) {
        this.enlarge(spread() / apart);
      }
    });
    for (const end of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(end, (event) => {
        fingers.delete(event.pointerId);
        if (fingers.size === 0) canvas.classList.remove("dragging");
      });
    }
    // The wheel belongs to the page until the figure has been chosen.
    canvas.addEventListener("wheel", (event) => {
      if (document.activeElement !== canvas && !event.ctrlKey) return;
      event.preventDefault();
      this.enlarge(Math.exp(-event.deltaY / 500));
    }, { passive: false });
  }
}
