// Where documents come from: embedded in this file, or from the server this page came from.

import { bytes } from "./columns.js";

/** The documents that were written into this file; null where the page is live. */
export async function embedded() {
  const element = document.getElementById("data");
  if (!element) return null;
  const packed = new Blob([bytes(element.textContent.trim())]).stream();
  const text = await new Response(packed.pipeThrough(new DecompressionStream("gzip"))).text();
  element.remove();
  return JSON.parse(text);
}

/** A document in this file: what it holds is all there is. */
export const FILE = { live: false };

const LONGEST = 8000; // letters of a query; servers refuse longer addresses

const UNSEEN = 30000; // ms that a page is hidden until it stops to listen

/** The server of the live page. */
export class Server {
  constructor() {
    this.live = true;
  }

  async ask(path, values = {}) {
    const query = String(new URLSearchParams(values));
    if (query.length > LONGEST || !Object.values(values).every((value) => String(value).isWellFormed?.() ?? true)) {
      throw new Error("its name fits into no address; the report made of a file has it");
    }
    const answer = await fetch(`${path}?${query}`, { credentials: "same-origin" }).catch(() => {
      throw new Error("the server does not answer");
    });
    const found = await answer.json().catch(() => null);
    if (!answer.ok) {
      const told = found?.found ? `${found.asked}: ${found.found}. ${found.next}` : `the server answered ${answer.status}`;
      throw Object.assign(new Error(told), { status: answer.status });
    }
    return found;
  }

  runs() {
    return this.ask("/api/runs");
  }

  /** `first`: of a long run only what can be said at once. */
  document(kind, name, first = false) {
    return this.ask("/api/document", first ? { kind, name, first: 1 } : { kind, name });
  }

  /** As of the document: of a later frame the server may have thinned other visits; those since have come with frames. */
  metric(subject, metric) {
    return this.ask("/api/metric", { name: subject.name, metric, frame: subject.document.frame });
  }

  spectra(subject, layer) {
    return this.ask("/api/spectra", { name: subject.name, layer });
  }

  row(subject, layer, step) {
    return this.ask("/api/row", { name: subject.name, layer, step });
  }

  /** Follow a run: `take(frame)` for each frame, `tell(state)` for `{connected}`, `{status, verdict}` or `{gone}`; returns how to stop. */
  follow(subject, take, tell) {
    const query = new URLSearchParams({ name: subject.name, after: subject.frame });
    const { started } = subject.document;
    if (started !== null) query.set("started", started); // by which the server tells this run from another of its name
    let stream = null;
    const open = () => {
      stream?.close();
      query.set("after", subject.frame);
      stream = new EventSource(`/api/stream?${query}`);
      stream.addEventListener("open", () => tell({ connected: true }));
      stream.addEventListener("frame", (event) => take(JSON.parse(event.data)));
      stream.addEventListener("status", (event) => tell(JSON.parse(event.data)));
      stream.addEventListener("gone", (event) => tell({ gone: JSON.parse(event.data) }));
      stream.addEventListener("error", () => {
        tell({ connected: false });
        // An answer that is no stream ends an EventSource for good; a server that comes back is found again.
        if (stream.readyState === EventSource.CLOSED && !document.hidden) again = setTimeout(open, 2000);
      });
    };
    let again = 0;
    // Browsers open six connections to a server, over all pages: a page that nobody sees gives its own back.
    const seen = () => {
      clearTimeout(again);
      if (document.hidden) again = setTimeout(() => stream.close(), UNSEEN);
      else if (stream.readyState === EventSource.CLOSED) open();
    };
    document.addEventListener("visibilitychange", seen);
    open();
    return () => {
      document.removeEventListener("visibilitychange", seen);
      clearTimeout(again);
      stream.close();
    };
  }
}
