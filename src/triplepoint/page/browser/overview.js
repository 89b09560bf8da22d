// The overview: the verdict, the model as a strip, one metric of every layer, what was found and what was left out.

import { h, replace, select, visible } from "./dom.js";
import { filterBar } from "./filters.js";
import { item, list } from "./findings.js";
import { better, number, plural, step as stepText } from "./format.js";
import { layerChart } from "./layer_chart.js";
import { about, leftOut } from "./left_out.js";
import { PHASES } from "./phases.js";
import { resting } from "./resting.js";
import { strip } from "./strip.js";
import { uncertaintyOf } from "./uncertainty.js";
import { verdict } from "./verdict.js";

export function overview(host, app) {
  const { state } = app;
  let subject = null;
  const told = verdict(host, app);

  const hover = (index) => {
    cells.mark(index);
    layers.mark(index);
  };
  const model = h("section.card.model", { "aria-label": "The model" });
  const count = h("p.soft.small", { role: "status" });
  const bar = h("div");
  host.append(model);
  model.append(h("div.card-head", {}, h("h2", {}, "The model"), bar));
  const filters = filterBar(bar, app);
  const cells = strip(model, app, hover);
  model.append(h("div.strip-foot", {}, scale(), count));

  const chartCard = h("section.card", { "aria-label": "One metric of every layer" });
  const chartTitle = h("h2");
  const chooser = h("div.toolbar");
  const meaning = h("p.soft.small.meaning");
  const chartHost = h("div.chart-room");
  host.append(chartCard);
  chartCard.append(h("div.card-head", {}, chartTitle, chooser), chartHost, meaning);
  const layers = layerChart(chartHost, app, hover);

  const alerts = h("section.card.alerts", { "aria-label": "Alerts", "data-role": "alerts" });
  const findings = h("section.card", { "aria-label": "Findings", "data-role": "findings" });
  const left = h("section.card", { "aria-label": "Left out", "data-role": "left-out" });
  const facts = h("section.card", { "aria-label": "About", "data-role": "about" });
  host.append(h("div.grid", {}, h("div.two-thirds.column", {}, alerts, findings), h("div.third.column", {}, left, facts)));

  const build = () => {
    subject = app.subject;
    told.build();
    filters.fill();
    cells.build();
    cells.fade();
    metric();
    replace(left, h("div.card-head", {}, h("h2", {}, "Left out")), leftOut(subject));
    replace(facts, h("div.card-head", {}, h("h2", {}, "About")), about(subject));
    found();
    held = null;
  };

  /** Take up the metric that the state names, once it is here. */
  const metric = async () => {
    const now = subject;
    const name = now.metrics.has(state.get("metric")) ? state.get("metric") : now.metrics.has("alpha") ? "alpha" : [...now.metrics.keys()][0];
    if (!name) return void (chartCard.hidden = true);
    chartCard.hidden = false;
    const names = [...now.metrics.keys()];
    replace(chooser, select("Metric", names.map((value) => ({ value, text: value })), name, (value) => state.set({ metric: value })));
    chartTitle.textContent = name === "alpha" ? "α of every layer" : `${name.replaceAll("_", " ")} of every layer`;
    meaning.textContent = meant(now.metrics.get(name));
    const wanted = [name, ...Object.values(uncertaintyOf(now, name)).filter(Boolean)];
    chartCard.setAttribute("aria-busy", String(!wanted.every((one) => now.loaded.has(one))));
    const here = await Promise.all(wanted.map((one) => now.metric(one).catch(() => false)));
    if (now !== app.subject || (state.get("metric") !== name && now.metrics.has(state.get("metric")))) return;
    chartCard.setAttribute("aria-busy", "false");
    chartHost.hidden = !here[0];
    if (!here[0]) return void (meaning.textContent = `${name.replaceAll("_", " ")} is not in this file. ${now.document.missing.join(" ")}`);
    layers.build(name);
    layers.fade();
    layers.update(app.player.step);
    layers.describe();
  };

  const found = () => {
    const shown = new Set(app.shown());
    const all = subject.document.findings;
    const kept = all.filter((one) => one.layer === null || shown.has(one.layer));
    const last = subject.moves ? h("span.soft.small", {}, "of each layer's last visit") : null;
    replace(
      findings,
      h("div.card-head", {}, h("h2", {}, "Findings"), h("span.soft.small", {}, kept.length === all.length ? `${all.length}` : `${kept.length} of ${all.length}`), last),
      list(app, kept, { empty: all.length ? "No finding in the layers that are shown." : "No rule has anything to say." }),
    );
    count.textContent = shown.size === subject.primary.length ? plural(shown.size, "layer") : `${shown.size} of ${plural(subject.primary.length, "layer")} shown`;
  };

  let held = null;
  const holding = (step) => {
    alerts.hidden = !subject.moves;
    if (alerts.hidden) return;
    const now = subject.holding(step);
    const key = `${subject.alerts.length}\n${now.map((alert) => `${alert.rule} ${alert.layer} ${alert.step}`).join("\n")}`;
    if (key === held) return;
    held = key;
    const most = mostAtOnce(subject.alerts);
    const rank = { error: 0, warning: 1, info: 2 };
    now.sort((a, b) => rank[a.severity] - rank[b.severity] || b.step - a.step);
    replace(
      alerts,
      h("div.card-head", {}, h("h2", {}, "Alerts that hold now"), h("span.soft.small", {}, `${now.length}`)),
      // The room for them is the same at each step, or a scrub would push what stands below up and down.
      h(
        "div.alert-room",
        { "data-some": subject.alerts.length > 0, tabindex: now.length > 2 ? 0 : null, style: { "--most": String(Math.min(3, most)) } },
        now.length
          ? h("ul.list.findings", {}, now.slice(0, 50).map((alert) => item(app, alert, { when: `since step ${stepText(alert.step)}` })))
          : h("p.soft", {}, subject.alerts.length ? "None at this step." : "None, at any step."),
      ),
    );
  };

  const update = () => {
    if (host.hidden || !subject || subject !== app.subject) return;
    const { step } = app.player;
    told.update(step);
    cells.paint(step);
    if (!chartCard.hidden && layers.built && !chartHost.hidden) layers.update(step);
    holding(step);
    rest();
  };
  const rest = resting(() => {
    if (host.hidden || subject !== app.subject) return;
    if (grew) layers.refit();
    if (grew && layers.built) layers.update(app.player.step);
    grew = false;
    layers.describe();
    if (subject.moves && state.get("phase")) refilter();
  }, 200);

  const refilter = () => {
    if (host.hidden || !subject || subject !== app.subject) return;
    told.pressed();
    cells.fade();
    layers.fade();
    found();
  };

  let grew = false;
  state.on(["step", "data"], (changed) => {
    grew ||= changed.has("data");
    update();
  });
  state.on(["phase", "of", "block", "search"], refilter);
  state.on(["metric"], () => !host.hidden && subject === app.subject && metric());

  return {
    show() {
      if (app.subject !== subject) build();
      else refilter();
      update();
    },
  };
}

