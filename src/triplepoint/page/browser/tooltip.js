// Words beside the pointer, or beside an element: one tooltip for the whole page. A screen reader gets labels instead.

import { h, replace } from "./dom.js";

const GAP = 14;
const RIM = 6; // of the window
let shown = null;

/** Show `children` beside a point of the window (px), on the side where there is room. */
export function showTip(children, x, y) {
  if (!shown) {
    document.body.append((shown = h("div.tooltip", { "aria-hidden": "true", hidden: true })));
    window.addEventListener("scroll", hideTip, { passive: true });
    document.addEventListener("keydown", (event) => event.key === "Escape" && hideTip());
  }
  replace(shown, children);
  shown.hidden = false;
  const { offsetWidth: width, offsetHeight: height } = shown;
  const room = { width: document.documentElement.clientWidth, height: window.innerHeight };
  const left = x + GAP + width < room.width - RIM ? x + GAP : Math.min(x - GAP - width, room.width - width - RIM);
  const top = y - GAP - height > RIM ? y - GAP - height : Math.min(y + GAP, room.height - height - RIM);
  shown.style.transform = `translate(${Math.round(Math.max(RIM, left))}px, ${Math.round(Math.max(RIM, top))}px)`;
}

/** The same beside an element: above it, or below where there is no room. */
export function tipAt(children, element) {
  const box = element.getBoundingClientRect();
  showTip(children, box.left + box.width / 2 - GAP, box.top);
}

export function hideTip() {
  if (shown) shown.hidden = true;
}

/** Names with their values, one a line; those without a value are left out. */
export function pairs(found) {
  return h(
    "dl.tip-pairs",
    {},
    found.filter(([, value]) => value !== null && value !== undefined && value !== "").map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]),
  );
}
