// Placeholder until the view lands.
import { h } from "./dom.js";

export function compare(host, app) {
  host.append(h("p", {}, "compare"));
  return { show() {} };
}