/** How many alerts hold at once, at most. */
function mostAtOnce(alerts) {
  const held = new Set();
  let most = 1;
  for (const { rule, layer, state } of alerts) {
    if (state === "raised") held.add(`${rule} ${layer}`);
    else held.delete(`${rule} ${layer}`);
    most = Math.max(most, held.size);
  }
  return most;
}

function meant(metric) {
  const low = metric.low === null ? null : number(metric.low);
  const high = metric.high === null ? null : number(metric.high);
  const range = low !== null && high !== null ? `Between ${low} and ${high}.` : low !== null ? `From ${low} on.` : high !== null ? `Up to ${high}.` : "";
  const band = metric.name === "alpha" ? "Shaded: 2 to 6, where a layer may be well-trained. A triangle at the rim lies beyond." : "";
  return [visible(metric.meaning), range, better(metric), band].filter(Boolean).join(" ");
}

/** What the colours mean. */
function scale() {
  return h(
    "div.legend.phases-legend",
    {},
    PHASES.filter(({ code }) => code >= 1 && code <= 4).map((phase) =>
      h("span", { title: phase.hint, style: { "--colour": `var(${phase.colour})` } }, h("i.swatch", { "aria-hidden": "true" }, phase.sign), phase.word),
    ),
    h("span", {}, h("i.fader", { "aria-hidden": "true" }), "paler: less sure"),
  );
}
