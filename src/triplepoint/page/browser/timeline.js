// The time line at the foot of the page: play, the slider, alerts as marks, log or linear steps, follow live.

import { h, replace } from "./dom.js";
import { step as stepText } from "./format.js";

const TICKS = 10000; // of the slider

export function timeline(host, app) {
  const { state, player } = app;
  const play = h("button.round", { type: "button", onclick: () => player.toggle() });
  const slider = h("input", {
    type: "range",
    min: 0,
    max: TICKS,
    step: 1,
    "aria-label": "Step",
    id: "step-slider",
    oninput: (event) => player.scrub(player.at(event.target.value / TICKS)),
  });
  // Arrow keys move by visits, not by ten-thousandths.
  slider.addEventListener("keydown", (event) => event.key.startsWith("Arrow") && event.preventDefault());
  const marks = h("div.marks");
  const label = h("output.step", { for: "step-slider" });
  const scale = h("button.quiet", { type: "button", onclick: () => state.set({ scale: state.get("scale") === "log" ? "linear" : "log" }) });
  const live = h("button.quiet.live", { type: "button", onclick: () => player.follow() });
  const bar = h("div.timeline", { role: "group", "aria-label": "Time" }, play, h("div.track", {}, marks, slider), label, scale, live);
  host.append(bar);

  const drawMarks = () => {
    const { subject } = app;
    if (!subject) return;
    replace(
      marks,
      subject.alerts
        .filter((alert) => alert.state === "raised")
        .slice(-200)
        .map((alert) =>
          h("button.mark", {
            type: "button",
            class: `mark ${alert.severity}`,
            style: { left: percentOf(player.share(alert.step)) },
            title: `Step ${stepText(alert.step)}: ${alert.statement}`,
            "aria-label": `Alert at step ${stepText(alert.step)}: ${alert.statement}`,
            tabindex: -1,
            onclick: () => player.scrub(alert.step),
          }),
        ),
    );
  };

  const move = () => {
    const { subject } = app;
    bar.hidden = !subject?.moves || state.get("view") === "runs";
    document.body.classList.toggle("with-timeline", !bar.hidden);
    if (bar.hidden) return;
    const share = player.share(player.step);
    slider.value = Math.round(share * TICKS);
    slider.style.setProperty("--share", percentOf(share));
    slider.setAttribute("aria-valuetext", `step ${stepText(player.step)} of ${stepText(subject.lastStep)}`);
    replace(label, h("b", {}, stepText(player.step)), h("span.of", {}, ` of ${stepText(subject.lastStep)}`));
    document.body.dataset.step = String(player.step);
    document.body.dataset.lastStep = String(subject.lastStep);
  };

  const buttons = () => {
    const { subject } = app;
    if (!subject) return;
    play.setAttribute("aria-label", player.playing ? "Pause" : "Play");
    play.title = player.playing ? "Pause (space)" : "Play (space)";
    play.dataset.icon = player.playing ? "pause" : "play";
    scale.textContent = state.get("scale") === "log" ? "log steps" : "linear steps";
    scale.title = "Linear or log steps (l)";
    const running = subject.status === "running";
    live.textContent = player.follows ? (running ? "following" : "at the end") : running ? "follow live" : "to the end";
    live.title = "To the last step, and stay there (f)";
    live.setAttribute("aria-pressed", String(player.follows));
    live.classList.toggle("on", player.follows && running);
  };

  state.on(["step", "view", "run", "kind", "scale", "data"], move);
  state.on(["run", "kind", "scale", "data"], drawMarks);
  state.on(["step", "run", "kind", "scale", "data", "playing", "status"], buttons);
  return { move, drawMarks, buttons };
}

function percentOf(share) {
  return `${(100 * share).toFixed(3)}%`;
}

