// Numbers as people read them. The rules are those of the table on the command line.

const WHOLE = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 0 });
export const MISSING = "–";

/** About three digits: 2.41, 24.1, 1,240, 3.1e7, 4.2e-5. */
export function number(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return MISSING;
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size >= 1e6 || size < 1e-3) return value.toExponential(1).replace("e+", "e");
  if (Number.isInteger(value)) return WHOLE.format(value);
  if (size < 0.1) return value.toPrecision(2);
  return size < 10 ? value.toFixed(2) : size < 100 ? value.toFixed(1) : WHOLE.format(value);
}

/** A whole number with thousands marked. */
export function whole(value) {
  return Number.isFinite(value) ? WHOLE.format(value) : MISSING;
}

/** A step; large ones in short form where `short`. */
export function step(value, short = false) {
  if (!Number.isFinite(value)) return MISSING;
  if (!short || value < 10000) return WHOLE.format(value);
  return value < 1e6 ? `${+(value / 1e3).toFixed(1)}k` : value < 1e9 ? `${+(value / 1e6).toFixed(2)}M` : value.toExponential(1);
}

/** A share in whole per cents, never rounded up to certainty. */
export function percent(share) {
  if (!Number.isFinite(share)) return "";
  return `${share < 1 ? Math.min(99, Math.round(100 * share)) : 100} %`;
}

/** `2.41 [2.20, 2.63]`. */
export function interval(value, low, high) {
  const text = number(value);
  return Number.isFinite(low) && Number.isFinite(high) ? `${text} [${number(low)}, ${number(high)}]` : text;
}

/** A p-value. */
export function pValue(p) {
  if (!Number.isFinite(p)) return MISSING;
  return p < 0.001 ? "< 0.001" : p < 0.1 ? p.toFixed(3) : p.toFixed(2);
}

/** Which way is better by those who proposed a metric as a measure of models. Of a layer it is no rule: α below 2 is ice. */
export function better({ polarity }) {
  return polarity ? `Proposed as a measure of models, ${polarity} being better; of a single layer that is no verdict.` : "";
}

/** `1 layer`, `2 layers`. */
export function plural(count, noun, several = `${noun}s`) {
  return `${whole(count)} ${count === 1 ? noun : several}`;
}

/** A name in at most `width` characters: leading components by their initial, then an ellipsis in the middle. */
export function shorten(name, width) {
  const parts = name.split(".");
  for (let i = 0; i < parts.length - 1 && parts.join(".").length > width; i++) {
    const digits = /\d+$/.exec(parts[i]);
    if (!/^\d+$/.test(parts[i]) && parts[i].length > 1) parts[i] = parts[i][0] + (digits ? digits[0] : "");
  }
  const short = parts.join(".");
  if (short.length <= width) return short;
  const head = (width - 1) >> 1;
  return `${short.slice(0, head)}…${short.slice(short.length - (width - 1 - head))}`;
}

/** How long ago, in words. */
export function ago(seconds) {
  if (!Number.isFinite(seconds)) return "";
  if (seconds < 60) return `${Math.max(0, Math.round(seconds))} s ago`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min ago`;
  if (seconds < 172800) return `${Math.round(seconds / 3600)} h ago`;
  return `${Math.round(seconds / 86400)} days ago`;
}

/** Bytes. */
export function size(count) {
  if (!Number.isFinite(count)) return MISSING;
  return count < 1e6 ? `${Math.max(1, Math.round(count / 1e3))} kB` : `${(count / 1e6).toFixed(1)} MB`;
}
