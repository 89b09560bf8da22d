// Every metric of a layer: its value, how sure it is, and where it stands among the other layers.

import { h, replace, visible } from "./dom.js";
import { better, MISSING, number, step as stepText } from "./format.js";
import { resting } from "./resting.js";
import { rug, standing } from "./rug.js";
import { qualifies, uncertaintyOf } from "./uncertainty.js";

const CHEAP = 20000; // visits of a run up to which all metrics are asked for at once

export function metricsTable(host, app) {
  const words = h("input", { type: "search", placeholder: "metric …", "aria-label": "Metrics whose name or meaning holds these words", oninput: () => sift() });
  const note = h("p.soft.small", { role: "status" });
  const body = h("tbody");
  const table = h(
    "table.data.metrics",
    { "data-role": "metrics" },
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "metric, among the layers"), h("th.right", { scope: "col" }, "value"))),
    body,
  );
  host.append(h("div.card-head", {}, h("h2", {}, "Metrics"), words), h("div.scroll", { tabindex: 0, role: "region", "aria-label": "Metrics" }, table), note);
  let subject = null;
  let index = -1;
  let rows = [];
  let absent = 0;
  let row = null; // of the server: metrics of this layer that no series holds

  const build = () => {
    subject = app.subject;
    const all = [...subject.metrics.values()].filter((metric) => !qualifies(subject, metric.name));
    // A file holds what it holds: a metric without a series there would be a line without a number for every layer.
    rows = all.filter((metric) => subject.loaded.has(metric.name) || subject.source.metric).map(entry);
    absent = all.length - rows.length;
    replace(body, rows.map((one) => [one.line, one.more]));
    sift();
  };

  const entry = (metric) => {
    const spread = h("span.spread");
    const small = rug();
    const place = h("span.standing");
    const more = h("tr.meaning-row", { hidden: true }, h("td", { colspan: 2 }));
    const name = h("button.link.metric-name", { type: "button", "aria-expanded": "false", title: metric.meaning, onclick: () => unfold() }, metric.name);
    const text = document.createTextNode("");
    const unit = metric.unit && metric.unit !== "1" && metric.unit !== "count" ? h("span.unit", {}, ` ${visible(metric.unit)}`) : null;
    const line = h("tr", { "data-metric": metric.name }, h("td", {}, name, small.canvas), h("td.right.value", {}, h("div", {}, text, unit), spread, place));
    const made = { metric, line, more, text, spread, small, place, bounds: uncertaintyOf(subject, metric.name), shown: null };
    const unfold = () => {
      const open = more.hidden;
      more.hidden = !open;
      name.setAttribute("aria-expanded", String(open));
      if (open) {
        replace(more.firstChild, meaning(made));
        if (!subject.loaded.has(metric.name)) load([made]);
      }
    };
    return made;
  };

  const meaning = ({ metric, bounds }) => {
    const code = subject.document.unmeasured?.[index]?.[metric.name];
    const range = [metric.low === null ? null : `from ${number(metric.low)}`, metric.high === null ? null : `up to ${number(metric.high)}`].filter(Boolean).join(" ");
    return [
      h("p", {}, visible(metric.meaning) || "This version does not know this metric."),
      h("p.soft", {}, [range && `Valid ${range}.`, better(metric), bounds.spread && `± is ${bounds.spread}.`].filter(Boolean).join(" ")),
      code ? h("p", {}, `No value here: ${visible(subject.document.reasons[code] ?? code)}`) : null,
      h("button.link.small", { type: "button", onclick: () => app.state.set({ view: "overview", metric: metric.name }) }, "See it of every layer"),
    ];
  };

  const sift = () => {
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const { metric, line, more } of rows) {
      const text = `${metric.name} ${metric.name.replaceAll("_", " ")} ${metric.meaning}`.toLowerCase();
      line.hidden = !wanted.every((word) => text.includes(word));
      if (line.hidden) more.hidden = true;
      else count++;
    }
    note.textContent = wanted.length ? `${count} of ${rows.length} metrics` : told;
  };
  let told = "";
  const lacking = () => (absent ? `${absent} more of this run are not in this file; the live page has them.` : "");

  /** The value at a step: of the series, else of the row that the server gave. */
  const value = (name, step) => {
    const known = subject.visits[index].series.has(name) ? subject.value(index, name, step) : NaN;
    if (Number.isFinite(known)) return known;
    return row?.metrics[name] ?? NaN;
  };

  /** Numbers that are at hand; the little strips wait until the cursor rests. */
  const update = (step) => {
    for (const one of rows) {
      const { metric, bounds } = one;
      const found = value(metric.name, step);
      const spread = bounds.spread ? value(bounds.spread, step) : NaN;
      const [low, high] = bounds.low ? [value(bounds.low, step), value(bounds.high, step)] : [NaN, NaN];
      const key = `${found} ${low} ${high} ${spread}`;
      if (one.shown === key) continue;
      one.shown = key;
      one.text.data = number(found);
      one.spread.textContent = [
        Number.isFinite(low) && Number.isFinite(high) ? `[${number(low)}, ${number(high)}]` : "",
        Number.isFinite(spread) ? `± ${number(spread)}` : "",
      ].filter(Boolean).join(" ");
      one.line.classList.toggle("none", number(found) === MISSING);
    }
    strips();
  };

  const strips = resting(() => {
    if (subject !== app.subject || host.hidden) return;
    const { step } = app.player;
    for (const { metric, line, small, place } of rows) {
      const own = value(metric.name, step);
      const here = subject.loaded.has(metric.name) && Number.isFinite(own) && subject.primary.length > 1;
      small.canvas.hidden = !here;
      const code = Number.isFinite(own) ? null : subject.document.unmeasured?.[index]?.[metric.name];
      line.title = code ? (subject.document.reasons[code] ?? "") : "";
      place.textContent = code ? code.replaceAll("_", " ") : "";
      if (!here) continue;
      const values = subject.primary.map((other) => subject.value(other, metric.name, step));
      if (!subject.primary.includes(index)) values.push(own);
      small.draw(values, own, app.theme);
      place.textContent = standing(values.filter(Number.isFinite), own);
    }
  }, 120);

  const load = async (some) => {
    const now = subject;
    for (const { metric, bounds } of some) {
      for (const name of [metric.name, bounds.spread].filter(Boolean)) {
        if (!now.loaded.has(name)) await now.metric(name).catch(() => false);
        if (now !== app.subject) return;
      }
      strips();
    }
  };

  const take = (at) => {
    if (app.subject !== subject) build();
    index = at;
    row = null;
    for (const one of rows) {
      one.shown = null;
      if (!one.more.hidden) replace(one.more.firstChild, meaning(one));
    }
    told = lacking();
    const total = subject.visits.reduce((sum, { steps }) => sum + steps.length, 0);
    if (subject.source.metric && total <= CHEAP) load(rows);
    sift();
    update(app.player.step);
  };

  /** The row of the server for this layer at a step. */
  const takeRow = (found, at) => {
    row = found;
    told = subject.moves && found && at !== null ? `Of the last whole look, at or before step ${stepText(at)}.` : "";
    sift();
    update(app.player.step);
  };

  return { take, takeRow, update, redraw: strips };
}
