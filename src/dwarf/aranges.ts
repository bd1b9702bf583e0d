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
    const first = cursor.position;
    const bytes = aranges.read(first, Math.max(0, end - first));
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const word = (at: number) => view.getUint32(at, sections.littleEndian);
    const [highAt, lowAt] = addressSize === 4 ? [0, 0] : sections.littleEndian ? [4, 0] : [0, 4];
    for (let at = 0; at + tuple <= bytes.length; at += tuple) {
      const lengthAt = at + addressSize;
      const high = addressSize === 4 ? 0 : word(at + highAt);
      const lengthHigh = addressSize === 4 ? 0 : word(lengthAt + highAt);
      const length = lengthHigh * 2 ** 32 + word(lengthAt + lowAt);
      if (length > 0) take(high, word(at + lowAt), length, unit);
    }
    cursor.skip(end - cursor.position);
  }
}
