import { compareAddresses } from "../elf/address.ts";
import { forEachArange } from "./aranges.ts";
import type { DebugSections } from "./debug-sections.ts";
import { readUnit, type Unit, unitOffsets } from "./unit.ts";
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
  const units = new Map<number, Unit | null>();
  const unitAt = (offset: number) => {
    let unit = units.get(offset);
    if (unit === undefined) {
      ({ unit } = readUnit(sections, offset));
      units.set(offset, unit);
    }
    return unit;
  };
  const aranges = rangeTable((add) => forEachArange(sections, add));
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

interface RangeTable {
  /** The owner of the range that holds an address; of several, the one that starts last. */
  find(high: number, low: number): number | undefined;
}

interface Range {
  readonly high: number;
  readonly low: number;
  readonly endHigh: number;
  readonly endLow: number;
  readonly owner: number;
}

/** Ranges sorted by their starts, each with the furthest end of all up to it, since ranges may overlap. */
function rangeTable(
  fill: (add: (high: number, low: number, length: number, owner: number) => void) => void,
): RangeTable {
  const ranges: Range[] = [];
  fill((high, low, length, owner) => {
    const sum = low + length;
    const endHigh = Math.min(high + Math.floor(sum / 2 ** 32), 0xffffffff);
    ranges.push({ high, low, endHigh, endLow: sum >>> 0, owner });
  });
  ranges.sort((a, b) => compareAddresses(a.high, a.low, b.high, b.low));
  const reach: Range[] = [];
  ranges.forEach((range, i) => {
    const before = reach[i - 1];
    const further =
      before && compareAddresses(before.endHigh, before.endLow, range.endHigh, range.endLow) > 0
        ? before
        : range;
    reach.push(further);
  });

  return {
    find(high, low) {
      let from = 0;
      let to = ranges.length;
      while (from < to) {
        const middle = (from + to) >>> 1;
        const range = ranges[middle] as Range;
        if (compareAddresses(range.high, range.low, high, low) <= 0) from = middle + 1;
        else to = middle;
      }
      for (let i = from - 1; i >= 0; i--) {
        const furthest = reach[i] as Range;
        if (compareAddresses(furthest.endHigh, furthest.endLow, high, low) <= 0) return undefined;
        const range = ranges[i] as Range;
        if (compareAddresses(range.endHigh, range.endLow, high, low) > 0) return range.owner;
      }
      return undefined;
    },
  };
}
