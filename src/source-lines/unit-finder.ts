import type { DebugSections } from "../dwarf/debug-sections.ts";
import { joinPaths } from "../dwarf/file-table.ts";
import type { Unit } from "../dwarf/unit.ts";
import { unitIndex } from "../dwarf/unit-index.ts";
import type { Queries } from "./resolver.ts";
import type { RecordedPath } from "./source-root.ts";

/** The compilation unit of each address asked for, undefined where none is known; or undefined when none can be read. */
export type UnitFinder = (queries: Queries) => (Unit | undefined)[] | undefined;

/** Finds units by .debug_aranges and the units' own ranges. */
export function unitFinder(sections: DebugSections): (queries: Queries) => (Unit | undefined)[] {
  const index = unitIndex(sections);
  let asked: Queries | undefined;
  let units: (Unit | undefined)[] = [];
  return (queries) => {
    // The resolver wants the units of the same queries as its caller.
    if (queries === asked) return units;
    const { count, addressHigh, addressLow } = queries;
    units = Array.from({ length: count }, (_, i) =>
      index.find(addressHigh[i] as number, addressLow[i] as number),
    );
    asked = queries;
    return units;
  };
}

/** The unit's primary source file; undefined for a unit that does not name one. */
export function unitSource(unit: Unit): RecordedPath | undefined {
  if (unit.name === null) return undefined;
  const { compilationDirectory } = unit;
  return { path: joinPaths(compilationDirectory ?? "", unit.name), compilationDirectory };
}
