// What the reader looks at: one record, one cursor for all charts, and its twin in the address.
//
// `set` marks keys as changed; once a frame those who asked are told. The address follows, so every view is a link.

const DEFAULTS = {
  run: null, //      name of the subject
  kind: null, //     "run" or "scan"; null: of the first document
  view: "overview", // runs · overview · layer · time · compare
  layer: null, //    id of a layer
  step: null, //     the cursor; null: the last step, followed while the run is live
  metric: "alpha",
  scale: "linear", // of steps: linear or log
  from: null, //     the part of the steps that charts show; null: to the end
  to: null,
  lines: "phase", // colour of the lines of layers: phase or ink
  map: "phase", //   what the map of layers shows: phase or metric
  axes: "", //       of scalars, where chosen: quantity:linear or quantity:log, with commas between
  values: null, //   axis of the metric: linear or log; null: as it spreads
  speed: 1, //       of playing
  spectrum: "density", // or rank
  hide: "", //       overlays of the spectrum that are off, with commas between
  phase: "", //      filters: codes with commas between, a kind, a block, words
  of: "",
  block: "",
  search: "",
  against: null, //  the other side of a comparison: name of a subject
  againstKind: null,
  againstStep: null, // its step; null: its last
};
const IN_HISTORY = new Set(["run", "kind", "view", "layer"]);
const NUMBERS = new Set(["step", "againstStep", "from", "to", "speed"]);

export class State {
  constructor(location = window.location, history = window.history) {
    this.values = { ...DEFAULTS };
    this.changed = new Set();
    this.listeners = [];
    this.location = location;
    this.history = history;
    this.waiting = 0;
    this.pending = false;
    this.readHash();
    window.addEventListener("hashchange", () => this.readHash());
    window.addEventListener("popstate", () => this.readHash());
  }

  get(key) {
    return this.values[key];
  }

  /** Tell `listener(changed)` once a frame when any of `keys` has changed; returns how to stop. */
  on(keys, listener) {
    const entry = { keys: new Set(keys), listener };
    this.listeners.push(entry);
    return () => (this.listeners = this.listeners.filter((other) => other !== entry));
  }

  /** Change some values. */
  set(values) {
    let push = false;
    for (const [key, value] of Object.entries(values)) {
      if (this.values[key] === value) continue;
      this.values[key] = value;
      this.changed.add(key);
      push ||= IN_HISTORY.has(key);
    }
    if (!this.changed.size) return;
    this.schedule();
    this.write(push);
  }

  /** Say that something that is no value of the state has changed: "data" (new frames), "theme". */
  touch(key) {
    this.changed.add(key);
    this.schedule();
  }

  schedule() {
    if (this.pending) return;
    this.pending = true;
    requestAnimationFrame(() => this.flush());
  }

  flush() {
    this.pending = false;
    const changed = this.changed;
    this.changed = new Set();
    for (const { keys, listener } of [...this.listeners]) {
      if ([...changed].some((key) => keys.has(key))) listener(changed);
    }
  }

  /** The address of what is seen now. */
  get hash() {
    const parts = new URLSearchParams();
    for (const [key, value] of Object.entries(this.values)) {
      if (value !== DEFAULTS[key] && value !== null) parts.set(key, String(value));
    }
    return `#${parts}`;
  }

  write(push) {
    clearTimeout(this.waiting);
    this.pushing ||= push; // a view that was opened keeps its place in the history, whatever moves right after
    // Browsers refuse more than about 100 changes of the address in 30 s; a scrub makes 60 a second.
    this.waiting = setTimeout(
      () => {
        const way = this.pushing ? "pushState" : "replaceState";
        this.pushing = false;
        if (this.hash === (this.location.hash || "#")) return;
        try {
          this.history[way](null, "", this.hash);
        } catch {
          // Some viewers forbid it to files; the page works without.
        }
      },
      this.pushing ? 0 : 250,
    );
  }

  readHash() {
    const parts = new URLSearchParams(this.location.hash.slice(1));
    const values = {};
    for (const key of Object.keys(DEFAULTS)) {
      const text = parts.get(key);
      if (text === null) values[key] = DEFAULTS[key];
      else if (!NUMBERS.has(key)) values[key] = text;
      else values[key] = text.trim() && Number.isFinite(Number(text)) ? Number(text) : DEFAULTS[key];
    }
    for (const [key, value] of Object.entries(values)) {
      if (this.values[key] === value) continue;
      this.values[key] = value;
      this.changed.add(key);
    }
    if (this.changed.size) this.schedule();
  }
}
