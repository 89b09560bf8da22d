// Keys, and the sheet that lists them.

import { h } from "./dom.js";
import { zoomAround } from "./steps_axis.js";

const KEYS = [
  ["← →", "one step back or on (with Shift ten)"],
  ["Home End", "first step, last step"],
  ["Space", "play or pause"],
  ["< >", "play slower or faster"],
  ["[ ]", "the alert before, the next alert"],
  ["+ −", "a shorter or longer stretch of steps around the cursor"],
  ["0", "all steps"],
  ["f", "follow the live run: stay at the last step"],
  ["l", "linear or log steps"],
  ["1 2 3 4", "overview, layer, time, compare"],
  ["j k", "next layer, layer before"],
  ["/", "search a layer"],
  ["t", "dark or light"],
  ["?", "this list"],
];

export function keyboard(app) {
  const { state, player } = app;
  const sheet = h(
    "dialog.keys",
    { "aria-label": "Keys" },
    h("h2", {}, "Keys"),
    h("dl", {}, KEYS.map(([key, what]) => [h("dt", {}, key.split(" ").map((one) => h("kbd", {}, one))), h("dd", {}, what)])),
    h("form", { method: "dialog" }, h("button", { type: "submit" }, "Close")),
  );
  document.body.append(sheet);
  const views = { 1: "overview", 2: "layer", 3: "time", 4: "compare" };

  const layer = (by) => {
    const order = app.shown();
    if (!order.length) return;
    const at = order.findIndex((index) => app.subject.layers[index].id === state.get("layer"));
    const next = order[Math.min(order.length - 1, Math.max(0, at + by))];
    state.set({ layer: app.subject.layers[next].id });
  };

  const actions = {
    ArrowLeft: (event) => player.move(event.shiftKey ? -10 : -1),
    ArrowRight: (event) => player.move(event.shiftKey ? 10 : 1),
    Home: () => player.scrub(app.subject.firstStep),
    End: () => player.follow(),
    " ": () => player.toggle(),
    PageUp: () => player.move(-10),
    PageDown: () => player.move(10),
    "<": () => player.accelerate(-1),
    ">": () => player.accelerate(1),
    "[": () => player.alert(-1),
    "]": () => player.alert(1),
    "+": () => zoomAround(app, 0.5),
    "-": () => zoomAround(app, 2),
    0: () => state.set({ from: null, to: null }),
    f: () => player.follow(),
    l: () => state.set({ scale: state.get("scale") === "log" ? "linear" : "log" }),
    j: () => layer(1),
    k: () => layer(-1),
    "/": () => app.search(),
    t: () => app.theme.toggle(),
    "?": () => sheet.showModal(),
  };
  const needsTime = new Set(["ArrowLeft", "ArrowRight", "Home", "End", " ", "f", "l", "<", ">", "[", "]", "+", "-", "0"]);
  const onSlider = new Set(["PageUp", "PageDown"]); // elsewhere they turn the page

  document.addEventListener("keydown", (event) => {
    const chord = event.ctrlKey || event.metaKey || event.altKey;
    // Where [ is typed with AltGr, that reads as Ctrl and Alt.
    if ((chord && !event.getModifierState("AltGraph")) || sheet.open || !app.subject) return;
    const target = event.target;
    const otherSlider = target.matches("input[type=range]") && target.id !== "step-slider";
    if (otherSlider && /^(Arrow|Page|Home|End)/.test(event.key)) return;
    const typing = target.matches("input:not([type=range]):not([type=checkbox]), textarea, select, [contenteditable]");
    if (typing) {
      if (event.key === "Escape") target.blur();
      return;
    }
    if (event.key === " " && target.matches("button, a, summary, input, [role=button]") && target.id !== "step-slider") return;
    if (views[event.key]) {
      if (app.offers(views[event.key])) state.set({ view: views[event.key] });
      return event.preventDefault();
    }
    const action = actions[event.key];
    if (onSlider.has(event.key) && target.id !== "step-slider") return;
    if (!action || (needsTime.has(event.key) && !app.subject.moves)) return;
    event.preventDefault();
    action(event);
  });
  return { show: () => sheet.showModal() };
}
