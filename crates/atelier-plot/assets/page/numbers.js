// Numbers as people read them, and the ticks of an axis. Numbers that are none are null.

const isNumber = (value) => typeof value === "number";

/** Least and greatest of the numbers among `values`; null where there is none. */
function extent(values) {
  let least = Infinity;
  let greatest = -Infinity;
  for (const value of values) {
    if (isNumber(value)) {
      least = Math.min(least, value);
      greatest = Math.max(greatest, value);
    }
  }
  return least <= greatest ? [least, greatest] : null;
}

const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹";

/** At most `digits` significant digits, thousands separated, true minus sign; a dash for what is no number. */
function show(value, digits = 4) {
  if (!isNumber(value)) return "—";
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e7)) {
    const [leading, exponent] = value.toExponential(digits - 1).split("e");
    return `${withMinus(String(Number(leading)))}×10${superscript(Number(exponent))}`;
  }
  const rounded = Number(value.toPrecision(digits));
  const decimals = Math.max(0, digits - 1 - (size === 0 ? digits - 1 : Math.floor(Math.log10(size))));
  return rounded.toLocaleString("en-US", { minimumFractionDigits: Math.min(decimals, 6), maximumFractionDigits: Math.min(decimals, 6) })
    .replace("-", "−");
}

const withMinus = (text) => text.replace("-", "−");
const whole = (value) => withMinus(value.toLocaleString("en-US"));

function superscript(exponent) {
  const digits = [...String(Math.abs(exponent))].map((digit) => SUPERSCRIPTS[digit]).join("");
  return exponent < 0 ? `⁻${digits}` : digits;
}

/** About `n` multiples of 1, 2 or 5 times a power of ten within [low, high], as { value, text }. */
function linearTicks(low, high, n) {
  const least = (high - low) / n;
  if (!(least > 0)) return [{ value: low, text: show(low) }];
  const power = Math.floor(Math.log10(least));
  const step = [1, 2, 5, 10].map((factor) => factor * 10 ** power).find((step) => step >= least * (1 - 1e-9));
  const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const small = decimals <= 6 && Math.max(Math.abs(low), Math.abs(high)) < 1e7;
  const ticks = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i += 1) {
    const value = i * step + 0; // never -0
    const text = small
      ? value.toLocaleString("en-US", { minimumFractionDigits: decimals, maximumFractionDigits: decimals })
      : show(value, 3);
    ticks.push({ value, text: withMinus(text) });
  }
  return ticks;
}

/** Multiples of powers of ten, the more of them the fewer decades there are to share `n` ticks. */
const FACTORS = [[1], [1, 3], [1, 2, 5], [1, 1.5, 2, 3, 5, 7]];

/** About `n` ticks for heights between the logarithms `low` and `high`: `value` is the logarithm too. */
function logarithmicTicks(low, high, n) {
  const factors = high - low < 0.4 ? null : FACTORS.filter(({ length }) => length * (high - low) <= n).pop() ?? [1];
  if (!factors) {
    const ticks = linearTicks(10 ** low, 10 ** high, n);
    return ticks.map((tick) => ({ value: Math.log10(tick.value), text: tick.text }));
  }
  const ticks = [];
  const every = Math.max(1, Math.round((high - low) / n));
  for (let power = Math.floor(low); power <= high; power += every) {
    for (const factor of factors) {
      const value = power + Math.log10(factor);
      if (value >= low - 1e-9 && value <= high + 1e-9) {
        const plain = power >= -3 && power <= 4;
        const text = plain ? whole(Number((factor * 10 ** power).toPrecision(2))) : `${factor > 1 ? `${factor}×` : ""}10${superscript(power)}`;
        ticks.push({ value, text });
      }
    }
  }
  return ticks;
}
