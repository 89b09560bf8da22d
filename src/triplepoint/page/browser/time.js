// Placeholder until the view lands.
import { h } from "./dom.js";

export function time(host, app) {
  host.append(h("p", {}, "time"));
  return { show() {} };
}
