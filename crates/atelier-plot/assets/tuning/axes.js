// One axis: where values stand between its ends, and its ticks. `kind` is linear, logarithmic or words.

class Axis {
  constructor(kind, values, { words = null, pad = 0.04, n = 6 } = {}) {
    this.log = kind === "logarithmic";
    this.words = words;
    const range = words ? [0, words.length - 1] : extent(values) ?? [0, 1];
    let [low, high] = range.map((value) => (this.log ? Math.log10(value) : value));
    const width = high - low || (this.log ? 0.5 : Math.abs(low) || 1);
    [this.low, this.high] = [low - pad * width - (high > low ? 0 : 0.5 * width), high + pad * width + (high > low ? 0 : 0.5 * width)];
    if (words) this.ticks = words.map((text, value) => ({ value, text: text.length > 12 ? `${text.slice(0, 11)}…` : text }));
    else this.ticks = this.log ? logarithmicTicks(this.low, this.high, n) : linearTicks(this.low, this.high, n);
  }

  /** The share of the axis below a value; NaN for what is no number. */
  share(value) {
    if (!isNumber(value)) return NaN;
    return this.shareOfTick(this.log ? Math.log10(value) : value);
  }

  shareOfTick(value) { return (value - this.low) / (this.high - this.low); }
}

/** An axis over the values that are shown. */
const valueAxis = (n = 5, values = shownTrials().map((trial) => trials[trial].value)) => new Axis("logarithmic", values, { n });

/** A frame with two axes: draws grid, ticks and titles, and says where points are. */
class Frame {
  constructor(view, x, y, xTitle, yTitle) {
    const widest = y.ticks.reduce((most, { text }) => Math.max(most, text.length), 0);
    const left = (yTitle ? 34 : 14) + 6.8 * widest;
    Object.assign(this, { x, y, xTitle, yTitle });
    this.left = left;
    this.top = 10;
    this.width = view.width - left - 18;
    this.height = view.height - 10 - 46;
  }

  px(value) { return this.left + this.width * this.x.share(value); }
  py(value) { return this.top + this.height * (1 - this.y.share(value)); }

  draw(g) {
    const bottom = this.top + this.height;
    for (const { value, text } of this.y.ticks) {
      const y = this.top + this.height * (1 - this.y.shareOfTick(value));
      line(g, [[this.left, y], [this.left + this.width, y]], colors.rule, 1);
      label(g, text, this.left - 8, y, { align: "right", size: 11.5 });
    }
    for (const { value, text } of this.x.ticks) {
      const x = this.left + this.width * this.x.shareOfTick(value);
      line(g, [[x, bottom], [x, bottom + 5]], colors["strong-rule"], 1);
      label(g, text, x, bottom + 15, { align: "center", size: 11.5 });
    }
    line(g, [[this.left, bottom], [this.left + this.width, bottom]], colors["strong-rule"], 1);
    label(g, this.xTitle, this.left + this.width / 2, bottom + 35, { align: "center", size: 13, color: colors.ink });
    if (this.yTitle) turnedLabel(g, this.yTitle, 10, this.top + this.height / 2, -Math.PI / 2, { size: 13, color: colors.ink });
  }
}

/** The sign of a trial: a disc, a ring where it was pruned. */
function trialSign(g, trial, x, y, r) {
  const color = colorOf(trial);
  g.beginPath();
  g.arc(x, y, trial === best ? 1.4 * r : r, 0, 2 * Math.PI);
  g.fillStyle = trials[trial].state === "complete" ? color : colors.paper;
  g.fill();
  g.strokeStyle = color;
  g.lineWidth = 1.8;
  g.stroke();
}
