// One layer: its spectrum, its numbers among those of the others, what was found of it.

import { h, replace } from "./dom.js";
import { list } from "./findings.js";
import { layerHead } from "./layer_head.js";
import { metricsTable } from "./metrics_table.js";
import { resting } from "./resting.js";
import { spectrogram } from "./spectrogram.js";
import { NEEDED } from "./spectrum_scene.js";
import { spectrumView } from "./spectrum.js";
import { trapList } from "./traps.js";

const AGAIN = 1000; // ms between two requests for the spectra of a layer that goes on

export function layer(host, app) {
  const { state } = app;
  const headCard = h("section.card.layer-head", { "aria-label": "Layer" });
  const spectrumCard = h("section.card", { "aria-label": "Spectrum" });
  const along = h("section.card", { "aria-label": "Spectrum along the run" });
  const metricsCard = h("section.card.metrics-card", { "aria-label": "Metrics" });
  const foundCard = h("section.card", { "aria-label": "Findings of this layer", "data-role": "layer-findings" });
  host.append(headCard, h("div.grid", {}, h("div.two-thirds.column", {}, spectrumCard, along, foundCard), h("div.third.column", {}, metricsCard)));
  const head = layerHead(headCard, app);
  const picture = spectrumView(spectrumCard, app);
  const course = spectrogram(along, app);
  const table = metricsTable(metricsCard, app);
  let subject = null;
  let index = -1;
  let looked = null; // the visit that the row at hand is of
  let fetched = 0;
  let drawn = -1; // the layer whose spectra are shown or awaited
  let again = 0;

  const take = () => {
    subject = app.subject;
    index = app.layer;
    headCard.hidden = index < 0;
    if (index < 0) return void picture.take(-1, null);
    head.take(index);
    table.take(index);
    looked = null;
    drawn = -1;
    findings(subject.document.traps[index] ?? [], null);
    spectra();
    for (const name of [...NEEDED, "null_p"]) {
      if (subject.metrics.has(name) && !subject.loaded.has(name) && subject.source.metric) subject.metric(name).then(() => update(), () => null);
    }
  };

  const spectra = async () => {
    const [now, at] = [subject, index];
    fetched = performance.now();
    if (drawn !== at) picture.wait();
    drawn = at;
    let problem = null;
    const found = await now.spectra(at).catch((error) => ((problem = error.message), null));
    if (now !== app.subject || at !== index) return;
    picture.take(at, found, problem);
    course.take(at, found);
    picture.describe();
  };

  const findings = (traps, row) => {
    const told = subject.document.findings.filter((one) => one.layer === index);
    const own = row ? row.findings.map((one) => ({ ...one, layer: index, step: null })) : told;
    const alerts = subject.holding(app.player.step).filter((alert) => alert.layer === index);
    replace(
      foundCard,
      h("div.card-head", {}, h("h2", {}, "Findings")),
      alerts.length ? [h("h3", {}, "Alerts that hold"), list(app, alerts, { name: false })] : null,
      list(app, own, { name: false, empty: "No rule has anything to say of this layer." }),
      trapList(traps),
    );
  };

  /** The row of the server at the cursor, once it rests. */
  const rest = resting(async () => {
    if (host.hidden || subject !== app.subject || index < 0) return;
    picture.describe();
    if (!subject.moves || !subject.source.row) return;
    const visits = subject.visits[index];
    const at = visits.at(app.player.step);
    if (looked === at) return;
    if (at < 0) {
      // Before the first look nothing was found, whatever a later row says.
      looked = at;
      table.takeRow(null, null);
      return findings([], { findings: [] });
    }
    const [now, then] = [subject, index];
    const step = visits.steps.values[at];
    const row = await now.row(then, step).catch(() => null);
    if (now !== app.subject || then !== index || visits.at(app.player.step) !== at) return;
    looked = at;
    table.takeRow(row, step);
    if (row) findings(row.traps ?? [], row);
  }, 220);

  const update = () => {
    if (host.hidden || !subject || subject !== app.subject || index < 0) return;
    const { step } = app.player;
    head.update(step);
    picture.update();
    course.step();
    table.update(step);
    rest();
  };

  const grown = () => {
    if (host.hidden || !subject || subject !== app.subject || index < 0) return;
    // A whole look at this layer has come: its spectra are asked for anew, not more often than one can see.
    if (!subject.spectraOf.has(index) && !again) {
      again = setTimeout(() => {
        again = 0;
        if (!host.hidden && subject === app.subject) spectra();
      }, Math.max(0, AGAIN - (performance.now() - fetched)));
    }
    update();
  };

  state.on(["data"], grown);
  state.on(["step"], update);
  state.on(["spectrum", "hide"], () => !host.hidden && subject === app.subject && (picture.refresh(), picture.describe()));
  state.on(["scale"], () => !host.hidden && course.rescale());
  state.on(["theme"], () => !host.hidden && table.redraw());

  return {
    show() {
      if (app.subject !== subject || app.layer !== index) take();
      update();
    },
  };
}
