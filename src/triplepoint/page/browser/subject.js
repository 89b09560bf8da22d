// What is looked at: a run, or a scan as a run of one step. All views ask it, and nothing else, for numbers.

import { decode, Growable, lastAtMost } from "./columns.js";
import { PHASES, UNSEEN } from "./phases.js";

/** One layer along the run. */
class Visits {
  constructor(document, series, index, from, to) {
    const part = (column) => column.slice(from, to);
    this.steps = new Growable(Float64Array, part(document.steps));
    this.kinds = new Growable(Uint8Array, part(document.kinds));
    this.phases = new Growable(Uint8Array, part(document.phases));
    this.confidence = new Growable(Float32Array, part(document.confidence));
    this.series = new Map();
    for (const [name, column] of series) this.series.set(name, new Growable(Float32Array, part(column)));
  }

  /** Index of the last visit at or before `step`; −1 before the first. */
  at(step) {
    return lastAtMost(this.steps.values, step);
  }

  push(visit) {
    const last = this.steps.length - 1;
    const full = visit.kind === 0;
    this.steps.push(visit.step);
    this.kinds.push(visit.kind);
    this.phases.push(full ? visit.phase : last < 0 ? UNSEEN : this.phases.values[last]);
    this.confidence.push(full ? (visit.confidence ?? NaN) : last < 0 ? NaN : this.confidence.values[last]);
    for (const [name, column] of this.series) column.push(visit.metrics[name] ?? NaN);
  }
}

export class Subject {
  constructor(document, source) {
    this.document = document;
    this.source = source;
    this.name = document.name;
    this.kind = document.kind;
    this.layers = document.layers;
    this.metrics = new Map(document.metrics.map((metric) => [metric.name, metric]));
    this.frame = document.frame;
    this.status = document.status;
    this.verdict = document.verdict;
    this.alerts = document.alerts.slice();
    this.events = document.events.slice();
    this.byId = new Map(this.layers.map((layer) => [layer.id, layer.index]));
    this.analysed = this.layers.filter((layer) => layer.status !== "skipped").map((layer) => layer.index);
    // Each stored weight once: no slices of a kernel, no fused weight beside its parts.
    this.primary = this.analysed.filter((index) => this.layers[index].primary !== false);
    this.loading = new Map();
    this.spectraOf = new Map();

    const visits = Object.fromEntries(Object.entries(document.visits).map(([key, column]) => [key, decode(column)]));
    const series = Object.entries(document.series).map(([name, column]) => [name, decode(column)]);
    this.visits = this.layers.map(
      (layer) => new Visits(visits, series, layer.index, visits.offsets[layer.index], visits.offsets[layer.index + 1]),
    );
    this.loaded = new Set(series.map(([name]) => name));
    this.scalars = new Map();
    for (const [name, scalar] of Object.entries(document.scalars)) {
      this.scalars.set(name, scalarOf(decode(scalar.steps), decode(scalar.values), decode(scalar.low), decode(scalar.high)));
    }
    this.known = null;
  }

  /** Whether there is a time to scrub through; not where only the end of a run is here yet. */
  get moves() {
    return this.kind === "run" && !this.document.partial;
  }

  /** (n,) every step that something is known of, ascending: where the cursor can stand. */
  get steps() {
    if (!this.known) {
      const all = new Set();
      for (const { steps } of this.scalars.values()) for (const step of steps.values) all.add(step);
      for (const { steps } of this.visits) for (const step of steps.values) all.add(step);
      this.known = new Growable(Float64Array, Float64Array.from(all).sort());
    }
    return this.known.values;
  }

  /** A step that a new frame brings: nearly always the last, and 300 layers × 1,000 visits are not sorted again for it. */
  learn(step) {
    if (!this.known) return;
    const steps = this.known.values;
    const at = lastAtMost(steps, step);
    if (at >= 0 && steps[at] === step) return;
    if (at === steps.length - 1) this.known.push(step);
    else this.known = null;
  }

  get lastStep() {
    const steps = this.steps;
    return steps.length ? steps[steps.length - 1] : 0;
  }

  get firstStep() {
    return this.steps.length ? this.steps[0] : 0;
  }

  phase(layer, step) {
    const visits = this.visits[layer];
    const at = visits.at(step);
    return at < 0 ? UNSEEN : visits.phases.values[at];
  }

  confidence(layer, step) {
    const visits = this.visits[layer];
    const at = visits.at(step);
    return at < 0 ? NaN : visits.confidence.values[at];
  }

  /** The metric as it was last measured at or before `step`; NaN where it was not, or where a whole look found no value. */
  value(layer, metric, step) {
    const visits = this.visits[layer];
    const series = visits.series.get(metric);
    if (!series) return NaN;
    const values = series.values;
    const kinds = visits.kinds.values;
    for (let at = visits.at(step); at >= 0; at--) if (!Number.isNaN(values[at]) || kinds[at] === 0) return values[at];
    return NaN;
  }

  scalarAt(name, step) {
    const scalar = this.scalars.get(name);
    if (!scalar) return NaN;
    const at = lastAtMost(scalar.steps.values, step);
    return at < 0 ? NaN : scalar.values.values[at];
  }

