// The page: one subject, one state, one player; the views hang on these and on nothing else.

import { h, replace, visible } from "./dom.js";
import { keyboard } from "./keyboard.js";
import { Player } from "./playing.js";
import { State } from "./state.js";
import { Subject } from "./subject.js";
import { FILE } from "./sources.js";
import { Theme } from "./theme.js";
import { timeline } from "./timeline.js";
import { filtered } from "./filters.js";

const TITLES = { runs: "Runs", overview: "Overview", layer: "Layer", time: "Time", compare: "Compare" };

const AGAIN = 2000; // ms until what failed is tried again

export class App {
  /** `views`: {name: mount(host, app) → {show(), hide?()}}; `server` or `documents` is where subjects come from. */
  constructor(views, { documents = [], server = null }) {
    this.state = new State();
    this.theme = new Theme(this.state);
    this.server = server;
    this.documents = documents;
    this.subjects = new Map();
    this.subject = null;
    this.entries = [];
    this.problem = null; // why the subject is not here
    this.unlisted = null; // why the list of the server is not
    this.player = new Player(this);
    this.mounts = views;
    this.views = new Map();
    this.follower = null;
    this.wanted = null; // kind and name of what is to be shown
    this.reading = null; // the promise of it, until it is here
    this.connected = true;
    this.frame();
    this.keys = keyboard(this);
    this.timeline = timeline(this.foot, this);
    this.state.on(["run", "kind", "view"], () => this.choose());
    this.state.on(["view", "layer", "run", "kind", "opened"], () => this.show());
    this.state.on(["status", "view", "run", "kind", "opened", "theme", "data"], () => this.head());
  }

  /** Header, main and foot. */
  frame() {
    this.tabs = h("nav.tabs", { "aria-label": "Views" });
    this.title = h("div.subject");
    this.note = h("p.note", { role: "status", "aria-live": "polite" });
    this.main = h("main", { id: "main", tabindex: -1 });
    this.foot = h("footer");
    this.themeButton = h("button.quiet.icon", { type: "button", onclick: () => this.theme.toggle(), title: "Dark or light (t)", "aria-label": "Dark or light", "data-icon": "theme" });
    replace(
      document.getElementById("app"),
      h("a.skip", { href: "#main", onclick: (event) => (event.preventDefault(), this.main.focus()) }, "To the content"),
      h(
        "header",
        {},
        h("div.brand", {}, h("span.mark-three", { "aria-hidden": "true" }, h("i"), h("i"), h("i")), h("span", {}, "triplepoint")),
        this.title,
        this.tabs,
        h(
          "div.tools",
          {},
          h("button.quiet.icon", { type: "button", onclick: () => this.link(), title: "Copy a link to what is seen now", "aria-label": "Copy link", "data-icon": "link" }),
          this.themeButton,
          h("button.quiet.icon", { type: "button", onclick: () => this.keys.show(), title: "Keys (?)", "aria-label": "Keys" }, "?"),
        ),
      ),
      this.note,
      this.main,
      this.foot,
    );
  }

  /** Begin: with the documents of this file, or the runs of the server. */
  async start() {
    if (this.server) await this.list();
    else this.entries = this.documents.map((document) => ({ kind: document.kind, name: document.name, status: document.status }));
    await this.choose();
    this.show();
    this.head();
  }

  /** Where an address that names no subject leads: to the only one there is or the first of a file, else to the list. */
  home() {
    const { values } = this.state;
    const first = this.entries.find((entry) => !entry.reason);
    if (first && (!this.server || this.entries.length === 1)) Object.assign(values, { run: first.name, kind: first.kind });
    else values.view = "runs";
  }

  async list() {
    try {
      const found = await this.server.runs();
      this.folder = found.folder;
      this.entries = found.entries;
      this.unlisted = null;
    } catch (error) {
      this.unlisted = error.message;
    }
    this.state.touch("runs");
  }

