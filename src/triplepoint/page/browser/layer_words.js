// A layer in words: for a screen reader, for a tooltip, for the head of its view.

import { h, visible } from "./dom.js";
import { interval, MISSING, number, percent, pValue, whole } from "./format.js";
import { PHASES } from "./phases.js";
import { pairs } from "./tooltip.js";

/** A share of an interval is never all of it; as a float of four bytes .99999999 is 1. */
const CERTAIN = 0.999;
const per = (confidence) => percent(Math.min(CERTAIN, confidence));

/** How sure a phase is: `93 % sure`; of an undecided layer, what speaks for the likelier side. Empty where it has no probability. */
export function sureness(code, confidence) {
  if (!Number.isFinite(confidence)) return "";
  return code === 4 ? `${per(confidence)} for one side` : `${per(confidence)} sure`;
}

/** `encoder.layer.0.attention.self.query.weight, well-trained, confidence 93 %, α 3.10 [2.80, 3.40]`. */
export function spoken(subject, index, step) {
  const layer = subject.layers[index];
  const confidence = subject.confidence(index, step);
  const alpha = subject.value(index, "alpha", step);
  return [
    visible(layer.id),
    PHASES[subject.phase(index, step)].word,
    Number.isFinite(confidence) ? `confidence ${per(confidence)}` : "",
    Number.isFinite(alpha) ? `α ${alphaText(subject, index, step)}` : "",
  ]
    .filter(Boolean)
    .join(", ");
}

export function alphaText(subject, index, step) {
  const of = (name) => subject.value(index, name, step);
  return interval(of("alpha"), of("alpha_low"), of("alpha_high"));
}

export function shapeText(layer) {
  const sides = layer.shape ?? layer.tensor_shape;
  const text = sides.map((side) => whole(side)).join(" × ");
  return layer.slices > 1 ? `${whole(layer.slices)} slices of ${text}` : text;
}

export function phaseBadge(code, confidence, tag = "span.badge") {
  const phase = PHASES[code];
  return h(
    tag,
    { style: { "--colour": `var(${phase.colour})` } },
    h("i", { "aria-hidden": "true" }, phase.sign),
    phase.word,
    Number.isFinite(confidence) ? h("span.sure", {}, sureness(code, confidence)) : null,
  );
}

/** What hovering a layer shows; `more`: other pairs of name and text. */
export function layerTip(subject, index, step, more = []) {
  const layer = subject.layers[index];
  const nullP = subject.value(index, "null_p", step);
  return [
    h("b", {}, visible(layer.label)),
    phaseBadge(subject.phase(index, step), subject.confidence(index, step), "div.badge"),
    layer.status === "failed" ? h("div", {}, subject.document.reasons[layer.reason] ?? "It failed.") : null,
    pairs([
      ["α", Number.isFinite(subject.value(index, "alpha", step)) ? alphaText(subject, index, step) : null],
      ["noise p", Number.isFinite(nullP) ? pValue(nullP) : null],
      ...more,
      ["shape", `${shapeText(layer)}${layer.kind ? `, ${layer.kind}` : ""}`],
    ]),
  ];
}

/** A value with its unit, as long as the unit says something. */
export function withUnit(value, unit) {
  const text = number(value);
  return text === MISSING || !unit || unit === "1" || unit === "count" ? text : `${text} ${unit}`;
}
