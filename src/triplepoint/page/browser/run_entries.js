// What the list of runs says of each: from the server, or from the documents of this file.

import { decode } from "./columns.js";

/** The entries of the documents of a file, in the form of those of the server. */
export function entriesOf(documents) {
  return documents.map((document) => {
    const steps = document.kind === "run" ? decode(document.visits.steps) : [];
    const scalars = Object.values(document.scalars).map((scalar) => decode(scalar.steps));
    const last = Math.max(-Infinity, ...[steps, ...scalars].filter((column) => column.length).map((column) => column.reduce((most, step) => Math.max(most, step), -Infinity)));
    return {
      kind: document.kind,
      name: document.name,
      status: document.status,
      last_step: Number.isFinite(last) && document.kind === "run" ? last : null,
      train_loss: lastOf(document.scalars.train_loss),
      matrices: document.layers.filter((layer) => layer.status === "ok").length,
      alerts: counted(document.alerts.filter((alert) => alert.state === "raised")),
      holding: holding(document.alerts),
      size: null,
      started: document.started,
      last_time: document.ended,
      reason: null,
    };
  });
}

function lastOf(scalar) {
  const values = scalar ? decode(scalar.values) : [];
  for (let at = values.length - 1; at >= 0; at--) if (Number.isFinite(values[at])) return values[at];
  return null;
}

function counted(alerts) {
  const found = {};
  for (const { severity } of alerts) found[severity] = (found[severity] ?? 0) + 1;
  return found;
}

function holding(alerts) {
  const held = new Map();
  for (const alert of alerts) {
    const key = `${alert.rule}\n${alert.layer}`;
    if (alert.state === "raised") held.set(key, alert);
    else held.delete(key);
  }
  return counted([...held.values()]);
}

/** Entries in the order of a column; `by` null: as they came, the newest first. What is missing stays last. */
export function ordered(entries, by, down) {
  if (by === null) return entries;
  const value = (entry) => entry[by] ?? null;
  const known = entries.filter((entry) => value(entry) !== null);
  known.sort((one, other) => (typeof value(one) === "string" ? value(one).localeCompare(value(other), "en", { numeric: true }) : value(one) - value(other)));
  if (down) known.reverse();
  return [...known, ...entries.filter((entry) => value(entry) === null)];
}
