// The spectrum of a layer at the cursor, with what belongs to it, each part to be switched off.

import { chart } from "./chart.js";
import { choice, h, replace, visible } from "./dom.js";
import { step as stepText } from "./format.js";
import { paint } from "./spectrum_paint.js";
import { limits, scene } from "./spectrum_scene.js";
import { hover, trapWords, words } from "./spectrum_words.js";
import { countSplits, fromLog, logSplits } from "./ticks.js";
import { hideTip, pairs, showTip } from "./tooltip.js";

const HEIGHT = 380;
const OVERLAYS = [
  ["null", "nothing learned, 95 %", "area", "--noise", "Where the counts of a matrix of this shape and variance would lie that has learned nothing."],
  ["bulk", "noise fitted to the bulk", "dash", "--noise-ink", "The Marchenko–Pastur law with the variance that fits the bulk."],
  ["edge", "its edge", "dot", "--noise-ink", "The largest eigenvalue that the fitted noise would have."],
  ["tail", "fitted tail, 95 %", "line", "--tail", "The power law from xmin to the largest eigenvalue; shaded: the interval of α."],
  ["xmin", "xmin", "dot", "--tail", "Where the fitted tail begins."],
  ["shuffled", "entries shuffled", "line", "--shuffled", "The spectrum of the same entries in random places."],
  ["traps", "traps", "triangle", "--shuffled", "Eigenvalues of the shuffled matrix that stand above the edge of noise."],
  ["rug", "single eigenvalues", "tick", "--ink", "One tick for each eigenvalue of the tail."],
];

