// All matched rows as a table that can be sorted.

import { h, replace, visible } from "./dom.js";
import { interval, plural, shorten } from "./format.js";
import { badge, signed } from "./compare_headline.js";

const FIRST = 100;
const COLUMNS = [
  { key: "id", text: "layer" },
  { key: "valueA", text: "A", right: true },
  { key: "valueB", text: "B", right: true },
  { key: "delta", text: "B − A", right: true },
  { key: "phaseA", text: "phase in A" },
  { key: "phaseB", text: "phase in B" },
];

export function compareTable(host, app) {
  let by = null; // null: the order of the checkpoint
  let down = false;
  let all = false;
  let last = null;
  const heads = new Map();
  const body = h("tbody");
  const more = h("div");
  const card = h(
    "section.card",
    { "data-role": "compare-table", "aria-label": "All matched layers" },
    h("div.card-head", {}, h("h2", {}, "All matched layers")),
    h(
      "div.scroll",
      { tabindex: 0, role: "region", "aria-label": "Table of matched layers" },
      h(
        "table.data",
        {},
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            COLUMNS.map(({ key, text, right }) => {
              const head = h("th", { scope: "col", class: right ? "right" : null, "aria-sort": "none" }, h("button.sort", { type: "button", onclick: () => sort(key) }, text));
              heads.set(key, head);
              return head;
            }),
          ),
        ),
        body,
      ),
    ),
    more,
  );
  host.append(card);

  /** Numbers fall first, names rise first; a third click gives the order of the checkpoint back. */
  const sort = (key) => {
    const first = key !== "id" && !key.startsWith("phase");
    if (by !== key) [by, down] = [key, first];
    else if (down === first) down = !down;
    else by = null;
    draw();
  };
  const ordered = () => {
    if (by === null) return last;
    const numeric = by !== "id";
    const order = (one, other) => {
      if (!numeric) return one.id.localeCompare(other.id, "en", { numeric: true });
      const [a, b] = by === "delta" ? [Math.abs(one.delta), Math.abs(other.delta)] : [one[by], other[by]];
      const missing = (value) => value === null || Number.isNaN(value);
      if (missing(a) || missing(b)) return missing(a) - missing(b) || 0;
      return a - b;
    };
    const known = (row) => !numeric || !(row[by] === null || Number.isNaN(row[by]));
    const sorted = [...last].sort(order);
    // What is missing stays last, whichever way.
    return down ? [...sorted.filter(known).reverse(), ...sorted.filter((row) => !known(row))] : sorted;
  };
  const draw = () => {
    for (const [key, head] of heads) head.setAttribute("aria-sort", key !== by ? "none" : down ? "descending" : "ascending");
    const rows = ordered();
    const shown = all ? rows : rows.slice(0, FIRST);
    card.dataset.rows = String(rows.length);
    replace(
      body,
      shown.map((row) =>
        h(
          "tr",
          { class: row.phaseA !== row.phaseB ? "moved" : null, "data-id": row.id },
          h("td.name-cell", {}, h("button.link.mono", { type: "button", title: visible(row.id), onclick: () => app.visit(row.b) }, visible(shorten(row.id, 56))), row.counted ? null : h("span.soft.small", { title: "Fused weights and slices are in no mean" }, " not counted")),
          h("td.right", {}, interval(row.valueA, row.lowA, row.highA)),
          h("td.right", {}, interval(row.valueB, row.lowB, row.highB)),
          h("td.right", {}, signed(row.delta)),
          h("td", {}, badge(row.phaseA)),
          h("td", {}, badge(row.phaseB)),
        ),
      ),
    );
    replace(more, rows.length > shown.length ? h("button.quiet", { type: "button", onclick: () => ((all = true), draw()) }, `Show all ${plural(rows.length, "layer")}`) : null);
  };
  return {
    element: card,
    draw(compared) {
      last = compared;
      draw();
    },
  };
}
