// The plane in the heights that are shown: losses or their logarithms. `layGround` fills `ground`.

const ground = {};

const height = (loss) => (!isNumber(loss) ? NaN : state.log ? Math.log10(loss) : loss);

/** Works out all that depends on the kind of height. */
function layGround() {
  ground.heights = Float64Array.from(data.loss, height);
  [ground.low, ground.high] = widened(heightExtent.map(height));
  [ground.gridLow, ground.gridHigh] = widened(gridExtent.map(height));
  ground.paths = data.runs.map((run) => drape(run));
  ground.iso = isoLines();
}

/** A range that is not empty, so that it can be divided by. */
const widened = ([low, high]) => (high > low ? [low, high] : [low - 0.5, low + 0.5]);

const colorShare = (h) => (h - ground.gridLow) / (ground.gridHigh - ground.gridLow);

/** The index i for which values[i] <= value < values[i + 1] (the last cell has its end too); -1 outside. */
function cellAlong(values, value) {
  const last = values.length - 1;
  if (!(value >= values[0] && value <= values[last])) return -1;
  let low = 0;
  let high = last;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (values[middle] <= value) low = middle;
    else high = middle;
  }
  return low;
}

/** The height of the surface by bilinear interpolation; NaN off the grid and in holes. */
function heightAt(x, y) {
  const i = cellAlong(data.x, x);
  const j = cellAlong(data.y, y);
  if (i < 0 || j < 0) return NaN;
  const u = (x - data.x[i]) / (data.x[i + 1] - data.x[i]);
  const v = (y - data.y[j]) / (data.y[j + 1] - data.y[j]);
  const h = ground.heights;
  const at = j * columns + i;
  return (1 - v) * ((1 - u) * h[at] + u * h[at + 1]) + v * ((1 - u) * h[at + columns] + u * h[at + columns + 1]);
}

/**
 * The way from point to point along the surface, in pieces that each lie in one cell of the grid. At a snapshot the
 * height is its own loss in the plane; between two, the surface's, with what the two differ from it in proportion.
 * A piece knows its ends (x, y, h), the cell (-1 off the grid), and from and to which point it goes (t).
 */
function drape({ x, y, inPlane }) {
  const own = x.map((_, k) => {
    const loss = height(inPlane[k]);
    return Number.isNaN(loss) ? heightAt(x[k], y[k]) : loss;
  });
  const pieces = [];
  for (let k = 0; k + 1 < x.length; k += 1) {
    const at = (t) => [x[k] + t * (x[k + 1] - x[k]), y[k] + t * (y[k + 1] - y[k])];
    const off = [0, 1].map((end) => own[k + end] - heightAt(x[k + end], y[k + end]));
    const onSurface = (t) => {
      const h = heightAt(...at(t)) + (1 - t) * off[0] + t * off[1];
      return Number.isNaN(h) ? (1 - t) * own[k] + t * own[k + 1] : h;
    };
    const cuts = [...crossings(data.x, x[k], x[k + 1]), ...crossings(data.y, y[k], y[k + 1]), 1].sort((a, b) => a - b);
    let from = 0;
    for (const to of cuts) {
      if (to - from > 1e-9) {
        const [mx, my] = at((from + to) / 2);
        const i = cellAlong(data.x, mx);
        const j = cellAlong(data.y, my);
        pieces.push({
          ends: [[...at(from), onSurface(from)], [...at(to), onSurface(to)]],
          cell: i < 0 || j < 0 ? -1 : j * (columns - 1) + i,
          t: [k + from, k + to],
        });
        from = to;
      }
    }
  }
  return { own, pieces };
}

/** Where the way from `a` to `b` crosses the lines, as shares of it. */
function crossings(lines, a, b) {
  return a === b ? [] : lines.map((line) => (line - a) / (b - a)).filter((t) => t > 0 && t < 1);
}

/** The pieces up to time `t`, the last one cut there. */
function piecesUntil(path, t) {
  const done = path.pieces.filter((piece) => piece.t[0] < t);
  const last = done[done.length - 1];
  if (last && last.t[1] > t) {
    const share = (t - last.t[0]) / (last.t[1] - last.t[0]);
    const end = last.ends[0].map((value, c) => value + share * (last.ends[1][c] - value));
    done[done.length - 1] = { ...last, ends: [last.ends[0], end] };
  }
  return done;
}

/** Where run `run` is now: [x, y, h]. */
function headOf(run) {
  const path = ground.paths[run];
  const pieces = piecesUntil(path, progress(run));
  if (pieces.length > 0) return pieces[pieces.length - 1].ends[1];
  return [data.runs[run].x[0], data.runs[run].y[0], path.own[0]];
}

/** Lines of equal loss by marching squares: { value, text, segments: [[x0, y0, x1, y1]] }. */
function isoLines() {
  const ticks = state.log
    ? logarithmicTicks(ground.gridLow, ground.gridHigh, 12)
    : linearTicks(ground.gridLow, ground.gridHigh, 12);
  return ticks.map((tick) => ({ ...tick, segments: isoSegments(tick.value) }));
}

function isoSegments(level) {
  const segments = [];
  const h = ground.heights;
  for (let j = 0; j + 1 < rows; j += 1) {
    for (let i = 0; i + 1 < columns; i += 1) {
      // The corners around the cell, and the crossings of the level on the edges between them.
      const corners = [[i, j], [i + 1, j], [i + 1, j + 1], [i, j + 1]];
      const found = [];
      for (let c = 0; c < 4; c += 1) {
        const [ai, aj] = corners[c];
        const [bi, bj] = corners[(c + 1) % 4];
        const a = h[aj * columns + ai] - level;
        const b = h[bj * columns + bi] - level;
        if (a < 0 !== b < 0 && !Number.isNaN(a - b)) {
          const t = a / (a - b);
          found.push([data.x[ai] + t * (data.x[bi] - data.x[ai]), data.y[aj] + t * (data.y[bj] - data.y[aj])]);
        }
      }
      // In a saddle there are four crossings, and either pairing of them is as good.
      for (let k = 0; k + 1 < found.length; k += 2) segments.push([...found[k], ...found[k + 1]]);
    }
  }
  return segments;
}
