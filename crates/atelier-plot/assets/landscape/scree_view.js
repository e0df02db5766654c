// Shares of the total variance, component by component.

class ScreeView extends CanvasView {
  constructor() {
    super("scree");
    this.shares = data.scree.slice(0, 20);
  }

  draw(g) {
    const most = Math.max(...this.shares.map((share) => share ?? 0), 1e-9);
    const ticks = linearTicks(0, 100 * most, 5);
    const area = { x: 54, y: 24, width: this.width - 54 - 12, height: this.height - 24 - 46 };
    const y = (share) => area.y + area.height * (1 - share / most);
    for (const { value, text } of ticks) {
      line(g, [[area.x, y(value / 100)], [area.x + area.width, y(value / 100)]], colors.rule, 1);
      label(g, `${text} %`, area.x - 8, y(value / 100), { align: "right", size: 11.5 });
    }
    const each = area.width / this.shares.length;
    this.bars = this.shares.map((share, i) => [area.x + i * each, each]);
    this.shares.forEach((share, i) => {
      const marked = state.mark?.component === i;
      g.fillStyle = marked ? colors.ink : i < 2 ? colors.accent : colors["strong-rule"];
      g.fillRect(area.x + (i + 0.14) * each, y(share), 0.72 * each, area.y + area.height - y(share));
      const middle = area.x + (i + 0.5) * each;
      if (i < 2 || marked) label(g, percent(share), middle, y(share) - 9, { align: "center", size: 11.5, color: colors.ink, halo: colors.paper });
      label(g, String(i + 1), middle, area.y + area.height + 15, { align: "center", size: 11.5 });
    });
    line(g, [[area.x, area.y + area.height], [area.x + area.width, area.y + area.height]], colors["strong-rule"], 1);
    label(g, "principal component", area.x + area.width / 2, area.y + area.height + 35, { align: "center", size: 13, color: colors.ink });
  }

  find(px) {
    const component = (this.bars ?? []).findIndex(([x, width]) => px >= x && px < x + width);
    return component < 0 ? null : { component };
  }

  key(key) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[key];
    if (!step) return false;
    const component = state.mark?.component ?? (step > 0 ? -1 : this.shares.length);
    setMark({ component: Math.max(0, Math.min(this.shares.length - 1, component + step)) }, true);
    return true;
  }
}
