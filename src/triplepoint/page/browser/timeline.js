// The time line at the foot of the page: play, the slider, alerts as marks, log or linear steps, follow live.

import { clusters, loudest, severities } from "./alert_marks.js";
import { h, replace, visible } from "./dom.js";
import { plural, step as stepText } from "./format.js";

const TICKS = 10000; // of the slider
const APART = 12; // px between two marks; closer ones become one

export function timeline(host, app) {
  const { state, player } = app;
  const play = h("button.round", { type: "button", "data-role": "play", onclick: () => player.toggle() });
  const slider = h("input", {
    type: "range",
    min: 0,
    max: TICKS,
    step: 1,
    "aria-label": "Step",
    id: "step-slider",
    oninput: (event) => player.scrub(player.at(event.target.value / TICKS)),
  });
  // Arrows and pages move by visits, not by ten-thousandths.
  slider.addEventListener("keydown", (event) => /^(Arrow|Page|Home|End)/.test(event.key) && event.preventDefault());
  const marks = h("div.marks", { "data-role": "alert-marks" });
  const now = h("b");
  const last = h("span.of");
  const label = h("output.step", { for: "step-slider", "aria-live": "off" }, now, last);
  const speed = h("button.quiet.speed", { type: "button", "data-role": "speed", onclick: () => player.accelerate(1, true) });
  const scale = h("button.quiet", { type: "button", "data-role": "scale", onclick: () => state.set({ scale: state.get("scale") === "log" ? "linear" : "log" }) });
  const live = h("button.quiet.live", { type: "button", "data-role": "follow", onclick: () => player.follow() });
  const bar = h("div.timeline", { role: "group", "aria-label": "Time" }, play, h("div.track", {}, marks, slider), label, h("div.ways", {}, speed, scale, live));
  bar.hidden = true; // until there is a run
  host.append(bar);

  const drawMarks = () => {
    const { subject } = app;
    const width = marks.clientWidth;
    if (!subject || !width) return;
    const raised = subject.alerts.filter((alert) => alert.state === "raised");
    const found = clusters(raised, (alert) => player.share(alert.step) * width, APART);
    replace(
      marks,
      found.map(({ at, alerts }) => {
        const worst = loudest(alerts);
        const words = told(alerts, worst);
        return h("button", {
          type: "button",
          class: `mark ${worst.severity}${alerts.length > 1 ? " several" : ""}`,
          style: { left: `${at.toFixed(1)}px` },
          title: words,
          "aria-label": words,
          "data-alerts": alerts.length,
          tabindex: -1, // by keyboard: [ and ], and the list of the view of time
          onclick: () => player.scrub(worst.step),
        });
      }),
    );
    marks.dataset.alerts = String(raised.length);
  };

  const move = () => {
    const { subject } = app;
    bar.hidden = !subject?.moves || app.view === "runs";
    document.body.classList.toggle("with-timeline", !bar.hidden);
    if (bar.hidden) return;
    const share = player.share(player.step);
    slider.value = Math.round(share * TICKS);
    slider.style.setProperty("--share", percentOf(share));
    slider.setAttribute("aria-valuetext", `step ${stepText(player.step)} of ${stepText(subject.lastStep)}`);
    now.textContent = stepText(player.step);
    last.textContent = ` of ${stepText(subject.lastStep)}`;
    document.body.dataset.step = String(player.step);
    document.body.dataset.lastStep = String(subject.lastStep);
  };

  const buttons = () => {
    const { subject } = app;
    if (!subject) return;
    play.setAttribute("aria-label", player.playing ? "Pause" : "Play");
    play.title = player.playing ? "Pause (space)" : "Play (space)";
    play.dataset.icon = player.playing ? "pause" : "play";
    play.dataset.playing = String(player.playing);
    speed.textContent = `${player.speed < 1 ? { 0.25: "¼", 0.5: "½" }[player.speed] ?? player.speed : player.speed} ×`;
    speed.setAttribute("aria-label", `Speed of playing: ${player.speed}`);
    speed.title = "Speed of playing (< and >)";
    scale.textContent = state.get("scale") === "log" ? "log steps" : "linear steps";
    scale.title = "Linear or log steps (l)";
    const running = subject.status === "running";
    live.textContent = player.follows ? (running ? "following" : "at the end") : running ? "follow live" : "to the end";
    live.title = "To the last step, and stay there (f)";
    live.setAttribute("aria-pressed", String(player.follows));
    live.classList.toggle("on", player.follows && running);
  };

  new ResizeObserver(() => drawMarks()).observe(marks);
  state.on(["step", "view", "opened", "scale", "data"], move);
  state.on(["opened", "view", "scale", "data"], drawMarks);
  state.on(["step", "opened", "scale", "data", "playing", "speed", "status"], buttons);
  return { move, drawMarks, buttons };
}

function told(alerts, worst) {
  const first = `Step ${stepText(worst.step)}: ${visible(worst.statement)}`;
  if (alerts.length === 1) return first;
  const steps = alerts.map((alert) => alert.step);
  return `${plural(alerts.length, "alert")} from step ${stepText(Math.min(...steps))} to ${stepText(Math.max(...steps))} (${severities(alerts)}). ${first}`;
}

function percentOf(share) {
  return `${(100 * share).toFixed(3)}%`;
}
