// Who is compared with whom: A is what the page is about, at the cursor; B is chosen here.

import { beginning } from "./comparison.js";
import { h, replace, visible } from "./dom.js";
import { step as stepText } from "./format.js";
import { nearest } from "./columns.js";

/** Name and kind of B as the state has it, or as it is where nothing was chosen: the same run earlier, else the first other. */
export function wantedB(app) {
  const { state, subject, entries } = app;
  const name = state.get("against");
  if (name !== null) return { name, kind: state.get("againstKind") ?? entries.find((entry) => entry.name === name)?.kind ?? subject.kind };
  if (subject.moves) return { name: subject.name, kind: subject.kind };
  const others = entries.filter((entry) => !entry.reason && !(entry.name === subject.name && entry.kind === subject.kind));
  const other = others.find((entry) => entry.kind === subject.kind) ?? others[0];
  return other ? { name: other.name, kind: other.kind } : { name: subject.name, kind: subject.kind };
}

/** The step of B. */
export function stepB(app, b) {
  const step = app.state.get("againstStep");
  if (step !== null) return step;
  return b === app.subject && b.moves ? beginning(b) : b.lastStep;
}

const key = ({ kind, name }) => `${kind}\n${name}`;

/** The row of choices; `draw(b)` when B is there, `words()` at each move of a cursor. */
export function sides(host, app, more) {
  const { state, player } = app;
  const nameA = h("span.side-name");
  const stepA = h("b.number");
  const choose = h("select", { "aria-label": "B: compare with", "data-role": "against", onchange: (event) => pick(event.target.value) });
  const slider = h("input", { type: "range", min: 0, step: 1, "aria-label": "Step of B", "data-role": "against-step", oninput: (event) => state.set({ againstStep: b.steps[event.target.value] }) });
  const stepOfB = h("b.number");
  const walk = h("span.walk", {}, slider, stepOfB);
  const swap = h("button", { type: "button", title: "A becomes B and B becomes A", "data-role": "swap", onclick: () => exchange() }, "⇄ swap");
  host.append(
    h("div.side.side-a", {}, h("span.letter", { "aria-hidden": "true" }, "A"), nameA, stepA),
    swap,
    h("div.side.side-b", {}, h("span.letter", { "aria-hidden": "true" }, "B"), choose, walk),
    more,
  );
  let b = null;

  const pick = (value) => {
    const [kind, ...rest] = value.split("\n");
    state.set({ against: rest.join("\n"), againstKind: kind, againstStep: null });
  };
  const exchange = () => {
    if (!b) return;
    const a = app.subject;
    const values = { step: b.moves ? stepB(app, b) : null, againstStep: a.moves ? player.step : null };
    if (a !== b) Object.assign(values, { run: b.name, kind: b.kind, against: a.name, againstKind: a.kind });
    else Object.assign(values, { against: a.name, againstKind: a.kind });
    state.set(values);
  };
  const fill = () => {
    const { subject, entries } = app;
    const chosen = wantedB(app);
    const options = entries.filter((entry) => !entry.reason && !(entry.name === subject.name && entry.kind === subject.kind)).map((entry) => ({ value: key(entry), text: visible(entry.name) }));
    if (subject.moves) options.unshift({ value: key(subject), text: "the same run at another step" });
    if (!options.some((option) => option.value === key(chosen))) options.push({ value: key(chosen), text: visible(chosen.name) });
    replace(choose, options.map((option) => h("option", { value: option.value, selected: option.value === key(chosen) }, option.text)));
    nameA.textContent = visible(subject.name);
    nameA.title = visible(subject.name);
  };
  const words = () => {
    stepA.textContent = app.subject.moves ? `step ${stepText(player.step)}` : "";
    walk.hidden = !b?.moves;
    if (!b?.moves) return;
    const steps = b.steps;
    const step = stepB(app, b);
    slider.max = steps.length - 1;
    slider.value = nearest(steps, step);
    slider.setAttribute("aria-valuetext", `step ${stepText(step)}`);
    stepOfB.textContent = `step ${stepText(step)}`;
  };
  return {
    fill,
    words,
    take(found) {
      b = found;
      words();
    },
  };
}
