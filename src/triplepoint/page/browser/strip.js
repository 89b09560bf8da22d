// The model as a strip of layers: one control a layer, in the order of the checkpoint, grouped by block.

import { sections, within } from "./blocks.js";
import { h, replace, visible } from "./dom.js";
import { layerTip, spoken } from "./layer_words.js";
import { colour, PHASES } from "./phases.js";
import { resting } from "./resting.js";
import { hideTip, tipAt } from "./tooltip.js";

const NAMED = 24; // layers up to which a cell has room for a name
const LARGE = 90;
const MEDIUM = 500;
const DEEP = 85; // per cent of its colour from which a cell needs the other ink

/** `onHover(index | null)` tells the other pictures of a view which layer is meant. */
export function strip(host, app, onHover) {
  const element = h("div.strip", { role: "group", "aria-label": "Layers, in the order of the checkpoint", "data-role": "strip" });
  host.append(element);
  let cells = new Map(); // index → {cell, sign, key}
  let order = [];
  let hot = null;

  const build = () => {
    const { subject } = app;
    order = subject.primary;
    cells = new Map();
    element.dataset.size = order.length <= NAMED ? "named" : order.length <= LARGE ? "large" : order.length <= MEDIUM ? "medium" : "small";
    const parts = sections(subject.layers, order);
    element.classList.toggle("untitled", parts.every(({ title }) => !title));
    replace(element, parts.map(section));
    const first = order[0];
    if (first !== undefined) cells.get(first).cell.tabIndex = 0;
  };

  const section = ({ title, blocks }) => {
    // A block of one layer that bears its number as its name needs no second one.
    const plain = ({ name, layers }) => element.dataset.size === "named" && layers.length === 1 && app.subject.layers[layers[0]].label === name;
    const numbered = blocks.some((one) => one.label && !plain(one));
    return h(
      "div.strip-section",
      { "data-numbered": numbered },
      h("div.strip-title", { title: visible(title) }, visible(title)),
      h("div.strip-blocks", {}, blocks.map((one) => block(one, numbered))),
    );
  };

  const block = ({ label, layers }, numbered) =>
    h("div.strip-block", {}, numbered ? h("div.strip-number", { "aria-hidden": "true" }, label) : null, h("div.strip-cells", {}, layers.map(cell)));

  const cell = (index) => {
    const layer = app.subject.layers[index];
    const sign = h("span.sign", { "aria-hidden": "true" });
    const named = element.dataset.size === "named" ? h("span.cell-name", { "aria-hidden": "true" }, visible(within(layer))) : null;
    const made = h("button.cell", { type: "button", tabindex: -1, "data-layer": layer.id, "data-index": index }, sign, named);
    cells.set(index, { cell: made, sign, key: -1 });
    return made;
  };

  /** Colours at a step; only what has changed is touched. */
  const paint = (step) => {
    const { subject } = app;
    for (const index of order) {
      const entry = cells.get(index);
      const phase = subject.phase(index, step);
      const confidence = subject.confidence(index, step);
      const share = Number.isFinite(confidence) ? Math.round(confidence * 20) : 21;
      const key = phase * 100 + share;
      if (entry.key === key) continue;
      if (Math.floor(entry.key / 100) !== phase) {
        entry.sign.textContent = PHASES[phase].sign;
        entry.cell.dataset.phase = phase;
      }
      entry.key = key;
      entry.cell.style.backgroundColor = colour(phase, confidence);
      entry.cell.classList.toggle("deep", 25 + 75 * Math.min(1, share / 20) >= DEEP);
    }
    speak();
  };

  // 300 labels are 300 strings a frame, which nobody can hear.
  const speak = resting(() => {
    if (!app.subject || app.subject.primary !== order) return;
    for (const [index, { cell: made }] of cells) made.setAttribute("aria-label", spoken(app.subject, index, app.player.step));
  });

  const fade = () => {
    const shown = new Set(app.shown());
    for (const [index, { cell: made }] of cells) made.classList.toggle("away", !shown.has(index));
  };

  const mark = (index) => {
    if (hot === index) return;
    cells.get(hot)?.cell.classList.remove("hot");
    cells.get(index)?.cell.classList.add("hot");
    hot = index;
  };

  const tell = (made) => {
    const index = Number(made.dataset.index);
    tipAt(layerTip(app.subject, index, app.player.step), made);
    onHover(index);
  };
  const leave = () => {
    hideTip();
    onHover(null);
  };

  const cellOf = (event) => event.target.closest?.(".cell");
  element.addEventListener("pointerover", (event) => cellOf(event) && event.pointerType !== "touch" && tell(cellOf(event)));
  element.addEventListener("pointerleave", leave);
  element.addEventListener("focusin", (event) => {
    const made = cellOf(event);
    if (!made) return;
    for (const { cell: other } of cells.values()) if (other.tabIndex === 0) other.tabIndex = -1;
    made.tabIndex = 0;
    if (made.matches(":focus-visible")) tell(made);
  });
  element.addEventListener("focusout", leave);
  element.addEventListener("click", (event) => {
    const made = cellOf(event);
    if (!made) return;
    hideTip();
    app.visit(Number(made.dataset.index));
  });
  element.addEventListener("keydown", (event) => {
    const made = cellOf(event);
    if (!made) return;
    const next = neighbour(event.key, order.indexOf(Number(made.dataset.index)));
    if (next === null) return;
    event.preventDefault();
    event.stopPropagation(); // arrows move the time line elsewhere
    cells.get(order[next]).cell.focus();
  });

  const neighbour = (key, at) => {
    if (key === "ArrowRight") return Math.min(order.length - 1, at + 1);
    if (key === "ArrowLeft") return Math.max(0, at - 1);
    if (key === "Home") return 0;
    if (key === "End") return order.length - 1;
    if (key === "ArrowDown" || key === "ArrowUp") return across(at, key === "ArrowDown" ? 1 : -1);
    return null;
  };

  /** The cell above or below, nearest sideways. */
  const across = (at, way) => {
    const boxes = order.map((index) => cells.get(index).cell.getBoundingClientRect());
    const from = boxes[at];
    let best = at;
    let row = null;
    for (let k = at + way; k >= 0 && k < order.length; k += way) {
      if (Math.abs(boxes[k].top - from.top) < 2) continue;
      row ??= boxes[k].top;
      if (Math.abs(boxes[k].top - row) >= 2) break;
      if (best === at || Math.abs(boxes[k].left - from.left) < Math.abs(boxes[best].left - from.left)) best = k;
    }
    return best;
  };

  return { build, paint, fade, mark };
}
