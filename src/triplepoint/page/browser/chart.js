// One chart: uPlot with our theme, a cursor line that moves without a redraw, and scrubbing by hover or touch.

import { decades, even, powers, short as ofLog } from "./axis_splits.js";
import { step as stepText } from "./format.js";
import { h } from "./dom.js";

/** log10(1 + step): steps begin at 0. */
export const LOG_STEPS = { distr: 100, fwd: (value) => Math.log10(1 + Math.max(0, value)), bwd: (value) => 10 ** value - 1 };

/**
 * A chart in `host`.
 *
 * options: {label, height, x: {label, log: false | "steps" | true, format, range}, y: {label, log, format, range},
 *   series: [{label, colour (name of a CSS variable or function of theme), width, points, dash, fill, paths, show, alpha}],
 *   bands: uPlot bands, data: [xs, ys…], before: [draw(plot, theme)] under the series, after: [draw(plot, theme)] over them,
 *   cursor: true for a cursor line at state.step, onScrub(x), onHover(index, plot), onLeave(), onPick(x, plot, event),
 *   onPoint(event, plot): the pointer over it, onZoom(from, to): dragged with a mouse, onBuild(plot): made anew}
 * Returns {plot, setData(data), setStep(step), rebuild(options), destroy(), element}.
 */
export function chart(host, app, options) {
  const element = h("div.chart", { role: "img", "aria-label": options.label, tabindex: options.focus ? "0" : null });
  const line = h("div.cursor-line", { "aria-hidden": "true" });
  host.append(element);
  let plot = null;
  let current = options;
  let step = null;
  let size = 0;

  const axis = (side) => {
    const given = current[side];
    const theme = app.theme;
    // uPlot would leave out some of the values of a log axis, and its grid with them.
    const alone = given.log === true ? { filter: (_plot, splits) => splits } : {};
    return {
      stroke: theme.colour("--ink-soft"),
      font: `11px ${theme.colour("--font")}`,
      labelFont: `12px ${theme.colour("--font")}`,
      label: given.label,
      labelSize: given.label ? 18 : 0,
      labelGap: 0,
      gap: 4,
      size: side === "y" ? (current.yWidth ?? 54) : 30,
      space: side === "x" ? 64 : 28,
      grid: { show: given.grid ?? true, stroke: theme.colour("--line"), width: 1, ...alone },
      ticks: { stroke: theme.colour("--line"), width: 1, size: 4, ...alone },
      splits: given.splits ?? (given.log === "steps" ? decades : given.log ? powers : undefined),
      ...alone,
      ...(given.incrs ? { incrs: given.incrs } : {}),
      values: (_plot, splits) => {
        const format = given.format ?? (given.log === "steps" ? short : given.log ? ofLog : even(splits));
        return splits.map((value) => (value === null ? null : format(value)));
      },
    };
  };
  const short = (value) => stepText(value, true);

  const scale = (side) => {
    const given = current[side];
    const made = { time: false };
    if (given.log === "steps") Object.assign(made, LOG_STEPS);
    else if (given.log) made.distr = 3;
    if (given.range) made.range = typeof given.range === "function" ? given.range : () => given.range;
    return made;
  };

  const series = () => [
    {},
    ...current.series.map((one) => {
      const ink = typeof one.colour === "function" ? one.colour(app.theme) : app.theme.colour(one.colour ?? "--accent");
      return {
        label: one.label,
        stroke: one.width === 0 ? undefined : ink,
        width: one.width ?? 1.5,
        dash: one.dash,
        fill: typeof one.fill === "function" ? one.fill(app.theme) : one.fill,
        paths: one.paths,
        show: one.show ?? true,
        alpha: one.alpha ?? 1,
        spanGaps: one.spanGaps ?? true,
        points: one.points ? { show: true, size: one.points, fill: ink, stroke: ink, width: 0 } : { show: false },
      };
    }),
  ];

  const build = () => {
    plot?.destroy();
    const width = Math.max(160, element.clientWidth || size); // hidden: as wide as it was
    plot = new uPlot(
      {
        width,
        height: current.height ?? 220,
        pxAlign: 1,
        padding: [10, 20, 0, 0],
        legend: { show: false },
        cursor: { show: true, x: Boolean(current.onHover && !current.cursor), y: false, drag: { setScale: false, x: Boolean(current.onZoom), y: false }, points: { show: false }, ...current.cursorOptions },
        scales: { x: scale("x"), y: scale("y") },
        axes: [axis("x"), axis("y")],
        series: series(),
        bands: typeof current.bands === "function" ? current.bands(app.theme) : current.bands,
        hooks: {
          drawClear: (current.before ?? []).map((draw) => (made) => clipped(made, () => draw(made, app.theme))),
          // Scales are known when it is drawn, not when it is made.
          draw: [...(current.after ?? []).map((draw) => (made) => clipped(made, () => draw(made, app.theme))), () => place()],
          setSelect: current.onZoom ? [selected] : [],
          setCursor: current.onHover ? [(made) => made.cursor.idx !== null && made.cursor.left >= 0 && current.onHover(made.cursor.idx, made)] : [],
        },
      },
      current.data,
      element,
    );
    plot.over.append(line);
    plot.over.addEventListener("pointermove", scrub);
    plot.over.addEventListener("pointerdown", scrub);
    plot.over.addEventListener("click", scrub);
    plot.over.addEventListener("pointerleave", () => current.onLeave?.());
    if (current.onPick) plot.over.addEventListener("click", (event) => current.onPick(plot.posToVal(event.offsetX, "x"), plot, event));
    current.onBuild?.(plot);
  };

  const selected = (made) => {
    const { left, width } = made.select;
    if (width > 6) current.onZoom(made.posToVal(left, "x"), made.posToVal(left + width, "x"));
    if (width) made.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
  };

  let finger = null; // where a finger came down, until it goes sideways
  const scrub = (event) => {
    if (event.pointerType === "touch") {
      // A finger that scrolls the page touches charts too: it moves the cursor once it goes sideways, or as a tap (a click).
      if (event.type === "pointerdown") return void (finger = { x: event.clientX, y: event.clientY });
      if (event.type === "pointermove" && finger) {
        const aside = Math.abs(event.clientX - finger.x);
        if (aside < 5 || aside < Math.abs(event.clientY - finger.y)) return;
        finger = null;
      }
    }
    current.onPoint?.(event, plot);
    if (!current.onScrub) return;
    const box = plot.over.getBoundingClientRect();
    const left = Math.min(box.width, Math.max(0, event.clientX - box.left));
    current.onScrub(plot.posToVal(left, "x"));
  };

  const place = () => {
    if (!plot || !current.cursor || step === null) return void (line.style.display = "none");
    const left = plot.valToPos(step, "x");
    // The width is known without asking the browser, who would lay out the page anew for each chart of a frame.
    const inside = Number.isFinite(left) && left >= -1 && left <= plot.bbox.width / devicePixelRatio + 1;
    line.style.display = inside ? "block" : "none";
    if (inside) line.style.transform = `translateX(${left}px)`;
  };

  const observer = new ResizeObserver(() => {
    const width = element.clientWidth;
    if (!width || width === size) return;
    size = width;
    if (!plot) build();
    else {
      plot.setSize({ width: Math.max(160, width), height: current.height ?? 220 });
    }
  });
  observer.observe(element);
  const unlisten = app.state.on(["theme"], () => plot && build());

  return {
    element,
    get plot() {
      return plot;
    },
    setData(data) {
      current = { ...current, data };
      plot?.setData(data);
    },
    setStep(to) {
      step = to;
      place();
    },
    describe(text) {
      element.setAttribute("aria-label", text);
    },
    /** Other options: the whole chart anew. */
    rebuild(given) {
      current = { ...current, ...given };
      if (element.clientWidth) build();
    },
    redraw() {
      plot?.redraw(false);
    },
    destroy() {
      unlisten();
      observer.disconnect();
      plot?.destroy();
      element.remove();
    },
  };
}

