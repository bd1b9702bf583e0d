import { Failure } from "../failure.ts";
import type { DebugSections } from "./debug-sections.ts";
import { DieReader } from "./die.ts";
import { readPlainUnit } from "./plain-unit.ts";
import { withPrimarySource } from "./primary-source.ts";
import { arangeTable, type RangeTable, rangeTable } from "./range-table.ts";
import { SplitUnits } from "./split-units.ts";
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
 * .debug_aranges can have gaps or be damaged, and clang does not write it.
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
  const splitUnits = new SplitUnits(sections);
  const named = new Map<number, Unit>();
  const namedUnitAt = (offset: number) => {
    const unit = unitAt(offset);
    if (unit === null || unit.name !== null) return unit ?? undefined;
    const known = named.get(offset) ?? withPrimarySource(sections, splitUnits, unit);
    named.set(offset, known);
    return known;
  };
  const aranges = arangeTable(sections);
  const inAranges = (high: number, low: number) => {
    const offset = aranges?.find(high, low);
    try {
      return offset === undefined || unitAt(offset) === null ? undefined : offset;
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      // There is no unit at this offset.
      return undefined;
    }
  };
  let ownRanges: RangeTable | undefined;
  const inOwnRanges = (high: number, low: number, size: number) => {
    ownRanges ??= rangeTable((add) => {
      for (const offset of unitOffsets(sections)) {
        const unit = unitAt(offset);
        if (unit) forEachRange(sections, unit, (high, low, length) => add(high, low, length, offset));
      }
    });
    return ownRanges.find(high, low) ?? ownRanges.next(high, low, size);
  };
  return {
    find(high, low, size) {
      const offset = inAranges(high, low) ?? inOwnRanges(high, low, size);
      return offset === undefined ? undefined : namedUnitAt(offset);
    },
  };
}

/** Reads a unit of any form; null for a unit without code of its own: a type unit or a partial unit of dwz. */
function readUnit(reader: DieReader, offset: number): Unit | null {
  const header = readUnitHeader(reader.sections, offset);
  if (!hasAddresses(header)) return null;
  const unit = reader.unit(header);
  return unit.isPartial ? null : withoutReader(unit);
}

/** The same unit without its reader and its abbreviations, which take some kilobytes. */
function withoutReader(unit: Unit): Unit {
  const { version, addressSize, offsetSize, offset, end, name, compilationDirectory, lineProgram } = unit;
  const { lowPc, highPc, ranges, addressBase, rangeListsBase, split } = unit;
  return {
    version,
    addressSize,
    offsetSize,
    offset,
    end,
    name,
    compilationDirectory,
    lineProgram,
    lowPc,
    highPc,
    ranges,
    addressBase,
    rangeListsBase,
    split,
  };
}
