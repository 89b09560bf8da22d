// The comparison in sentences, and which phases went over into which.

import { h, replace, visible } from "./dom.js";
import { number, plural, whole } from "./format.js";
import { PHASES } from "./phases.js";

export function headline(host) {
  const lead = h("p.lead", { "data-role": "compare-headline" });
  const details = h("div.headline-more");
  const moves = h("div.moves");
  const card = h("section.card", { "aria-label": "In words" }, h("h2.hidden-heading", {}, "In words"), lead, details, moves);
  host.append(card);
  return {
    /** `found`: of `matched`; `told`: of `summary`. */
    draw(found, told, metric) {
      lead.textContent = !found.rows.length
        ? "A and B have no layer in common."
        : told.phased
        ? `${told.changed ? whole(told.changed) : "None"} of ${plural(told.phased, "layer")} ${told.changed === 1 ? "is" : "are"} in another phase in B than in A.`
        : "No layer has a phase on both sides.";
      const lines = sentences(found, told, metric);
      if (details.children.length !== lines.length) replace(details, lines.map(() => h("p")));
      lines.forEach((words, at) => (details.children[at].textContent = words));
      card.dataset.changed = String(told.changed);
      card.dataset.n = String(told.n);
    },
    /** Which phases went where: a table whose rows come and go, so it waits until the cursor rests. */
    table(told) {
      replace(
        moves,
        told.moves.length
          ? h(
              "table.data.moves-table",
              { "data-role": "phase-moves" },
              h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "in A"), h("th", { scope: "col" }, ""), h("th", { scope: "col" }, "in B"), h("th.right", { scope: "col" }, "layers"))),
              h("tbody", {}, told.moves.map(({ from, to, count }) => h("tr", {}, h("td", {}, badge(from)), h("td", { "aria-label": "to" }, "→"), h("td", {}, badge(to)), h("td.right", {}, whole(count))))),
            )
          : null,
      );
    },
  };
}

function sentences(found, told, metric) {
  const name = visible(metric);
  const lines = [];
  if (found.rows.length) lines.push(
    told.n
      ? `Over the ${plural(told.n, "counted layer")} with ${name} on both sides, its mean is ${number(told.meanA)} in A and ${number(told.meanB)} in B; the median difference B − A is ${signed(told.median)}.`
      : `No counted layer has ${name} on both sides.`,
  );
  if (told.bounded) {
    lines.push(
      `In ${whole(told.apart)} of ${whole(told.bounded)} the two intervals do not overlap. That is a description, no test: two intervals may overlap and the difference still be real, and of many rows some part by chance.`,
    );
  }
  const rest = [
    found.onlyA.length ? `${whole(found.onlyA.length)} only in A` : null,
    found.onlyB.length ? `${whole(found.onlyB.length)} only in B` : null,
    found.shapes.length ? `${whole(found.shapes.length)} with another shape` : null,
  ].filter(Boolean);
  lines.push(`${plural(found.rows.length, "layer")} matched by id and shape${rest.length ? `; ${rest.join(", ")}, and in no number here` : "; none is left over"}.`);
  return lines;
}

/** A phase with its sign and colour. */
export function badge(code) {
  if (code === null) return h("span.soft", {}, "not judged yet");
  const phase = PHASES[code];
  return h("span.badge.plain", { style: { "--colour": `var(${phase.colour})` } }, h("i", { "aria-hidden": "true" }), phase.word);
}

/** `+0.21`, `−0.21`. */
export function signed(value) {
  if (!Number.isFinite(value)) return number(value);
  return `${value > 0 ? "+" : value < 0 ? "−" : ""}${number(Math.abs(value))}`;
}
