// Who is compared with whom: B is what the page is about, at the cursor; A, what it is held against, is chosen here.

import { beginning } from "./comparison.js";
import { h, replace, visible } from "./dom.js";
import { step as stepText } from "./format.js";
import { nearest } from "./columns.js";

/** Name and kind of A as the state has it, or as it is where nothing was chosen: the other of a file; the same run earlier; else the first other. */
export function wantedReference(app) {
  const { state, subject, entries } = app;
  const name = state.get("against");
  if (name !== null) return { name, kind: state.get("againstKind") ?? entries.find((entry) => entry.name === name)?.kind ?? subject.kind };
  const others = entries.filter((entry) => !entry.reason && !(entry.name === subject.name && entry.kind === subject.kind));
  // A file has another because somebody wanted to see it beside this one; a folder has what happens to lie there.
  if (subject.moves && (app.server || !others.length)) return { name: subject.name, kind: subject.kind };
  const other = others.find((entry) => entry.kind === subject.kind) ?? others[0];
  return other ? { name: other.name, kind: other.kind } : { name: subject.name, kind: subject.kind };
}

/** The step of A. */
export function referenceStep(app, a) {
  const step = app.state.get("againstStep");
  if (step !== null) return step;
  return a === app.subject && a.moves ? beginning(a) : a.lastStep;
}

const key = ({ kind, name }) => `${kind}\n${name}`;

/** The row of choices; `take(a)` when A is there, `words()` at each move of a cursor. */
export function sides(host, app, more) {
  const { state, player } = app;
  const nameB = h("span.side-name");
  const stepOfB = h("b.number");
  const choose = h("select", { "aria-label": "A: held against", "data-role": "against", onchange: (event) => pick(event.target.value) });
  const slider = h("input", { type: "range", min: 0, step: 1, "aria-label": "Step of A", "data-role": "against-step", oninput: (event) => state.set({ againstStep: a.steps[event.target.value] }) });
  const stepOfA = h("b.number");
  const walk = h("span.walk", {}, slider, stepOfA);
  const swap = h("button", { type: "button", title: "A becomes B and B becomes A", "data-role": "swap", onclick: () => exchange() }, "⇄ swap");
  host.append(
    h("div.side.side-a", {}, h("span.letter", { "aria-hidden": "true" }, "A"), choose, walk),
    swap,
    h("div.side.side-b", {}, h("span.letter", { "aria-hidden": "true" }, "B"), nameB, stepOfB),
    more,
  );
  let a = null;

  const pick = (value) => {
    const [kind, ...rest] = value.split("\n");
    state.set({ against: rest.join("\n"), againstKind: kind, againstStep: null });
  };
  const exchange = () => {
    if (!a) return;
    const b = app.subject;
    const values = { step: a.moves ? referenceStep(app, a) : null, againstStep: b.moves ? player.step : null };
    if (a !== b) Object.assign(values, { run: a.name, kind: a.kind, against: b.name, againstKind: b.kind });
    else Object.assign(values, { against: b.name, againstKind: b.kind });
    state.set(values);
  };
  const fill = () => {
    const { subject, entries } = app;
    const chosen = wantedReference(app);
    const options = entries.filter((entry) => !entry.reason && !(entry.name === subject.name && entry.kind === subject.kind)).map((entry) => ({ value: key(entry), text: visible(entry.name) }));
    if (subject.moves) options.unshift({ value: key(subject), text: "the same run at another step" });
    if (!options.some((option) => option.value === key(chosen))) options.push({ value: key(chosen), text: visible(chosen.name) });
    replace(choose, options.map((option) => h("option", { value: option.value, selected: option.value === key(chosen) }, option.text)));
    nameB.textContent = visible(subject.name);
    nameB.title = visible(subject.name);
  };
  const words = () => {
    stepOfB.textContent = app.subject.moves ? `step ${stepText(player.step)}` : "";
    walk.hidden = !a?.moves;
    if (!a?.moves) return;
    const steps = a.steps;
    const step = referenceStep(app, a);
    slider.max = steps.length - 1;
    slider.value = nearest(steps, step);
    slider.setAttribute("aria-valuetext", `step ${stepText(step)}`);
    stepOfA.textContent = `step ${stepText(step)}`;
  };
  return {
    fill,
    words,
    take(found) {
      a = found;
      words();
    },
  };
}