  /** A subject by its kind and name, loaded once. */
  async open(kind, name, anew = false) {
    const key = `${kind}\n${name}`;
    if (anew) this.subjects.delete(key);
    if (!this.subjects.has(key)) {
      const made = this.server
        ? this.server.document(kind, name).then((document) => new Subject(document, document.kind === "run" ? this.server : FILE))
        : Promise.resolve(this.documents.find((one) => one.kind === kind && one.name === name)).then((document) => {
            if (!document) throw new Error(`there is no ${kind} ${name} in this file`);
            return new Subject(document, FILE);
          });
      this.subjects.set(key, made);
      made.catch(() => this.subjects.delete(key));
    }
    return this.subjects.get(key);
  }

  /** Take up the subject that the state names. */
  async choose() {
    const { state } = this;
    if (!state.get("run")) this.home();
    const name = state.get("run");
    if (!name) return void (this.wanted = this.reading = null);
    const kind = state.get("kind") ?? this.entries.find((entry) => entry.name === name)?.kind ?? "run";
    const wanted = `${kind}\n${name}`;
    if (this.wanted === wanted && this.reading) return this.reading; // it is on its way
    this.wanted = wanted; // also where it is here: what is on its way to the page is wanted no more
    if (this.subject?.name === name && this.subject.kind === kind && !this.subject.document.partial) {
      this.reading = null;
      return void state.touch("status");
    }
    this.reading = this.load(kind, name, wanted);
    state.touch("status");
    return this.reading;
  }

  /** Read what is wanted and show it, unless the reader goes on meanwhile. */
  async load(kind, name, wanted) {
    const { state } = this;
    try {
      await this.glance(kind, name, wanted);
      const subject = await this.open(kind, name);
      if (this.wanted !== wanted) return;
      this.player.stop();
      this.subject = subject;
      this.problem = null;
    } catch (error) {
      if (this.wanted !== wanted) return;
      this.subject = null;
      this.problem = error.message;
      // A server that starts anew is asked again; what it refuses, it would refuse again.
      if (this.server && !error.status) setTimeout(() => this.wanted === wanted && !this.subject && this.choose(), AGAIN);
    }
    this.reading = null;
    if (state.get("view") === "runs" && this.subject && !this.server) state.set({ view: "overview" });
    this.listen();
    state.touch("opened");
    state.touch("data");
  }

  /** Of a long run of a server how it stands, shown while its course is read: 0.2 s instead of 4 s. */
  async glance(kind, name, key) {
    const { state } = this;
    const last = state.get("step") === null && ["overview", "layer", "runs"].includes(state.get("view"));
    if (!this.server || kind !== "run" || !last || this.subjects.has(key)) return;
    const document = await this.server.document(kind, name, true);
    if (this.wanted !== key) return;
    if (!document.partial) return void this.subjects.set(key, Promise.resolve(new Subject(document, this.server)));
    this.player.stop();
    this.subject = new Subject(document, this.server);
    this.problem = null;
    state.touch("opened");
    state.touch("data");
  }

  /** Follow the subject if it is a run of a server. */
  listen() {
    this.follower?.();
    this.follower = null;
    const { subject } = this;
    if (!this.server || subject?.kind !== "run") return;
    this.follower = this.server.follow(
      subject,
      (frame) => {
        if (subject === this.subject && subject.apply(frame)) this.state.touch("data");
        else if (subject === this.subject) this.reload();
      },
      (told) => {
        if ("connected" in told) {
          if (this.connected === told.connected) return;
          this.connected = told.connected;
        } else if (told.gone) {
          if (told.gone.there) return void this.reload(); // another run has its name, or too much is new
          this.problem = `The run ${subject.name} is no longer there.`;
        } else {
          subject.status = told.status;
          subject.verdict = told.verdict ?? subject.verdict;
          this.state.touch("data");
        }
        this.state.touch("status");
      },
    );
  }

  async reload() {
    const before = this.subject;
    this.follower?.();
    try {
      const subject = await this.open(before.kind, before.name, true);
      if (this.subject !== before) return; // the reader went on meanwhile
      this.subject = subject;
      this.problem = null;
      this.listen();
      this.state.touch("opened");
      this.state.touch("data");
    } catch (error) {
      if (this.subject !== before) return;
      this.problem = error.message;
      this.state.touch("status");
      setTimeout(() => this.subject === before && this.listen(), AGAIN); // which tells again what was told before
    }
  }

