// Which layers are shown: by phase, kind, block and words.

import { h, replace, select } from "./dom.js";

/** Indices of the layers that pass, each stored weight once, in the order of the checkpoint. */
export function filtered(subject, state, step) {
  const phases = state.get("phase") ? new Set(state.get("phase").split(",").map(Number)) : null;
  const kind = state.get("of");
  const block = state.get("block");
  const words = state.get("search").toLowerCase().split(/\s+/).filter(Boolean);
  return subject.primary.filter((index) => {
    const layer = subject.layers[index];
    if (phases && !phases.has(subject.phase(index, step))) return false;
    if (kind && layer.kind !== kind) return false;
    if (block && layer.block !== block) return false;
    const name = layer.id.toLowerCase();
    return words.every((word) => name.includes(word));
  });
}

/** Whether any filter is on. */
export function filtering(state) {
  return ["phase", "of", "block", "search"].some((key) => state.get(key));
}

/** The row of filters; `id` of the field for words, one a page. */
export function filterBar(host, app, id = "search") {
  const { state } = app;
  const bar = h("div.toolbar.filters");
  const search = h("input", {
    type: "search",
    id,
    placeholder: "name …",
    "aria-label": "Layers whose name holds these words",
    oninput: (event) => state.set({ search: event.target.value }),
  });
  host.append(bar);
  const fill = () => {
    const { subject } = app;
    if (!subject) return;
    const unique = (key) => [...new Set(subject.primary.map((index) => subject.layers[index][key]).filter(Boolean))];
    const options = (values, all) => [{ value: "", text: all }, ...values.map((value) => ({ value, text: value }))];
    const kinds = unique("kind");
    const blocks = unique("block");
    search.value = state.get("search");
    const focused = document.activeElement === search;
    replace(
      bar,
      kinds.length > 1 ? select("Kind", options(kinds, "all kinds"), state.get("of"), (value) => state.set({ of: value })) : null,
      blocks.length > 1 ? select("Block", options(blocks, "all blocks"), state.get("block"), (value) => state.set({ block: value })) : null,
      h("label.field", {}, h("span", {}, "Search"), search),
      filtering(state)
        ? h("button.quiet", { type: "button", onclick: () => state.set({ phase: "", of: "", block: "", search: "" }) }, "Show all")
        : null,
    );
    if (focused) search.focus();
  };
  state.on(["phase", "of", "block", "search", "opened"], fill);
  return { fill };
}
