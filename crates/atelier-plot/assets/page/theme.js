// Light and dark. The page's `readColors` takes the colours of the theme from the style sheet.

function setTheme(dark) {
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  byId("theme").setAttribute("aria-pressed", String(dark));
  readColors();
  redraw();
}

function followTheme() {
  const wanted = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => document.documentElement.dataset.theme === "dark";
  let chosen = false;
  setTheme(wanted.matches);
  wanted.addEventListener("change", () => { if (!chosen) setTheme(wanted.matches); });
  byId("theme").addEventListener("click", () => { chosen = true; setTheme(!isDark()); });
  // Paper is white.
  let before = false;
  addEventListener("beforeprint", () => {
    before = isDark();
    setTheme(false);
    for (const view of views) view.paint();
  });
  addEventListener("afterprint", () => setTheme(before));
}
