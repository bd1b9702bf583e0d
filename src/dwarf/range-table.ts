import {
  ARANGE_TUPLE_BYTES,
  BAD_RANGES,
  NO_RANGE,
  PADDING,
  RANGE_BYTES,
  RANGE_OWNER,
} from "../wasm/layout.ts";
import { type WasmMemory, wasmMemory } from "../wasm/program.ts";
import type { DebugSections } from "./debug-sections.ts";

/** Maps addresses to the units that own them. */
export interface RangeTable {
  /**
   * The owner of the range that contains an address, as an offset in .debug_info. If several ranges contain it, the one that
   * starts last wins. Undefined if none does.
   */
  find(high: number, low: number): number | undefined;
  /** The owner of the first range that starts after an address, less than `size` bytes after it. Undefined if none does. */
  next(high: number, low: number, size: number): number | undefined;
}

/** The ranges of .debug_aranges (DWARF 5 section 6.1.2); undefined if the section is not valid. */
export function arangeTable(sections: DebugSections): RangeTable | undefined {
  const { aranges, littleEndian } = sections;
  const memory = wasmMemory();
  const most = Math.floor(aranges.size / ARANGE_TUPLE_BYTES);
  const section = memory.room(aranges.size + PADDING, aranges.name);
  const bytes = new Uint8Array(memory.buffer(), section, aranges.size + PADDING);
  aranges.read(0, aranges.size, bytes);
  const ranges = memory.room(most * RANGE_BYTES, aranges.name);
  const count = memory.program.readAranges(section, section + aranges.size, littleEndian, ranges);
  return count === BAD_RANGES ? undefined : sortedRanges(memory, ranges, count);
}

/**
 * Builds a table from single ranges.
 *
 * @param fill called with a function that adds a range: start address, length in bytes, and owner
 */
export function rangeTable(
  fill: (add: (high: number, low: number, length: number, owner: number) => void) => void,
): RangeTable {
  const words: number[] = [];
  fill((high, low, length, owner) => {
    const endLow = low + length;
    const endHigh = high + Math.floor(endLow / 2 ** 32);
    const end = endHigh > 0xffffffff ? [0xffffffff, 0xffffffff] : [endLow, endHigh];
    words.push(low, high, ...end, owner, Math.floor(owner / 2 ** 32), 0, 0);
  });
  const memory = wasmMemory();
  const ranges = memory.room(words.length * 4);
  new Uint32Array(memory.buffer(), ranges, words.length).set(words);
  return sortedRanges(memory, ranges, (words.length * 4) / RANGE_BYTES);
}

function sortedRanges(memory: WasmMemory, ranges: number, count: number): RangeTable {
  const { sortRanges, findRange, nextRange } = memory.program;
  const sorted = sortRanges(ranges, count, memory.room(count * RANGE_BYTES));
  const words = new Uint32Array(memory.buffer());
  const ownerOf = (range: number): number | undefined => {
    if (range === NO_RANGE) return undefined;
    const owner = (range + RANGE_OWNER) / 4;
    const ownerLow = words[owner];
    const ownerHigh = words[owner + 1];
    if (ownerLow === undefined || ownerHigh === undefined) throw new RangeError(`no range at ${range}`);
    return ownerHigh * 2 ** 32 + ownerLow;
  };
  return {
    find: (high, low) => ownerOf(findRange(sorted, count, high, low)),
    next: (high, low, size) => ownerOf(nextRange(sorted, count, high, low, size)),
  };
}
