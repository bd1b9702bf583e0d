import type { DebugSections } from "../dwarf/debug-sections.ts";
import { findRows, linePath } from "../dwarf/line-program.ts";
import { readLineProgram } from "../dwarf/line-program-header.ts";
import type { Unit } from "../dwarf/unit.ts";
import { compareAt } from "../elf/address.ts";
import { addTo } from "../grouping.ts";
import { type Queries, type Resolver, unknownLocations, VIA_LINE, VIA_NEXT_LINE } from "./resolver.ts";
import { unitFinder } from "./unit-finder.ts";

/**
 * The built-in resolver. It runs only the line programs of the units that contain the addresses.
 *
 * An address's location is the last row at or before it within its sequence. If there is none, or the row has no line, the
 * location is the first row with a line within the symbol, provided that the query gives the symbol's size.
 */
export function dwarfResolver(sections: DebugSections): Resolver {
  const findUnits = unitFinder(sections);
  return {
    async resolve(queries) {
      const units = findUnits(queries);
      const locations = { ...unknownLocations(queries.count), units };
      const fileIndex = new Map<string, number>();
      for (const [unit, asked] of byUnit(queries, units)) {
        if (unit.lineProgram === null) continue;
        const program = readLineProgram(sections, unit.lineProgram, unit.addressSize);
        const paths = new Map<number, number>();
        findRows(sections, program, queries, asked, (query, number, line, isNext) => {
          let file = paths.get(number);
          if (file === undefined) {
            const path = linePath(sections, program, number, unit.compilationDirectory);
            file = fileIndex.get(path) ?? locations.files.push(path) - 1;
            fileIndex.set(path, file);
            paths.set(number, file);
          }
          locations.file[query] = file;
          locations.line[query] = line;
          locations.via[query] = isNext ? VIA_NEXT_LINE : VIA_LINE;
        });
      }
      return locations;
    },
  };
}

/** The queries of each unit, in address order. */
function byUnit(queries: Queries, units: readonly (Unit | undefined)[]): Map<Unit, number[]> {
  const asked = new Map<Unit, number[]>();
  units.forEach((unit, query) => {
    if (unit !== undefined) addTo(asked, unit, query);
  });
  for (const list of asked.values()) list.sort((a, b) => compareAt(queries, a, b));
  return asked;
}
