// The range of an axis that stays the same while the cursor moves: of all layers at all visits.

const MOST = 20000; // values that are looked at

/** {low, high, log} for a metric; on a log axis low and high are logarithms. */
export function extent(subject, metric, bounds = {}) {
  const names = [metric, bounds.low, bounds.high].filter(Boolean);
  const total = subject.primary.reduce((sum, index) => sum + subject.visits[index].steps.length, 0) * names.length;
  const every = Math.max(1, Math.ceil(total / MOST));
  const values = [];
  let at = 0;
  for (const name of names) {
    for (const index of subject.primary) {
      const series = subject.visits[index].series.get(name);
      if (!series) continue;
      const last = series.length - 1;
      for (let k = 0; k <= last; k++) if ((at++ % every === 0 || k === last) && Number.isFinite(series.values[k])) values.push(series.values[k]);
    }
  }
  if (metric === "alpha") return ofAlpha(values);
  if (!values.length) return { low: 0, high: 1, log: false };
  values.sort((a, b) => a - b);
  // One matrix in two hundred may lie outside, and is drawn at the edge.
  const low = values[Math.floor(0.004 * (values.length - 1))];
  const high = values[Math.ceil(0.996 * (values.length - 1))];
  if (low > 0 && high / low > 60) {
    const room = 0.05 * Math.log10(high / low);
    return { low: Math.log10(low) - room, high: Math.log10(high) + room, log: true };
  }
  const room = 0.06 * (high - low) || 0.1 * Math.abs(high) || 1;
  const known = subject.metrics.get(metric);
  return {
    low: known?.low !== null && known?.low !== undefined && low - room < known.low ? known.low - 0.02 * (high - known.low) : low - room,
    high: known?.high !== null && known?.high !== undefined && high + room > known.high ? known.high + 0.02 * (known.high - low) : high + room,
    log: false,
  };
}

/** α: from 1, with the band of 2 to 6 in sight; what is far above is drawn at the edge. */
function ofAlpha(values) {
  const above = values.filter((value) => value > 1).sort((a, b) => a - b);
  const high = above.length ? above[Math.floor(0.97 * (above.length - 1))] : 8;
  return { low: 1, high: Math.min(14, Math.max(7, high * 1.06)), log: false };
}