export function spectrumView(host, app) {
  const { state } = app;
  const kinds = h("div.kinds");
  const step = h("span.soft.small.spectrum-step");
  const room = h("div.spectrum-room");
  const nothing = h("p.soft.empty", { hidden: true, "data-role": "no-spectrum" });
  const legend = h("div.overlays", { role: "group", "aria-label": "What the picture shows" });
  const told = h("p.spectrum-words");
  host.append(h("div.card-head", {}, h("h2", {}, "Spectrum"), step, kinds), h("div.spectrum-frame", {}, room, nothing), legend, told);
  const boxes = new Map();
  let made = null; // the scene
  let axes = null;
  let spectra = null;
  let index = -1;
  let plot = null;
  let drawn = "";
  let problem = null;

  const hidden = () => new Set(state.get("hide").split(",").filter(Boolean));
  const kind = () => (state.get("spectrum") === "rank" ? "rank" : "density");

  for (const [key, text, form, colour, title] of OVERLAYS) {
    const input = h("input", { type: "checkbox", onchange: () => toggle(key) });
    const box = h("label.check", { title, "data-overlay": key, style: { "--colour": `var(${colour})` } }, input, h("i", { "data-form": form, "aria-hidden": "true" }), text);
    boxes.set(key, { input, box, title });
    legend.append(box);
  }

  const toggle = (key) => {
    const off = hidden();
    if (!off.delete(key)) off.add(key);
    state.set({ hide: [...off].sort().join(",") });
  };

  const build = () => {
    const options = {
      label: "Spectrum",
      height: HEIGHT,
      x: { label: "eigenvalue λ", range: kind() === "density" ? axes.x : axes.above, splits: logSplits(), format: fromLog },
      y: { label: kind() === "density" ? "eigenvalues in a bin" : "eigenvalues at or above λ", range: axes[kind()], splits: countSplits(), format: fromLog },
      series: [{ label: "λ", show: false }],
      data: [axes.x, [null, null]],
      after: [(now, theme) => made && paint(now, theme, made, kind(), hidden(), app.subject.document.rigidity)],
      onPoint: (event) => point(event),
      onLeave: hideTip,
    };
    drawn = `${index} ${kind()}`;
    if (plot) plot.rebuild(options);
    else plot = chart(room, app, options);
    plot.element.dataset.role = "spectrum";
  };

  const point = (event) => {
    if (!made || event.type === "click") return;
    const { over } = plot.plot;
    const box = over.getBoundingClientRect();
    const left = event.clientX - box.left;
    const trap = hidden().has("traps") ? null : made.traps.find(({ x }) => Math.abs(plot.plot.valToPos(x, "x") - left) < 7 && Math.abs(event.clientY - box.top - 40) < 12);
    const x = plot.plot.posToVal(left, "x");
    showTip(trap ? trapWords(trap) : pairs(hover({ ...made, rigidity: app.subject.document.rigidity }, x, kind())), event.clientX, event.clientY);
  };

  /** Take up a layer; `found`: its spectra, or null, with the problem there was. */
  const take = (at, found, told = null) => {
    index = at;
    problem = told;
    spectra = found?.steps.length ? found : null;
    axes = spectra ? limits(app.subject, index, spectra) : null;
    drawn = "";
    host.setAttribute("aria-busy", "false");
    refresh();
  };

  const wait = () => {
    host.setAttribute("aria-busy", "true");
    for (const part of [room, legend, told]) part.hidden = false; // their room, until it is known what comes
    nothing.hidden = true;
  };

  const refresh = () => {
    replace(
      kinds,
      spectra
        ? choice("Form", [{ value: "density", text: "counts", title: "Counts in bins of equal width in log λ" }, { value: "rank", text: "ranks", title: "How many eigenvalues are at or above each λ" }], kind(), (value) => state.set({ spectrum: value }))
        : null,
    );
    update();
  };

  const update = () => {
    const at = app.player.step;
    made = spectra ? scene(app.subject, index, spectra, at) : null;
    for (const part of [room, legend, told]) {
      part.classList.toggle("away", !made);
      part.hidden = !spectra;
    }
    nothing.hidden = Boolean(made);
    if (!made) {
      nothing.textContent = problem ? `The spectrum cannot be had: ${visible(problem)}.` : why(app, index, spectra);
      step.textContent = "";
      if (plot) plot.element.dataset.step = "";
      return;
    }
    step.textContent = app.subject.moves ? when(made.spectrum.step, at) : "";
    told.textContent = words(made, kind() === "density" ? axes.x[0] : axes.above[0]);
    available();
    if (drawn !== `${index} ${kind()}`) build();
    else plot.redraw();
    plot.element.dataset.step = String(made.spectrum.step);
    plot.element.dataset.layer = app.subject.layers[index].id;
  };

  /** Which parts this spectrum has; the others are there, and say why they are not. */
  const available = () => {
    const { moves } = app.subject;
    const noTail = Number.isFinite(made.alpha) ? "Where the fitted tail begins was not measured." : "No power law can be fitted.";
    const missing = {
      null: made.null ? null : "No law of noise for this matrix, or its variance is not in this file.",
      bulk: made.bulk ? null : "No noise was fitted to the bulk at this step, or it is not in this file.",
      edge: Number.isFinite(made.edge) ? null : "No noise was fitted to the bulk.",
      tail: made.tail ? null : noTail,
      xmin: made.tail ? null : noTail,
      shuffled: made.shuffled ? null : moves ? "A run keeps no shuffled spectra." : "The scan kept no shuffled spectrum: scan with --spectra --randomize.",
      traps: made.traps.length ? null : moves && app.player.step < app.subject.lastStep ? "Traps are known of the last visit." : "No trap.",
      rug: null,
    };
    const { tail, spectrum } = made;
    boxes.get("rug").box.title = tail && tail.count > spectrum.tail.length ? `The largest ${spectrum.tail.length} are known one by one.` : boxes.get("rug").title;
    const off = hidden();
    for (const [key, { input, box, title }] of boxes) {
      const reason = missing[key];
      if (input.checked !== (!reason && !off.has(key))) input.checked = !reason && !off.has(key);
      if (input.disabled === Boolean(reason)) continue;
      input.disabled = Boolean(reason);
      box.title = reason ?? title;
      box.classList.toggle("none", Boolean(reason));
    }
  };

  const describe = () => made && plot?.describe(`Spectrum of ${visible(app.subject.layers[index].id)}${app.subject.moves ? ` at step ${stepText(made.spectrum.step)}` : ""}. ${told.textContent}`);

  return { take, wait, update, refresh, describe };
}

function when(step, cursor) {
  return step === cursor ? `at step ${stepText(step)}` : `at step ${stepText(step)}, the last whole look before step ${stepText(cursor)}`;
}

/** Why there is nothing to see. */
function why(app, index, spectra) {
  const { subject } = app;
  const layer = subject.layers[index];
  if (!layer) return "There is no layer to look at.";
  if (layer.status !== "ok") return visible(`${subject.document.reasons[layer.reason] ?? "This tensor has no result."} ${layer.detail ?? ""}`.trim());
  if (spectra) return `The first spectrum of this layer is of step ${stepText(spectra.steps[0])}.`;
  const told = subject.document.missing.filter((sentence) => /spectr/i.test(sentence));
  return told.length ? told.map(visible).join(" ") : "No spectrum of this layer was kept.";
}
