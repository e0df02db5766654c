// What lies on the surface or stands on it: ways of the runs, snapshots, stems.

/** All of it, each thing with the depth that says when to paint it. */
function surfaceThings(view) {
  const things = [];
  const cellSize = view.cellSize();
  // On the upper side of a cell: after it. Where its underside is seen: before it.
  const place = (x, y, cellIndex) => {
    const cell = view.byIndex.get(cellIndex);
    if (!cell) return view.depth(view.worldX(x), view.worldY(y)) - cellSize;
    return view.facesUp(cell) ? cell.depth - 1.05 * cellSize : cell.depth + 1e-6;
  };
  for (const run of shownRuns()) {
    const pieces = piecesUntil(ground.paths[run], progress(run));
    if (state.trajectories) addWay(view, things, place, pieces, colors.runs[run]);
    addSnapshots(view, things, place, run);
  }
  return things;
}

function addWay(view, things, place, pieces, color) {
  for (const piece of pieces) {
    const ends = piece.ends.map((end) => view.project(...end));
    if (ends.flat().some(Number.isNaN)) continue;
    const middle = [0, 1].map((c) => (piece.ends[0][c] + piece.ends[1][c]) / 2);
    const depth = place(...middle, piece.cell);
    // All casings near a place before all lines near it: a casing never covers the line before it.
    const paintCasing = (g) => line(g, ends, colors.casing, 4.6);
    things.push({ depth: depth + view.cellSize() / 2, paint: paintCasing });
    const paint = (g) => {
      g.lineCap = "round";
      line(g, ends, color, 2.4);
      g.lineCap = "butt";
    };
    things.push({ depth, paint });
  }
}

function addSnapshots(view, things, place, run) {
  const { x, y, loss } = data.runs[run];
  const { own } = ground.paths[run];
  for (let k = 0; k <= progress(run); k += 1) {
    const spot = view.project(x[k], y[k], own[k]);
    if (Number.isNaN(spot[1])) continue;
    const [i, j] = [cellAlong(data.x, x[k]), cellAlong(data.y, y[k])];
    const cell = i < 0 || j < 0 ? -1 : j * (columns - 1) + i;
    const depth = place(x[k], y[k], cell) - 0.1 * view.cellSize();
    if (state.trajectories) things.push({ depth, paint: (g) => sign(g, run, ...spot, 2.7, { width: 0 }) });
    const trueLoss = view.project(x[k], y[k], height(loss[k]));
    if (state.stems && !Number.isNaN(trueLoss[1])) {
      things.push({ depth, paint: (g) => drawStem(g, run, spot, trueLoss) });
    }
  }
}

/** From the surface to the snapshot's own loss; dashed where it hangs below and is seen through the surface. */
function drawStem(g, run, spot, trueLoss) {
  line(g, [spot, trueLoss], colors.casing, 2.6);
  line(g, [spot, trueLoss], colors.runs[run], 1.3, trueLoss[1] <= spot[1] ? [] : [2, 2]);
  sign(g, run, ...trueLoss, 2, { fill: colors.casing, edge: colors.runs[run], width: 1.2 });
}
