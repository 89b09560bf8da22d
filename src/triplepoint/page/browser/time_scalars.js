// The numbers of the training along the run: a chart a quantity, with its value at the cursor.

import { drawMarks } from "./alert_marks.js";
import { chart } from "./chart.js";
import { choice, h, replace, visible } from "./dom.js";
import { number, plural, step as stepText } from "./format.js";
import { groups, quantity } from "./scalar_groups.js";
import { timeOptions } from "./steps_axis.js";

const FIRST = 6; // charts that are there at once; more on demand
const WIDE = { loss: 30, other: 300, accuracy: Infinity }; // largest by smallest, from where the axis is logarithmic
const CHOICE = 10; // and from where that can be chosen
const HEIGHTS = { loss: 210, accuracy: 160, other: 130 };
const INKS = ["--line-a", "--line-b", "--line-c", "--line-d", "--line-e", "--line-f"];
const DASHES = [undefined, undefined, [6, 3], [2, 3], [8, 3, 2, 3], [4, 2]];

export function timeScalars(host, app) {
  const card = h("section.card", { "data-role": "scalars", "aria-label": "Numbers of the training" });
  host.append(card);
  let made = [];
  let known = "";
  let all = false;

  const build = () => {
    for (const one of made) one.destroy();
    made = [];
    const found = groups(app.subject.scalars);
    known = [...app.subject.scalars.keys()].join("\n");
    replace(card, h("h2.hidden-heading", {}, "Numbers of the training"));
    card.dataset.charts = String(found.length);
    if (!found.length) {
      card.append(
        h("h2", {}, "Numbers of the training"),
        h("p.soft", {}, "The training told none. A call such as monitor.step(step, train_loss=loss) brings them here."),
      );
      return;
    }
    for (const group of all ? found : found.slice(0, FIRST)) made.push(scalarChart(card, app, group));
    if (!all && found.length > FIRST) {
      const rest = plural(found.length - FIRST, "more quantity", "more quantities");
      card.append(h("button.quiet", { type: "button", onclick: () => ((all = true), build(), step()) }, `Show ${rest}`));
    }
  };
  const step = () => {
    for (const one of made) one.step();
  };
  return {
    build,
    step,
    /** New frames: more points; another chart where a new quantity has come. */
    data() {
      if ([...app.subject.scalars.keys()].join("\n") !== known) build();
      else for (const one of made) one.data();
    },
    axis() {
      for (const one of made) one.axis();
    },
    rested() {
      for (const one of made) one.describe();
    },
  };
}

