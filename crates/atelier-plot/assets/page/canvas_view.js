// What the figures have in common: a canvas as sharp as the screen, the pointer, the keyboard, marks. The page itself says what
// its marks are (`setMark`) and which keys work everywhere (`pageKey`).

const views = [];
const waiting = new Set();

/** Draws these views (all, if none is named) again before the next picture. */
function redraw(...which) {
  if (waiting.size === 0) {
    requestAnimationFrame(() => {
      const now = [...waiting];
      waiting.clear();
      for (const view of now) view.paint();
    });
  }
  for (const view of which.length > 0 ? which : views) waiting.add(view);
}

const FONT = 'system-ui, -apple-system, "Segoe UI", "Helvetica Neue", Arial, sans-serif';

class CanvasView {
  /** `draw(g)` paints; `find(x, y)` says what there is to mark at a place; `key(event)` whether it took a key. */
  constructor(id) {
    this.canvas = document.getElementById(id);
    this.g = this.canvas.getContext("2d");
    views.push(this);
    new ResizeObserver(() => redraw(this)).observe(this.canvas);
    const point = (event) => setMark(this.find(event.offsetX, event.offsetY));
    this.canvas.addEventListener("pointermove", (event) => { if (event.buttons === 0) point(event); });
    this.canvas.addEventListener("pointerdown", point);
    // A finger that has left the glass still points at what it touched.
    this.canvas.addEventListener("pointerleave", (event) => { if (event.pointerType === "mouse") setMark(null); });
    this.canvas.addEventListener("keydown", (event) => {
      if (event.altKey || event.ctrlKey || event.metaKey) return;
      if (this.key(event.key) || pageKey(event.key)) event.preventDefault();
    });
  }

  key() { return false; }

  paint() {
    const { canvas, g } = this;
    this.width = canvas.clientWidth;
    this.height = canvas.clientHeight;
    if (this.width === 0 || this.height === 0) return;
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = [Math.round(this.width * ratio), Math.round(this.height * ratio)];
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    g.setTransform(ratio, 0, 0, ratio, 0, 0);
    g.clearRect(0, 0, this.width, this.height);
    g.lineJoin = "round";
    this.draw(g);
  }
}

/** Text whose `align` (left, center, right) and `baseline` are given; with a halo where it stands on a picture. */
function label(g, text, x, y, { align = "left", baseline = "middle", size = 12, weight = 400, color = colors.faint, halo = null } = {}) {
  g.font = `${weight} ${size}px ${FONT}`;
  g.textAlign = align;
  g.textBaseline = baseline;
  if (halo) {
    g.strokeStyle = halo;
    g.lineWidth = 3.5;
    g.strokeText(text, x, y);
  }
  g.fillStyle = color;
  g.fillText(text, x, y);
}

/** Text turned by `angle`, never upside down. */
function turnedLabel(g, text, x, y, angle, options) {
  const upright = Math.cos(angle) < -1e-6 ? angle + Math.PI : angle;
  g.save();
  g.translate(x, y);
  g.rotate(upright);
  label(g, text, 0, 0, { align: "center", ...options });
  g.restore();
}

function line(g, points, color, width, dash = []) {
  g.beginPath();
  points.forEach(([x, y], i) => (i === 0 ? g.moveTo(x, y) : g.lineTo(x, y)));
  g.strokeStyle = color;
  g.lineWidth = width;
  g.setLineDash(dash);
  g.stroke();
  g.setLineDash([]);
}

/** A ring around what is marked. */
function ring(g, x, y) {
  for (const [color, width] of [[colors.paper, 5], [colors.ink, 2]]) {
    g.beginPath();
    g.arc(x, y, 10, 0, 2 * Math.PI);
    g.strokeStyle = color;
    g.lineWidth = width;
    g.stroke();
  }
}

/** The nearest of `places` ([x, y, mark]) to a point, if it is within `reach` pixels. */
function nearest(places, x, y, reach) {
  let best = null;
  let least = reach * reach;
  for (const [px, py, mark] of places) {
    const distance = (px - x) ** 2 + (py - y) ** 2;
    if (distance < least) [best, least] = [mark, distance];
  }
  return best;
}
