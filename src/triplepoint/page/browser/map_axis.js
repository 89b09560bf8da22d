// The left side of the map: names of layers where they fit, else of blocks.

import { visible } from "./dom.js";
import { shorten } from "./format.js";
import { leftRoom } from "./steps_axis.js";

const NAME = 13; // px that a line of words needs

/** Height of the whole chart for so many rows, with its axis. */
export function mapHeight(rows) {
  const each = rows <= 14 ? 22 : rows <= 40 ? 14 : rows <= 120 ? 6 : rows <= 260 ? 3 : 1.6;
  return Math.round(40 + Math.min(900, Math.max(60, rows * each)));
}

/** {splits, format} of the y axis; row 0 is at the top. */
export function mapAxis(subject, layers) {
  const rows = layers.length;
  const each = (mapHeight(rows) - 40) / Math.max(1, rows);
  const names = new Map();
  const width = Math.floor((leftRoom() - 10) / 6.5); // characters
  if (each >= NAME) layers.forEach((index, row) => names.set(rows - row - 0.5, visible(shorten(subject.layers[index].label, width))));
  else {
    const tails = [...new Set(layers.map((index) => subject.layers[index].block).filter(Boolean))].map(tail);
    const short = tails.some((one) => one.length > width);
    let last = null;
    let free = -Infinity;
    layers.forEach((index, row) => {
      const { block } = subject.layers[index];
      if (block === last) return;
      last = block;
      if (!block || row * each < free) return;
      free = row * each + NAME;
      names.set(rows - row - Math.min(0.5 * (NAME / each), rows - row - 0.1), short ? narrow(block, width) : tail(block));
    });
  }
  const splits = [...names.keys()].sort((one, other) => one - other);
  return { splits: () => splits, format: (value) => names.get(value) ?? "" };
}

/** `encoder.layer.11` as `layer.11`. */
function tail(block) {
  return visible(block).split(".").slice(-2).join(".");
}

/** The same where there is no room: `11`, which the end of a longer name would not tell from `1`. */
function narrow(block, width) {
  const last = tail(block).split(".").at(-1);
  return last.length <= width ? last : shorten(last, width);
}
