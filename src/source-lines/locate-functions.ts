import { at } from "../checked-index.ts";
import { ARTIFICIAL_UNIT, type Unit } from "../dwarf/unit.ts";
import { addressPlus } from "../elf/address.ts";
import type { QueriedSymbols } from "./declared-locations.ts";
import type { Locator } from "./open-locator.ts";
import { emptyQueries, type Locations, type Queries, VIA_NEXT_LINE } from "./resolver.ts";

/**
 * Locates functions by the line table, and corrects by their declarations what it cannot show:
 * - Code that GCC's LTO puts into a unit of its own has the unit of its declaration.
 * - If NOPs come between a symbol and its function's code, a row at the symbol is the last one of the function before. The first row of
 *   the code is taken.
 *
 * @param symbols those of the queries
 * @param count the number of queries that are about symbols; they come first
 */
export async function locateFunctions(
  locator: Locator,
  queries: Queries,
  symbols: QueriedSymbols,
  count: number,
): Promise<Locations> {
  const found = await locator.resolve(queries);
  const doubtful = doubtfulQueries(locator, found, count);
  const units = new Set(doubtful.flatMap((query) => found.units?.[query]?.offset ?? []));
  if (units.size === 0 || locator.findDeclarations === undefined) return found;
  const { locations: declared } = locator.findDeclarations(queries, symbols, { locations: doubtful, units });
  const offsetOf = (query: number) => declared.get(query)?.offset ?? 0;
  const moved = doubtful.filter((query) => offsetOf(query) > 0);
  const located = moved.length === 0 ? found : await resolveCode(locator, queries, found, moved, offsetOf);
  return {
    ...located,
    units: found.units?.map((unit, query) =>
      unit?.name === ARTIFICIAL_UNIT ? (declared.get(query)?.unit ?? unit) : unit,
    ),
  };
}

function doubtfulQueries(locator: Locator, { via, units }: Locations<Unit>, count: number): number[] {
  const doubtful: number[] = [];
  for (let query = 0; query < count; query++) {
    const unit = units?.[query];
    if (unit === undefined) continue;
    const maySkipNops = via[query] !== VIA_NEXT_LINE && locator.mayBeginWithNops(unit);
    if (maySkipNops || unit.name === ARTIFICIAL_UNIT) doubtful.push(query);
  }
  return doubtful;
}

/** Replaces the locations of some queries by those of the code that begins `offsetOf` bytes after their addresses. */
async function resolveCode(
  locator: Locator,
  queries: Queries,
  found: Locations<Unit>,
  some: readonly number[],
  offsetOf: (query: number) => number,
): Promise<Locations<Unit>> {
  const code = emptyQueries(some.length);
  some.forEach((query, i) => {
    const { addressHigh, addressLow, size } = queries;
    const { high, low } = addressPlus(at(addressHigh, query), at(addressLow, query), offsetOf(query));
    code.addressHigh[i] = high;
    code.addressLow[i] = low;
    code.size[i] = at(size, query) - offsetOf(query);
  });
  const { files, file, line } = await locator.resolveCode(code);
  some.forEach((query, i) => {
    if (at(file, i) === -1) return;
    found.file[query] = found.files.length + at(file, i);
    found.line[query] = at(line, i);
    found.via[query] = VIA_NEXT_LINE;
  });
  return { ...found, files: [...found.files, ...files] };
}
