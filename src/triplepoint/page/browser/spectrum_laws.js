// The laws that a picture of a spectrum is read against, as counts of eigenvalues; x is log10 λ throughout.

import { lastAtMost } from "./columns.js";

/** Linear interpolation in ascending xs; the end values beyond them. */
export function interpolate(x, xs, ys) {
  const at = lastAtMost(xs, x);
  if (at < 0) return ys[0];
  if (at >= xs.length - 1) return ys[xs.length - 1];
  const share = (x - xs[at]) / (xs[at + 1] - xs[at]);
  return ys[at] + share * (ys[at + 1] - ys[at]);
}

/**
 * The law of Marchenko and Pastur (1967) for an N × M matrix, N ≥ M, with entries of variance σ²: share of eigenvalues
 * of WᵀW below λ, in closed form as in `nulls/marchenko_pastur.py`.
 */
export function marchenkoPastur(lambda, [n, m], sigma) {
  const y = m / n;
  const root = Math.sqrt(y);
  const low = (1 - root) ** 2;
  const high = (1 + root) ** 2;
  const x = Math.min(high, Math.max(low, lambda / (n * sigma * sigma)));
  const asin = (value) => Math.asin(Math.min(1, Math.max(-1, value)));
  let total = Math.sqrt(Math.max(0, (high - x) * (x - low))) + (1 + y) * asin((x - 1 - y) / (2 * root));
  if (m < n) total -= (1 - y) * asin(((1 + y) * x - (1 - y) ** 2) / (2 * root * x));
  return Math.min(1, Math.max(0, 0.5 + total / (2 * Math.PI * y)));
}

/** A noise law: {count, below(x), low, high}, or null where the row has none. `spikes` are taken out of shape and count. */
export function noiseLaw(layer, sigma, spikes, table = null) {
  // The noise of a product of factors is no matrix of independent entries.
  if (!layer.shape || !layer.num_eigenvalues || !(sigma > 0) || layer.factored) return null;
  const n = Math.max(...layer.shape);
  const m = Math.min(...layer.shape);
  if (layer.num_eigenvalues % m) return null;
  const taken = layer.num_eigenvalues === m ? spikes : 0;
  if (taken >= m) return null;
  const shift = Math.log10(layer.scale * sigma * sigma);
  const count = layer.num_eigenvalues - spikes;
  if (table) {
    const last = table.x.length - 1;
    return { count, below: (x) => (x - shift < table.x[0] ? 0 : interpolate(x - shift, table.x, table.cdf)), low: table.x[0] + shift, high: table.x[last] + shift };
  }
  const sides = [n - taken, m - taken];
  const edge = (sign) => Math.log10(Math.max(1e-300, (Math.sqrt(sides[0]) + sign * Math.sqrt(sides[1])) ** 2)) + shift;
  const high = edge(1);
  // A square matrix has its lower end at 0: six decades below the upper one nothing is left to count.
  return { count, below: (x) => marchenkoPastur(10 ** (x - shift), sides, 1), low: Math.max(edge(-1), high - 6), high };
}

/** Expected eigenvalues between two x. */
export function between(law, from, to) {
  return law.count * (law.below(to) - law.below(from));
}

/** 95 % of the counts where `expected` are expected of a matrix that has learned nothing; of `slices` matrices together. */
export function band(rigidity, expected, slices) {
  if (slices <= 1) return [interpolate(expected, rigidity.mean, rigidity.low), interpolate(expected, rigidity.mean, rigidity.high)];
  // Counts of independent slices add, and so do their variances.
  const half = 0.5 + 1.96 * Math.sqrt(slices * interpolate(expected / slices, rigidity.mean, rigidity.variance));
  return [Math.max(0, expected - half), expected + half];
}

/** The fitted tail: eigenvalues at or above x, for an exponent: n·(λ/xmin)^(1 − α). */
export function tailAbove(tail, x, alpha = tail.alpha) {
  return tail.count * 10 ** ((x - tail.xmin) * (1 - alpha));
}

/** Expected eigenvalues of the tail between two x. */
export function tailBetween(tail, from, to, alpha = tail.alpha) {
  return tailAbove(tail, from, alpha) - tailAbove(tail, to, alpha);
}

/** Neighbouring bins added up until there are no more than 2√n, but at least 16: {low, width, counts}. */
export function coalesced(spectrum) {
  let { counts } = spectrum;
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (!(spectrum.high > spectrum.low)) {
    // All alike: one bin, a twentieth of a decade wide.
    return { low: spectrum.low - 0.025, width: 0.05, counts: Uint32Array.of(total), total };
  }
  const most = Math.max(16, 2 * Math.sqrt(total));
  while (counts.length > most && counts.length % 2 === 0) {
    const half = new Uint32Array(counts.length / 2);
    for (let k = 0; k < half.length; k++) half[k] = counts[2 * k] + counts[2 * k + 1];
    counts = half;
  }
  return { low: spectrum.low, width: (spectrum.high - spectrum.low) / counts.length, counts, total };
}

/** Counts in other bins of equal width, those of an old bin spread evenly over it: {low, width, counts}. */
export function rebinned(spectrum, width, origin) {
  const own = (spectrum.high - spectrum.low) / spectrum.counts.length;
  if (!(own > 0)) return { low: spectrum.low - width / 2, width, counts: [spectrum.counts.reduce((sum, count) => sum + count, 0)] };
  const first = Math.floor((spectrum.low - origin) / width);
  const last = Math.ceil((spectrum.high - origin) / width);
  const counts = new Float64Array(Math.max(1, last - first));
  spectrum.counts.forEach((count, k) => {
    if (!count) return;
    const from = (spectrum.low + k * own - origin) / width - first;
    const to = from + own / width;
    for (let bin = Math.floor(from); bin < Math.min(counts.length, Math.ceil(to)); bin++) {
      counts[bin] += count * Math.max(0, Math.min(to, bin + 1) - Math.max(from, bin)) * (width / own);
    }
  });
  return { low: origin + first * width, width, counts };
}
