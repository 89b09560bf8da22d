// Time: charts on one axis of steps, one above the other, with one cursor for all.

import { h, replace } from "./dom.js";
import { filterBar } from "./filters.js";
import { step as stepText } from "./format.js";
import { resting } from "./resting.js";
import { stepRange, zoomAround, zoomed } from "./steps_axis.js";
import { timeAlerts } from "./time_alerts.js";
import { timeLines } from "./time_lines.js";
import { timeMap } from "./time_map.js";
import { timeScalars } from "./time_scalars.js";

const FILTERS = ["phase", "of", "block", "search"];
const REST = 250; // ms without a move until texts for a screen reader are written

export function time(host, app) {
  const { state, player } = app;
  const stretch = h("div.toolbar.stretch");
  const words = h("p.soft.small", { "data-role": "stretch" });
  host.append(h("div.view-head", {}, h("h1", {}, "Time"), words, stretch));
  const scalars = timeScalars(host, app);
  const filters = h("div.time-filters");
  host.append(filters);
  const bar = filterBar(filters, app, "search-time");
  const lines = timeLines(host, app);
  const map = timeMap(host, app);
  const lists = timeAlerts(host, app);

  let built = null; // the subject that is drawn
  let stale = new Set(); // what has changed while the view was hidden
  const visible = () => !host.hidden && app.subject?.moves;

  const head = () => {
    const [from, to] = stepRange(app);
    const part = zoomed(app);
    words.textContent = `${part ? "Steps" : "All steps,"} ${stepText(from)} to ${stepText(to)}${part ? ` of ${stepText(app.subject.lastStep)}` : ""}. Hover to scrub; drag with the mouse to see a stretch.`;
    const button = (text, title, onclick) => h("button.quiet.icon", { type: "button", title, "aria-label": title, onclick }, text);
    replace(
      stretch,
      part ? h("button.quiet", { type: "button", "data-role": "all-steps", onclick: () => state.set({ from: null, to: null }) }, "All steps") : null,
      button("−", "A longer stretch of steps (−)", () => zoomAround(app, 2)),
      button("+", "A shorter stretch of steps around the cursor (+)", () => zoomAround(app, 0.5)),
    );
    host.dataset.from = String(from);
    host.dataset.to = String(to);
  };
  const step = () => {
    for (const part of [scalars, lines, map, lists]) part.step();
    rest();
  };
  const rest = resting(() => {
    if (!visible()) return;
    for (const part of [scalars, lines, map]) part.rested();
  }, REST);
  const build = () => {
    built = app.subject;
    stale.clear();
    head();
    bar.fill();
    for (const part of [scalars, lines, map, lists]) part.build();
    host.dataset.subject = built.name;
  };

  /** Redraw what has changed: each thing once, and nothing for a move of the cursor. */
  const take = (changed) => {
    const has = (...keys) => keys.some((key) => changed.has(key));
    if (has("metric")) {
      lines.build();
      map.build();
    } else if (has("map")) map.build();
    if (has("scale", "from", "to")) {
      head();
      scalars.axis();
      lines.later();
      map.later();
    } else {
      if (has("axes")) scalars.axis();
      if (has("data")) {
        head();
        scalars.data();
        lists.build();
      }
      if (has("values", "lines", "data", ...FILTERS)) lines.later();
      if (has("data", ...FILTERS)) map.later();
      // Which layers pass a filter of phases depends on the cursor.
      if (has("step") && state.get("phase")) {
        lines.later();
        map.later();
      }
    }
    if (has("theme")) map.legends();
    if (has("layer", "hovered")) {
      lines.chosen();
      map.hovered();
    }
    if (has("step", "data", "layer")) step();
  };
  const keys = ["step", "data", "scale", "from", "to", "metric", "map", "lines", "values", "axes", "layer", "hovered", "theme", ...FILTERS];
  state.on(keys, (changed) => {
    if (visible() && built === app.subject) take(changed);
    else for (const key of changed) stale.add(key);
  });

  return {
    show() {
      if (!app.subject?.moves) {
        host.dataset.subject = "";
        return;
      }
      if (built !== app.subject) build();
      else if (stale.size) {
        take(stale);
        stale = new Set();
      }
      step();
    },
  };
}

