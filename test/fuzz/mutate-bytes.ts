// Changes to any bytes, and to compressed ones.
import type { Random } from "./random.ts";

/** Returns changed bytes, which may be the given ones. @param other an intact input of the same kind */
export type Mutate = (bytes: Buffer, random: Random, other: Buffer) => Buffer;

/** A mutator for each of its weight's shares. */
export function weighted(...choices: readonly (readonly [weight: number, mutate: Mutate])[]): Mutate[] {
  return choices.flatMap(([weight, mutate]) => new Array<Mutate>(weight).fill(mutate));
}

const BYTES = [0, 1, 0x7f, 0x80, 0xfe, 0xff];

export const changeByte: Mutate = (bytes, random) => {
  if (bytes.length > 0)
    bytes[random.below(bytes.length)] = random.chance(0.5) ? random.pick(BYTES) : random.below(256);
  return bytes;
};

const flipBit: Mutate = (bytes, random) => {
  const at = random.below(bytes.length);
  if (bytes.length > 0) bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << random.below(8)), at);
  return bytes;
};

/** Changes one of the first bytes, where a format has its header. */
const changeStart: Mutate = (bytes, random, other) => {
  changeByte(bytes.subarray(0, 32), random, other);
  return bytes;
};

export const fillRange: Mutate = (bytes, random) => {
  const start = random.below(bytes.length);
  return bytes.fill(random.pick(BYTES), start, Math.min(bytes.length, start + 1 + random.below(256)));
};

export const truncate: Mutate = (bytes, random) => bytes.subarray(0, random.below(bytes.length + 1));

const append: Mutate = (bytes, random, other) =>
  Buffer.concat([
    bytes,
    random.pick([bytes, other, Buffer.alloc(1 + random.below(1 << 16)), Buffer.from("\n")]),
  ]);

const deleteRange: Mutate = (bytes, random) => {
  const start = random.below(bytes.length);
  return Buffer.concat([bytes.subarray(0, start), bytes.subarray(start + 1 + random.below(64))]);
};

export const copyRange: Mutate = (bytes, random) => {
  const start = random.below(bytes.length);
  bytes.copy(bytes, random.below(bytes.length), start, start + 1 + random.below(512));
  return bytes;
};

/** The beginning of one input and the end of another. */
export const splice: Mutate = (bytes, random, other) =>
  Buffer.concat([bytes.subarray(0, random.below(bytes.length)), other.subarray(random.below(other.length))]);

/** Changes that no format is in the way of. */
export const HAVOC = weighted(
  [4, changeByte],
  [2, fillRange],
  [2, truncate],
  [1, append],
  [1, deleteRange],
  [2, copyRange],
  [1, splice],
);

/** Mutators for compressed files. */
export const PACKED: readonly Mutate[] = [
  ...weighted([8, flipBit], [6, changeStart], [3, truncate]),
  ...HAVOC,
];
