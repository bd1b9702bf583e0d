import type { DebugSections } from "../dwarf/debug-sections.ts";
import { linePath, runLineProgram, type SequenceReader } from "../dwarf/line-program.ts";
import { readLineProgram } from "../dwarf/line-program-header.ts";
import type { Unit } from "../dwarf/unit.ts";
import { addressDistance, compareAddresses } from "../elf/address.ts";
import {
  type Queries,
  type Resolver,
  unknownLocations,
  VIA_LINE,
  VIA_NEXT_LINE,
  VIA_NONE,
} from "./resolver.ts";
import type { unitFinder } from "./unit-finder.ts";

/**
 * The built-in resolver. It runs the line programs of just those units that the addresses belong to.
 *
 * An address's location is the last row at or before it within its sequence. Where there is none, or the row has no
 * line, the first row within the symbol that has one is taken, if the query gives the symbol's size.
 */
export function dwarfResolver(sections: DebugSections, findUnits: ReturnType<typeof unitFinder>): Resolver {
  return {
    async resolve(queries) {
      const locations = unknownLocations(queries.count);
      const fileIndex = new Map<string, number>();
      for (const [unit, asked] of byUnit(queries, findUnits(queries))) {
        if (unit.lineProgram === null) continue;
        const program = readLineProgram(sections, unit.lineProgram, unit.addressSize);
        const rows = lookUp(queries, asked, (reader) => runLineProgram(sections, program, reader));
        const paths = new Map<number, number>();
        asked.forEach((query, i) => {
          const via = rows.via[i] as number;
          if (via === VIA_NONE) return;
          const number = rows.file[i] as number;
          let file = paths.get(number);
          if (file === undefined) {
            const path = linePath(sections, program, number, unit.compilationDirectory);
            file = fileIndex.get(path) ?? locations.files.push(path) - 1;
            fileIndex.set(path, file);
            paths.set(number, file);
          }
          locations.file[query] = file;
          locations.line[query] = rows.line[i] as number;
          locations.via[query] = via;
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
    if (unit === undefined) return;
    const list = asked.get(unit);
    if (list === undefined) asked.set(unit, [query]);
    else list.push(query);
  });
  const { addressHigh: high, addressLow: low } = queries;
  for (const list of asked.values()) {
    list.sort((a, b) =>
      compareAddresses(high[a] as number, low[a] as number, high[b] as number, low[b] as number),
    );
  }
  return asked;
}

/** The rows found for the queries of one unit, in columns parallel to them. */
interface FoundRows {
  readonly file: Uint32Array;
  readonly line: Uint32Array;
  readonly via: Uint8Array;
}

/** @param asked queries in address order */
function lookUp(
  queries: Queries,
  asked: readonly number[],
  run: (reader: SequenceReader) => void,
): FoundRows {
  const { addressHigh, addressLow, size } = queries;
  const count = asked.length;
  const found = { file: new Uint32Array(count), line: new Uint32Array(count), via: new Uint8Array(count) };
  const above = (i: number, startHigh: number, startLow: number) => {
    const query = asked[i] as number;
    return addressDistance(addressHigh[query] as number, addressLow[query] as number, startHigh, startLow);
  };

  let missing = count;
  run({
    limit(startHigh, startLow) {
      if (missing === 0) return -1;
      // Past the last address there is nothing left to find, if all that are missing lie in this sequence or behind.
      const from = firstNotBelow(queries, asked, startHigh, startLow);
      for (let i = 0; i < from; i++) if (found.via[i] === VIA_NONE) return Number.POSITIVE_INFINITY;
      return above(count - 1, startHigh, startLow);
    },
    take({ startHigh, startLow, length, rows, offset, file, line }) {
      let row = 0;
      for (let i = firstNotBelow(queries, asked, startHigh, startLow); i < count; i++) {
        const distance = above(i, startHigh, startLow);
        if (distance >= length) break;
        if (found.via[i] !== VIA_NONE) continue;
        while (row + 1 < rows && (offset[row + 1] as number) <= distance) row++;
        if ((offset[row] as number) > distance) continue;
        found.file[i] = file[row] as number;
        found.line[i] = line[row] as number;
        found.via[i] = VIA_LINE;
        missing--;
      }
    },
  });

  const lacking = [...asked.keys()].filter(
    (i) => found.line[i] === 0 && (size[asked[i] as number] as number) > 0,
  );
  if (lacking.length === 0) return found;
  const nearest = new Float64Array(count).fill(Number.POSITIVE_INFINITY);
  run({
    limit: () => Number.POSITIVE_INFINITY,
    take({ startHigh, startLow, length, rows, offset, file, line }) {
      for (const i of lacking) {
        const distance = above(i, startHigh, startLow);
        const limit = Math.min(distance + (size[asked[i] as number] as number), length);
        for (let row = 0; row < rows && (offset[row] as number) < limit; row++) {
          const gap = (offset[row] as number) - distance;
          if (gap < 0 || line[row] === 0) continue;
          if (gap < (nearest[i] as number)) {
            nearest[i] = gap;
            found.file[i] = file[row] as number;
            found.line[i] = line[row] as number;
            found.via[i] = VIA_NEXT_LINE;
          }
          break;
        }
      }
    },
  });
  return found;
}

function firstNotBelow(
  { addressHigh, addressLow }: Queries,
  asked: readonly number[],
  startHigh: number,
  startLow: number,
): number {
  let from = 0;
  let to = asked.length;
  while (from < to) {
    const middle = (from + to) >>> 1;
    const query = asked[middle] as number;
    if (
      compareAddresses(addressHigh[query] as number, addressLow[query] as number, startHigh, startLow) < 0
    ) {
      from = middle + 1;
    } else to = middle;
  }
  return from;
}
