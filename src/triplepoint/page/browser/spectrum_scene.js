// Everything that one picture of a spectrum shows, as numbers: bins, laws, fitted tail, marks.

import { decode } from "./columns.js";
import { coalesced, noiseLaw } from "./spectrum_laws.js";
import { spectrumAt } from "./subject.js";

/** Metrics that the picture needs beside those that every document has. */
export const NEEDED = ["alpha", "alpha_low", "alpha_high", "xmin", "num_tail", "bulk_sigma", "bulk_edge", "num_spikes", "mp_sigma", "bulk_ks_p"];

const tables = new WeakMap();

/** The decoded law of noise for a layer's shape; null where the document has none. */
function lawOf(subject, layer) {
  if (!layer.shape) return null;
  let known = tables.get(subject);
  if (!known) tables.set(subject, (known = new Map()));
  const key = `${Math.max(...layer.shape)}x${Math.min(...layer.shape)}`;
  if (!known.has(key)) {
    const found = subject.document.laws[key];
    known.set(key, found ? { x: decode(found.x), cdf: decode(found.cdf) } : null);
  }
  return known.get(key);
}

/**
 * {spectrum, bins, of, null, bulk, edge, tail, top, shuffled, traps, slices}; null where there is no spectrum yet.
 * All places are log10 λ. The metrics are those of the step of the spectrum.
 */
export function scene(subject, index, spectra, step) {
  const spectrum = spectrumAt(spectra, step);
  if (!spectrum) return null;
  const layer = subject.layers[index];
  const at = (name) => subject.value(index, name, spectrum.step);
  const log = (value) => (value > 0 ? Math.log10(value) : NaN);
  const drawn = Number.isFinite(spectrum.low);
  const bins = drawn ? coalesced(spectrum) : { low: 0, width: 1, counts: [], total: 0 };
  const tail = { alpha: at("alpha"), low: at("alpha_low"), high: at("alpha_high"), xmin: log(at("xmin")), count: at("num_tail") };
  const edge = log(at("bulk_edge"));
  const known = at("num_spikes");
  const spikes = Number.isFinite(known) || Number.isNaN(edge) ? known : above(spectrum, edge);
  const last = subject.moves ? subject.visits[index].steps.values.at(-1) : 0;
  return {
    spectrum,
    bins,
    of: layer.num_eigenvalues ?? bins.total + spectrum.unresolved,
    null: noiseLaw(layer, at("mp_sigma"), 0, lawOf(subject, layer)),
    bulk: Number.isFinite(spikes) ? noiseLaw(layer, at("bulk_sigma"), spikes) : null,
    edge,
    misfit: at("bulk_ks_p") < 0.01,
    spikes,
    tail: Number.isFinite(tail.alpha) && Number.isFinite(tail.xmin) && tail.count > 0 ? tail : null,
    alpha: tail.alpha,
    top: spectrum.tail.length ? log(spectrum.tail[0]) : spectrum.high,
    shuffled: subject.moves ? null : spectrumAt(subject.shuffled(index), 0),
    traps: !subject.moves || step >= last ? (subject.document.traps[index] ?? []).map((trap) => ({ ...trap, x: log(trap.eigenvalue) })) : [],
    slices: layer.slices ?? 1,
  };
}

/** Eigenvalues above the edge, where the file does not say how many: among those that are known one by one. */
function above(spectrum, edge) {
  let count = 0;
  for (const value of spectrum.tail) if (Math.log10(value) > edge) count++;
  return count;
}

/** log10 λ below which a share of the eigenvalues lies. */
function quantile({ low, high, counts }, share) {
  const total = counts.reduce((sum, count) => sum + count, 0);
  let below = 0;
  for (let k = 0; k < counts.length; k++) {
    below += counts[k];
    if (below >= share * total) return low + ((high - low) * k) / counts.length;
  }
  return low;
}

/** Limits that hold for all spectra of a layer, so that a scrub moves the spectrum and not the axes: {x, above, density, rank}; `above` is the λ axis of ranks. */
export function limits(subject, index, spectra) {
  let low = Infinity;
  let high = -Infinity;
  let tallest = 1;
  const steps = spectra.steps;
  const every = Math.max(1, Math.ceil(steps.length / 400));
  for (let k = 0; k < steps.length; k += every) {
    const one = spectrumAt(spectra, steps[k]);
    if (!Number.isFinite(one.low)) continue;
    low = Math.min(low, one.low);
    high = Math.max(high, one.high);
    for (const count of coalesced(one).counts) tallest = Math.max(tallest, count);
  }
  if (high < low) return { x: [-1, 1], above: [-1, 1], density: [-0.3, 1], rank: [-0.2, 1] };
  const now = scene(subject, index, spectra, steps[steps.length - 1]);
  for (const law of [now.null, now.bulk]) {
    if (!law) continue;
    high = Math.max(high, law.high);
    low = Math.min(low, Math.max(law.low, high - 8));
  }
  for (const { x } of now.traps) if (Number.isFinite(x)) high = Math.max(high, x);
  // Of a square matrix the smallest few eigenvalues take half of the axis; where that is so they are left of the picture.
  const cut = quantile(now.spectrum, 0.02);
  if (cut - low > 0.25 * (high - low)) low = cut;
  const room = 0.04 * (high - low) || 0.2;
  // Ranks say nothing below the median: there the curve is flat, and of a square matrix it is flat for decades.
  const middle = Math.max(low, Math.min(now.tail?.xmin ?? Infinity, quantile(now.spectrum, 0.3)));
  return { x: [low - room, high + room], above: [middle - 0.04 * (high - middle), high + 0.04 * (high - middle)], density: [Math.log10(0.6), Math.log10(Math.max(4, tallest * 1.9))], rank: [Math.log10(0.6), Math.log10(now.of * 1.6)] };
}
