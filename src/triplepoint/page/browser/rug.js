// One number among those of the other layers: a small strip of ticks, and the share that lies below.

import { h } from "./dom.js";
import { plural } from "./format.js";

const WIDTH = 190;
const HEIGHT = 20;

/** `element` is a canvas; `draw(values, own, theme)` fills it. */
export function rug() {
  const canvas = h("canvas.rug", { role: "img", width: WIDTH, height: HEIGHT });
  return { canvas, draw: (values, own, theme) => draw(canvas, values, own, theme) };
}

function draw(canvas, values, own, theme) {
  const known = values.filter(Number.isFinite).sort((a, b) => a - b);
  const context = canvas.getContext("2d");
  const ratio = Math.min(3, devicePixelRatio);
  canvas.width = WIDTH * ratio;
  canvas.height = HEIGHT * ratio;
  context.scale(ratio, ratio);
  if (!known.length || !Number.isFinite(own)) return void canvas.setAttribute("aria-label", "no value");
  // One far value would press all others into a corner; it stands at the end.
  const low = Math.min(own, known[Math.floor(0.02 * (known.length - 1))]);
  const high = Math.max(own, known[Math.ceil(0.98 * (known.length - 1))]);
  const log = low > 0 && high / low > 50;
  const of = log ? Math.log : (value) => value;
  const place = (value) => (high > low ? 5 + (WIDTH - 10) * Math.min(1, Math.max(0, (of(value) - of(low)) / (of(high) - of(low)))) : WIDTH / 2);
  context.fillStyle = theme.colour("--line-strong");
  context.fillRect(0, HEIGHT - 3, WIDTH, 1);
  context.fillStyle = theme.faded("--ink-soft", Math.max(0.18, Math.min(0.6, 12 / known.length)));
  for (const value of known) context.fillRect(place(value) - 0.75, 7, 1.5, HEIGHT - 10);
  context.fillStyle = theme.colour("--accent");
  context.fillRect(place(own) - 1.5, 1, 3, HEIGHT - 3);
  canvas.setAttribute("aria-label", standing(known, own));
}

/** `above 82 % of layers`. */
export function standing(known, own) {
  const others = known.length - 1;
  if (others < 1) return "the only layer";
  const below = known.filter((value) => value < own).length;
  const equal = known.filter((value) => value === own).length;
  if (equal > 1 && equal > others / 2) return `the same in ${plural(equal, "layer")}`;
  if (below === 0) return equal > 1 ? "with the smallest" : `the smallest of ${others + 1}`;
  if (below + equal > others) return equal > 1 ? "with the largest" : `the largest of ${others + 1}`;
  const share = (100 * below) / others;
  return `above ${share < 1 ? "less than 1" : share > 99 ? "more than 99" : Math.round(share)} % of layers`;
}
