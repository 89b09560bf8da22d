// A metric of all layers along the run: a line each, the chosen one bold with its interval.

import { drawMarks } from "./alert_marks.js";
import { chart, shade } from "./chart.js";
import { choice, h, replace, visible } from "./dom.js";
import { interval, number, plural, shorten, step as stepText } from "./format.js";
import { fillBand, places, strokeLayer, valueRange } from "./line_drawing.js";
import { absent, atHand, bounds, meaning, metricChoice } from "./metric_choice.js";
import { PHASES } from "./phases.js";
import { stepRange, timeOptions } from "./steps_axis.js";
import { throttled } from "./throttled.js";
import { hideTip, showTip } from "./tooltip.js";

const NEAR = 16; // px from the pointer to a line that it means
const WIDE = 100; // largest by smallest, from where the axis is logarithmic

export function timeLines(host, app) {
  const { state, player } = app;
  const choosing = h("div");
  const ways = h("div.toolbar");
  const about = h("p.soft.small");
  const readout = h("p.readout", { "data-role": "line-readout" });
  const drawing = h("div");
  const note = h("p.soft.small");
  const card = h(
    "section.card",
    { "data-role": "layer-lines", "aria-label": "A metric of the layers along the run" },
    h("div.card-head", {}, h("h2", {}, "Layers"), choosing, ways),
    about,
    drawing,
    readout,
    note,
  );
  host.append(card);
  const metrics = metricChoice(choosing, app);
  const overlay = h("canvas.over-lines", { "aria-hidden": "true" });
  const dot = h("div.line-dot", { "aria-hidden": "true" });
  let drawn = null;
  let layers = [];
  let range = null;
  let log = false;
  let metric = null;
  let asked = null;

  const chosen = () => app.subject.byId.get(state.get("layer")) ?? -1;

  /** The range of values, and with it the axis. */
  const measure = () => {
    const [from, to] = stepRange(app);
    range = valueRange(app.subject, layers, metric, from, to) ?? { low: 0, high: 1, smallest: NaN, largest: NaN, beyond: false, empty: true };
    const positive = range.smallest > 0;
    const way = state.get("values");
    log = positive && (way === "log" || (way === null && metric !== "alpha" && range.inner && range.inner[1] / range.inner[0] > WIDE));
    if (metric === "alpha" && !log && !range.empty) {
      range.low = Math.min(range.low, 1.5);
      range.high = Math.max(range.high, 6.5);
    }
  };
  const yRange = () => {
    if (log) return [range.low / 1.1, range.high * 1.1];
    const room = 0.04 * (range.high - range.low) || Math.abs(range.high) * 0.1 || 1;
    return [range.low - (range.low < 0 || range.low - room >= 0 ? room : range.low), range.high + room];
  };

  const background = (plot, theme) => {
    if (metric === "alpha") shade(plot, 2, 6, theme.faded("--well", 0.09));
  };
  const lines = (plot, theme) => {
    const began = performance.now();
    const { ctx } = plot;
    const [from, to] = stepRange(app);
    const place = places(plot, state.get("scale") === "log", log);
    const share = Math.max(0.28, Math.min(0.85, 12 / Math.sqrt(layers.length || 1) / 2));
    const inks = PHASES.map(({ colour }) => theme.faded(state.get("lines") === "ink" ? "--ink-soft" : colour, share));
    ctx.lineWidth = (layers.length > 40 ? 1 : 1.4) * devicePixelRatio;
    ctx.lineJoin = "round";
    for (const index of layers) strokeLayer(ctx, app.subject.visits[index], metric, place, (phase) => inks[phase], from, to);
    card.dataset.drawMs = (performance.now() - began).toFixed(1);
  };

  /** The chosen and the hovered layer, on a canvas of their own. */
  const drawOver = (plot) => {
    if (!plot) return;
    const { bbox } = plot;
    const unit = devicePixelRatio;
    if (overlay.width !== bbox.width || overlay.height !== bbox.height) {
      overlay.width = bbox.width;
      overlay.height = bbox.height;
      overlay.style.width = `${bbox.width / unit}px`;
      overlay.style.height = `${bbox.height / unit}px`;
    }
    const ctx = overlay.getContext("2d");
    ctx.setTransform(1, 0, 0, 1, 0, 0);
    ctx.clearRect(0, 0, overlay.width, overlay.height);
    ctx.translate(-bbox.left, -bbox.top);
    const place = places(plot, state.get("scale") === "log", log);
    const [from, to] = stepRange(app);
    ctx.lineJoin = "round";
    const one = (index, bold) => {
      const visits = app.subject.visits[index];
      const pair = bounds(app.subject, metric);
      if (pair) fillBand(ctx, visits, pair.low, pair.high, place, app.theme.faded("--ink", bold ? 0.16 : 0.08));
      for (const [width, ink] of [
        [bold ? 6 : 5, app.theme.colour("--paper")],
        [bold ? 2.6 : 2, app.theme.colour(bold ? "--ink" : "--ink-soft")],
      ]) {
        ctx.lineWidth = width * unit;
        strokeLayer(ctx, visits, metric, place, () => ink, from, to);
      }
    };
    const bold = chosen();
    const hovered = app.hovered ?? -1;
    if (hovered >= 0 && hovered !== bold && layers.includes(hovered)) one(hovered, false);
    if (bold >= 0) one(bold, true);
  };

  const ofLayer = (index) => {
    const pair = bounds(app.subject, metric);
    const of = (name) => app.subject.value(index, name, player.step);
    return pair ? interval(of(metric), of(pair.low), of(pair.high)) : number(of(metric));
  };

  const nearestLine = (event, plot) => {
    const y = event.offsetY;
    let best = -1;
    let least = NEAR;
    for (const index of layers) {
      const value = app.subject.value(index, metric, player.step);
      if (Number.isNaN(value)) continue;
      const away = Math.abs(plot.valToPos(value, "y") - y);
      if (away < least) [best, least] = [index, away];
    }
    return best;
  };
  const point = (event, plot) => {
    if (event.target !== plot.over && event.target !== overlay) return;
    const touch = event.pointerType === "touch";
    const tapped = touch && event.type === "click" ? nearestLine(event, plot) : -1;
    // A finger does not hover: a tap chooses.
    if (tapped >= 0) state.set({ layer: app.subject.layers[tapped].id });
    const found = touch ? -1 : nearestLine(event, plot);
    if (found !== (app.hovered ?? -1)) {
      app.hovered = found;
      state.touch("hovered");
    }
    if (found < 0) return hideTip();
    const layer = app.subject.layers[found];
    showTip([h("b", {}, visible(layer.id)), h("div", {}, `${visible(metric)} ${ofLayer(found)}, ${PHASES[app.subject.phase(found, player.step)].word}`)], event.clientX, event.clientY);
    if (event.type === "click") state.set({ layer: layer.id });
  };
  const leave = () => {
    hideTip();
    if ((app.hovered ?? -1) < 0) return;
    app.hovered = -1;
    state.touch("hovered");
  };

  const options = () => ({
    ...timeOptions(app),
    label: `${metric} of the layers`,
    height: Math.max(240, Math.min(380, Math.round(window.innerHeight * 0.42))),
    y: { log, range: yRange },
    series: [{ label: metric, width: 0 }],
    data: [stepRange(app), [null, null]],
    before: [background],
    after: [lines, (plot, theme) => drawMarks(plot, theme, app.subject), (plot) => (drawOver(plot), placeDot(plot))],
    onPoint: point,
    onLeave: leave,
    onBuild: (plot) => {
      plot.over.append(overlay, dot);
    },
  });

  const buttons = () => {
    const colours = [
      { value: "phase", text: "phase", title: "In the colour of the phase that each layer had at the time" },
      { value: "ink", text: "one ink" },
    ];
    const axes = [
      { value: "linear", text: "linear" },
      { value: "log", text: "log" },
    ];
    replace(
      ways,
      choice("Colour of the lines", colours, state.get("lines"), (value) => state.set({ lines: value })),
      range?.smallest > 0 ? choice("Axis of the metric", axes, log ? "log" : "linear", (value) => state.set({ values: value })) : null,
    );
  };

  const draw = () => {
    const { subject } = app;
    if (!subject || metric === null) return;
    layers = app.shown();
    measure();
    buttons();
    card.dataset.lines = String(layers.length);
    card.dataset.metric = metric;
    const outside = range.beyond ? ` The axis ends before the farthest values (${number(range.smallest)} to ${number(range.largest)}).` : "";
    note.textContent = range.empty
      ? "No layer that is shown has a value in these steps."
      : `${plural(layers.length, "layer")}, each value where it was measured.${state.get("lines") === "phase" ? " The colour is the phase at the time." : ""}${outside}`;
    if (drawn) drawn.rebuild(options());
    else {
      drawn = chart(drawing, app, options());
      drawn.setStep(player.step);
    }
    describe();
  };
  const later = throttled(draw);

  const step = () => {
    if (!drawn) return;
    drawn.setStep(player.step);
    if (drawn.plot) placeDot(drawn.plot);
    words(chosen());
  };
  /** Where the chosen layer is at the cursor. */
  const placeDot = (plot) => {
    const bold = chosen();
    const value = bold >= 0 ? app.subject.value(bold, metric, player.step) : NaN;
    const [from, to] = stepRange(app);
    const known = Number.isFinite(value) && player.step >= from && player.step <= to;
    dot.style.display = known ? "block" : "none";
    if (known) dot.style.transform = `translate(${plot.valToPos(player.step, "x")}px, ${plot.valToPos(value, "y")}px)`;
  };
  const name = h("button.link.mono", { type: "button", title: "Open this layer", onclick: () => app.visit(chosen()) });
  const told = h("span.number");
  const words = (bold) => {
    if (bold < 0) {
      readout.textContent = "Choose a line with a click, or with the keys j and k.";
      return;
    }
    if (name.parentNode !== readout) replace(readout, h("i.bold-line", { "aria-hidden": "true" }), name, told);
    const id = app.subject.layers[bold].id;
    if (name.dataset.of !== id) {
      name.dataset.of = id;
      name.textContent = visible(shorten(id, 64));
    }
    told.textContent = `${metric} ${ofLayer(bold)}, ${PHASES[app.subject.phase(bold, player.step)].word}`;
  };
  const describe = () => {
    if (!drawn || range.empty) return;
    const bold = chosen();
    const own = bold >= 0 ? ` ${visible(app.subject.layers[bold].id)}: ${ofLayer(bold)}.` : "";
    drawn.describe(`${metric} of ${plural(layers.length, "layer")} along the run, from ${number(range.smallest)} to ${number(range.largest)}; at step ${stepText(player.step)}.${own}`);
  };

  /** Another metric, another subject, other layers. */
  const build = async () => {
    const { subject } = app;
    const wanted = state.get("metric");
    metrics.fill();
    about.textContent = meaning(subject, wanted);
    const ticket = (asked = `${subject.kind} ${subject.name} ${wanted}`);
    card.dataset.metric = "";
    const found = subject.metrics.has(wanted) && (await atHand(subject, wanted).catch(() => false));
    if (ticket !== asked || subject !== app.subject) return; // another was wanted meanwhile
    if (!found) {
      drawn?.destroy();
      drawn = null;
      metric = null;
      replace(drawing, absent(subject, wanted));
      replace(ways);
      note.textContent = "";
      readout.textContent = "";
      return;
    }
    if (!drawn) replace(drawing);
    metric = wanted;
    draw();
  };
  return {
    build,
    step,
    later,
    rested: describe,
    chosen() {
      drawOver(drawn?.plot);
      step();
    },
  };
}
