// What stands around the surface: floor and walls with their grid lines, axes with ticks and titles, the colour bar.

function drawBox(view, g) {
  const [hx, hy] = view.half;
  const z = HALF_HEIGHT;
  // The far and the near side of the box along each axis.
  const farX = view.sin > 0 ? -hx : hx;
  const farY = view.cos > 0 ? hy : -hy;
  const ticks = {
    x: linearTicks(left, right, view.width < 480 ? 4 : 6),
    y: linearTicks(bottom, top, view.width < 480 ? 4 : 6),
    z: heightTicks(5),
  };
  const lines = [
    ...ticks.x.map(({ value }) => [[view.worldX(value), -hy, -z], [view.worldX(value), hy, -z]]),
    ...ticks.y.map(({ value }) => [[-hx, view.worldY(value), -z], [hx, view.worldY(value), -z]]),
    ...ticks.z.map(({ value }) => [[farX, -hy, view.worldZ(value)], [farX, hy, view.worldZ(value)]]),
    ...ticks.z.map(({ value }) => [[-hx, farY, view.worldZ(value)], [hx, farY, view.worldZ(value)]]),
  ];
  for (const ends of lines) line(g, ends.map((end) => view.see(...end)), colors.rule, 1);
  const floor = [[-hx, -hy, -z], [hx, -hy, -z], [hx, hy, -z], [-hx, hy, -z], [-hx, -hy, -z]];
  line(g, floor.map((corner) => view.see(...corner)), colors["strong-rule"], 1);

  const x = { ticks: ticks.x, lines: axisLines[0], at: (v) => [view.worldX(v), -farY, -z], ends: [[-hx, -farY, -z], [hx, -farY, -z]] };
  const y = { ticks: ticks.y, lines: axisLines[1], at: (v) => [-farX, view.worldY(v), -z], ends: [[-farX, -hy, -z], [-farX, hy, -z]] };
  drawFloorAxis(view, g, x);
  drawFloorAxis(view, g, y);
  drawHeightAxis(view, g, ticks.z);
}

function heightTicks(n) {
  return state.log ? logarithmicTicks(ground.low, ground.high, n) : linearTicks(ground.low, ground.high, n);
}

const heightTitle = () => (state.log ? "loss (log)" : "loss");

function drawFloorAxis(view, g, { ticks, lines, at, ends }) {
  const [a, b] = ends.map((end) => view.see(...end));
  const length = Math.hypot(b[0] - a[0], b[1] - a[1]);
  // Seen end on, an axis has no room for numbers.
  if (length < 60) return;
  // Outwards: at a right angle to the axis as it is seen, away from the box.
  const center = view.see(0, 0, -HALF_HEIGHT);
  let out = [-(b[1] - a[1]) / length, (b[0] - a[0]) / length];
  if ((a[0] - center[0]) * out[0] + (a[1] - center[1]) * out[1] < 0) out = out.map((value) => -value);
  const along = (v) => view.see(...at(v));
  const widest = ticks.reduce((most, { text }) => Math.max(most, text.length), 0);
  // Labels that would run into each other are thinned out.
  const gap = length / Math.max(1, ticks.length - 1);
  const every = Math.ceil((8 + 6.5 * widest * Math.abs((b[0] - a[0]) / length) + 10 * Math.abs((b[1] - a[1]) / length)) / gap);
  ticks.forEach(({ value, text }, i) => {
    const [px, py] = along(value);
    line(g, [[px, py], [px + 5 * out[0], py + 5 * out[1]]], colors["strong-rule"], 1);
    if (i % every === 0) {
      label(g, text, px + (9 + 3 * widest * Math.abs(out[0])) * out[0], py + 14 * out[1], { align: "center", size: 11.5 });
    }
  });
  const away = 30 + 6 * widest * Math.abs(out[0]);
  const angle = Math.atan2(b[1] - a[1], b[0] - a[0]);
  // Two lines, one below the other as they are read.
  const upright = Math.cos(angle) < 0 ? -1 : 1;
  const downwards = Math.sign(upright * (-Math.sin(angle) * out[0] + Math.cos(angle) * out[1]));
  lines.forEach((text, i) => {
    const far = away + 16 * (downwards > 0 ? i : lines.length - 1 - i);
    const larger = view.width < 480 ? 12 : 13;
    const options = i === 0 ? { size: larger, color: colors.ink } : { size: larger - 1 };
    // Neither over the edge nor over the colour bar.
    g.font = `${options.size}px ${FONT}`;
    const reach = (g.measureText(text).width / 2) * Math.abs(Math.cos(angle)) + 6 * Math.abs(Math.sin(angle));
    const x = Math.max(reach + 2, Math.min(barLeft(view) - 12 - reach, (a[0] + b[0]) / 2 + far * out[0]));
    turnedLabel(g, text, x, (a[1] + b[1]) / 2 + far * out[1], angle, options);
  });
}

function drawHeightAxis(view, g, ticks) {
  const [hx, hy] = view.half;
  const corners = [[-hx, -hy], [hx, -hy], [hx, hy], [-hx, hy]];
  const seen = corners.map((corner) => view.see(...corner, 0)[0]);
  const corner = corners[seen.indexOf(Math.min(...seen))];
  const [low, high] = [-HALF_HEIGHT, HALF_HEIGHT].map((z) => view.see(...corner, z));
  if (low[1] - high[1] < 28) return;
  line(g, [low, high], colors["strong-rule"], 1);
  for (const { value, text } of ticks) {
    const [x, y] = view.see(...corner, view.worldZ(value));
    line(g, [[x, y], [x - 5, y]], colors["strong-rule"], 1);
    label(g, text, x - 8, y, { align: "right", size: 11.5 });
  }
  label(g, heightTitle(), Math.max(2, high[0] - 50), high[1] - 16, { size: 13, color: colors.ink });
}

/** Where the colour bar begins. */
const barLeft = (view) => view.width - (view.width < 480 ? 44 : 58);

/** Colours of the grid's losses, at the right edge. */
function drawColorBar(view, g) {
  const x = barLeft(view);
  const [low, high] = [view.height - 60, 46];
  const y = (h) => low - colorShare(h) * (low - high);
  const gradient = g.createLinearGradient(0, low, 0, high);
  for (let i = 0; i <= 32; i += 1) gradient.addColorStop(i / 32, css(colorOf(i / 32)));
  g.fillStyle = gradient;
  g.fillRect(x, high, 12, low - high);
  const { gridLow, gridHigh } = ground;
  const ticks = state.log ? logarithmicTicks(gridLow, gridHigh, 6) : linearTicks(gridLow, gridHigh, 6);
  for (const { value, text } of ticks) {
    line(g, [[x + 12, y(value)], [x + 16, y(value)]], colors["strong-rule"], 1);
    label(g, text, x + 19, y(value), { size: 11.5 });
  }
  label(g, "loss", x, high - 14, { size: 12, color: colors.ink });
  // What is marked on the grid, on the bar too.
  const { mark } = state;
  const h = mark?.column !== undefined ? ground.heights[mark.row * columns + mark.column]
    : mark?.run !== undefined ? ground.paths[mark.run].own[mark.k] : NaN;
  const share = colorShare(h);
  if (share >= 0 && share <= 1) {
    g.beginPath();
    g.moveTo(x - 1, y(h));
    g.lineTo(x - 9, y(h) - 5);
    g.lineTo(x - 9, y(h) + 5);
    g.fillStyle = colors.ink;
    g.fill();
  }
}
