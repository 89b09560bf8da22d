// Lines of many layers on one canvas: drawn once, not at each frame of a scrub.

import { lastAtMost } from "./columns.js";

/** Places on a plot's canvas (device px) of steps and of values; uPlot's own, without a call for each of 300,000 points. */
export function places(plot, logSteps, logValues) {
  const { bbox, scales } = plot;
  const along = (scale, log, from, size) => {
    const of = log ?? ((value) => value);
    const start = of(scale.min);
    const by = size / (of(scale.max) - start);
    return (value) => from + (of(value) - start) * by;
  };
  const log1p = (value) => Math.log1p(Math.max(0, value));
  return {
    x: along(scales.x, logSteps ? log1p : null, bbox.left, bbox.width),
    y: along(scales.y, logValues ? Math.log : null, bbox.top + bbox.height, -bbox.height),
  };
}

/**
 * The line of one layer through its measured values, in runs of one colour.
 * `visits`: of the layer; `inkOf(phase)`: the colour from a visit on; `place`: of `places`.
 */
export function strokeLayer(ctx, visits, metric, place, inkOf, from, to) {
  const column = visits.series.get(metric);
  if (!column) return;
  const steps = visits.steps.values;
  const phases = visits.phases.values;
  const values = column.values;
  // The line comes in from the last value before the stretch that is shown, and leaves to the first after it.
  let start = Math.max(0, lastAtMost(steps, from));
  while (start > 0 && !Number.isFinite(values[start])) start--;
  let ink = null;
  let lastX = NaN;
  let lastY = NaN;
  let count = 0;
  for (let at = start; at < steps.length; at++) {
    if (!Number.isFinite(values[at])) continue;
    const x = place.x(steps[at]);
    const y = place.y(values[at]);
    count++;
    // What moves by less than half a pixel is not drawn.
    if (Math.abs(x - lastX) < 0.5 && Math.abs(y - lastY) < 0.5) continue;
    if (ink !== null) ctx.lineTo(x, y);
    const own = inkOf(phases[at]);
    if (own !== ink) {
      if (ink !== null) ctx.stroke();
      ctx.beginPath();
      ctx.moveTo(x, y);
      ctx.strokeStyle = ink = own;
    }
    lastX = x;
    lastY = y;
    if (steps[at] > to) break;
  }
  if (ink === null) return;
  ctx.stroke();
  if (count > 1) return;
  // One value alone makes no line.
  const size = Math.max(2 * ctx.lineWidth, 3 * devicePixelRatio);
  ctx.fillStyle = ink;
  ctx.fillRect(lastX - size / 2, lastY - size / 2, size, size);
}

/** The band between two metrics of one layer, filled. */
export function fillBand(ctx, visits, lower, upper, place, colour) {
  const low = visits.series.get(lower)?.values;
  const high = visits.series.get(upper)?.values;
  if (!low || !high) return;
  const steps = visits.steps.values;
  const measured = [];
  for (let at = 0; at < steps.length; at++) if (Number.isFinite(low[at]) && Number.isFinite(high[at])) measured.push(at);
  if (!measured.length) return;
  ctx.beginPath();
  for (const at of measured) ctx.lineTo(place.x(steps[at]), place.y(high[at]));
  for (const at of measured.reverse()) ctx.lineTo(place.x(steps[at]), place.y(low[at]));
  ctx.closePath();
  ctx.fillStyle = colour;
  ctx.fill();
}

/** {low, high, outside}: a range for the values of some layers; a few far ones do not press all others together, and are counted. */
export function valueRange(subject, layers, metric, from, to) {
  let count = 0;
  for (const index of layers) count += subject.visits[index].steps.length;
  const stride = Math.max(1, Math.ceil(count / 20000));
  const sample = [];
  let low = Infinity;
  let high = -Infinity;
  const each = (act) => {
    for (const index of layers) {
      const visits = subject.visits[index];
      const values = visits.series.get(metric)?.values ?? [];
      const steps = visits.steps.values;
      for (let at = 0; at < values.length; at++) if (Number.isFinite(values[at]) && steps[at] >= from && steps[at] <= to) act(values[at]);
    }
  };
  let seen = 0;
  each((value) => {
    if (value < low) low = value;
    if (value > high) high = value;
    if (seen++ % stride === 0) sample.push(value);
  });
  if (!seen) return null;
  const sorted = Float64Array.from(sample).sort();
  const quantile = (share) => sorted[Math.min(sorted.length - 1, Math.round(share * (sorted.length - 1)))];
  const inner = [quantile(0.01), quantile(0.99)];
  const span = inner[1] - inner[0];
  const wide = span > 0 && high - low > 3 * span;
  return { low: wide ? Math.max(low, inner[0] - 0.3 * span) : low, high: wide ? Math.min(high, inner[1] + 0.3 * span) : high, smallest: low, largest: high, inner, beyond: wide };
}
