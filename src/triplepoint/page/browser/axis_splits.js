// Where an axis has its lines, and how their numbers are written.

import { number } from "./format.js";

/** Splits of an axis of log steps: 0, 1, 10, 100 …; twos and fives between where there are few; even ones in a short stretch. */
export function decades(plot, _axis, low, high) {
  const room = Math.max(2, Math.floor(plot.bbox.width / devicePixelRatio / 48));
  const among = (digits) => {
    const splits = low <= 0 ? [0] : [];
    for (let power = 0; 10 ** power <= high; power++) {
      for (const digit of digits) if (digit * 10 ** power >= low && digit * 10 ** power <= high) splits.push(digit * 10 ** power);
    }
    return splits;
  };
  const coarse = among([1]);
  const fine = among([1, 2, 5]);
  if (fine.length <= room && coarse.length < 4) return fine.length > 2 ? fine : between(low, high, Math.min(room, 6));
  return coarse;
}

/** About `count` round numbers between two. */
function between(low, high, count) {
  const raw = (high - low) / Math.max(1, count);
  const size = 10 ** Math.floor(Math.log10(raw));
  const by = Math.max(1, [1, 2, 5, 10].find((digit) => digit * size >= raw) * size);
  const splits = [];
  for (let at = Math.ceil(low / by) * by; at <= high; at += by) splits.push(at);
  return splits;
}

/**
 * Splits of a log axis: powers of ten, each second or third where there are many, 1-2-5 where there are few. uPlot's own
 * do not end where the axis begins between two powers.
 */
export function powers(plot, axis, low, high) {
  const size = (axis === 0 ? plot.bbox.width / 64 : plot.bbox.height / 28) / devicePixelRatio;
  const from = Math.ceil(Math.log10(low) - 1e-9);
  const to = Math.floor(Math.log10(high) + 1e-9);
  const every = Math.max(1, Math.ceil((to - from + 1) / Math.max(2, size)));
  const found = [];
  for (let power = from; power <= to; power++) if ((power - from) % every === 0) found.push(Number(`1e${power}`));
  if (to - from > 1) return found;
  const fine = [];
  for (let power = from - 1; power <= to; power++) {
    for (const digit of [1, 2, 5]) {
      const value = Number(`${digit}e${power}`);
      if (value >= low && value <= high) fine.push(value);
    }
  }
  return fine.length > size + 1 ? found : fine.length > 1 ? fine : evenly(low, high);
}

/** Round numbers in a stretch that holds no two of 1, 2, 5. */
function evenly(low, high) {
  const by = Number(`1e${Math.floor(Math.log10((high - low) / 2 || 1))}`);
  const found = [];
  for (let count = Math.ceil(low / by); count * by <= high && found.length < 20; count++) found.push(Number((count * by).toPrecision(12)));
  return found.length > 6 ? found.filter((_, at) => at % Math.ceil(found.length / 5) === 0) : found;
}

const PLAIN = new Intl.NumberFormat("en-GB", { maximumSignificantDigits: 3 });

/** A value of a log axis, as short as it goes: 0.01, 1,000, 1e-5. */
export function short(value) {
  return value >= 1e-3 && value < 1e5 ? PLAIN.format(value) : value.toExponential(0).replace("e+", "e");
}

/** A format with as many digits as tell these evenly spaced values apart. */
export function even(splits) {
  const by = Math.abs(splits[1] - splits[0]);
  const size = Math.max(...splits.map(Math.abs));
  if (!(by > 0) || size >= 1e6 || size < 1e-3) return number;
  const digits = (String(Number(by.toPrecision(3))).split(".")[1] ?? "").length;
  const format = new Intl.NumberFormat("en-GB", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return (value) => format.format(value);
}
