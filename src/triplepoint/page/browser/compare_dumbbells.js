// The largest differences: A and B of a layer joined by a line, with their intervals.

import { h, replace, svg, visible } from "./dom.js";
import { interval, number, plural, shorten } from "./format.js";
import { signed } from "./compare_headline.js";

const FIRST = 50;
const WIDE = 100; // largest by smallest, from where the axis is logarithmic

export function dumbbells(host, app) {
  const list = h("ol.dumbbells");
  const axis = h("div.dumbbell-axis", { "aria-hidden": "true" });
  const more = h("div");
  const card = h(
    "section.card",
    { "data-role": "dumbbells", "aria-label": "Largest differences" },
    h("div.card-head", {}, h("h2", {}, "Largest differences"), h("div.legend", {}, h("span.dot-a", {}, h("i"), "A"), h("span.dot-b", {}, h("i"), "B"), h("span", {}, "thin line: interval"))),
    axis,
    list,
    more,
  );
  host.append(card);
  let all = false;
  return {
    draw(compared, metric) {
      const sorted = compared.filter((row) => Number.isFinite(row.delta)).sort((one, other) => Math.abs(other.delta) - Math.abs(one.delta));
      const shown = all ? sorted : sorted.slice(0, FIRST);
      card.hidden = !sorted.length;
      card.dataset.rows = String(shown.length);
      if (!sorted.length) return;
      const [low, high] = ends(shown);
      const log = metric !== "alpha" && low > 0 && high / low > WIDE;
      const of = log ? Math.log : (value) => value;
      const room = 0.03 * (of(high) - of(low)) || 1;
      const start = of(low) - room;
      const share = (value) => `${(100 * Math.min(1, Math.max(0, (of(value) - start) / (of(high) + room - start)))).toFixed(2)}%`;
      replace(axis, h("span.number", {}, number(low)), h("span", {}, `${visible(metric)}${log ? ", logarithmic" : ""}`), h("span.number", {}, number(high)));
      replace(list, shown.map((row) => entry(row, share, log)));
      replace(more, sorted.length > shown.length ? h("button.quiet", { type: "button", onclick: () => ((all = true), this.draw(compared, metric)) }, `Show all ${plural(sorted.length, "layer")}`) : null);
    },
  };

  /** The range of the values, and of the intervals as far as they do not press the values together. */
  function ends(rows) {
    const values = rows.flatMap((row) => [row.valueA, row.valueB]);
    const bounds = rows.flatMap((row) => [row.lowA, row.highA, row.lowB, row.highB]).filter(Number.isFinite);
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const room = 0.4 * (high - low);
    return [Math.max(Math.min(low, ...bounds), low - room), Math.min(Math.max(high, ...bounds), high + room)];
  }

  function entry(row, share, log) {
    const bounds = (low, high, name, y) => (Number.isFinite(low) && Number.isFinite(high) && !(log && low <= 0) ? svg("line", { class: name, x1: share(low), x2: share(high), y1: y, y2: y }) : null);
    const told = `${visible(row.id)}: A ${interval(row.valueA, row.lowA, row.highA)}, B ${interval(row.valueB, row.lowB, row.highB)}, difference ${signed(row.delta)}`;
    return h(
      "li",
      { "data-id": row.id },
      h("button.link.mono", { type: "button", title: told, "aria-label": told, onclick: () => app.visit(row.b) }, visible(shorten(row.id, 40))),
      svg(
        "svg",
        { class: "dumbbell", "aria-hidden": "true" },
        bounds(row.lowA, row.highA, "bound-a", 6),
        bounds(row.lowB, row.highB, "bound-b", 16),
        svg("line", { class: "join", x1: share(row.valueA), x2: share(row.valueB), y1: 11, y2: 11 }),
        svg("circle", { class: "end-a", cx: share(row.valueA), cy: 11, r: 4.5 }),
        svg("circle", { class: "end-b", cx: share(row.valueB), cy: 11, r: 4.5 }),
      ),
      h("span.number.pair", { "aria-hidden": "true" }, `${number(row.valueA)} → ${number(row.valueB)}`),
      h("b.number.delta", { "aria-hidden": "true" }, signed(row.delta)),
    );
  }
}
