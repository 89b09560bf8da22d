// The head of a layer: which one, in which phase, and why.

import { h, replace, visible } from "./dom.js";
import { pValue, step as stepText, whole } from "./format.js";
import { alphaText, shapeText, sureness } from "./layer_words.js";
import { PHASES } from "./phases.js";
import { sections } from "./blocks.js";

const LOOKS = ["it was looked at as a whole", "only its largest eigenvalues were looked at", "it was found unchanged"];

export function layerHead(host, app) {
  const go = (by) => {
    const order = app.subject.primary;
    const at = order.indexOf(app.layer);
    const next = order[at < 0 ? 0 : Math.min(order.length - 1, Math.max(0, at + by))];
    if (next !== undefined) app.state.set({ layer: app.subject.layers[next].id });
  };
  const before = h("button.step-button", { type: "button", "aria-label": "Previous layer", title: "Previous layer (k)", onclick: () => go(-1) }, "‹");
  const after = h("button.step-button", { type: "button", "aria-label": "Next layer", title: "Next layer (j)", onclick: () => go(1) }, "›");
  const picker = h("select.picker", { "aria-label": "Layer", onchange: (event) => app.state.set({ layer: app.subject.layers[Number(event.target.value)].id }) });
  const place = h("span.soft.small");
  const name = h("h1.layer-name");
  const sign = h("i", { "aria-hidden": "true" });
  const word = document.createTextNode("");
  const sure = h("span.sure");
  const badge = h("span.badge.large", { "data-role": "phase" }, sign, word, sure);
  const sentence = h("p.layer-sentence");
  const facts = h("dl.layer-facts");
  host.append(h("div.layer-nav", {}, before, picker, after, place), h("div.layer-title", {}, name, badge), sentence, facts);
  let subject = null;
  let index = -1;

  const fill = () => {
    subject = app.subject;
    const options = (indices) => indices.map((at) => h("option", { value: String(at) }, visible(subject.layers[at].label)));
    const rest = subject.analysed.filter((at) => subject.layers[at].primary === false);
    const groups = sections(subject.layers, subject.primary).flatMap(({ title, blocks }) =>
      blocks.map((block) => {
        const heading = [title, block.label].filter(Boolean).join(".");
        return block.layers.length > 1
          ? h("optgroup", { label: visible(heading) }, block.layers.map((at) => h("option", { value: String(at) }, visible(subject.layers[at].label))))
          : options(block.layers);
      }),
    );
    replace(picker, groups, rest.length ? h("optgroup", { label: "slices and fused weights" }, options(rest)) : null);
  };

  const take = (at) => {
    if (app.subject !== subject) fill();
    index = at;
    const layer = subject.layers[index];
    const order = subject.primary;
    const rank = order.indexOf(index);
    picker.value = String(index);
    before.disabled = rank === 0;
    after.disabled = rank === order.length - 1;
    place.textContent = rank < 0 ? "" : `${whole(rank + 1)} of ${whole(order.length)}`;
    name.textContent = visible(layer.label);
    name.title = visible(layer.id);
    host.dataset.layer = layer.id;
    const pairs = [
      ["shape", shapeText(layer)],
      ["kind", layer.kind],
      ["stored as", layer.dtype],
      ["eigenvalues", layer.num_eigenvalues === null ? null : whole(layer.num_eigenvalues)],
      ["spectrum", layer.spectral_class ? layer.spectral_class.replaceAll("_", "-") : null],
      ["block", layer.block],
      ["part", layer.part],
    ];
    replace(facts, pairs.filter(([, text]) => text).map(([label, text]) => h("div", {}, h("dt", {}, label), h("dd", {}, visible(text)))));
  };

  const update = (step) => {
    const layer = subject.layers[index];
    const code = layer.status === "failed" ? 0 : subject.phase(index, step);
    const confidence = subject.confidence(index, step);
    const phase = PHASES[code];
    badge.style.setProperty("--colour", `var(${phase.colour})`);
    badge.dataset.phase = phase.name;
    sign.textContent = phase.sign;
    word.data = phase.word;
    sure.textContent = sureness(code, confidence);
    sentence.textContent = said(subject, index, step);
  };
  return { take, update };
}

/** The phase and what it rests on. */
function said(subject, index, step) {
  const layer = subject.layers[index];
  if (layer.status !== "ok") return visible([subject.document.reasons[layer.reason], layer.detail].filter(Boolean).join(" ")) || "It could not be analysed.";
  const visits = subject.visits[index];
  const at = visits.at(step);
  if (at < 0) return subject.moves && visits.steps.length ? `Not looked at before step ${stepText(visits.steps.values[0])}.` : "Never looked at.";
  const parts = [];
  const alpha = subject.value(index, "alpha", step);
  const nullP = subject.value(index, "null_p", step);
  if (Number.isFinite(alpha)) parts.push(`α = ${alphaText(subject, index, step)}.`);
  const phase = PHASES[subject.phase(index, step)];
  const low = subject.value(index, "alpha_low", step);
  // Two ways lead to under-trained; where the interval does not lie above 6 it was the other.
  const hint = phase.name === "under_trained" && Number.isFinite(alpha) ? (low > 6 && nullP <= 0.01 ? "gas: α above 6 with its whole interval" : "gas: the spectrum cannot be told from a random matrix of its shape") : phase.hint;
  if (hint) parts.push(`${hint[0].toUpperCase()}${hint.slice(1)}.`);
  if (Number.isFinite(nullP)) parts.push(`Noise of this shape lies as far from its law with probability ${pValue(nullP).replace("< ", "below ")}.`);
  if (subject.moves) parts.push(`At step ${stepText(visits.steps.values[at])} ${LOOKS[visits.kinds.values[at]]}.`);
  return parts.join(" ");
}