  /** Whether a view has something to show. */
  offers(view) {
    if (view === "runs") return Boolean(this.server) || this.entries.length > 1;
    if (!this.subject) return false;
    if (view === "time") return this.subject.moves;
    if (view === "compare") return this.subject.moves || this.entries.length > 1;
    return view === "overview" || view === "layer";
  }

  /** Indices of the layers that pass the filters, in the order of the checkpoint. */
  shown() {
    return this.subject ? filtered(this.subject, this.state, this.player.step) : [];
  }

  /** The layer that is looked at: the chosen one, or the first. */
  get layer() {
    const { subject } = this;
    if (!subject) return -1;
    return subject.byId.get(this.state.get("layer")) ?? subject.analysed[0] ?? -1;
  }

  /** To a layer's own view. */
  visit(index) {
    this.state.set({ view: "layer", layer: this.subject.layers[index].id });
    window.scrollTo({ top: 0 });
  }

  search() {
    this.state.set({ view: "overview" });
    requestAnimationFrame(() => requestAnimationFrame(() => document.getElementById("search")?.focus()));
  }

  async link() {
    let text = `${location.href.split("#")[0]}${this.state.hash}`;
    try {
      await navigator.clipboard.writeText(text);
      this.say("The link is copied.");
    } catch {
      location.hash = this.state.hash;
      this.say("The link is in the address.");
    }
  }

  say(words) {
    this.said = words;
    this.head();
    clearTimeout(this.saying);
    this.saying = setTimeout(() => ((this.said = null), this.head()), 3000);
  }

  head() {
    const { state, subject } = this;
    const { view } = this; // what is shown; the state may ask for a view that has nothing to show
    replace(
      this.tabs,
      Object.entries(TITLES)
        .filter(([name]) => this.offers(name))
        .map(([name, words]) =>
          h("button", { type: "button", "aria-current": name === view ? "page" : null, onclick: () => state.set({ view: name }) }, words),
        ),
    );
    // On a narrow screen the row of tabs scrolls.
    const current = this.tabs.querySelector("[aria-current]");
    if (current && this.tabs.scrollWidth > this.tabs.clientWidth) this.tabs.scrollLeft = current.offsetLeft - this.tabs.offsetLeft - 40;
    const status = subject?.status;
    replace(
      this.title,
      subject && view !== "runs"
        ? [h("span.name", { title: visible(subject.name) }, visible(subject.name)), status ? h("span", { class: `pill ${status}` }, status) : null]
        : null,
    );
    const lost = this.server && subject?.kind === "run" && !this.connected ? "The server does not answer. Trying again; what is here stays." : null;
    const reading = subject?.document.partial ? "How the run stands at its end; its course is being read …" : this.reading ? "Reading the run …" : null;
    const problem = this.problem ?? this.unlisted;
    const words = this.said ?? problem ?? lost ?? reading ?? "";
    this.note.textContent = visible(words);
    this.note.hidden = !words;
    this.note.classList.toggle("bad", Boolean(!this.said && (problem || lost)));
    document.title = subject ? `${visible(subject.name)} – triplepoint` : "triplepoint";
    document.body.dataset.connected = String(this.connected);
    document.body.dataset.frame = String(subject?.frame ?? 0);
  }

  show() {
    let view = this.state.get("view");
    if (!this.offers(view)) view = this.subject ? "overview" : "runs";
    this.view = view;
    for (const [name, { host, shown }] of this.views) {
      if (name !== view && !host.hidden) {
        host.hidden = true;
        shown.hide?.();
      }
    }
    if (!this.views.has(view)) {
      const host = h("section.view", { "aria-label": TITLES[view] });
      this.main.append(host);
      this.views.set(view, { host, shown: this.mounts[view](host, this) });
    }
    const { host, shown } = this.views.get(view);
    host.hidden = false;
    shown.show();
    document.body.dataset.view = view;
  }
}
