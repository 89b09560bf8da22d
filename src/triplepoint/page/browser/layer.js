// Placeholder until the view lands.
import { h } from "./dom.js";

export function layer(host, app) {
  host.append(h("p", {}, "layer"));
  return { show() {} };
}
