// Dark or light, as the system says or the reader; colours of the style sheet as numbers for a canvas.

const KEPT = "triplepoint-theme";

export class Theme {
  constructor(state) {
    this.state = state;
    this.known = new Map();
    this.system = window.matchMedia("(prefers-color-scheme: dark)");
    this.system.addEventListener("change", () => this.apply());
    this.chosen = null;
    try {
      this.chosen = localStorage.getItem(KEPT);
    } catch {
      // A file in a strict browser has no storage.
    }
    // Paper is white, whatever the screen is.
    // The print is taken before the next frame comes.
    window.addEventListener("beforeprint", () => (this.apply("light"), this.state.flush()));
    window.addEventListener("afterprint", () => this.apply());
    this.apply();
  }

  get dark() {
    return (this.chosen ?? (this.system.matches ? "dark" : "light")) === "dark";
  }

  toggle() {
    this.chosen = this.dark ? "light" : "dark";
    try {
      localStorage.setItem(KEPT, this.chosen);
    } catch {
      // It holds for this visit.
    }
    this.apply();
  }

  apply(forced = null) {
    document.documentElement.dataset.theme = forced ?? (this.dark ? "dark" : "light");
    this.known.clear();
    this.state.touch("theme");
  }

  /** A colour of the style sheet, as text. */
  colour(name) {
    if (!this.known.has(name)) {
      this.known.set(name, getComputedStyle(document.documentElement).getPropertyValue(name).trim());
    }
    return this.known.get(name);
  }

  /** A colour of the style sheet (#rrggbb) as [r, g, b]. */
  rgb(name) {
    const text = this.colour(name);
    return [1, 3, 5].map((at) => parseInt(text.slice(at, at + 2), 16));
  }

  /** A colour with some of it taken away. */
  faded(name, share) {
    return `rgba(${this.rgb(name).join(", ")}, ${share})`;
  }
}
