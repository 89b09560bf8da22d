// The map: every layer at every step, by phase or by a metric. Hovering moves the cursor and names the layer.

import { drawMarks } from "./alert_marks.js";
import { chart } from "./chart.js";
import { painter, scaleLegend } from "./colour_scale.js";
import { choice, h, replace, visible } from "./dom.js";
import { number, plural, shorten, step as stepText } from "./format.js";
import { canvasOf, metricPainter, phasePainter, picture } from "./heat.js";
import { valueRange } from "./line_drawing.js";
import { sureness } from "./layer_words.js";
import { absent, atHand } from "./metric_choice.js";
import { GRAVEST, PHASES } from "./phases.js";
import { mapAxis, mapHeight } from "./map_axis.js";
import { resting } from "./resting.js";
import { stepRange, timeOptions } from "./steps_axis.js";
import { throttled } from "./throttled.js";
import { hideTip, showTip } from "./tooltip.js";

const WIDE = 100; // largest by smallest, from where colours are logarithmic

export function timeMap(host, app) {
  const { state, player } = app;
  const ways = h("div.toolbar");
  const legend = h("div.legend.map-legend");
  const drawing = h("div");
  const note = h("p.soft.small");
  const card = h(
    "section.card",
    { "data-role": "phase-map", "aria-label": "Every layer at every step" },
    h("div.card-head", {}, h("h2", {}, "Map of the layers"), ways),
    legend,
    drawing,
    note,
  );
  host.append(card);
  const row = h("div.map-row", { "aria-hidden": "true" });
  const counts = new Map();
  let drawn = null;
  let layers = [];
  let shows = "phase";
  let range = null;
  let log = false;
  let asked = null;

  const image = (plot, theme) => {
    const began = performance.now();
    const { ctx, bbox } = plot;
    if (!layers.length) return;
    const columns = Math.max(1, Math.min(2000, Math.round(bbox.width / devicePixelRatio)));
    const steps = Float64Array.from({ length: columns }, (_, at) => plot.posToVal(((at + 0.5) * bbox.width) / columns / devicePixelRatio, "x"));
    const phase = phasePainter(theme);
    const paint =
      shows === "phase"
        ? (visits) => {
            const phases = visits.phases.values;
            const confidence = visits.confidence.values;
            return (at) => phase(phases[at], confidence[at]);
          }
        : metricPainter(shows, painter(range.low, range.high, log));
    const made = canvasOf(picture(app.subject, layers, steps, paint), columns, layers.length);
    // Rows thinner than a pixel are mixed, not dropped.
    ctx.imageSmoothingEnabled = layers.length > bbox.height;
    ctx.drawImage(made, bbox.left, bbox.top, bbox.width, bbox.height);
    card.dataset.drawMs = (performance.now() - began).toFixed(1);
  };

  /** Alerts of single layers, on their rows. */
  const spots = (plot, theme) => {
    const rows = new Map(layers.map((index, at) => [index, at]));
    const { ctx } = plot;
    const unit = devicePixelRatio;
    for (const alert of app.subject.alerts) {
      if (alert.state !== "raised" || alert.layer === null || !rows.has(alert.layer)) continue;
      const x = plot.valToPos(alert.step, "x", true);
      const y = plot.valToPos(layers.length - rows.get(alert.layer) - 0.5, "y", true);
      ctx.beginPath();
      ctx.arc(x, y, 3 * unit, 0, 2 * Math.PI);
      ctx.fillStyle = theme.colour(`--${alert.severity}`);
      ctx.strokeStyle = theme.colour("--paper");
      ctx.lineWidth = 1.2 * unit;
      ctx.fill();
      ctx.stroke();
    }
  };

  const rowAt = (event, plot) => {
    const at = layers.length - 1 - Math.floor(plot.posToVal(event.offsetY, "y"));
    return layers[Math.min(layers.length - 1, Math.max(0, at))] ?? -1;
  };
  const point = (event, plot) => {
    const found = rowAt(event, plot);
    if (found < 0) return;
    const touch = event.pointerType === "touch";
    if (!touch && found !== (app.hovered ?? -1)) {
      app.hovered = found;
      state.touch("hovered");
    }
    if (touch) goes();
    const { subject } = app;
    const layer = subject.layers[found];
    const said = subject.visits[found].at(player.step) < 0 ? "not looked at yet" : phaseWords(subject, found, player.step);
    showTip(
      [h("b", {}, visible(layer.id)), h("div", {}, `Step ${stepText(player.step)}: ${said}`), shows === "phase" ? null : h("div", {}, `${shows} ${number(subject.value(found, shows, player.step))}`)],
      event.clientX,
      event.clientY,
    );
  };
  const goes = resting(hideTip, 2500); // a finger that is gone tells nobody
  const pick = (_x, plot, event) => {
    const found = rowAt(event, plot);
    if (found < 0) return;
    // A tap of a finger is how it names a row; a second one on the same row opens it.
    const id = app.subject.layers[found].id;
    if (event.pointerType === "touch" && state.get("layer") !== id) return state.set({ layer: id });
    hideTip();
    app.visit(found);
  };
  const leave = () => {
    hideTip();
    if ((app.hovered ?? -1) < 0) return;
    app.hovered = -1;
    state.touch("hovered");
  };

  const options = () => ({
    ...timeOptions(app),
    label: "Map of the layers",
    height: mapHeight(layers.length),
    y: { range: [0, Math.max(1, layers.length)], ...mapAxis(app.subject, layers) },
    series: [{ label: "", width: 0 }],
    data: [stepRange(app), [null, null]],
    after: [image, spots, (plot, theme) => drawMarks(plot, theme, app.subject, false), mark],
    onPoint: point,
    onPick: pick,
    onLeave: leave,
    onBuild: (plot) => {
      plot.over.append(row);
    },
  });

  /** A frame around the row of the hovered layer, else of the chosen one. */
  const mark = (plot) => {
    if (!plot) return;
    const wanted = (app.hovered ?? -1) >= 0 ? app.hovered : app.subject.byId.get(state.get("layer"));
    const at = layers.indexOf(wanted);
    row.style.display = at < 0 ? "none" : "block";
    if (at < 0) return;
    const high = plot.bbox.height / devicePixelRatio / layers.length;
    row.style.height = `${Math.max(3, high)}px`;
    row.style.transform = `translateY(${at * high - Math.max(0, 3 - high) / 2}px)`;
  };

  const buttons = () => {
    const metric = state.get("metric");
    const kinds = [
      { value: "phase", text: "phase" },
      { value: "metric", text: visible(metric), title: "The metric that is chosen above" },
    ];
    replace(ways, choice("What the map shows", kinds, state.get("map"), (value) => state.set({ map: value })));
  };

  const legends = () => {
    counts.clear();
    if (shows !== "phase") {
      const marks = shows === "alpha" ? [2, 6] : [];
      replace(legend, h("span", {}, visible(shows)), range.empty ? "no values" : scaleLegend(range.low, range.high, log, { beyond: range.beyond, marks }));
      return;
    }
    const chosen = new Set(state.get("phase").split(",").filter(Boolean).map(Number));
    const present = new Set(app.subject.primary.flatMap((index) => [...new Set(app.subject.visits[index].phases.values)]));
    replace(
      legend,
      [...GRAVEST]
        .filter((code) => present.has(code) || chosen.has(code))
        .map((code) => {
          const phase = PHASES[code];
          const count = h("b");
          counts.set(code, count);
          return h(
            "button.chip",
            { type: "button", "aria-pressed": String(chosen.has(code)), title: phase.hint ?? phase.word, style: { "--colour": `var(${phase.colour})` }, onclick: () => toggle(code) },
            h("i", { "aria-hidden": "true" }),
            phase.word,
            count,
          );
        }),
      h("span.soft", {}, "pale: unsure"),
    );
    step();
  };
  const toggle = (code) => {
    const chosen = new Set(state.get("phase").split(",").filter(Boolean));
    if (!chosen.delete(String(code))) chosen.add(String(code));
    state.set({ phase: [...chosen].sort().join(",") });
  };

  const draw = () => {
    const { subject } = app;
    if (!subject) return;
    layers = app.shown();
    if (shows !== "phase") {
      range = valueRange(subject, layers, shows, ...stepRange(app)) ?? { low: 0, high: 1, smallest: NaN, beyond: false, empty: true };
      log = range.smallest > 0 && range.inner && range.inner[1] / range.inner[0] > WIDE;
      // Colours spread over most of the values; those beyond have the colour of the end.
      if (range.inner && range.inner[1] > range.inner[0]) {
        range.beyond = range.inner[0] > range.smallest || range.inner[1] < range.largest;
        [range.low, range.high] = range.inner;
      }
    }
    legends();
    card.dataset.rows = String(layers.length);
    card.dataset.shows = shows;
    note.textContent = layers.length
      ? `${plural(layers.length, "layer")} in the order of the checkpoint; what was last measured holds until the next look. Click opens a layer.`
      : "No layer passes the filters.";
    if (drawn) drawn.rebuild(options());
    else {
      drawn = chart(drawing, app, options());
      drawn.setStep(player.step);
    }
    describe();
  };
  const later = throttled(draw);

  const step = () => {
    drawn?.setStep(player.step);
    if (!counts.size) return;
    const found = PHASES.map(() => 0);
    for (const index of app.subject.primary) found[app.subject.phase(index, player.step)]++;
    for (const [code, element] of counts) element.textContent = String(found[code]);
  };
  const describe = () => {
    if (!drawn) return;
    const found = PHASES.map(() => 0);
    for (const index of layers) found[app.subject.phase(index, player.step)]++;
    const words = GRAVEST.filter((code) => found[code]).map((code) => `${found[code]} ${PHASES[code].word}`);
    drawn.describe(`Map of ${plural(layers.length, "layer")} over the steps. At step ${stepText(player.step)}: ${words.join(", ")}.`);
  };

  const build = async () => {
    const { subject } = app;
    buttons();
    const wanted = state.get("map") === "metric" ? state.get("metric") : "phase";
    const ticket = (asked = `${subject.kind} ${subject.name} ${wanted}`);
    const found = wanted === "phase" || (subject.metrics.has(wanted) && (await atHand(subject, wanted).catch(() => false)));
    if (ticket !== asked || subject !== app.subject) return;
    if (!found) {
      drawn?.destroy();
      drawn = null;
      replace(legend);
      replace(drawing, absent(subject, wanted));
      note.textContent = "";
      return;
    }
    if (!drawn) replace(drawing);
    shows = wanted;
    draw();
  };
  return { build, step, later, rested: describe, hovered: () => mark(drawn?.plot), legends };
}

function phaseWords(subject, index, step) {
  const confidence = subject.confidence(index, step);
  const code = subject.phase(index, step);
  return [PHASES[code].word, sureness(code, confidence)].filter(Boolean).join(", ");
}
