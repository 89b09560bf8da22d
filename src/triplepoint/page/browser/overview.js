// Placeholder until the view lands.
import { h } from "./dom.js";

export function overview(host, app) {
  host.append(h("p", {}, "overview"));
  return { show() {} };
}