function clipped(plot, draw) {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  draw();
  ctx.restore();
}

/** A vertical line at x, with words at its top. */
export function marker(plot, x, colour, words = "", dash = []) {
  if (!Number.isFinite(x)) return;
  const { ctx, bbox } = plot;
  const at = Math.round(plot.valToPos(x, "x", true)) + 0.5;
  if (at < bbox.left || at > bbox.left + bbox.width) return;
  ctx.strokeStyle = colour;
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash(dash.map((length) => length * devicePixelRatio));
  ctx.beginPath();
  ctx.moveTo(at, bbox.top);
  ctx.lineTo(at, bbox.top + bbox.height);
  ctx.stroke();
  ctx.setLineDash([]);
  if (!words) return;
  ctx.fillStyle = colour;
  ctx.font = `${11 * devicePixelRatio}px ${getComputedStyle(document.documentElement).getPropertyValue("--font")}`;
  const width = ctx.measureText(words).width;
  const right = at + 4 * devicePixelRatio + width < bbox.left + bbox.width;
  ctx.textAlign = right ? "left" : "right";
  ctx.textBaseline = "top";
  ctx.fillText(words, at + (right ? 4 : -4) * devicePixelRatio, bbox.top + 3 * devicePixelRatio);
}

/** A horizontal band between two values, shaded. */
export function shade(plot, low, high, colour) {
  const { ctx, bbox } = plot;
  const top = Math.max(bbox.top, plot.valToPos(high, "y", true));
  const bottom = Math.min(bbox.top + bbox.height, plot.valToPos(low, "y", true));
  ctx.fillStyle = colour;
  ctx.fillRect(bbox.left, top, bbox.width, bottom - top);
}
