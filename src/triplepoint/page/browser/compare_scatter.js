// B against A, a mark a layer: on the diagonal nothing changed.

import { chart } from "./chart.js";
import { h, visible } from "./dom.js";
import { interval, number } from "./format.js";
import { mark } from "./marks.js";
import { PHASES, UNSEEN } from "./phases.js";
import { hideTip, showTip } from "./tooltip.js";
import { signed } from "./compare_headline.js";

const NEAR = 14; // px from the pointer to a mark that it means
const WIDE = 100; // largest by smallest, from where axes are logarithmic

export function scatter(host, app) {
  const drawing = h("div");
  const note = h("p.soft.small");
  const card = h("section.card.half", { "data-role": "compare-scatter", "aria-label": "B against A" }, h("div.card-head", {}, h("h2", {}, "B against A")), drawing, note);
  host.append(card);
  let drawn = null;
  let metric = null;
  let rows = [];
  let range = null;

  /** One range for both axes; a few far values do not press all others together, and stand at the edge. */
  const measure = () => {
    const values = Float64Array.from(rows.flatMap((row) => (Number.isFinite(row.delta) ? [row.valueA, row.valueB] : []))).sort();
    if (!values.length) return { low: 0, high: 1, log: false };
    const of = (share) => values[Math.round(share * (values.length - 1))];
    const span = of(0.99) - of(0.01);
    const far = span > 0 && of(1) - of(0) > 3 * span;
    const low = far ? Math.max(of(0), of(0.01) - 0.3 * span) : of(0);
    const high = far ? Math.min(of(1), of(0.99) + 0.3 * span) : of(1);
    if (of(0) > 0 && of(1) / of(0) > WIDE && metric !== "alpha") return { low: of(0) / 1.15, high: of(1) * 1.15, log: true };
    const room = 0.05 * (high - low) || Math.abs(high) * 0.1 || 1;
    return { low: low - room, high: high + room, log: false };
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
      const phase = PHASES[row.phaseB ?? UNSEEN];
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
    app.visit(row.b);
  };

  const options = () => {
    const ends = [range.low, range.high];
    return {
      label: "B against A",
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
  };

  return {
    /** The marks where they are now, on the axes as they are. */
    draw(compared, wanted) {
      rows = compared;
      if (wanted !== metric) range = null;
      metric = wanted;
      if (drawn && range) drawn.redraw();
      const shown = rows.filter((row) => Number.isFinite(row.delta));
      const above = shown.filter((row) => row.delta > 0).length;
      card.dataset.points = String(shown.length);
      note.textContent = shown.length ? `Colour and shape: phase in B. ${above} of ${shown.length} lie above the diagonal, larger in B.` : "No layer has the metric on both sides.";
    },
    /** Axes for the marks of now, once the cursor rests. */
    fit() {
      range = measure();
      if (drawn) drawn.rebuild(options());
      else drawn = chart(drawing, app, options());
      const shown = rows.filter((row) => Number.isFinite(row.delta));
      const above = shown.filter((row) => row.delta > 0).length;
      drawn.describe(`${metric} in B against A for ${shown.length} layers, between ${number(range.low)} and ${number(range.high)}; ${above} are larger in B.`);
    },
  };
}
