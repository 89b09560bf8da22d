// Placeholder until the view lands.
import { h } from "./dom.js";

export function runs(host, app) {
  host.append(h("p", {}, "runs"));
  return { show() {} };
}
