// How much each parameter mattered, as bars.

class ImportanceView extends CanvasView {
  draw(g) {
    const rows = data.importances;
    const widest = Math.min(0.45 * this.width, 12 + 6.9 * Math.max(...rows.map(({ name }) => name.length)));
    const height = Math.min(40, (this.height - 20) / rows.length);
    const room = this.width - widest - 70;
    const most = Math.max(...rows.map(({ share }) => share), 1e-9);
    rows.forEach(({ name, share }, i) => {
      const y = 10 + (i + 0.5) * height;
      const length = Math.floor(widest / 6.9);
      label(g, name.length > length ? `…${name.slice(1 - length)}` : name, widest - 10, y, { align: "right", size: 12.5, color: colors.ink });
      g.fillStyle = colors.complete;
      g.fillRect(widest, y - 0.32 * height, (room * share) / most, 0.64 * height);
      label(g, `${(100 * share).toFixed(1)} %`, widest + (room * share) / most + 8, y, { size: 12 });
    });
    line(g, [[widest, 8], [widest, 12 + rows.length * height]], colors["strong-rule"], 1);
  }

  find() { return state.mark; }
}
