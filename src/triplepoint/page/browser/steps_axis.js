// The axis of steps that all charts over time share: linear or log, all of it or a stretch.

import { step as stepText } from "./format.js";

const WHOLE = Array.from({ length: 48 }, (_, at) => [1, 2, 5][at % 3] * 10 ** Math.floor(at / 3)); // there is no half a step

/** [first, last] step that charts show. */
export function stepRange(app) {
  const { state, subject } = app;
  const low = state.get("from") ?? subject.firstStep;
  const high = state.get("to") ?? subject.lastStep;
  if (high > low) return [low, high];
  return subject.lastStep > subject.firstStep ? [subject.firstStep, subject.lastStep] : [Math.max(0, low - 1), low + 1];
}

export function zoomed(app) {
  return app.state.get("from") !== null || app.state.get("to") !== null;
}

/** Show a stretch; an end at the end of the run stays at it while the run goes on. */
export function zoom(app, from, to) {
  const { firstStep, lastStep } = app.subject;
  const low = Math.max(firstStep, Math.floor(from));
  const high = Math.min(lastStep, Math.ceil(to));
  if (high - low < 1) return;
  app.state.set({ from: low <= firstStep ? null : low, to: high >= lastStep ? null : high });
}

/** A stretch `times` as long around the cursor. */
export function zoomAround(app, times) {
  const { state, player } = app;
  const log = state.get("scale") === "log";
  const of = (value) => (log ? Math.log1p(Math.max(0, value)) : value);
  const back = (value) => (log ? Math.expm1(value) : value);
  const [low, high] = stepRange(app).map(of);
  const at = Math.min(high, Math.max(low, of(player.step)));
  zoom(app, back(at - (at - low) * times), back(at + (high - at) * times));
}

/** The `x` of a chart. */
export function stepsX(app) {
  // Long runs count in thousands, all of their numbers alike.
  const format = (value) => (stepRange(app)[1] < 1e5 ? stepText(value) : value >= 1e3 && value < 1e4 ? `${value / 1e3}k` : stepText(value, true));
  return { log: app.state.get("scale") === "log" ? "steps" : false, range: () => stepRange(app), format, incrs: WHOLE };
}

/** Room at the left of all charts over time, so that they stand in line (px). */
export function leftRoom() {
  return window.innerWidth < 640 ? 54 : 70;
}

/** What all charts over time share: one cursor, one scale, scrubbing, zooming by dragging a mouse. */
export function timeOptions(app) {
  return {
    cursor: true,
    x: stepsX(app),
    yWidth: leftRoom(),
    onScrub: (step) => app.player.scrub(step),
    onZoom: (from, to) => zoom(app, from, to),
  };
}
