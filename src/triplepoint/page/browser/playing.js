// The cursor moves: one visit on, by decades on log steps, by itself while playing; and it may follow a live run.

import { lastAtMost, nearest } from "./columns.js";

const SECONDS = 12; // that a whole run takes to play

export class Player {
  constructor(app) {
    this.app = app;
    this.playing = false;
    this.frame = 0;
  }

  /** The step that is looked at: the cursor, or the last. */
  get step() {
    const step = this.app.state.get("step");
    return step ?? this.app.subject?.lastStep ?? 0;
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
    const at = lastAtMost(steps, this.step);
    this.app.state.set({ step: steps[Math.min(steps.length - 1, Math.max(0, at + count))] });
  }

  /** Where a step lies on the time line, 0 to 1; linear, or the logarithm of 1 + step. */
  share(step) {
    const { firstStep, lastStep } = this.app.subject;
    const of = this.app.state.get("scale") === "log" ? (value) => Math.log1p(value) : (value) => value;
    return lastStep > firstStep ? (of(step) - of(firstStep)) / (of(lastStep) - of(firstStep)) : 1;
  }

  /** The step at a place of the time line. */
  at(share) {
    const { firstStep, lastStep } = this.app.subject;
    if (this.app.state.get("scale") !== "log") return firstStep + share * (lastStep - firstStep);
    return Math.expm1(Math.log1p(firstStep) + share * (Math.log1p(lastStep) - Math.log1p(firstStep)));
  }

  toggle() {
    if (this.playing) this.stop();
    else this.play();
  }

  play() {
    if (!this.app.subject.moves) return;
    this.playing = true;
    this.app.state.touch("playing");
    let place = this.share(this.step) >= 1 ? 0 : this.share(this.step);
    let before = performance.now();
    const advance = (now) => {
      if (!this.playing) return;
      place = Math.min(1, place + (now - before) / (1000 * SECONDS));
      before = now;
      this.go(this.at(place));
      if (place >= 1) this.stop();
      else this.frame = requestAnimationFrame(advance);
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