function scalarChart(card, app, group) {
  const { state, player } = app;
  const values = new Map();
  const ink = (at) => INKS[at % INKS.length];
  const legend = h(
    "div.legend.values",
    {},
    group.names.map((name, at) => {
      const value = h("b.number");
      values.set(name, value);
      // Where the title is the name, the name is not said twice.
      const told = group.names.length > 1 || quantity(name) !== name.toLowerCase().replaceAll("_", " ") ? visible(name) : null;
      return h("span", {}, h("i", { style: { "--colour": `var(${ink(at)})` } }), told, value);
    }),
  );
  const ways = h("div");
  const block = h("div.time-chart", {}, h("div.time-head", {}, h("h3", {}, visible(capital(group.title))), legend, ways));
  card.append(block);

  const scalars = () => group.names.map((name) => app.subject.scalars.get(name));
  const key = encodeURIComponent(visible(group.title)); // a lone surrogate has no form in an address
  const spread = () => {
    const [low, high] = extent(scalars());
    return low > 0 ? high / low : 0;
  };
  const asLog = () => {
    const chosen = axes(state)[key];
    return group.kind !== "accuracy" && spread() > (chosen ? 1 : WIDE[group.kind]) && chosen !== "linear";
  };
  let log = asLog();
  const banded = scalars().map(hasBlocks);

  const columns = () => {
    const tables = scalars().map((scalar, at) => {
      const clean = (column) => Array.from(column.values, (value) => (Number.isFinite(value) && !(log && value <= 0) ? value : null));
      const table = [Array.from(scalar.steps.values), clean(scalar.values)];
      return banded[at] ? [...table, clean(scalar.low), clean(scalar.high)] : table;
    });
    return tables.length > 1 ? uPlot.join(tables) : tables[0];
  };
  const series = [];
  const bands = [];
  group.names.forEach((name, at) => {
    const colour = ink(at);
    const line = { label: name, colour, width: at === 0 ? 1.4 : 1.8, dash: DASHES[at % DASHES.length], spanGaps: false };
    // One lonely value is a point.
    if (scalars()[at].steps.length < 2) line.points = 5;
    series.push(line);
    if (!banded[at]) return;
    const first = series.length; // uPlot counts the steps as series 0
    series.push({ label: `${name} smallest`, colour, width: 0, spanGaps: true }, { label: `${name} largest`, colour, width: 0, spanGaps: true });
    bands.push({ series: [first + 2, first + 1], colour });
  });
  const options = () => ({
    ...timeOptions(app),
    label: group.title,
    height: HEIGHTS[group.kind],
    y: { log, range: group.kind === "accuracy" ? [-0.02, 1.02] : log ? roomy : undefined },
    series,
    bands: (theme) => bands.map(({ series: ends, colour }) => ({ series: ends, fill: theme.faded(colour, 0.16) })),
    data: columns(),
    after: [(plot, theme) => drawMarks(plot, theme, app.subject)],
  });
  const drawn = chart(block, app, options());
  drawn.setStep(player.step);

  const buttons = () => {
    if (group.kind === "accuracy" || spread() < CHOICE) return void replace(ways);
    const set = (value) => state.set({ axes: Object.entries({ ...axes(state), [key]: value }).map((pair) => pair.join(":")).join(",") });
    const offered = [
      { value: "linear", text: "linear" },
      { value: "log", text: "log" },
    ];
    replace(ways, choice(`Axis of ${group.title}`, offered, log ? "log" : "linear", set));
  };
  const step = () => {
    drawn.setStep(player.step);
    for (const [name, element] of values) element.textContent = number(app.subject.scalarAt(name, player.step));
  };
  const describe = () => {
    const told = group.names.map((name) => {
      const [low, high] = extent([app.subject.scalars.get(name)]);
      return `${visible(name)} ${number(app.subject.scalarAt(name, player.step))} at step ${stepText(player.step)}, from ${number(low)} to ${number(high)} along the run`;
    });
    drawn.describe(`${capital(group.title)}: ${told.join("; ")}`);
  };
  buttons();
  step();
  describe();
  return {
    step,
    describe,
    data() {
      drawn.setData(columns());
      step();
    },
    axis() {
      log = asLog();
      buttons();
      drawn.rebuild(options());
      step();
    },
    destroy: () => drawn.destroy(),
  };
}

/** {quantity: linear or log} as the reader chose. */
function axes(state) {
  const chosen = state
    .get("axes")
    .split(",")
    .map((pair) => pair.split(":"))
    .filter((pair) => pair.length === 2);
  return Object.assign(Object.create(null), Object.fromEntries(chosen)); // nothing is inherited: a quantity may be called constructor
}

/** [smallest, largest] finite value of some scalars. */
function extent(scalars) {
  let low = Infinity;
  let high = -Infinity;
  for (const { values } of scalars) {
    for (const value of values.values) {
      if (value < low) low = value;
      if (value > high && value < Infinity) high = value;
    }
  }
  return [low, high];
}

function hasBlocks(scalar) {
  return scalar.high.values.some((value, at) => value > scalar.low.values[at]);
}

function roomy(_plot, low, high) {
  return low > 0 ? [low / 1.25, high * 1.25] : [0.1, 1];
}

function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
