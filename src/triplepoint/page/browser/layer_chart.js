// One metric of every layer in the order of the checkpoint: the value, its interval, the phase as colour and shape.

import { chart, shade } from "./chart.js";
import { sections } from "./blocks.js";
import { visible } from "./dom.js";
import { interval, number } from "./format.js";
import { layerTip } from "./layer_words.js";
import { PHASES, rgb } from "./phases.js";
import { hideTip, showTip } from "./tooltip.js";
import { extent } from "./extent.js";
import { fromLog, logSplits } from "./ticks.js";
import { mark } from "./marks.js";
import { uncertaintyOf } from "./uncertainty.js";

const BAND = [2, 6]; // of α, where a layer may be well-trained

export function layerChart(host, app, onHover) {
  let of = null; // the subject that was built for; until the next is, nothing of that is drawn
  let order = [];
  let metric = "alpha";
  let bounds = {};
  let limits = { low: 1, high: 8, log: false };
  let points = null; // per layer in order: value, low, high, phase, confidence
  let away = new Set();
  let made = null;
  const ring = document.createElement("div");
  ring.className = "ring";
  const tints = new Map();

  const build = (name) => {
    const { subject } = app;
    of = subject;
    metric = name;
    order = subject.primary;
    bounds = uncertaintyOf(subject, metric);
    limits = extent(subject, metric, bounds);
    points = { value: new Float64Array(order.length), low: new Float64Array(order.length), high: new Float64Array(order.length), phase: new Uint8Array(order.length), confidence: new Float64Array(order.length) };
    const unit = subject.metrics.get(metric)?.unit;
    const options = {
      label: metric,
      height: host.clientWidth < 520 ? 230 : 300,
      x: { range: [-0.7, order.length - 0.3], grid: false, splits: () => starts.map((start) => start.at), format: (value) => starts.find((start) => start.at === value)?.label ?? null },
      y: {
        label: `${metric === "alpha" ? "α" : metric.replaceAll("_", " ")}${unit && unit !== "1" ? ` (${unit})` : ""}`,
        range: [limits.low, limits.high],
        ...(limits.log ? { splits: logSplits(5), format: fromLog } : {}),
      },
      series: [{ label: metric, show: false }],
      data: [Float64Array.from(order, (_, k) => k), new Float64Array(order.length)],
      before: [background],
      after: [drawing],
      onPoint: (event, plot) => event.type !== "click" && point(nearest(event, plot)),
      onLeave: () => leave(),
      onPick: (_value, plot, event) => pick(nearest(event, plot)),
    };
    starts = labels();
    if (made) made.rebuild(options);
    else made = chart(host, app, options);
    made.element.dataset.role = "layer-chart";
    made.element.dataset.metric = metric;
  };

  // Names of sections and numbers of blocks, as many as have room.
  let starts = [];
  const labels = () => {
    const found = [];
    let at = 0;
    const room = Math.max(200, host.clientWidth - 70) / Math.max(1, order.length);
    let free = -1e9;
    for (const { title, blocks } of sections(app.subject.layers, order)) {
      blocks.forEach((block, k) => {
        const middle = at + (block.layers.length - 1) / 2;
        const short = title.split(".").pop();
        const text = k === 0 ? (block.label ? `${short} ${block.label}`.trim() : short) : block.label;
        const half = (text.length * 6.2 + 10) / 2 / room;
        if (text && middle - half > free) {
          found.push({ at: middle, label: visible(text) });
          free = middle + half;
        }
        at += block.layers.length;
      });
    }
    return found;
  };

  const background = (plot, theme) => {
    const { ctx, bbox } = plot;
    if (metric === "alpha") shade(plot, BAND[0], BAND[1], theme.faded("--well", 0.09));
    ctx.strokeStyle = theme.colour("--line");
    ctx.lineWidth = devicePixelRatio;
    let at = 0;
    for (const { blocks } of sections(app.subject.layers, order)) {
      for (const block of blocks) {
        at += block.layers.length;
        if (order.length > 600) continue;
        const x = Math.round(plot.valToPos(at - 0.5, "x", true)) + 0.5;
        ctx.beginPath();
        ctx.moveTo(x, bbox.top);
        ctx.lineTo(x, bbox.top + bbox.height);
        ctx.stroke();
      }
    }
  };

  const tint = (phase, confidence, theme) => {
    const share = Number.isFinite(confidence) ? Math.round(confidence * 20) : 21;
    const key = `${document.documentElement.dataset.theme} ${phase} ${share}`; // on paper it is light, whatever was chosen
    if (!tints.has(key)) tints.set(key, `rgb(${rgb(phase, share > 20 ? NaN : share / 20, theme).join(" ")})`);
    return tints.get(key);
  };

  const drawing = (plot, theme) => {
    const { ctx, bbox } = plot;
    const ratio = devicePixelRatio;
    const wide = bbox.width / Math.max(1, order.length) / ratio;
    const size = Math.max(1.6, Math.min(4.2, wide * 0.45)) * ratio;
    const top = bbox.top;
    const bottom = bbox.top + bbox.height;
    for (let pass = 0; pass < 2; pass++) {
      for (let k = 0; k < order.length; k++) {
        const value = points.value[k];
        if (Number.isNaN(value)) continue;
        ctx.globalAlpha = away.has(order[k]) ? 0.12 : 1;
        const x = plot.valToPos(k, "x", true);
        const ink = tint(points.phase[k], points.confidence[k], theme);
        if (pass === 0) {
          if (Number.isNaN(points.low[k])) continue;
          ctx.globalAlpha *= 0.5;
          ctx.strokeStyle = ink;
          ctx.lineWidth = Math.max(1, Math.min(3, wide * 0.3)) * ratio;
          ctx.beginPath();
          ctx.moveTo(x, plot.valToPos(points.low[k], "y", true));
          ctx.lineTo(x, plot.valToPos(points.high[k], "y", true));
          ctx.stroke();
          continue;
        }
        ctx.fillStyle = ink;
        const y = plot.valToPos(value, "y", true);
        if (y < top) mark(ctx, "up", x, top + size + ratio, size);
        else if (y > bottom) mark(ctx, "down", x, bottom - size - ratio, size);
        else mark(ctx, PHASES[points.phase[k]].name, x, y, size);
      }
    }
    ctx.globalAlpha = 1;
  };

  const place = (at) => {
    const { plot } = made;
    if (!plot || at < 0 || at >= order.length || Number.isNaN(points.value[at])) return null;
    const y = Math.min(plot.over.clientHeight, Math.max(0, plot.valToPos(points.value[at], "y")));
    return { x: plot.valToPos(at, "x"), y };
  };

  const ringAt = (index) => {
    if (!made?.plot) return;
    const at = index === null ? -1 : order.indexOf(index);
    const where = at < 0 ? null : place(at);
    if (!where) return ring.remove();
    if (ring.parentNode !== made.plot.over) made.plot.over.append(ring);
    ring.style.transform = `translate(${where.x}px, ${where.y}px)`;
  };

  /** The layer under the pointer, in the order of the chart. */
  const nearest = (event, plot) => Math.min(order.length - 1, Math.max(0, Math.round(plot.posToVal(event.clientX - plot.over.getBoundingClientRect().left, "x"))));

  const point = (at) => {
    const index = order[at];
    if (index === undefined) return;
    onHover(index);
    const where = place(at);
    const box = made.plot.over.getBoundingClientRect();
    const { subject } = app;
    const more = metric === "alpha" ? [] : [[metric.replaceAll("_", " "), text(at)]];
    showTip(layerTip(subject, index, app.player.step, more), box.left + made.plot.valToPos(at, "x"), box.top + (where?.y ?? box.height / 2));
  };

  const leave = () => {
    hideTip();
    onHover(null);
  };
  const pick = (at) => {
    hideTip();
    if (order[at] !== undefined) app.visit(order[at]);
  };

  const raw = (value) => (limits.log ? 10 ** value : value);
  const text = (at) => interval(raw(points.value[at]), raw(points.low[at]), raw(points.high[at]));

  /** Take the numbers at a step. */
  const update = (step) => {
    const { subject } = app;
    const scaled = limits.log ? (value) => Math.log10(value) : (value) => value;
    for (let k = 0; k < order.length; k++) {
      const index = order[k];
      const value = subject.value(index, metric, step);
      const spread = bounds.low ? NaN : bounds.spread ? subject.value(index, bounds.spread, step) : NaN;
      points.value[k] = scaled(value);
      points.low[k] = scaled(bounds.low ? subject.value(index, bounds.low, step) : value - spread);
      points.high[k] = scaled(bounds.high ? subject.value(index, bounds.high, step) : value + spread);
      points.phase[k] = subject.phase(index, step);
      points.confidence[k] = subject.confidence(index, step);
    }
    made.redraw();
  };

  /** The axis again, where a live run has left it. */
  const refit = () => {
    if (!made || of !== app.subject) return;
    const next = extent(app.subject, metric, bounds);
    if (next.log !== limits.log || Math.abs(next.high - limits.high) + Math.abs(next.low - limits.low) > 0.02 * (limits.high - limits.low)) build(metric);
  };

  /** The numbers in a sentence, for those who do not see the picture. */
  const describe = () => {
    if (!made || of !== app.subject) return;
    const known = [...order.keys()].filter((k) => !Number.isNaN(points.value[k])).sort((a, b) => points.value[a] - points.value[b]);
    const name = metric === "alpha" ? "α" : metric.replaceAll("_", " ");
    if (!known.length) return made.describe(`${name}: no layer has a value`);
    const at = (k) => `${number(raw(points.value[k]))} (${visible(app.subject.layers[order[k]].label)})`;
    made.describe(`${name} of ${known.length} of ${order.length} layers: smallest ${at(known[0])}, median ${number(raw(points.value[known[known.length >> 1]]))}, largest ${at(known[known.length - 1])}`);
  };

  const fade = () => {
    const shown = new Set(app.shown());
    away = new Set(order.filter((index) => !shown.has(index)));
    made?.redraw();
  };

  return {
    build,
    update,
    describe,
    refit,
    fade,
    mark: ringAt,
    get built() {
      return made !== null && of === app.subject;
    },
  };
}
