// Tensors without a result by reason, and where the numbers come from.

import { h, visible } from "./dom.js";
import { plural } from "./format.js";
import { shapeText } from "./layer_words.js";

const MOST = 300; // names that a reason lists

/** One foldable entry a reason, the largest group first. */
export function leftOut(subject) {
  const groups = new Map();
  for (const layer of subject.layers) {
    if (layer.status === "ok" || layer.primary === false) continue;
    const key = `${layer.status}\n${layer.reason}`;
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(layer);
  }
  if (!groups.size) return h("p.soft", {}, nothing(subject));
  return [...groups.values()]
    .sort((a, b) => (a[0].status === "failed" ? -1 : b[0].status === "failed" ? 1 : b.length - a.length))
    .map((layers) => {
      const { reason, status } = layers[0];
      return h(
        "details.reason",
        { "data-reason": reason },
        h(
          "summary",
          {},
          h("b", {}, `${plural(layers.length, "tensor")}${status === "failed" ? " failed" : ""}: `),
          visible(subject.document.reasons[reason] ?? String(reason).replaceAll("_", " ")),
        ),
        h(
          "ul.names",
          {},
          layers.slice(0, MOST).map((layer) =>
            h(
              "li",
              {},
              h("span.mono.name-cell", {}, visible(layer.id)),
              h("span.soft.small", {}, ` ${shapeText(layer)}${layer.detail ? ` – ${visible(layer.detail)}` : ""}`),
            ),
          ),
          layers.length > MOST ? h("li.soft", {}, `and ${layers.length - MOST} more`) : null,
        ),
      );
    });
}

/** Where no tensor was left out or failed: whether all were analysed. */
function nothing({ layers }) {
  if (!layers.length) return "No tensor is known.";
  const ahead = layers.filter((layer) => layer.primary !== false && layer.num_eigenvalues === null).length;
  return ahead ? `Nothing; ${plural(ahead, "tensor")} ${ahead === 1 ? "was" : "were"} not looked at as a whole yet.` : "Nothing: every tensor was analysed.";
}

/** Provenance, and what is not in this file. */
export function about(subject) {
  const { missing, about: facts } = subject.document;
  return [
    missing.map((sentence) => h("p.missing.small", {}, visible(sentence))),
    h("dl.facts", {}, facts.map(([label, text]) => [h("dt", {}, visible(label)), h("dd", {}, visible(text))])),
  ];
}
