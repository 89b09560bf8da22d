// Compare: two scans or runs, or one run at two steps, on matched rows.

import { headline } from "./compare_headline.js";
import { dumbbells } from "./compare_dumbbells.js";
import { scatter } from "./compare_scatter.js";
import { referenceStep, sides, wantedReference } from "./compare_sides.js";
import { overlaidSpectra } from "./compare_spectra.js";
import { compareTable } from "./compare_table.js";
import { compared, matched, summary } from "./comparison.js";
import { h, replace, visible } from "./dom.js";
import { plural } from "./format.js";
import { absent, atHand, bounds, meaning, metricChoice } from "./metric_choice.js";
import { resting } from "./resting.js";

const REST = 120; // ms without a move until lists and tables follow the cursor

export function compare(host, app) {
  const { state, player } = app;
  const choosing = h("div.side-metric");
  const row = h("div.sides");
  const about = h("p.soft.small");
  const problem = h("div", { hidden: true });
  host.append(h("div.view-head", {}, h("h1", {}, "Compare")), h("section.card", { "data-role": "compare-sides", "aria-label": "What is compared" }, row, about), problem);
  const metrics = metricChoice(choosing, app);
  const choice = sides(row, app, choosing);
  const results = h("div.view");
  host.append(results);
  const words = headline(results);
  const pictures = h("div.grid");
  results.append(pictures);
  const plot = scatter(pictures, app);
  const spectra = overlaidSpectra(pictures, app);
  const pairs = dumbbells(results, app);
  const table = compareTable(results, app);
  const leftOver = h("section.card", { "data-role": "unmatched", "aria-label": "Layers without a partner" });
  results.append(leftOver);

  let reference = null;
  let found = null;
  let rows = [];
  let metric = null;
  let asked = 0;
  let stale = true;
  const shown = () => !host.hidden && app.subject && app.offers("compare");
  const sideA = () => ({ subject: reference, step: referenceStep(app, reference) });
  const sideB = () => ({ subject: app.subject, step: player.step });

  /** Another subject, another metric: have all of it here, then draw. */
  const build = async () => {
    const ticket = ++asked;
    const subject = app.subject;
    const wanted = state.get("metric");
    stale = false;
    host.dataset.ready = "false";
    choice.fill();
    metrics.fill();
    about.textContent = meaning(subject, wanted);
    let failure = null;
    let other = null;
    try {
      const { kind, name } = wantedReference(app);
      other = name === subject.name && kind === subject.kind ? subject : await app.open(kind, name);
      if (!(await atHand(subject, wanted))) failure = absent(subject, wanted);
      else if (!(await atHand(other, wanted))) failure = absent(other, wanted);
    } catch (error) {
      failure = h("p.note.bad", {}, `A cannot be shown: ${visible(error.message)}`);
    }
    if (ticket !== asked || subject !== app.subject) return; // the reader went on meanwhile
    reference = other;
    choice.take(reference);
    results.hidden = Boolean(failure);
    problem.hidden = !failure;
    replace(problem, failure);
    if (failure) return;
    metric = wanted;
    found = matched(reference, subject);
    for (const part of [pictures, table.element]) part.hidden = !found.rows.length;
    listLeftOver();
    draw();
    lists();
    host.dataset.ready = "true";
  };

  /** What follows a cursor at once: words and the scatter. */
  const draw = () => {
    choice.words();
    rows = compared(found.rows, sideA(), sideB(), metric, bounds(app.subject, metric));
    words.draw(found, summary(rows), metric);
    plot.draw(rows, metric);
    host.dataset.matched = String(found.rows.length);
    host.dataset.stepA = String(sideA().step);
    host.dataset.stepB = String(sideB().step);
  };
  /** What waits until the cursor rests. */
  const lists = () => {
    plot.fit();
    words.table(summary(rows));
    pairs.draw(rows, metric);
    table.draw(rows);
    const chosen = rows.find((one) => one.id === state.get("layer")) ?? largest(rows);
    spectra.draw(sideA(), sideB(), chosen ?? null, rows);
  };
  const later = resting(() => shown() && metric !== null && !results.hidden && reference && lists(), REST);

  const listLeftOver = () => {
    const { onlyA, onlyB, shapes } = found;
    const part = (title, ids) => (ids.length ? h("details", {}, h("summary", {}, `${title}: ${plural(ids.length, "layer")}`), h("ul.ids.mono", {}, ids.map((id) => h("li", {}, visible(id))))) : null);
    leftOver.hidden = !onlyA.length && !onlyB.length && !shapes.length;
    replace(leftOver, h("div.card-head", {}, h("h2", {}, "Without a partner")), part("Only in A", onlyA), part("Only in B", onlyB), part("Another shape", shapes));
  };

  state.on(["opened", "metric", "against", "againstKind", "step", "againstStep", "data", "layer"], (changed) => {
    const anew = ["opened", "metric", "against", "againstKind"].some((key) => changed.has(key));
    if (!shown()) {
      stale = true;
      return;
    }
    if (anew || metric === null) build();
    else if (reference && !results.hidden) {
      draw();
      later();
    } else choice.words();
  });
  return {
    show() {
      if (app.subject && stale) build();
    },
  };
}

function largest(rows) {
  return rows.reduce((best, row) => (Number.isFinite(row.delta) && !(Math.abs(best?.delta) >= Math.abs(row.delta)) ? row : best), rows[0]);
}
