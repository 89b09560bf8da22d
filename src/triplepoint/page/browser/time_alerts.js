// Alerts and events of a run as lists; a click moves the cursor there.

import { SEVERITIES, severities } from "./alert_marks.js";
import { choice, h, replace, visible } from "./dom.js";
import { plural, shorten, step as stepText } from "./format.js";

const FIRST = 100; // entries that are listed at once

export function timeAlerts(host, app) {
  const { player } = app;
  const alerts = h("section.card", { "data-role": "alerts", "aria-label": "Alerts" });
  const events = h("section.card", { "data-role": "events", "aria-label": "Events" });
  host.append(h("div.grid.lists", {}, h("div.two-thirds", {}, alerts), h("div.third", {}, events)));
  let only = "all";
  let wide = { alerts: false, events: false };
  let entries = [];
  let present = null;

  const build = () => {
    const { subject } = app;
    const raises = episodes(subject.alerts);
    alerts.dataset.count = String(raises.length);
    const kept = only === "all" ? raises : raises.filter(({ raised }) => raised.severity === only);
    const severe = SEVERITIES.filter((name) => raises.some(({ raised }) => raised.severity === name));
    const options = [{ value: "all", text: "all" }, ...severe.map((name) => ({ value: name, text: name }))];
    const shown = wide.alerts ? kept : kept.slice(-FIRST);
    entries = shown.map((episode) => ({ ...episode, element: entry(episode) }));
    replace(
      alerts,
      h(
        "div.card-head",
        {},
        h("h2", {}, "Alerts"),
        h("span.soft.small", {}, raises.length ? severities(raises.map(({ raised }) => raised)) : ""),
        severe.length > 1 ? choice("Which alerts", options, only, (value) => ((only = value), build())) : null,
      ),
      raises.length
        ? h("ol.list.alert-list", {}, [...entries].reverse().map(({ element }) => element)) // the latest first
        : h("p.soft", {}, "No rule was raised."),
      more(kept.length - shown.length, "earlier alert", () => ((wide.alerts = true), build())),
    );
    happened();
    present = null;
    step();
  };

  const entry = ({ raised, cleared }) => {
    const { subject } = app;
    const layer = raised.layer === null ? null : subject.layers[raised.layer];
    return h(
      "li",
      { "data-step": raised.step, "data-severity": raised.severity },
      h("button.link.number.at", { type: "button", title: "Move the cursor there", onclick: () => player.scrub(raised.step) }, `step ${stepText(raised.step)}`),
      h(
        "div",
        {},
        h(
          "div.alert-head",
          {},
          h("span", { class: `pill ${raised.severity}` }, raised.severity),
          h("span.mono", {}, visible(raised.rule)),
          layer ? h("button.link.mono.of", { type: "button", title: `Open ${visible(layer.id)}`, onclick: () => app.visit(raised.layer) }, visible(shorten(layer.id, 44))) : null,
        ),
        h("p", {}, visible(raised.statement)),
        h("p.small.now", {}, "holds at the cursor"),
        cleared
          ? h("p.soft.small", {}, "Cleared at ", h("button.link.number", { type: "button", onclick: () => player.scrub(cleared.step) }, `step ${stepText(cleared.step)}`), cleared.statement && cleared.statement !== raised.statement ? `: ${visible(cleared.statement)}` : ".")
          : null,
      ),
    );
  };

  const happened = () => {
    const { subject } = app;
    const all = subject.events;
    const shown = wide.events ? all : all.slice(-FIRST);
    events.dataset.count = String(all.length);
    replace(
      events,
      h("div.card-head", {}, h("h2", {}, "Events")),
      all.length
        ? h(
            "ol.list.event-list",
            {},
            [...shown].reverse().map((event) =>
              h(
                "li",
                {},
                event.step === null
                  ? h("span.soft.at", {}, "–")
                  : h("button.link.number.at", { type: "button", title: "Move the cursor there", onclick: () => player.scrub(event.step) }, `step ${stepText(event.step)}`),
                h("div", {}, h("span.kind", {}, visible(event.kind).replaceAll("_", " ")), " ", h("span.soft", {}, visible(event.text))),
              ),
            ),
          )
        : h("p.soft", {}, "Nothing else happened: no interruption, no resumption, no remark."),
      more(all.length - shown.length, "earlier event", () => ((wide.events = true), build())),
    );
  };

  /** Mark what holds at the cursor, and the alert that was raised last before it. */
  const step = () => {
    const now = player.step;
    let latest = null;
    for (const one of entries) {
      const holds = one.raised.step <= now && !(one.cleared && one.cleared.step <= now);
      if (one.holds !== holds) {
        one.holds = holds;
        one.element.classList.toggle("holds", holds);
      }
      if (one.raised.step <= now) latest = one;
    }
    if (latest === present) return;
    present?.element.removeAttribute("aria-current");
    latest?.element.setAttribute("aria-current", "step");
    present = latest;
  };
  return { build, step };
}

function more(count, noun, onclick) {
  return count > 0 ? h("button.quiet", { type: "button", onclick }, `Show ${plural(count, noun)}`) : null;
}

/** Each raised alert with the one that cleared it, null while it holds; in the order they were raised. */
export function episodes(alerts) {
  const open = new Map();
  const found = [];
  for (const alert of alerts) {
    const key = `${alert.rule}\n${alert.layer}`;
    if (alert.state === "raised") {
      const episode = { raised: alert, cleared: null };
      found.push(episode);
      open.set(key, episode);
    } else if (open.has(key)) {
      open.get(key).cleared = alert;
      open.delete(key);
    }
  }
  return found;
}
