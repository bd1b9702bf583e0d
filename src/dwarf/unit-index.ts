import type { DebugSections } from "./debug-sections.ts";
import { DieReader } from "./die.ts";
import { readPlainUnit } from "./plain-unit.ts";
import { arangeTable, type RangeTable, rangeTable } from "./range-table.ts";
import { type Unit, unitOffsets } from "./unit.ts";
import { hasAddresses, readUnitHeader } from "./unit-header.ts";
import { forEachRange } from "./unit-ranges.ts";

/** Finds the compilation units that addresses belong to. */
export interface UnitIndex {
  /** The unit that holds an address, undefined when none does. */
  find(high: number, low: number): Unit | undefined;
}

/**
 * An index that asks .debug_aranges first, and the ranges of the units themselves only for an address that is not
 * there: the table has gaps, and clang writes none.
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
    find(high, low) {
      let offset = aranges.find(high, low);
      if (offset === undefined) {
        ownRanges ??= rangeTable((add) => {
          for (const offset of unitOffsets(sections)) {
            const unit = unitAt(offset);
            if (unit) forEachRange(sections, unit, (high, low, length) => add(high, low, length, offset));
          }
        });
        offset = ownRanges.find(high, low);
      }
      return offset === undefined ? undefined : (unitAt(offset) ?? undefined);
    },
  };
}

/** A unit of any form; null for one that holds no code of its own: a type unit, or one of dwz's partial units. */
function readUnit(reader: DieReader, offset: number): Unit | null {
  const header = readUnitHeader(reader.sections, offset);
  if (!hasAddresses(header)) return null;
  const unit = reader.unit(header);
  return unit.isPartial ? null : unit;
}
