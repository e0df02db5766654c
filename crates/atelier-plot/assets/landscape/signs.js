// The signs of runs and their ends.

/** The sign of a run: a circle, square, triangle or diamond, so that colour is not all that tells runs apart. */
function sign(g, run, x, y, r, { fill = colors.runs[run], edge = colors.casing, width = 1 } = {}) {
  g.beginPath();
  const corners = [0, 4, 3, 4][run % 4];
  if (corners === 0) {
    g.arc(x, y, r, 0, 2 * Math.PI);
  } else {
    const turn = run % 4 === 1 ? Math.PI / 4 : -Math.PI / 2;
    for (let c = 0; c < corners; c += 1) {
      const angle = turn + (c * 2 * Math.PI) / corners;
      g.lineTo(x + 1.2 * r * Math.cos(angle), y + 1.2 * r * Math.sin(angle));
    }
    g.closePath();
  }
  g.fillStyle = fill;
  g.fill();
  if (width > 0) {
    g.strokeStyle = edge;
    g.lineWidth = width;
    g.stroke();
  }
}

/** Where a run began: a hollow sign. */
function startSign(g, run, x, y) {
  sign(g, run, x, y, 5.5, { fill: colors.casing, edge: colors.casing, width: 4 });
  sign(g, run, x, y, 5.5, { fill: colors.casing, edge: colors.runs[run], width: 2 });
}

/** Where a run is now: a large sign with its name, or the beginning of a long one. */
function headSign(g, run, x, y) {
  const { name } = data.runs[run];
  const text = name.length > 14 ? `${name.slice(0, 12)}…` : name;
  sign(g, run, x, y, 6.5, { width: 2 });
  label(g, text, x + 11, y - 1, { size: 13, weight: 650, color: colors.ink, halo: colors.paper });
}
