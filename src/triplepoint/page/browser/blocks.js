// The parts of a network as they are read: sections ("encoder.layer") of blocks ("0", "1", …) of layers.

/**
 * Sections of the layers `indices`, in their order: [{title, blocks: [{name, label, layers}]}].
 *
 * Neighbours of one block are one block, and neighbouring blocks that differ in their number alone one section, so that
 * a name is read once and not forty times.
 */
export function sections(layers, indices) {
  const found = [];
  for (const index of indices) {
    const { block, label } = layers[index];
    const last = found[found.length - 1];
    const open = last?.blocks[last.blocks.length - 1];
    if (open && open.name === block) {
      open.layers.push(index);
      if (block === null) last.title = `${layers[open.layers[0]].label} …`;
      continue;
    }
    const { title, number } = block === null ? { title: label, number: "" } : split(block);
    const made = { name: block, label: number, layers: [index] };
    if (last && number && last.numbered && last.title === title) last.blocks.push(made);
    else found.push({ title, numbered: Boolean(number), blocks: [made] });
  }
  return found;
}

/** `encoder.layer.0` → encoder.layer and 0; `pooler` → pooler and no number. */
function split(block) {
  const parts = block.split(".");
  if (!/^\d+$/.test(parts[parts.length - 1])) return { title: block, number: "" };
  return { title: parts.slice(0, -1).join("."), number: parts[parts.length - 1] };
}

/** What a layer is called within its block. */
export function within(layer) {
  const { block, label } = layer;
  return block !== null && label.startsWith(`${block}.`) ? label.slice(block.length + 1) : label;
}
