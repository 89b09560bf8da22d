// Alerts on an axis of steps: marks that would cover each other become one, in the colour of the loudest.

import { nearest } from "./columns.js";
import { plural } from "./format.js";

export const SEVERITIES = ["error", "warning", "info"]; // the loudest first

const rank = (alert) => SEVERITIES.indexOf(alert.severity);

/** The loudest of some alerts; the first of those that are as loud. */
export function loudest(alerts) {
  return alerts.reduce((best, one) => (rank(one) < rank(best) ? one : best));
}

/** `2 errors, 1 warning`. */
export function severities(alerts) {
  return SEVERITIES.map((name) => [name, alerts.filter((alert) => alert.severity === name).length])
    .filter(([, count]) => count)
    .map(([name, count]) => (name === "info" ? `${count} info` : plural(count, name)))
    .join(", ");
}

/** Alerts whose places on an axis (px) are closer than `apart`, together: [{at, alerts}], from left to right. */
export function clusters(alerts, placeOf, apart) {
  const placed = alerts
    .map((alert) => ({ alert, at: placeOf(alert) }))
    .filter(({ at }) => Number.isFinite(at))
    .sort((one, other) => one.at - other.at);
  const found = [];
  for (const { alert, at } of placed) {
    const last = found[found.length - 1];
    if (last && at - last.first < apart) {
      last.alerts.push(alert);
      last.at = (last.first + at) / 2;
    } else {
      found.push({ first: at, at, alerts: [alert] });
    }
  }
  return found;
}

/** For a chart over steps: alerts as small triangles at its top, what happened as ticks at its foot; `lined`: a line down from each alert. */
export function drawMarks(plot, theme, subject, lined = true) {
  const { ctx, bbox } = plot;
  const unit = devicePixelRatio;
  const place = (one) => (one.step === null ? NaN : plot.valToPos(one.step, "x", true));
  const inside = (at) => at >= bbox.left - unit && at <= bbox.left + bbox.width + unit;
  const steps = subject.steps;
  for (const { at } of clusters(subject.events.filter((event) => event.step !== null), place, 5 * unit)) {
    if (!inside(at)) continue;
    ctx.fillStyle = theme.faded("--ink-soft", 0.75);
    ctx.fillRect(at - 1.5 * unit, bbox.top + bbox.height - 5 * unit, 3 * unit, 5 * unit);
  }
  if (!steps.length) return;
  const raised = subject.alerts.filter((alert) => alert.state === "raised");
  for (const { at, alerts } of clusters(raised, place, 7 * unit)) {
    if (!inside(at)) continue;
    const worst = loudest(alerts);
    const colour = `--${worst.severity}`;
    // The exact step of the loudest, as the cursor will stand on it.
    const exact = plot.valToPos(steps[nearest(steps, worst.step)], "x", true);
    if (lined) {
      ctx.strokeStyle = theme.faded(colour, worst.severity === "info" ? 0.25 : 0.4);
      ctx.lineWidth = unit;
      ctx.setLineDash([2 * unit, 3 * unit]);
      ctx.beginPath();
      ctx.moveTo(exact, bbox.top);
      ctx.lineTo(exact, bbox.top + bbox.height);
      ctx.stroke();
      ctx.setLineDash([]);
    }
    ctx.fillStyle = theme.colour(colour);
    ctx.beginPath();
    ctx.moveTo(at - 4 * unit, bbox.top);
    ctx.lineTo(at + 4 * unit, bbox.top);
    ctx.lineTo(at, bbox.top + 7 * unit);
    ctx.fill();
  }
}
