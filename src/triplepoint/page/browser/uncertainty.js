// Which metrics say how sure another one is: by name, as the catalogue names them.

const SPREADS = ["_sem", "_sd", "_error"];

/** {low, high} or {spread}: names of metrics of the subject; {} where there are none. */
export function uncertaintyOf(subject, metric) {
  if (subject.metrics.has(`${metric}_low`) && subject.metrics.has(`${metric}_high`)) {
    const spread = SPREADS.map((end) => metric + end).find((name) => subject.metrics.has(name));
    return { low: `${metric}_low`, high: `${metric}_high`, spread };
  }
  const base = metric.endsWith("_mean") ? metric.slice(0, -5) : metric;
  const spread = SPREADS.flatMap((end) => [metric + end, base + end]).find((name) => name !== metric && subject.metrics.has(name));
  return spread ? { spread } : {};
}

/** Whether a metric is shown beside the one that it qualifies. */
export function qualifies(subject, name) {
  return [...subject.metrics.keys()].some((other) => {
    const found = uncertaintyOf(subject, other);
    return other !== name && (found.low === name || found.high === name || found.spread === name);
  });
}
