// The spectrum of one layer on both sides, one over the other.

import { chart } from "./chart.js";
import { h, replace, visible } from "./dom.js";
import { shorten, step as stepText, whole } from "./format.js";
import { coalesced } from "./spectrum_laws.js";
import { spectrumAt } from "./subject.js";
import { fromLog, logSplits } from "./ticks.js";

const INKS = ["--side-a", "--side-b"];

export function overlaidSpectra(host, app) {
  const choose = h("select", { onchange: (event) => app.state.set({ layer: event.target.value }) });
  const name = h("button.quiet", { type: "button", title: "Open this layer" }, "open");
  const drawing = h("div");
  const legend = h("div.legend");
  const note = h("p.soft.small");
  const card = h("section.card.half", { "data-role": "compare-spectra", "aria-label": "Spectrum of one layer" }, h("div.card-head", {}, h("h2", {}, "Spectrum"), h("div.toolbar", {}, h("label.field", {}, h("span", {}, "Layer"), choose), name)), drawing, legend, note);
  host.append(card);
  let drawn = null;
  let asked = 0;
  let shapes = [];
  let opened = -1;
  let listed = null;
  name.addEventListener("click", () => opened >= 0 && app.visit(opened));

  const paint = (plot, theme) => {
    const { ctx, bbox } = plot;
    const unit = devicePixelRatio;
    const foot = bbox.top + bbox.height;
    shapes.forEach((bins, side) => {
      if (!bins?.total) return;
      ctx.beginPath();
      ctx.moveTo(plot.valToPos(bins.low, "x", true), foot);
      bins.counts.forEach((count, at) => {
        const y = plot.valToPos(count / bins.total / bins.width, "y", true);
        ctx.lineTo(plot.valToPos(bins.low + at * bins.width, "x", true), y);
        ctx.lineTo(plot.valToPos(bins.low + (at + 1) * bins.width, "x", true), y);
      });
      ctx.lineTo(plot.valToPos(bins.low + bins.counts.length * bins.width, "x", true), foot);
      ctx.fillStyle = theme.faded(INKS[side], 0.14);
      ctx.fill();
      ctx.strokeStyle = theme.colour(INKS[side]);
      ctx.lineWidth = 1.6 * unit;
      ctx.stroke();
    });
  };

  const clear = (words) => {
    drawn?.destroy();
    drawn = null;
    replace(drawing, h("p.soft.absent", {}, words));
    replace(legend);
    note.textContent = "";
    card.dataset.spectra = "0";
  };

  return {
    /** For the matched row `row`, null where there is none; `rows`: those that can be chosen. */
    async draw(sideA, sideB, row, rows) {
      const ticket = ++asked;
      opened = row ? row.b : -1;
      name.hidden = !row;
      const ids = rows.map((one) => one.id).join("\n");
      if (ids !== listed) replace(choose, rows.map((one) => h("option", { value: one.id }, visible(shorten(one.id, 40)))));
      listed = ids;
      if (row) choose.value = row.id;
      if (!row) return clear("No layer is on both sides.");
      const found = await Promise.all([sideA.subject.spectra(row.a), sideB.subject.spectra(row.b)]).catch(() => [null, null]);
      if (ticket !== asked) return;
      const spectra = [spectrumAt(found[0], sideA.step), spectrumAt(found[1], sideB.step)];
      shapes = spectra.map((one) => (one && Number.isFinite(one.low) ? coalesced(one) : null));
      const there = shapes.filter(Boolean);
      if (!there.length) return clear("Neither side has a spectrum of this layer at its step. Runs keep one at each full look; scans with --spectra.");
      const low = Math.min(...there.map((bins) => bins.low));
      const high = Math.max(...there.map((bins) => bins.low + bins.counts.length * bins.width));
      const top = Math.max(...there.map((bins) => Math.max(...bins.counts) / bins.total / bins.width));
      const room = 0.04 * (high - low) || 0.1;
      const ends = [low - room, high + room];
      const options = {
        label: "Spectra",
        height: window.innerWidth < 640 ? 280 : 380,
        x: { range: ends, label: "eigenvalue λ", splits: logSplits(), format: fromLog },
        y: { range: [0, top * 1.06], label: "density per decade" },
        series: [{ label: "density", width: 0 }],
        data: [ends, [null, null]],
        after: [paint],
      };
      if (drawn) drawn.rebuild(options);
      else {
        replace(drawing);
        drawn = chart(drawing, app, options);
      }
      replace(
        legend,
        ["A", "B"].map((letter, side) =>
          h("span", {}, h("i", { style: { "--colour": `var(${INKS[side]})` } }), letter, spectra[side] ? words(side ? sideB : sideA, spectra[side]) : ": no spectrum by then"),
        ),
      );
      const unresolved = spectra.map((one) => one?.unresolved ?? 0);
      note.textContent = unresolved.some((count) => count > 0) ? `Too small to be resolved and not drawn: ${whole(unresolved[0])} in A, ${whole(unresolved[1])} in B.` : "";
      card.dataset.spectra = String(there.length);
      drawn.describe(`Spectra of ${visible(row.id)} in A and B: densities of log λ from ${fromLog(low)} to ${fromLog(high)}.`);
    },
  };
}

function words(side, spectrum) {
  return side.subject.moves ? `: at step ${stepText(spectrum.step)}` : `: ${visible(shorten(side.subject.name, 24))}`;
}
