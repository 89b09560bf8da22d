// A against B, a mark a layer: on the diagonal nothing changed.

import { chart } from "./chart.js";
import { h, visible } from "./dom.js";
import { interval, number } from "./format.js";
import { valueRange } from "./line_drawing.js";
import { mark } from "./marks.js";
import { PHASES } from "./phases.js";
import { hideTip, showTip } from "./tooltip.js";
import { signed } from "./compare_headline.js";

const NEAR = 14; // px from the pointer to a mark that it means
const WIDE = 100; // largest by smallest, from where axes are logarithmic

export function scatter(host, app) {
  const drawing = h("div");
  const note = h("p.soft.small");
  const card = h("section.card.half", { "data-role": "compare-scatter", "aria-label": "A against B" }, h("div.card-head", {}, h("h2", {}, "A against B")), drawing, note);
  host.append(card);
  let drawn = null;
  let key = null;
  let rows = [];
  let range = null;

  /** One range for both axes, over all steps of both sides: it does not move with a cursor. */
  const measure = (a, b, found, metric) => {
    const all = [a, b].map((subject, at) => valueRange(subject, found.rows.map((row) => (at ? row.b : row.a)), metric, -Infinity, Infinity)).filter(Boolean);
    if (!all.length) return { low: 0, high: 1, log: false, empty: true };
    const low = Math.min(...all.map((one) => one.low));
    const high = Math.max(...all.map((one) => one.high));
    const log = low > 0 && high / low > WIDE && metric !== "alpha";
    if (log) return { low: low / 1.15, high: high * 1.15, log };
    const room = 0.05 * (high - low) || Math.abs(high) * 0.1 || 1;
    return { low: low - room, high: high + room, log };
  };
  const inside = (value) => Math.min(range.high, Math.max(range.low, value));

  const points = (plot, theme) => {
    const { ctx } = plot;
    const unit = devicePixelRatio;
    const at = (x, y) => [plot.valToPos(x, "x", true), plot.valToPos(y, "y", true)];
    ctx.strokeStyle = theme.colour("--ink-faint");
    ctx.lineWidth = unit;
    ctx.setLineDash([4 * unit, 4 * unit]);
    ctx.beginPath();
    ctx.moveTo(...at(range.low, range.low));
    ctx.lineTo(...at(range.high, range.high));
    ctx.stroke();
    ctx.setLineDash([]);
    const size = (rows.length > 120 ? 3.2 : 4.5) * unit;
    for (const row of rows) {
      if (!Number.isFinite(row.delta)) continue;
      const phase = PHASES[row.phaseA ?? 5];
      ctx.globalAlpha = row.counted ? 0.8 : 0.35;
      ctx.fillStyle = theme.colour(phase.colour);
      mark(ctx, phase.name, ...at(inside(row.valueA), inside(row.valueB)), size);
    }
    ctx.globalAlpha = 1;
    const chosen = rows.find((row) => row.id === app.state.get("layer"));
    if (!chosen || !Number.isFinite(chosen.delta)) return;
    const [x, y] = at(inside(chosen.valueA), inside(chosen.valueB));
    ctx.strokeStyle = theme.colour("--ink");
    ctx.lineWidth = 1.4 * unit;
    ctx.beginPath();
    if (Number.isFinite(chosen.lowA)) {
      ctx.moveTo(at(chosen.lowA, 1)[0], y);
      ctx.lineTo(at(chosen.highA, 1)[0], y);
    }
    if (Number.isFinite(chosen.lowB)) {
      ctx.moveTo(x, at(1, chosen.lowB)[1]);
      ctx.lineTo(x, at(1, chosen.highB)[1]);
    }
    ctx.stroke();
    ctx.beginPath();
    ctx.arc(x, y, 8 * unit, 0, 2 * Math.PI);
    ctx.stroke();
  };

  const nearest = (event, plot) => {
    let best = null;
    let least = NEAR;
    for (const row of rows) {
      if (!Number.isFinite(row.delta)) continue;
      const away = Math.hypot(plot.valToPos(inside(row.valueA), "x") - event.offsetX, plot.valToPos(inside(row.valueB), "y") - event.offsetY);
      if (away < least) [best, least] = [row, away];
    }
    return best;
  };
  const point = (event, plot) => {
    const row = nearest(event, plot);
    plot.over.style.cursor = row ? "pointer" : "";
    if (!row) return hideTip();
    showTip(
      [
        h("b", {}, visible(row.id)),
        h("div", {}, `A ${interval(row.valueA, row.lowA, row.highA)}`),
        h("div", {}, `B ${interval(row.valueB, row.lowB, row.highB)}`),
        h("div", {}, `B − A ${signed(row.delta)}`),
      ],
      event.clientX,
      event.clientY,
    );
  };
  const pick = (_x, plot, event) => {
    const row = nearest(event, plot);
    if (!row) return;
    if (event.pointerType === "touch" && app.state.get("layer") !== row.id) return app.state.set({ layer: row.id });
    hideTip();
    app.visit(row.a);
  };

  return {
    draw(sideA, sideB, found, compared, metric) {
      rows = compared;
      const wanted = `${sideA.subject.kind}\n${sideA.subject.name}\n${sideB.subject.kind}\n${sideB.subject.name}\n${metric}\n${sideA.subject.frame}`;
      if (wanted !== key) {
        key = wanted;
        range = measure(sideA.subject, sideB.subject, found, metric);
        const ends = [range.low, range.high];
        const options = {
          label: "A against B",
          height: window.innerWidth < 640 ? 320 : 430,
          x: { log: range.log, range: ends, label: `${metric} in A` },
          y: { log: range.log, range: ends, label: `${metric} in B` },
          series: [{ label: metric, width: 0 }],
          data: [ends, [null, null]],
          after: [points],
          onPoint: point,
          onPick: pick,
          onLeave: hideTip,
        };
        if (drawn) drawn.rebuild(options);
        else drawn = chart(drawing, app, options);
      } else drawn.redraw();
      const shown = rows.filter((row) => Number.isFinite(row.delta));
      const above = shown.filter((row) => row.delta > 0).length;
      card.dataset.points = String(shown.length);
      note.textContent = shown.length ? `Colour and shape: phase in A. ${above} of ${shown.length} lie above the diagonal, larger in B.` : "No layer has the metric on both sides.";
      drawn.describe(`${metric} in B against A for ${shown.length} layers, from ${number(range.low)} to ${number(range.high)}; ${above} are larger in B.`);
    },
  };
}
