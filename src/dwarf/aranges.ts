import type { DebugSections } from "./debug-sections.ts";
import { cursorAt } from "./forms.ts";
import { readUnitLength } from "./unit-length.ts";

/**
 * Reads .debug_aranges, the table from addresses to units (DWARF 5 section 6.1.2).
 *
 * @param take gets each range's start and length, and the offset of its unit in .debug_info
 */
export function forEachArange(
  sections: DebugSections,
  take: (high: number, low: number, length: number, unit: number) => void,
): void {
  const { aranges } = sections;
  const cursor = cursorAt(sections, aranges, 0);
  while (!cursor.atEnd) {
    const start = cursor.position;
    const { end, offsetSize } = readUnitLength(cursor, aranges.size);
    const version = cursor.u16();
    if (version !== 2) throw cursor.failure(`address ranges of the unknown version ${version}`);
    const unit = cursor.offset(offsetSize);
    const addressSize = cursor.u8();
    const segmentSize = cursor.u8();
    if (segmentSize !== 0 || (addressSize !== 4 && addressSize !== 8)) {
      throw cursor.failure(`address ranges with ${addressSize}-byte addresses, ${segmentSize}-byte segments`);
    }
    // The first tuple is aligned to its own size, from the start of the set.
    const tuple = 2 * addressSize;
    const header = cursor.position - start;
    cursor.skip((tuple - (header % tuple)) % tuple);
    while (cursor.position + tuple <= end) {
      const low = cursor.address(addressSize);
      const high = cursor.addressHigh;
      const length = cursor.offset(addressSize);
      if (length > 0) take(high, low, length, unit);
    }
    cursor.skip(end - cursor.position);
  }
}
