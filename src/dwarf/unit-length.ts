import type { Cursor } from "../elf/cursor.ts";

/** The end of a unit and its DWARF format, from its initial length (DWARF 5 section 7.4). */
export interface UnitLength {
  /** End of the unit in its section. */
  readonly end: number;
  /** 4 in 32-bit DWARF, 8 in 64-bit DWARF. */
  readonly offsetSize: 4 | 8;
}

/** Reads a unit's initial length. @throws Failure if it is 0 or reserved, or the unit reaches past `limit`, the section's size */
export function readUnitLength(cursor: Cursor, limit: number): UnitLength {
  let length = cursor.u32();
  let offsetSize: 4 | 8 = 4;
  if (length === 0xffffffff) {
    length = cursor.u64();
    offsetSize = 8;
  } else if (length >= 0xfffffff0) throw cursor.failure(`reserved unit length 0x${length.toString(16)}`);
  if (length === 0) throw cursor.failure("a unit has length 0");
  const end = cursor.position + length;
  if (end > limit) throw cursor.failure(`a unit of ${length} bytes reaches past the section's end`);
  return { end, offsetSize };
}
