// Layers × steps as a picture: one row a layer, one column a pixel, the colour of what held at that step.

import { packed } from "./colour_scale.js";
import { PHASES, rgb } from "./phases.js";

const SHARES = 20; // shades of a phase

/** Words of a canvas for phase and confidence; the last shade of each phase is that of an unknown confidence. */
export function phasePainter(theme) {
  const row = SHARES + 2;
  const table = new Uint32Array(PHASES.length * row);
  for (const { code } of PHASES) {
    for (let share = 0; share < row; share++) table[code * row + share] = packed(rgb(code, share > SHARES ? NaN : share / SHARES, theme));
  }
  // x === x: not NaN. Called once for each of 300,000 pixels.
  return (phase, confidence) => table[phase * row + (confidence === confidence ? Math.min(SHARES, Math.max(0, Math.round(confidence * SHARES))) : SHARES + 1)];
}

/** The words of a picture: `layers` rows of `steps.length` columns. `paint(visits)(at)`: the word of a visit; 0 before the first. */
export function picture(subject, layers, steps, paint) {
  const columns = steps.length;
  const words = new Uint32Array(layers.length * columns);
  layers.forEach((index, row) => {
    const visits = subject.visits[index];
    const wordOf = paint(visits);
    const measured = visits.steps.values;
    let at = -1;
    let word = 0;
    for (let column = 0; column < columns; column++) {
      let moved = false;
      while (at + 1 < measured.length && measured[at + 1] <= steps[column]) {
        at++;
        moved = true;
      }
      if (moved) word = wordOf(at);
      words[row * columns + column] = word;
    }
  });
  return words;
}

/** For a metric: its value at a visit, or the last back to a whole look, as a word. */
export function metricPainter(metric, wordOf) {
  return (visits) => {
    const values = visits.series.get(metric)?.values;
    const kinds = visits.kinds.values;
    if (!values) return () => 0;
    return (at) => {
      for (let k = at; k >= 0; k--) {
        if (!Number.isNaN(values[k])) return Number.isFinite(values[k]) ? wordOf(values[k]) : 0;
        if (kinds[k] === 0) return 0;
      }
      return 0;
    };
  };
}

/** Words as a canvas. */
export function canvasOf(words, width, height) {
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, width);
  canvas.height = Math.max(1, height);
  if (width && height) canvas.getContext("2d").putImageData(new ImageData(new Uint8ClampedArray(words.buffer), width, height), 0, 0);
  return canvas;
}
