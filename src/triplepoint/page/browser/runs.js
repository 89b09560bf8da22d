// Runs: what the folder holds, or this file; a list that keeps itself fresh while it is looked at.

import { h, replace, visible } from "./dom.js";
import { plural } from "./format.js";
import { entriesOf, ordered } from "./run_entries.js";
import { COLUMNS, runRow } from "./runs_row.js";

const FRESH = 3000; // ms between two questions to the server
const SEARCH = 12; // entries from which on there is a field to search them

const BEGIN = `from triplepoint import Monitor

with Monitor(model, run="first") as monitor:
    for step in range(steps):
        …
        monitor.step(step, train_loss=loss)`;

export function runs(host, app) {
  const { state } = app;
  const rows = new Map();
  const chosen = new Set();
  const heads = new Map();
  let by = null;
  let down = false;
  let words = "";
  let file = null;
  let asking = false;

  const where = h("p.soft.small", { "data-role": "folder" });
  const search = h("input", { type: "search", placeholder: "name …", "aria-label": "Runs whose name holds these words", oninput: () => ((words = search.value.toLowerCase()), draw()) });
  const pair = h("button", { type: "button", disabled: true, "data-role": "compare-pair", onclick: () => compare() }, "Compare two");
  const body = h("tbody");
  const table = h(
    "table.data.runs-table",
    {},
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        COLUMNS.map(({ key, text, right, hidden }) => {
          const head = h("th", { scope: "col", class: right ? "right" : null, "aria-sort": key ? "none" : null }, key ? h("button.sort", { type: "button", onclick: () => sort(key) }, text) : hidden ? h("span.hidden-heading", {}, text) : text);
          if (key) heads.set(key, head);
          return head;
        }),
      ),
    ),
    body,
  );
  const watched = h("span.mono");
  const empty = h("div.no-runs", { "data-role": "no-runs", hidden: true });
  const tools = h("div.toolbar.runs-tools", {}, h("label.field", { hidden: true }, h("span", {}, "Search"), search), pair);
  const card = h("section.card", { "data-role": "runs", "aria-label": "Runs" }, tools, table, empty);
  host.append(h("div.view-head", {}, h("h1", {}, "Runs"), where), card);

  const entries = () => {
    if (app.server) return app.entries;
    return (file ??= entriesOf(app.documents));
  };
  const keyOf = (entry) => `${entry.kind}\n${entry.name}`;
  const open = (entry) => {
    const view = entry.kind === "run" && entry.status === "running" ? "time" : "overview";
    state.set({ run: entry.name, kind: entry.kind, view, step: null, layer: null, from: null, to: null });
    app.choose(); // once more where it could not be opened before
  };
  const check = (entry, on) => {
    if (on) chosen.add(keyOf(entry));
    else chosen.delete(keyOf(entry));
    // The third tick takes the first away.
    if (chosen.size > 2) {
      const first = chosen.values().next().value;
      chosen.delete(first);
      rows.get(first)?.check(false);
    }
    picked();
  };
  const picked = () => {
    pair.disabled = chosen.size !== 2;
    pair.textContent = chosen.size === 1 ? "Compare with …" : "Compare two";
  };
  const compare = () => {
    const [a, b] = [...chosen].map((key) => entries().find((entry) => keyOf(entry) === key));
    if (!a || !b) return;
    state.set({ run: a.name, kind: a.kind, against: b.name, againstKind: b.kind, view: "compare", step: null, againstStep: null, from: null, to: null });
  };
  const sort = (key) => {
    const first = key !== "name" && key !== "status";
    if (by !== key) [by, down] = [key, first];
    else if (down === first) down = !down;
    else by = null;
    for (const [name, head] of heads) head.setAttribute("aria-sort", name !== by ? "none" : down ? "descending" : "ascending");
    draw();
  };

  const draw = () => {
    const all = entries();
    const now = Date.now() / 1000;
    const known = new Set(all.map(keyOf));
    for (const key of [...rows.keys()]) {
      if (known.has(key)) continue;
      rows.get(key).element.remove();
      rows.delete(key);
      chosen.delete(key);
    }
    const wanted = ordered(all, by, down).filter((entry) => words.split(/\s+/).every((word) => entry.name.toLowerCase().includes(word)));
    const shown = new Set(wanted.map(keyOf));
    wanted.forEach((entry, place) => {
      const key = keyOf(entry);
      if (!rows.has(key)) rows.set(key, runRow(entry, { onopen: open, oncheck: check }));
      const row = rows.get(key);
      row.update(entry, now);
      // Moved only where it is not in its place: what has the focus keeps it.
      if (body.children[place] !== row.element) body.insertBefore(row.element, body.children[place] ?? null);
    });
    for (const [key, row] of rows) if (!shown.has(key)) row.element.remove();
    search.parentNode.hidden = all.length < SEARCH;
    table.hidden = !all.length;
    card.dataset.count = String(all.length);
    where.textContent = app.server ? `${plural(all.length, "entry", "entries")} in ${visible(app.folder ?? "the folder")}. The list refreshes itself.` : `${plural(all.length, "document")} in this file.`;
    watched.textContent = visible(app.folder ?? "");
    tools.hidden = all.length < 2;
    nothing(all);
    picked();
  };
  const nothing = (all) => {
    if (Boolean(all.length) === empty.hidden) return;
    empty.hidden = Boolean(all.length);
    replace(
      empty,
      h("h2", {}, "No run yet"),
      h("p", {}, "A training that is watched begins one; it appears here by itself."),
      h("pre.mono", { tabindex: 0 }, h("code", {}, BEGIN)),
      h("p.soft", {}, "Watched: ", watched, ". A run is NAME/run.db in it; a saved scan is a .json or .jsonl file of triplepoint scan --format json."),
    );
  };

  const fresh = () => !host.hidden && document.visibilityState === "visible" && app.server;
  const ask = async () => {
    if (asking || !fresh()) return;
    asking = true;
    await app.list();
    asking = false;
    app.head();
  };
  setInterval(ask, FRESH);
  document.addEventListener("visibilitychange", ask);
  // "3 s ago" is true for a second.
  setInterval(() => fresh() && draw(), 1000);
  state.on(["runs"], () => !host.hidden && draw());
  return {
    show() {
      draw();
      ask();
    },
  };
}
