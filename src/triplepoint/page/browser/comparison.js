// Two sides on matched rows: a row is a layer that both have, by id and shape, each stored weight once.

import { UNSEEN } from "./phases.js";

/** Whether two layers are the same matrix: one shape, as many slices. */
function alike(one, other) {
  return String(one.shape) === String(other.shape) && one.slices === other.slices;
}

/** {rows: [{id, a, b, counted}], onlyA, onlyB, shapes}: a and b are indices; ids of the rest, and of rows whose shapes differ. */
export function matched(a, b) {
  const others = new Map(b.primary.map((index) => [b.layers[index].id, index]));
  const found = { rows: [], onlyA: [], onlyB: [], shapes: [] };
  for (const index of a.primary) {
    const layer = a.layers[index];
    const other = others.get(layer.id);
    others.delete(layer.id);
    if (other === undefined) found.onlyA.push(layer.id);
    else if (!alike(layer, b.layers[other])) found.shapes.push(layer.id);
    else found.rows.push({ id: layer.id, label: layer.label, a: index, b: other, counted: layer.counted && b.layers[other].counted });
  }
  found.onlyB = [...others.keys()];
  return found;
}

/** The phase of a layer at a step; null before the first whole look at it. */
function phaseOf({ subject, step }, index) {
  const found = subject.phase(index, step);
  return found === UNSEEN ? null : found;
}

/**
 * Each matched row with both values: {…, valueA, valueB, delta (B − A), phaseA, phaseB, lowA, highA, lowB, highB, apart}.
 * Sides are {subject, step}; `pair`: names of the metrics that bound this one, or null. `apart`: whether the intervals do not
 * overlap; null where one of them is missing.
 */
export function compared(rows, sideA, sideB, metric, pair) {
  const of = (side, index, name) => side.subject.value(index, name, side.step);
  return rows.map((row) => {
    const made = { ...row, valueA: of(sideA, row.a, metric), valueB: of(sideB, row.b, metric), phaseA: phaseOf(sideA, row.a), phaseB: phaseOf(sideB, row.b) };
    made.delta = made.valueB - made.valueA;
    made.lowA = pair ? of(sideA, row.a, pair.low) : NaN;
    made.highA = pair ? of(sideA, row.a, pair.high) : NaN;
    made.lowB = pair ? of(sideB, row.b, pair.low) : NaN;
    made.highB = pair ? of(sideB, row.b, pair.high) : NaN;
    const both = [made.lowA, made.highA, made.lowB, made.highB].every(Number.isFinite);
    made.apart = both ? made.highA < made.lowB || made.highB < made.lowA : null;
    return made;
  });
}

/**
 * What is said of all: {n, meanA, meanB, median, changed, phased, moves, apart, bounded}.
 * Means, median and moves are over counted rows alone, and over the same rows on both sides: n have both values, `phased` both phases.
 */
export function summary(rows) {
  const counted = rows.filter((row) => row.counted);
  const valued = counted.filter((row) => Number.isFinite(row.delta));
  const mean = (key) => valued.reduce((sum, row) => sum + row[key], 0) / valued.length;
  const phased = counted.filter((row) => row.phaseA !== null && row.phaseB !== null);
  const moves = new Map();
  for (const { phaseA, phaseB } of phased) {
    if (phaseA === phaseB) continue;
    const key = phaseA * 10 + phaseB;
    moves.set(key, (moves.get(key) ?? 0) + 1);
  }
  const bounded = valued.filter((row) => row.apart !== null);
  return {
    n: valued.length,
    meanA: mean("valueA"),
    meanB: mean("valueB"),
    median: middle(valued.map((row) => row.delta)),
    phased: phased.length,
    changed: [...moves.values()].reduce((sum, count) => sum + count, 0),
    moves: [...moves].map(([key, count]) => ({ from: Math.floor(key / 10), to: key % 10, count })).sort((one, other) => other.count - one.count),
    bounded: bounded.length,
    apart: bounded.filter((row) => row.apart).length,
  };
}

function middle(values) {
  if (!values.length) return NaN;
  const sorted = Float64Array.from(values).sort();
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

/** The step by which nine in ten of the layers had been looked at: where a run can first be compared. */
export function beginning(subject) {
  const first = subject.primary.map((index) => subject.visits[index].steps.values[0]).filter(Number.isFinite);
  const sorted = Float64Array.from(first).sort();
  return sorted.length ? sorted[Math.ceil(0.9 * sorted.length) - 1] : subject.firstStep;
}
