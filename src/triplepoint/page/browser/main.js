// The beginning: what is embedded in this file, or the server it came from.

import { App } from "./app.js";
import { compare } from "./compare.js";
import { layer } from "./layer.js";
import { overview } from "./overview.js";
import { runs } from "./runs.js";
import { embedded, Server } from "./sources.js";
import { time } from "./time.js";

const VIEWS = { runs, overview, layer, time, compare };

async function start() {
  const payload = await embedded();
  const app = new App(VIEWS, payload ? { documents: payload.documents } : { server: new Server() });
  window.triplepoint = app; // for a browser's console, tests and measurements
  await app.start();
  document.body.dataset.ready = "true";
  performance.mark("triplepoint-ready");
}

start().catch((error) => {
  const words = document.createElement("p");
  words.className = "note bad";
  words.textContent = `This page cannot be shown: ${error.message}`;
  document.getElementById("app").replaceChildren(words);
  throw error;
});
