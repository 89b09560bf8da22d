// What a picture of a spectrum shows, in plain sentences.

import { interval, number, plural, whole } from "./format.js";
import { band, between, tailBetween } from "./spectrum_laws.js";
import { fromLog } from "./ticks.js";

/** Two or three sentences; `from`: where the picture begins. */
export function words(made, from = -Infinity) {
  if (!made.bins.total) return "No eigenvalue stands above rounding noise.";
  const found = [tailWords(made), edgeWords(made)].filter(Boolean);
  if (made.spectrum.unresolved > 0) found.push(`${plural(made.spectrum.unresolved, "eigenvalue")} below rounding noise ${made.spectrum.unresolved === 1 ? "is" : "are"} not drawn.`);
  const aside = left(made, from);
  if (aside > 0) found.push(`${plural(aside, "eigenvalue")} smaller than ${fromLog(from)} ${aside === 1 ? "lies" : "lie"} left of the picture.`);
  return found.length ? found.join(" ") : `${plural(made.bins.total, "eigenvalue")} from ${fromLog(made.spectrum.low)} to ${fromLog(made.spectrum.high)}.`;
}

/** Eigenvalues in bins that end before the picture begins. */
function left({ bins }, from) {
  let count = 0;
  for (let k = 0; k < bins.counts.length && bins.low + (k + 1) * bins.width <= from; k++) count += bins.counts[k];
  return count;
}

function tailWords({ tail, of, alpha }) {
  if (!tail && Number.isFinite(alpha)) return "Where the fitted tail begins is not among these numbers (xmin, num_tail).";
  if (!tail) return "No power law can be fitted to this spectrum.";
  return `${whole(tail.count)} of ${whole(of)} eigenvalues, those from λ = ${fromLog(tail.xmin)} on, are fitted by a power law of exponent α = ${interval(tail.alpha, tail.low, tail.high)}.`;
}

function edgeWords(made) {
  const { edge, spikes, bins } = made;
  if (!Number.isFinite(edge)) return made.null ? `Noise of this shape and variance would end at ${fromLog(made.null.high)}.` : "";
  const beyond = spikes;
  const first = beyond ? `${whole(beyond)} of ${whole(bins.total)} stand${beyond === 1 ? "s" : ""} above the edge of the noise that was fitted to the bulk, at ${fromLog(edge)}.` : `None stands above the edge of the noise that was fitted to the bulk, at ${fromLog(edge)}.`;
  const fits = made.misfit ? " But the bulk does not follow that law (p < 0.01), so this is no count of spikes." : "";
  const learned = made.null ? " A matrix of this shape and variance that has learned nothing would lie in the shaded band." : "";
  return `${first}${fits}${learned}`;
}

/** Pairs of name and text for a place on the λ axis. */
export function hover(made, x, kind) {
  const { bins, tail } = made;
  if (kind === "rank") {
    const above = made.spectrum.tail.findIndex((value) => Math.log10(value) < x);
    return [
      ["λ", fromLog(x)],
      ["at or above", above >= 0 ? whole(above) : null],
    ];
  }
  const bin = Math.floor((x - bins.low) / bins.width);
  const from = bins.low + bin * bins.width;
  const to = from + bins.width;
  const inside = bin >= 0 && bin < bins.counts.length;
  return [
    ["λ", `${fromLog(from)} to ${fromLog(to)}`],
    ["eigenvalues", inside ? whole(bins.counts[bin]) : "0"],
    ["noise, 95 %", made.null ? noise(made, from, to) : null],
    ["fitted tail", tail && from >= tail.xmin - bins.width / 2 && to <= made.top + bins.width ? number(tailBetween(tail, Math.max(from, tail.xmin), to)) : null],
  ];
}

function noise(made, from, to) {
  const expected = between(made.null, from, to);
  if (expected < 0.01) return "0";
  const [low, high] = band(made.rigidity, expected, made.slices);
  return `${whole(Math.ceil(low))} to ${whole(Math.floor(high))}`;
}

/** A trap in words. */
export function trapWords(trap) {
  const cause = String(trap.cause ?? "").replaceAll("_", " ");
  return `Trap: the shuffled matrix has an eigenvalue at ${number(trap.eigenvalue)}, ${number(trap.strength)} times the edge of noise${cause ? ` (${cause})` : ""}.`;
}
