// Points of a chart: the shape says what the colour says, and the sign of the strip says both.

const DOWN = new Set(["under_trained", "down"]);
const UP = new Set(["over_trained", "up"]);

/** A mark of half-width `size` at (x, y) in the fill of the context. */
export function mark(ctx, kind, x, y, size) {
  ctx.beginPath();
  if (kind === "well_trained") ctx.arc(x, y, size, 0, 2 * Math.PI);
  else if (DOWN.has(kind) || UP.has(kind)) {
    const way = UP.has(kind) ? -1 : 1;
    ctx.moveTo(x, y + way * size * 1.15);
    ctx.lineTo(x - size * 1.15, y - way * size * 0.85);
    ctx.lineTo(x + size * 1.15, y - way * size * 0.85);
  } else if (kind === "undecided") {
    ctx.moveTo(x, y - size * 1.2);
    ctx.lineTo(x + size * 1.2, y);
    ctx.lineTo(x, y + size * 1.2);
    ctx.lineTo(x - size * 1.2, y);
  } else ctx.rect(x - size, y - size * 0.4, 2 * size, size * 0.8);
  ctx.fill();
}
