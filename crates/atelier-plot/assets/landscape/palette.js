// Colours: those of the style sheet, for the canvases, and the map from losses to colours.

const colors = {};

/** Takes the colours of the present theme from the style sheet. */
function readColors() {
  const style = getComputedStyle(document.documentElement);
  for (const name of ["paper", "panel", "ink", "faint", "rule", "strong-rule", "accent", "casing"]) {
    colors[name] = style.getPropertyValue(`--${name}`).trim();
  }
  colors.runs = data.runs.map((_, run) => style.getPropertyValue(`--run-${run % 7}`).trim());
}

/**
 * From low to high losses: lightness, chroma and hue (in degrees) in Oklch. Lightness rises evenly, so that equal
 * steps of loss look equal and the map survives every kind of colour blindness, and print in grey.
 */
const MAP = [
  [0.36, 0.105, 290],
  [0.475, 0.1, 255],
  [0.59, 0.09, 215],
  [0.705, 0.1, 170],
  [0.82, 0.115, 130],
  [0.935, 0.085, 100],
];

const COLORS = 256;
const mapped = Array.from({ length: COLORS }, (_, i) => {
  const place = (i / (COLORS - 1)) * (MAP.length - 1);
  const k = Math.min(MAP.length - 2, Math.floor(place));
  return srgb(...MAP[k].map((value, c) => value + (place - k) * (MAP[k + 1][c] - value)));
});

/** Red, green and blue (0 to 255) of a share between 0 and 1 of the way from the lowest to the highest loss. */
function colorOf(share) {
  return mapped[Math.max(0, Math.min(COLORS - 1, Math.round(share * (COLORS - 1))))];
}

const css = ([r, g, b], light = 1) =>
  `rgb(${Math.round(Math.min(255, r * light))},${Math.round(Math.min(255, g * light))},${Math.round(Math.min(255, b * light))})`;

/** Oklch to sRGB (B. Ottosson, "A perceptual color space for image processing", 2020). */
function srgb(lightness, chroma, hue) {
  const a = chroma * Math.cos((hue * Math.PI) / 180);
  const b = chroma * Math.sin((hue * Math.PI) / 180);
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ].map((linear) => {
    const value = linear <= 0.0031308 ? 12.92 * linear : 1.055 * linear ** (1 / 2.4) - 0.055;
    return 255 * Math.max(0, Math.min(1, value));
  });
}
