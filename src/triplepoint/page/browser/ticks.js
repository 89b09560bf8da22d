// Axes whose values are logarithms to base 10 already.

import { number, whole } from "./format.js";

const RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹";

/** Splits for uPlot: decades, every k-th where there are many, 1-2-5 within one or two. */
export function logSplits(most = 8) {
  return (_plot, _axis, low, high) => {
    const span = high - low;
    const steps = span < 0.9 ? [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9].map(Math.log10) : span < 2.5 ? [0, Math.log10(2), Math.log10(5)] : [0];
    const every = Math.max(1, Math.ceil(span / most));
    const found = [];
    for (let power = Math.floor(low); power <= high; power++) {
      if (((power % every) + every) % every) continue;
      for (const step of steps) if (power + step >= low - 1e-9 && power + step <= high + 1e-9) found.push(power + step);
    }
    return found;
  };
}

/** The same for counts: whole numbers alone. */
export function countSplits(most = 5) {
  const all = logSplits(most);
  return (...given) => all(...given).filter((value) => value >= -1e-9 && Math.abs(10 ** value - Math.round(10 ** value)) < 1e-3);
}

/** 10^value: `0.05`, `200`, `10⁻⁵`. */
export function fromLog(value) {
  const power = Math.round(value);
  if (Math.abs(value - power) < 1e-6 && (power < -3 || power > 4)) {
    const digits = [...String(Math.abs(power))].map((digit) => RAISED[Number(digit)]).join("");
    return `10${power < 0 ? "⁻" : ""}${digits}`;
  }
  const plain = 10 ** value;
  const short = Number(plain.toPrecision(2));
  return short >= 1000 ? whole(short) : short >= 1e-3 ? String(short) : number(short);
}
