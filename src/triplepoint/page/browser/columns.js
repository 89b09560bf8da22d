// Numbers as they travel: {"t": type, "d": base64, little-endian}; and arrays that grow while a run is watched.

const TYPES = {
  f4: Float32Array,
  f8: Float64Array,
  i4: Int32Array,
  u1: Uint8Array,
  u2: Uint16Array,
  u4: Uint32Array,
};

/** The bytes of base64 text. */
export function bytes(text) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const raw = atob(text);
  const found = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) found[i] = raw.charCodeAt(i);
  return found;
}

/** A column as a typed array; null stays null. */
export function decode(column) {
  if (!column) return null;
  const Type = TYPES[column.t];
  if (!Type) throw new Error(`a column of the unknown type ${column.t}`);
  return new Type(bytes(column.d).buffer);
}

/** A typed array that grows at its end: `values` is what is there, without the room behind it. */
export class Growable {
  constructor(Type, initial = null) {
    this.Type = Type;
    this.room = initial ?? new Type(0);
    this.length = this.room.length;
    this.seen = this.room;
  }

  get values() {
    if (this.seen.length !== this.length || this.seen.buffer !== this.room.buffer) {
      this.seen = this.room.subarray(0, this.length);
    }
    return this.seen;
  }

  push(value) {
    if (this.length === this.room.length) {
      const wider = new this.Type(Math.max(16, this.length * 2));
      wider.set(this.room.subarray(0, this.length));
      this.room = wider;
    }
    this.room[this.length++] = value;
  }
}

/** Index of the last of ascending `values` that is at most `value`; −1 where none is. */
export function lastAtMost(values, value, from = 0, to = values.length) {
  let low = from;
  let high = to;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle] <= value) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** Index of the value nearest to `value` among ascending ones; −1 where there are none. */
export function nearest(values, value) {
  const before = lastAtMost(values, value);
  const after = before + 1;
  if (before < 0) return values.length ? 0 : -1;
  if (after >= values.length) return before;
  return value - values[before] <= values[after] - value ? before : after;
}
