// Correlation traps of a layer: outliers of the shuffled matrix, and the entries that make them.

import { h, visible } from "./dom.js";
import { number, percent, plural, whole } from "./format.js";

const CAUSES = {
  few_huge_entries: "a few huge entries make it",
  shifted_mean: "the mean of all entries makes it",
  heavy_rows: "rows of large entries make it",
  heavy_columns: "columns of large entries make it",
};

export function trapList(traps) {
  if (!traps.length) return null;
  return [
    h("h3", {}, plural(traps.length, "correlation trap")),
    traps.map((trap) =>
      h(
        "div.trap",
        { "data-trap": true },
        h("p", {}, `λ = ${number(trap.eigenvalue)} after the entries were shuffled, ${number(trap.strength)} times the edge of noise; ${CAUSES[trap.cause] ?? visible(String(trap.cause ?? "cause unknown").replaceAll("_", " "))}.`),
        trap.entries?.length
          ? h(
              "table.data.entries",
              {},
              h("thead", {}, h("tr", {}, ["row", "column", "value", "share of λ"].map((text) => h("th.right", { scope: "col" }, text)))),
              h("tbody", {}, trap.entries.map((entry) => h("tr", {}, [whole(entry.row), whole(entry.column), number(entry.value), share(entry.share)].map((text) => h("td.right", {}, text))))),
            )
          : null,
      ),
    ),
  ];
}

function share(value) {
  return Math.abs(value) < 0.005 ? `${(100 * value).toFixed(2)} %` : percent(value);
}
