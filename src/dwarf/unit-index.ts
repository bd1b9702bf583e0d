import type { DebugSections } from "./debug-sections.ts";
import { DieReader } from "./die.ts";
import { readPlainUnit } from "./plain-unit.ts";
import { arangeTable, type RangeTable, rangeTable } from "./range-table.ts";
import { type Unit, unitOffsets } from "./unit.ts";
import { hasAddresses, readUnitHeader } from "./unit-header.ts";
import { forEachRange } from "./unit-ranges.ts";

/** Finds the compilation units that addresses belong to. */
export interface UnitIndex {
  /**
   * The unit that contains an address, or else the first one that begins within `size` bytes from it on: the code of a unit may
   * begin after the symbol: after the NOPs of -fpatchable-function-entry. Undefined if there is none.
   */
  find(high: number, low: number, size: number): Unit | undefined;
}

/**
 * An index that searches .debug_aranges first. For an address that is not in it, the units' own ranges are searched:
 * .debug_aranges can have gaps, and clang does not write it.
 */
export function unitIndex(sections: DebugSections): UnitIndex {
  const reader = new DieReader(sections);
  const units = new Map<number, Unit | null>();
  const unitAt = (offset: number) => {
    let unit = units.get(offset);
    if (unit === undefined) {
      unit = readPlainUnit(sections, offset) ?? readUnit(reader, offset);
      units.set(offset, unit);
    }
    return unit;
  };
  const aranges = arangeTable(sections);
  let ownRanges: RangeTable | undefined;
  return {
    find(high, low, size) {
      let offset = aranges.find(high, low);
      if (offset === undefined) {
        ownRanges ??= rangeTable((add) => {
          for (const offset of unitOffsets(sections)) {
            const unit = unitAt(offset);
            if (unit) forEachRange(sections, unit, (high, low, length) => add(high, low, length, offset));
          }
        });
        offset = ownRanges.find(high, low) ?? ownRanges.next(high, low, size);
      }
      return offset === undefined ? undefined : (unitAt(offset) ?? undefined);
    },
  };
}

/** Reads a unit of any form; null for a unit without code of its own: a type unit or a partial unit of dwz. */
function readUnit(reader: DieReader, offset: number): Unit | null {
  const header = readUnitHeader(reader.sections, offset);
  if (!hasAddresses(header)) return null;
  const unit = reader.unit(header);
  return unit.isPartial ? null : unit;
}
