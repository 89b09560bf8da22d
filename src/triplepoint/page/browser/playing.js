// The cursor moves: one visit on, by itself at one speed along the axis that is shown, or with the end of a live run.

import { lastAtMost, nearest } from "./columns.js";

const SECONDS = 12; // that a whole run takes to play at speed 1
const LONGEST = 0.1; // seconds of one frame; a page that was away goes on where it was
export const SPEEDS = [0.25, 0.5, 1, 2, 4, 8];

export class Player {
  constructor(app) {
    this.app = app;
    this.playing = false;
    this.frame = 0;
  }

  /** The step that is looked at: the cursor, or the last. An address may name any number: the nearest step there is. */
  get step() {
    const step = this.app.state.get("step");
    const { steps, lastStep } = this.app.subject ?? { steps: [], lastStep: 0 };
    return step === null || !steps.length ? lastStep : steps[nearest(steps, step)];
  }

  /** Whether the cursor stays at the end as the run goes on. */
  get follows() {
    return this.app.state.get("step") === null;
  }

  go(step) {
    const { steps } = this.app.subject;
    if (!steps.length) return;
    this.app.state.set({ step: steps[nearest(steps, step)] });
  }

  /** A hover: the nearest step; playing stops, since the reader took the cursor. */
  scrub(step) {
    this.stop();
    this.go(step);
  }

  follow() {
    this.stop();
    this.app.state.set({ step: null });
  }

  move(count) {
    this.stop();
    const { steps } = this.app.subject;
    if (!steps.length) return;
    const at = lastAtMost(steps, this.step);
    this.app.state.set({ step: steps[Math.min(steps.length - 1, Math.max(0, at + count))] });
  }

  /** To the alert after this step, or the one before it. */
  alert(way) {
    const { steps, alerts } = this.app.subject;
    const now = this.step;
    let found = null;
    for (const alert of alerts) {
      const step = steps[nearest(steps, alert.step)];
      if (way > 0 ? step > now && (found === null || step < found) : step < now && (found === null || step > found)) found = step;
    }
    if (found !== null) this.scrub(found);
  }

  /** Where a step lies on the time line, 0 to 1; linear, or the logarithm of 1 + step. */
  share(step) {
    const { firstStep, lastStep } = this.app.subject;
    const of = this.app.state.get("scale") === "log" ? (value) => Math.log1p(Math.max(0, value)) : (value) => value;
    const whole = of(lastStep) - of(firstStep);
    return whole > 0 ? Math.min(1, Math.max(0, (of(step) - of(firstStep)) / whole)) : 1;
  }

  /** The step at a place of the time line. */
  at(share) {
    const { firstStep, lastStep } = this.app.subject;
    if (this.app.state.get("scale") !== "log") return firstStep + share * (lastStep - firstStep);
    const low = Math.log1p(Math.max(0, firstStep));
    return Math.expm1(low + share * (Math.log1p(Math.max(0, lastStep)) - low));
  }

  get speed() {
    const speed = this.app.state.get("speed");
    return speed > 0 ? Math.min(64, speed) : 1;
  }

  /** The next faster or slower speed; from the fastest on to the slowest where `round`. */
  accelerate(way, round = false) {
    const at = nearest(SPEEDS, this.speed) + way;
    const to = round ? (at + SPEEDS.length) % SPEEDS.length : Math.min(SPEEDS.length - 1, Math.max(0, at));
    this.app.state.set({ speed: SPEEDS[to] });
  }

  toggle() {
    if (this.playing) this.stop();
    else this.play();
  }

  play() {
    if (!this.app.subject?.moves || !this.app.subject.steps.length) return;
    this.playing = true;
    this.app.state.touch("playing");
    // The place between steps is kept: rounded to a step at each frame, a slow run would stand still for ever.
    let step = this.share(this.step) >= 1 ? this.at(0) : this.step;
    let before = null;
    const advance = (now) => {
      if (!this.playing) return;
      const seconds = before === null ? 0 : Math.min(LONGEST, Math.max(0, (now - before) / 1000));
      before = now;
      const place = this.share(step) + (seconds * this.speed) / SECONDS;
      if (place >= 1) return void this.follow(); // at the end, and with it if the run goes on
      step = this.at(place);
      this.go(step);
      this.frame = requestAnimationFrame(advance);
    };
    this.frame = requestAnimationFrame(advance);
  }

  stop() {
    if (!this.playing) return;
    this.playing = false;
    cancelAnimationFrame(this.frame);
    this.app.state.touch("playing");
  }
}
