// All spectra of a layer along the run: log10 λ against steps, darker where more eigenvalues lie.

import { chart } from "./chart.js";
import { h } from "./dom.js";
import { number, step as stepText } from "./format.js";
import { coalesced } from "./spectrum_laws.js";
import { spectrumAt } from "./subject.js";
import { fromLog, logSplits } from "./ticks.js";
import { lastAtMost } from "./columns.js";

const ROWS = 160; // of the picture, from the smallest to the largest λ

/** `host` is the card of its own. */
export function spectrogram(host, app) {
  const { state } = app;
  const room = h("div.spectrogram-room");
  const legend = h(
    "div.legend",
    {},
    h("span", {}, h("i.heat", { "aria-hidden": "true" }), "more eigenvalues"),
    h("span", { style: { "--colour": "var(--tail)" } }, h("i", { "aria-hidden": "true" }), "xmin"),
    h("span", { style: { "--colour": "var(--noise-ink)" } }, h("i.dashed", { "aria-hidden": "true" }), "edge of the noise"),
  );
  const card = host;
  card.hidden = true;
  card.append(h("div.card-head", {}, h("h2", {}, "Along the run"), legend), room);
  let plot = null;
  let spectra = null;
  let index = -1;
  let image = null; // {key, canvas}
  let span = [0, 1];

  const take = (at, found) => {
    index = at;
    spectra = found && found.steps.length > 1 ? found : null;
    card.hidden = !spectra;
    image = null;
    if (spectra) build();
  };

  const ends = () => {
    let low = Infinity;
    let high = -Infinity;
    for (let k = 0; k < spectra.steps.length; k++) {
      if (Number.isNaN(spectra.low[k])) continue;
      low = Math.min(low, spectra.low[k]);
      high = Math.max(high, spectra.high[k]);
    }
    if (!(high > low)) return [low - 0.5, low + 0.5];
    const room_ = 0.03 * (high - low);
    return [low - room_, high + room_];
  };

  const build = () => {
    span = ends();
    const { subject } = app;
    const series = ["xmin", "bulk_edge"].map((name) => Array.from(spectra.steps, (at) => {
      const value = Math.log10(subject.value(index, name, at));
      return Number.isFinite(value) ? value : null;
    }));
    const options = {
      label: `Spectra of ${spectra.steps.length} visits, from step ${stepText(spectra.steps[0])} to ${stepText(spectra.steps.at(-1))}: λ from ${number(10 ** span[0])} to ${number(10 ** span[1])}`,
      height: 250,
      cursor: true,
      x: { log: state.get("scale") === "log" ? "steps" : false, range: () => [subject.firstStep, Math.max(subject.lastStep, subject.firstStep + 1)], format: (value) => stepText(value, true), grid: false },
      y: { label: "eigenvalue λ", range: span, splits: logSplits(5), format: fromLog, grid: false },
      series: [
        { label: "xmin", colour: "--tail", width: 1.6 },
        { label: "edge", colour: "--noise-ink", width: 1.6, dash: [5, 3] },
      ],
      data: [Array.from(spectra.steps), ...series],
      before: [heat],
      onScrub: (at) => app.player.scrub(at),
    };
    if (plot) plot.rebuild(options);
    else plot = chart(room, app, options);
    plot.element.dataset.role = "spectrogram";
    plot.setStep(app.player.step);
  };

  /** One column of the picture a pixel of the axis: the spectrum that was the last at its step. */
  const heat = (made, theme) => {
    const { bbox } = made;
    const width = Math.max(1, Math.round(bbox.width / devicePixelRatio));
    const key = `${width} ${document.documentElement.dataset.theme} ${state.get("scale")} ${app.subject.lastStep} ${spectra.steps.length}`;
    if (image?.key !== key) image = { key, canvas: picture(made, theme, width) };
    made.ctx.imageSmoothingEnabled = false;
    made.ctx.drawImage(image.canvas, bbox.left, bbox.top, bbox.width, bbox.height);
  };

  const picture = (made, theme, width) => {
    const canvas = h("canvas", { width, height: ROWS });
    const pixels = new ImageData(width, ROWS);
    const shades = ramp(theme);
    let tallest = 1;
    const columns = new Map();
    const column = (at) => {
      if (!columns.has(at)) {
        const one = spectrumAt(spectra, spectra.steps[at]);
        const bins = Number.isFinite(one.low) ? coalesced(one) : null;
        if (bins) for (const count of bins.counts) tallest = Math.max(tallest, count / bins.width);
        columns.set(at, bins);
      }
      return columns.get(at);
    };
    const places = Int32Array.from({ length: width }, (_, px) => lastAtMost(spectra.steps, made.posToVal(px + 0.5, "x")));
    for (const at of places) if (at >= 0) column(at);
    // Density, since bins of two visits differ in width; its logarithm, or one crowded bin would hide all others.
    const full = Math.log1p(tallest);
    places.forEach((at, px) => {
      const bins = at < 0 ? null : column(at);
      if (!bins) return;
      for (let row = 0; row < ROWS; row++) {
        const bin = Math.floor((span[1] - ((row + 0.5) / ROWS) * (span[1] - span[0]) - bins.low) / bins.width);
        const count = bins.counts[bin];
        if (!count) continue;
        const shade = shades[Math.min(255, Math.round((255 * Math.log1p(count / bins.width)) / full))];
        pixels.data.set(shade, 4 * (row * width + px));
      }
    });
    canvas.getContext("2d").putImageData(pixels, 0, 0);
    return canvas;
  };

  const step = () => plot && !card.hidden && plot.setStep(app.player.step);
  const rescale = () => spectra && build();
  return { take, step, rescale };
}

/** 256 shades from paper to ink. */
function ramp(theme) {
  const paper = theme.rgb("--paper");
  const middle = theme.rgb("--spectrum");
  const ink = theme.rgb("--deep");
  return Array.from({ length: 256 }, (_, k) => {
    const share = k / 255;
    const [from, to, part] = share < 0.5 ? [paper, middle, share * 2] : [middle, ink, share * 2 - 1];
    return [...from.map((value, i) => Math.round(value + (to[i] - value) * part)), 255];
  });
}