  /** Counts by phase code of the layers at a step that the verdict counts: those that failed are in no mean, but in it. */
  census(step) {
    const counts = PHASES.map(() => 0);
    for (const index of this.analysed) {
      const { counted, status, primary } = this.layers[index];
      if (counted || (status === "failed" && primary !== false)) counts[this.phase(index, step)]++;
    }
    return counts;
  }

  /** Have a metric of all layers at hand; resolves to false where it cannot be had. */
  async metric(name) {
    if (this.loaded.has(name)) return true;
    if (!this.source.metric || this.document.partial) return false;
    if (!this.loading.has(name)) {
      this.loading.set(
        name,
        this.source
          .metric(this, name)
          .then((found) => this.take(name, found))
          .finally(() => this.loading.delete(name)),
      );
    }
    return this.loading.get(name);
  }

  take(name, found) {
    const offsets = decode(found.offsets);
    const values = decode(found.values);
    this.visits.forEach((visits, index) => {
      const column = new Growable(Float32Array, values.slice(offsets[index], offsets[index + 1]));
      // Frames that came meanwhile: their visits have places already, their values come with the next reload.
      while (column.length < visits.steps.length) column.push(visits.late?.get(column.length)?.[name] ?? NaN);
      visits.series.set(name, column);
    });
    this.loaded.add(name);
    return true;
  }

  /** The spectra of a layer along the run, decoded; null where there are none. */
  async spectra(layer) {
    if (!this.spectraOf.has(layer)) {
      const embedded = this.document.spectra[layer];
      const found = embedded ?? (this.source.spectra ? this.source.spectra(this, this.layers[layer].id) : null);
      const asked = Promise.resolve(found).then(unpacked);
      // What could not be had is asked for again the next time.
      asked.catch(() => this.spectraOf.get(layer) === asked && this.spectraOf.delete(layer));
      this.spectraOf.set(layer, asked);
    }
    return this.spectraOf.get(layer);
  }

  /** The spectrum of the shuffled matrix; null where none was made. */
  shuffled(layer) {
    return unpacked(this.document.shuffled[layer] ?? null);
  }

  /** The row of a layer as a scan gives it, at or before a step; null where it cannot be had. */
  async row(layer, step) {
    return this.source.row ? this.source.row(this, this.layers[layer].id, step) : null;
  }

  /** Take up a frame of the live run; false: load the document anew. */
  apply(frame) {
    if (frame.id <= this.frame) return true;
    if (frame.events.some((event) => event.kind === "rewound")) return false;
    if (frame.visits.some((visit) => !this.byId.has(visit.layer))) return false;
    this.frame = frame.id;
    for (const [name, step, value, low, high] of frame.scalars) {
      if (!this.scalars.has(name)) this.scalars.set(name, scalarOf());
      const scalar = this.scalars.get(name);
      scalar.steps.push(step);
      scalar.values.push(value ?? NaN);
      scalar.low.push(low ?? NaN);
      scalar.high.push(high ?? NaN);
      this.learn(step);
    }
    for (const visit of frame.visits) {
      const layer = this.byId.get(visit.layer);
      const visits = this.visits[layer];
      (visits.late ??= new Map()).set(visits.steps.length, visit.metrics);
      visits.push(visit);
      this.learn(visit.step);
      if (visit.kind === 0) this.spectraOf.delete(layer);
    }
    for (const alert of frame.alerts) {
      this.alerts.push({ ...alert, frame: frame.id, layer: this.byId.get(alert.layer) ?? null });
    }
    for (const event of frame.events) this.events.push({ ...event, frame: frame.id });
    return true;
  }

  /** Alerts that hold at a step. */
  holding(step) {
    const held = new Map();
    for (const alert of this.alerts) {
      if (alert.step > step) continue;
      const key = `${alert.rule}\n${alert.layer}`;
      if (alert.state === "raised") held.set(key, alert);
      else held.delete(key);
    }
    return [...held.values()];
  }
}

/** A scalar along the run; `low` and `high`: smallest and largest of a block, NaN where a value stands for itself. */
function scalarOf(steps, values, low, high) {
  const column = (given) => new Growable(Float64Array, given ?? (steps ? new Float64Array(steps.length).fill(NaN) : null));
  return { steps: column(steps), values: column(values), low: column(low), high: column(high) };
}

function unpacked(found) {
  if (!found) return null;
  const spectra = Object.fromEntries(
    Object.entries(found).map(([key, column]) => [key, column && column.t ? decode(column) : column]),
  );
  spectra.bins = spectra.steps.length ? spectra.counts.length / spectra.steps.length : 0;
  return spectra;
}

/** One spectrum of those of a layer: {step, low, high, counts, unresolved, tail}; null before the first. */
export function spectrumAt(spectra, step) {
  if (!spectra) return null;
  const at = lastAtMost(spectra.steps, step);
  if (at < 0) return null;
  return {
    step: spectra.steps[at],
    low: spectra.low[at],
    high: spectra.high[at],
    counts: spectra.counts.subarray(at * spectra.bins, (at + 1) * spectra.bins),
    unresolved: spectra.unresolved[at],
    tail: spectra.tail.subarray(spectra.tail_offsets[at], spectra.tail_offsets[at + 1]),
  };
}
