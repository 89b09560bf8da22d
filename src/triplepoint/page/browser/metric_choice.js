// Which metric: those at hand, and those that the server has; a file says which it does not hold.

import { h, replace, select, visible } from "./dom.js";

/** A label with a select of metrics in `host`; `fill()` anew for another subject. */
export function metricChoice(host, app, label = "Metric") {
  const fill = () => {
    const { subject, state } = app;
    if (!subject) return;
    const offered = [...subject.metrics.keys()].filter((name) => subject.loaded.has(name) || subject.source.metric);
    const chosen = state.get("metric");
    const options = offered.map((name) => ({ value: name, text: name }));
    // A link may name one that this file does not hold.
    if (!offered.includes(chosen)) options.unshift({ value: chosen, text: `${chosen} (not here)` });
    replace(host, select(label, options, chosen, (value) => state.set({ metric: value })));
  };
  return { fill };
}

/** Definition and unit of a metric, in a line. */
export function meaning(subject, name) {
  const known = subject.metrics.get(name);
  if (!known) return "";
  const sentence = /^.*?[.;](?= |$)/.exec(known.meaning)?.[0] ?? known.meaning;
  return `${visible(sentence)}${known.unit && known.unit !== "1" ? ` Unit: ${visible(known.unit)}.` : ""}`;
}

/** The metrics that bound another: alpha_low and alpha_high of alpha; null where there are none. */
export function bounds(subject, name) {
  const pair = { low: `${name}_low`, high: `${name}_high` };
  return subject.metrics.has(pair.low) && subject.metrics.has(pair.high) ? pair : null;
}

/** A metric and its bounds at hand; false where the metric cannot be had. */
export async function atHand(subject, name) {
  const found = await subject.metric(name);
  const pair = bounds(subject, name);
  if (found && pair) await Promise.all([subject.metric(pair.low), subject.metric(pair.high)]);
  return found;
}

/** What to say where a metric is not here. */
export function absent(subject, name) {
  const why = !subject.metrics.has(name) ? `It was not measured in this ${subject.kind}.` : subject.source.metric ? "The server does not have it." : "This file holds a part of the metrics; the live page has all of them: triplepoint serve.";
  return h("p.soft.absent", {}, `${visible(name)} is not here. ${why}`);
}
