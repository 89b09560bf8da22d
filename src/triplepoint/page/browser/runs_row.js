// One run in the list: made once, then only its words change, so that a list that refreshes itself keeps its place and focus.

import { SEVERITIES } from "./alert_marks.js";
import { h, replace, visible } from "./dom.js";
import { ago, MISSING, number, plural, size, step as stepText, whole } from "./format.js";

/** The columns: {key, text, right}; `key`: of an entry, null where it cannot be sorted by. */
export const COLUMNS = [
  { key: null, text: "compare", hidden: true },
  { key: "name", text: "name" },
  { key: "status", text: "status" },
  { key: "last_step", text: "step", right: true },
  { key: "train_loss", text: "loss", right: true },
  { key: "matrices", text: "matrices", right: true },
  { key: null, text: "alerts" },
  { key: "size", text: "size", right: true },
  { key: "last_time", text: "last sign", right: true },
  { key: "started", text: "started", right: true },
];

/** {element, update(entry, now), check(on)}; `onopen(entry)`, `oncheck(entry, on)`. */
export function runRow(first, { onopen, oncheck }) {
  let entry = first;
  const box = h("input", { type: "checkbox", "aria-label": `Compare ${visible(entry.name)}`, onchange: (event) => oncheck(entry, event.target.checked) });
  const name = h("button.link.run-name", { type: "button", onclick: () => onopen(entry) }, visible(entry.name));
  const cells = COLUMNS.slice(2).map(({ text, right }) => h("td", { class: right ? "right" : null, "data-label": text }));
  const why = h("td.why", { colspan: COLUMNS.length - 2 });
  const element = h("tr", { "data-name": entry.name, "data-kind": entry.kind }, h("td.box", {}, box), h("td.name-cell", {}, name, entry.kind === "scan" ? h("span.soft.small.kind", {}, "saved scan") : null));
  let broken = null;

  const set = (cell, text, title = null) => {
    if (cell.textContent !== text) cell.textContent = text;
    cell.classList.toggle("none", text === MISSING);
    if (title) cell.title = title;
  };
  return {
    element,
    check(on) {
      box.checked = on;
    },
    update(given, now) {
      entry = given;
      const unreadable = Boolean(entry.reason);
      if (unreadable !== broken) {
        broken = unreadable;
        for (const cell of [...cells, why]) cell.remove();
        element.append(...(unreadable ? [why] : cells));
        element.classList.toggle("unreadable", unreadable);
        name.disabled = unreadable;
        box.disabled = unreadable;
      }
      if (unreadable) return set(why, `cannot be read: ${visible(entry.reason)}`);
      const [status, step, loss, matrices, alerts, bytes, sign, started] = cells;
      const word = entry.status ?? (entry.kind === "scan" ? "scan" : "no end");
      if (status.dataset.word !== word) {
        status.dataset.word = word;
        replace(status, entry.kind === "scan" && !entry.status ? null : h("span", { class: `pill ${word}` }, word));
      }
      set(step, stepText(entry.last_step ?? NaN), entry.steps ? `${plural(entry.steps, "step")} recorded` : null);
      set(loss, number(entry.train_loss));
      set(matrices, whole(entry.matrices ?? NaN), entry.visits ? `${plural(entry.visits, "look")}` : null);
      told(alerts, entry);
      set(bytes, entry.size ? size(entry.size) : MISSING);
      set(sign, entry.last_time ? ago(now - entry.last_time) : MISSING, entry.last_time ? date(entry.last_time) : null);
      set(started, entry.started ? date(entry.started) : MISSING);
      element.dataset.lastStep = String(entry.last_step ?? "");
    },
  };
}

/** Alerts that hold as pills; how many were ever raised beside them. */
function told(cell, entry) {
  const held = SEVERITIES.filter((name) => entry.holding?.[name]).map((name) => [name, entry.holding[name]]);
  const raised = Object.values(entry.alerts ?? {}).reduce((sum, count) => sum + count, 0);
  const key = JSON.stringify([held, raised]);
  if (cell.dataset.told === key) return;
  cell.dataset.told = key;
  const noun = (name, count) => (name === "info" ? `${count} info` : plural(count, name));
  replace(
    cell,
    held.map(([name, count]) => h("span", { class: `pill ${name}`, title: "hold now" }, noun(name, count))),
    raised ? h("span.soft.small", {}, held.length ? ` ${whole(raised)} raised` : `${whole(raised)} raised, none holds`) : entry.kind === "run" ? h("span.soft", {}, "none") : MISSING,
  );
  cell.classList.toggle("none", !raised);
}

const DATE = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" });

function date(seconds) {
  return DATE.format(new Date(1000 * seconds));
}
