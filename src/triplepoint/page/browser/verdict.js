// What is said of the whole: a sentence, and the phases with their counts, each a filter.

import { h, replace, visible } from "./dom.js";
import { plural, step as stepText, whole } from "./format.js";
import { PHASES, UNSEEN } from "./phases.js";

const ORDER = [2, 3, 1, 4, 5, 0, UNSEEN];

export function verdict(host, app) {
  const { state } = app;
  const sentence = h("h1.verdict", { "data-role": "verdict", "aria-live": "off" });
  const caveat = h("p.soft.caveat");
  const row = h("div.chips", { role: "group", "aria-label": "Show layers of a phase", "data-role": "phases" });
  const chips = new Map();
  host.append(h("div.hero", {}, sentence, row, caveat));

  const build = () => {
    const { subject } = app;
    chips.clear();
    const last = subject.census(subject.lastStep);
    sentence.classList.toggle("moving", subject.moves);
    caveat.textContent = visible(subject.document.caveat);
    replace(
      row,
      ORDER.filter((code) => subject.moves || last[code]).map((code) => {
        const count = h("b");
        const chip = h(
          "button.chip",
          { type: "button", title: PHASES[code].hint, "data-phase": code, style: { "--colour": `var(${PHASES[code].colour})` }, onclick: () => toggle(code) },
          h("i", { "aria-hidden": "true" }, PHASES[code].sign),
          h("span", {}, PHASES[code].word),
          count,
        );
        chips.set(code, { chip, count, shown: -1 });
        return chip;
      }),
    );
    pressed();
  };

  const toggle = (code) => {
    const on = new Set(state.get("phase").split(",").filter(Boolean).map(Number));
    if (!on.delete(code)) on.add(code);
    state.set({ phase: [...on].sort().join(",") });
  };

  const pressed = () => {
    const on = new Set(state.get("phase").split(",").filter(Boolean).map(Number));
    for (const [code, { chip }] of chips) chip.setAttribute("aria-pressed", String(on.has(code)));
  };

  const update = (step) => {
    const { subject } = app;
    const counts = subject.census(step);
    for (const [code, entry] of chips) {
      if (entry.shown === counts[code]) continue;
      entry.shown = counts[code];
      entry.count.textContent = whole(counts[code]);
      entry.chip.classList.toggle("none", counts[code] === 0);
      if (code === 0 || code === UNSEEN) entry.chip.hidden = counts[code] === 0;
    }
    const text = !subject.moves || step >= subject.lastStep ? visible(subject.verdict) : census(step, counts);
    if (sentence.textContent !== text) sentence.textContent = text;
    sentence.classList.toggle("long", text.length > 150);
  };
  return { build, pressed, update };
}

/** The census in a sentence. */
function census(step, counts) {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const parts = ORDER.filter((code) => counts[code]).map((code) => `${whole(counts[code])} ${PHASES[code].word}`);
  if (counts[UNSEEN] === total) return `At step ${stepText(step)} no layer had been looked at as a whole.`;
  return `At step ${stepText(step)}, of ${plural(total, "weight matrix", "weight matrices")}: ${parts.join(", ")}.`;
}
