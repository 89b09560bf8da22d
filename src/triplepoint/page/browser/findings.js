// What rules say of layers, the loudest first.

import { h, visible } from "./dom.js";
import { step as stepText } from "./format.js";
import { sureness } from "./layer_words.js";

const AT_HAND = 200; // that are there from the beginning, for paper too

/** One finding or alert as an item of a list; `name`: whether the layer is named. */
export function item(app, found, { name = true, when = null } = {}) {
  const layer = found.layer === null ? null : app.subject.layers[found.layer];
  const facts = [
    found.rule.replaceAll("_", " "),
    sureness(found.rule === "undecided" ? 4 : 0, found.confidence ?? NaN),
    when,
  ].filter(Boolean);
  const title = name ? (layer ? h("button.link.finding-layer", { type: "button", onclick: () => app.visit(found.layer) }, visible(layer.label)) : h("span.finding-layer", {}, "the whole run")) : null;
  return h(
    "li",
    { "data-rule": found.rule, "data-severity": found.severity },
    h("span", { class: `pill ${found.severity}` }, found.severity),
    h("div.finding-head", {}, title, h("span.finding-facts", {}, visible(facts.join(" · ")))),
    h("div.finding-words", {}, visible(found.statement)),
  );
}

/** Findings as a list with its first `most`; the others behind a button. */
export function list(app, found, { most = 8, name = true, empty = "Nothing to report." } = {}) {
  if (!found.length) return h("p.soft", {}, empty);
  const one = (entry, k) => {
    const made = item(app, entry, { name, when: when(app, entry) });
    made.classList.toggle("later", k >= most);
    return made;
  };
  const made = h("ul.list.findings", {}, found.slice(0, AT_HAND).map(one));
  if (found.length <= most) return made;
  const more = h(
    "button.quiet.more",
    {
      type: "button",
      onclick: () => {
        made.classList.add("open");
        made.append(...found.slice(AT_HAND).map((entry) => one(entry, most)));
        more.remove();
        made.children[most].querySelector("button")?.focus();
      },
    },
    `Show ${found.length - most} more`,
  );
  return [made, more];
}

/** When a finding was made, in a run. */
function when(app, found) {
  return app.subject.moves && Number.isFinite(found.step) ? `at step ${stepText(found.step)}` : null;
}
