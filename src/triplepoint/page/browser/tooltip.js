// Words beside the pointer, or beside an element: one tooltip for the whole page. A screen reader gets labels instead.

import { h, replace } from "./dom.js";

let shown = null;

/** Show `children` beside a point of the window (px), on the side where there is room. */
export function showTip(children, x, y) {
  if (!shown) document.body.append((shown = h("div.tooltip", { "aria-hidden": "true", hidden: true })));
  replace(shown, children);
  shown.hidden = false;
  const { offsetWidth: width, offsetHeight: height } = shown;
  const left = x + 16 + width < window.innerWidth ? x + 16 : Math.max(4, x - 16 - width);
  const top = y - 12 - height > 4 ? y - 12 - height : Math.min(y + 20, window.innerHeight - height - 4);
  shown.style.left = "0";
  shown.style.top = "0";
  shown.style.transform = `translate(${Math.round(left)}px, ${Math.round(top)}px)`;
}

/** The same beside an element: above it, or below where there is no room. */
export function tipAt(children, element) {
  const box = element.getBoundingClientRect();
  showTip(children, box.left + box.width / 2 - 8, box.top);
}

export function hideTip() {
  if (shown) shown.hidden = true;
}

/** Names with their values, one a line; those without a value are left out. */
export function pairs(found) {
  return h(
    "dl.pairs",
    {},
    found.filter(([, value]) => value !== null && value !== undefined).map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]),
  );
}
