import { compareAddresses } from "../elf/address.ts";
import { type Listing, moduleName, symbolName } from "./listing.ts";

/** The types that scripts/mksysmap keeps out of kallsyms. */
const DROPPED_TYPES = new Set([..."aNUw"].map((letter) => letter.charCodeAt(0)));

/** What kallsyms sorts behind its equals (compare_symbols in scripts/kallsyms.c). */
function isWeak(type: number): boolean {
  return (type | 0x20) === 0x77;
}

/**
 * The position of each symbol among its namesakes in vmlinux, counted from 1 in the order in which kallsyms walks them, as
 * a live patch gives it (old_sympos); 0 for a symbol whose name is unique there.
 *
 * @param groupOf a number that symbols of one name share; those of other names may share it too
 * @param ignored 1 for each symbol that is not to be counted, such as an alias already in the listing
 */
export function symbolPositions(
  listing: Listing,
  symbols: Int32Array,
  groupOf: Int32Array,
  ignored?: Uint8Array,
): Uint32Array {
  const { count, type, defined, addressHigh: high, addressLow: low } = listing;
  const groups = new Map<number, number[]>();
  const wanted = new Uint8Array(count);
  for (const symbol of symbols) {
    groups.set(groupOf[symbol] as number, []);
    wanted[groupOf[symbol] as number] = 1;
  }
  for (let symbol = 0; symbol < count; symbol++) {
    const group = groupOf[symbol] as number;
    if (wanted[group] !== 1 || defined[symbol] === 0 || ignored?.[symbol] === 1) continue;
    if (!DROPPED_TYPES.has(type[symbol] as number)) groups.get(group)?.push(symbol);
  }
  const inKallsymsOrder = (a: number, b: number) =>
    compareAddresses(high[a] as number, low[a] as number, high[b] as number, low[b] as number) ||
    Number(isWeak(type[a] as number)) - Number(isWeak(type[b] as number)) ||
    a - b;
  return Uint32Array.from(symbols, (symbol) => {
    const group = groups.get(groupOf[symbol] as number) as number[];
    if (group.length < 2) return 0;
    const name = symbolName(listing, symbol);
    const namesakes = group.filter(
      (other) => symbolName(listing, other) === name && !moduleName(listing, other),
    );
    return namesakes.length < 2 ? 0 : namesakes.sort(inKallsymsOrder).indexOf(symbol) + 1;
  });
}
