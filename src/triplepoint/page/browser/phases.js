// Phases of a layer: code, word, sign and colour. The sign says without colour what the colour says.

export const PHASES = [
  { code: 0, name: "failed", word: "failed", sign: "×", colour: "--failed" },
  { code: 1, name: "under_trained", word: "under-trained", sign: "▽", colour: "--under", hint: "gas: the spectrum cannot be told from noise, or α is above 6" },
  { code: 2, name: "well_trained", word: "well-trained", sign: "●", colour: "--well", hint: "water: differs from noise, α between 2 and 6 with its whole interval" },
  { code: 3, name: "over_trained", word: "over-trained", sign: "▲", colour: "--over", hint: "ice: α below 2 with its whole interval" },
  { code: 4, name: "undecided", word: "undecided", sign: "?", colour: "--undecided", hint: "the interval of α reaches over a border" },
  { code: 5, name: "not_assessable", word: "not assessable", sign: "–", colour: "--unassessed", hint: "too small, or no power law can be fitted" },
  { code: 6, name: "unseen", word: "not judged yet", sign: "·", colour: "--unseen", hint: "there was no whole look at it yet" },
];

export const UNSEEN = 6;

/** Codes, the gravest first: the order of findings and of words. */
export const GRAVEST = [0, 3, 1, 4, 5, 2, UNSEEN];

/** Share of a colour at a confidence. In full without one, as in figures: that noise is noise has no probability, and is not unsure. */
const strength = (confidence) => 0.25 + 0.75 * (Number.isFinite(confidence) ? Math.min(1, Math.max(0, confidence)) : 1);

/** The colour of a phase at a confidence: pale where unsure. Cached: a strip of 300 layers is coloured each frame. */
const mixed = new Map();
export function colour(code, confidence = 1) {
  const percent = Math.round((100 * strength(confidence)) / 5) * 5;
  const key = code * 1000 + percent;
  let found = mixed.get(key);
  if (!found) mixed.set(key, (found = `color-mix(in oklab, var(${PHASES[code].colour}) ${percent}%, var(--paper))`));
  return found;
}

/** The same as numbers [r, g, b] for a canvas, in the theme of now. */
export function rgb(code, confidence, theme) {
  const ink = theme.rgb(PHASES[code].colour);
  const paper = theme.rgb("--paper");
  const share = strength(confidence);
  return ink.map((value, i) => Math.round(value * share + paper[i] * (1 - share)));
}
