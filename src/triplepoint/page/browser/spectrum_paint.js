// A scene of a spectrum on a canvas: as counts in bins, or as ranks. Both axes are log10.

import { band, between, rebinned, tailAbove, tailBetween } from "./spectrum_laws.js";
import { fromLog } from "./ticks.js";
import { mark } from "./marks.js";

const FLOOR = 0.5; // of a logarithm's count: an empty bin lies below the axis
const POINTS = 160;

/** Draw what is not in `hidden`; `kind` is density or rank. */
export function paint(plot, theme, made, kind, hidden, rigidity) {
  const pen = { plot, theme, ctx: plot.ctx, x: (value) => plot.valToPos(value, "x", true), y: (count) => plot.valToPos(Math.log10(Math.max(FLOOR, count)), "y", true), made, rigidity };
  const shown = (name) => !hidden.has(name);
  if (kind === "density") bars(pen);
  if (made.null && shown("null")) noiseBand(pen, kind);
  if (kind === "density" && made.shuffled && shown("shuffled")) shuffled(pen);
  if (kind === "rank" && made.shuffled && shown("shuffled")) ranks(pen, made.shuffled, theme.colour("--shuffled"), false);
  if (made.bulk && shown("bulk")) bulk(pen, kind);
  if (kind === "rank") ranks(pen, made.spectrum, theme.colour("--ink"), true);
  if (made.tail && shown("tail")) tail(pen, kind);
  if (shown("rug")) rug(pen);
  const near = made.tail && shown("edge") && Math.abs(pen.x(made.edge) - pen.x(made.tail.xmin)) < 96 * devicePixelRatio;
  const lines = [];
  if (shown("edge") && Number.isFinite(made.edge)) lines.push({ at: made.edge, ink: theme.colour("--noise-ink"), words: `edge ${fromLog(made.edge)}`, row: 0 });
  if (made.tail && shown("xmin")) lines.push({ at: made.tail.xmin, ink: theme.colour("--tail"), words: `xmin ${fromLog(made.tail.xmin)}`, row: near ? 1 : 0 });
  for (const line of lines) vertical(pen, line);
  for (const line of lines) caption(pen, line);
  if (shown("traps")) traps(pen);
}

function bars({ ctx, x, y, made, theme, plot }) {
  const { low, width, counts } = made.bins;
  const bottom = plot.bbox.top + plot.bbox.height;
  ctx.fillStyle = theme.colour("--spectrum");
  const gap = x(low + width) - x(low) > 6 * devicePixelRatio ? devicePixelRatio : 0;
  for (let k = 0; k < counts.length; k++) {
    if (!counts[k]) continue;
    const left = x(low + k * width);
    const top = y(counts[k]);
    ctx.fillRect(left, top, x(low + (k + 1) * width) - left - gap, bottom - top);
  }
}

/** Points along a law, its ends included. */
function along(law, reach) {
  const from = law.low - reach;
  const to = law.high + reach;
  return Float64Array.from({ length: POINTS + 1 }, (_, k) => from + ((to - from) * k) / POINTS);
}

function path(ctx, points, first = true) {
  points.forEach(([px, py], k) => (k || !first ? ctx.lineTo(px, py) : ctx.moveTo(px, py)));
}

function noiseBand({ ctx, x, y, made, theme, rigidity }, kind) {
  const law = made.null;
  const half = kind === "density" ? made.bins.width / 2 : 0;
  const upper = [];
  const lower = [];
  for (const at of along(law, half)) {
    const expected = kind === "density" ? between(law, at - half, at + half) : law.count * (1 - law.below(at));
    const [low, high] = band(rigidity, expected, made.slices);
    upper.push([x(at), y(high)]);
    lower.unshift([x(at), y(low)]);
  }
  ctx.beginPath();
  path(ctx, [...upper, ...lower]);
  ctx.closePath();
  ctx.fillStyle = theme.faded("--noise", 0.26);
  ctx.fill();
  ctx.strokeStyle = theme.faded("--noise", 0.55);
  ctx.lineWidth = devicePixelRatio;
  ctx.stroke();
}

function bulk({ ctx, x, y, made, theme }, kind) {
  const law = made.bulk;
  const half = kind === "density" ? made.bins.width / 2 : 0;
  const points = [...along(law, half)].map((at) => [x(at), y(kind === "density" ? between(law, at - half, at + half) : made.spikes + law.count * (1 - law.below(at)))]);
  ctx.beginPath();
  path(ctx, points);
  ctx.strokeStyle = theme.colour("--noise-ink");
  ctx.lineWidth = 1.8 * devicePixelRatio;
  ctx.setLineDash([6 * devicePixelRatio, 3 * devicePixelRatio]);
  ctx.stroke();
  ctx.setLineDash([]);
}

