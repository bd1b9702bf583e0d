import { at } from "../checked-index.ts";
import type { DebugSections } from "../dwarf/debug-sections.ts";
import { joinPaths } from "../dwarf/file-table.ts";
import { ARTIFICIAL_UNIT, type NamedUnit, type Unit } from "../dwarf/unit.ts";
import { unitIndex } from "../dwarf/unit-index.ts";
import type { Queries } from "./resolver.ts";
import type { RecordedPath } from "./source-root.ts";

/**
 * Finds the unit of each address, by .debug_aranges and the units' own ranges; undefined for an
 * address outside all units, unless one begins within its size.
 */
export function unitFinder(sections: DebugSections): (queries: Queries) => (Unit | undefined)[] {
  const index = unitIndex(sections);
  return ({ count, addressHigh, addressLow, size }) =>
    Array.from({ length: count }, (_, i) => index.find(at(addressHigh, i), at(addressLow, i), at(size, i)));
}

/** The unit's primary source file; undefined for a unit without DW_AT_name, and for one of GCC's LTO. */
export function unitSource(unit: NamedUnit): RecordedPath | undefined {
  if (unit.name === null || unit.name === ARTIFICIAL_UNIT) return undefined;
  const { compilationDirectory } = unit;
  return { path: joinPaths(compilationDirectory ?? "", unit.name), compilationDirectory };
}
