// A sequence of colours for numbers: viridis (van der Walt and Smith 2015, CC0), even in lightness and safe for the colour-blind.

import { h, svg } from "./dom.js";
import { number } from "./format.js";

const STOPS = ["#440154", "#472d7b", "#3b528b", "#2c728e", "#21918c", "#28ae80", "#5ec962", "#addc30", "#fde725"];
const SIZE = 256;

const channels = STOPS.map((stop) => [1, 3, 5].map((at) => parseInt(stop.slice(at, at + 2), 16)));

/** [r, g, b] at a share from 0 to 1. */
export function tone(share) {
  const at = Math.min(1, Math.max(0, share)) * (STOPS.length - 1);
  const low = Math.min(STOPS.length - 2, Math.floor(at));
  return channels[low].map((value, i) => Math.round(value + (at - low) * (channels[low + 1][i] - value)));
}

const table = Uint32Array.from({ length: SIZE }, (_, at) => packed(tone(at / (SIZE - 1))));

/** [r, g, b] as the word that a canvas holds (little-endian: alpha first). */
export function packed([red, green, blue]) {
  return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}

/** Values between `low` and `high` as words of a canvas; logarithmic where `log`. */
export function painter(low, high, log) {
  const of = log ? Math.log : (value) => value;
  const start = of(low);
  const by = (SIZE - 1) / (of(high) - start || 1);
  return (value) => table[Math.min(SIZE - 1, Math.max(0, Math.round((of(value) - start) * by)))];
}

/** What the colours mean: a bar with its ends; `marks`: values that stand on it. */
export function scaleLegend(low, high, log, { beyond = false, marks = [] } = {}) {
  const of = log ? Math.log : (value) => value;
  const share = (value) => (of(value) - of(low)) / (of(high) - of(low) || 1);
  return h(
    "span.colour-scale",
    { role: "img", "aria-label": `Colours from ${number(low)} (dark violet) to ${number(high)} (yellow)${log ? ", logarithmic" : ""}` },
    h("span.number", {}, `${beyond ? "≤ " : ""}${number(low)}`),
    svg(
      "svg",
      { viewBox: "0 0 160 14", preserveAspectRatio: "none", "aria-hidden": "true" },
      Array.from({ length: 40 }, (_, at) => svg("rect", { x: at * 4, y: 0, width: 4.5, height: 14, fill: `rgb(${tone(at / 39).join(",")})` })),
      marks
        .filter((value) => share(value) > 0 && share(value) < 1)
        .map((value) => svg("rect", { x: 160 * share(value) - 0.75, y: 0, width: 1.5, height: 14, fill: "#ffffff" })),
    ),
    h("span.number", {}, `${beyond ? "≥ " : ""}${number(high)}`),
    marks.length ? h("span.soft", {}, `white: ${marks.map(number).join(", ")}`) : null,
  );
}