function tail({ ctx, x, y, made, theme }, kind) {
  const { tail: found, top, bins } = made;
  const half = bins.width / 2;
  const count = kind === "density" ? (at, alpha) => tailBetween(found, at - half, at + half, alpha) : (at, alpha) => tailAbove(found, at, alpha);
  const end = Math.max(top, found.xmin + 1e-6);
  const places = Array.from({ length: 41 }, (_, k) => found.xmin + ((end - found.xmin) * k) / 40);
  if (Number.isFinite(found.low) && Number.isFinite(found.high)) {
    ctx.beginPath();
    path(ctx, places.map((at) => [x(at), y(count(at, found.low))]));
    path(ctx, places.toReversed().map((at) => [x(at), y(count(at, found.high))]), false);
    ctx.closePath();
    ctx.fillStyle = theme.faded("--tail", 0.2);
    ctx.fill();
  }
  ctx.beginPath();
  path(ctx, places.map((at) => [x(at), y(count(at, found.alpha))]));
  ctx.strokeStyle = theme.colour("--tail");
  ctx.lineWidth = 2.4 * devicePixelRatio;
  ctx.stroke();
}

function shuffled({ ctx, x, y, made, theme, plot }) {
  const { low, width, counts } = rebinned(made.shuffled, made.bins.width, made.bins.low);
  const bottom = plot.bbox.top + plot.bbox.height;
  ctx.beginPath();
  ctx.moveTo(x(low), bottom);
  for (let k = 0; k < counts.length; k++) {
    const top = counts[k] < FLOOR ? bottom + 2 : y(counts[k]);
    ctx.lineTo(x(low + k * width), top);
    ctx.lineTo(x(low + (k + 1) * width), top);
  }
  ctx.lineTo(x(low + counts.length * width), bottom);
  ctx.strokeStyle = theme.colour("--shuffled");
  ctx.lineWidth = 1.6 * devicePixelRatio;
  ctx.stroke();
}

/** The k-th largest eigenvalue at height k: those that are known one by one, below them the edges of the bins. */
export function rankPoints(spectrum) {
  const points = [...spectrum.tail].map((value, k) => [Math.log10(value), k + 1]);
  const width = (spectrum.high - spectrum.low) / spectrum.counts.length;
  const known = points.length;
  let above = 0;
  for (let k = spectrum.counts.length - 1; k >= 0; k--) {
    if (!spectrum.counts[k]) continue;
    above += spectrum.counts[k];
    if (above > known) points.push([spectrum.low + k * width, above]);
  }
  return points;
}

function ranks({ ctx, x, y }, spectrum, ink, dots) {
  const points = rankPoints(spectrum).map(([at, rank]) => [x(at), y(rank)]);
  ctx.strokeStyle = ink;
  ctx.fillStyle = ink;
  ctx.lineWidth = (dots ? 1.2 : 1.6) * devicePixelRatio;
  ctx.beginPath();
  path(ctx, points);
  ctx.stroke();
  if (!dots) return;
  for (let k = 0; k < Math.min(points.length, spectrum.tail.length); k++) {
    ctx.beginPath();
    ctx.arc(points[k][0], points[k][1], 2 * devicePixelRatio, 0, 2 * Math.PI);
    ctx.fill();
  }
}

function rug({ ctx, x, made, theme, plot }) {
  const bottom = plot.bbox.top + plot.bbox.height;
  const from = made.tail ? made.tail.xmin - 1e-9 : -Infinity;
  ctx.strokeStyle = theme.colour("--ink");
  ctx.lineWidth = devicePixelRatio;
  ctx.globalAlpha = 0.6;
  ctx.beginPath();
  for (const value of made.spectrum.tail) {
    const at = Math.log10(value);
    if (at < from) break;
    ctx.moveTo(x(at), bottom);
    ctx.lineTo(x(at), bottom - 7 * devicePixelRatio);
  }
  ctx.stroke();
  ctx.globalAlpha = 1;
}

/** A dotted line. */
function vertical({ plot, ctx, x }, { at, ink }) {
  const { bbox } = plot;
  const left = Math.round(x(at)) + 0.5;
  ctx.strokeStyle = ink;
  ctx.lineWidth = 1.3 * devicePixelRatio;
  ctx.setLineDash([2 * devicePixelRatio, 3 * devicePixelRatio]);
  ctx.beginPath();
  ctx.moveTo(left, bbox.top);
  ctx.lineTo(left, bbox.top + bbox.height);
  ctx.stroke();
  ctx.setLineDash([]);
}

/** Its words, beside its upper end on the side where there is room, in the `row`-th line from the top. */
function caption({ plot, theme, ctx, x }, { at, ink, words, row }) {
  const { bbox } = plot;
  const ratio = devicePixelRatio;
  ctx.font = `${11 * ratio}px ${theme.colour("--font")}`;
  const right = x(at) + ctx.measureText(words).width + 8 * ratio < bbox.left + bbox.width;
  ctx.textAlign = right ? "left" : "right";
  ctx.textBaseline = "top";
  const place = [words, x(at) + (right ? 4 : -4) * ratio, bbox.top + (3 + 15 * row) * ratio];
  ctx.lineJoin = "round";
  ctx.lineWidth = 4 * ratio;
  ctx.strokeStyle = theme.faded("--paper", 0.85);
  ctx.strokeText(...place);
  ctx.fillStyle = ink;
  ctx.fillText(...place);
}

function traps({ ctx, x, made, theme, plot }) {
  ctx.fillStyle = theme.colour("--shuffled");
  for (const trap of made.traps) {
    if (Number.isFinite(trap.x)) mark(ctx, "down", x(trap.x), plot.bbox.top + 40 * devicePixelRatio, 5 * devicePixelRatio);
  }
}
