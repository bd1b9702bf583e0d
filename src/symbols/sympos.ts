import { at } from "../checked-index.ts";
import { compareAt } from "../elf/address.ts";
import { groupBy } from "../grouping.ts";
import type { ElfListing } from "./elf-listing.ts";
import { type Listing, symbolName } from "./listing.ts";
import { countedFinder, type KallsymsNames } from "./name-anatomy.ts";

/** The types that scripts/mksysmap keeps out of kallsyms. */
const DROPPED_TYPES = new Set([..."aNUw"].map((letter) => letter.charCodeAt(0)));

/** Whether kallsyms has a symbol of vmlinux: it has no nameless or undefined symbols, and none of DROPPED_TYPES. */
export function isInKallsyms({ type, nameHash }: Listing, symbol: number): boolean {
  return nameHash[symbol] !== 0 && !DROPPED_TYPES.has(at(type, symbol));
}

/** Whether a symbol is weak: kallsyms sorts weak symbols after others at the same address (compare_symbols in scripts/kallsyms.c). */
function isWeak(type: number): boolean {
  return (type | 0x20) === 0x77;
}

/**
 * The position of each symbol among its namesakes in vmlinux, counted from 1 in the order in which kallsyms walks them, as
 * in a live patch's old_sympos; 0 for a symbol whose name is unique there.
 *
 * @param namesakes symbols that may be namesakes: the first of them, and the next one after each; -1 for none. Without symbols
 *   that are not counted, such as aliases already in the listing
 * @param names the part of a name that live patches compare
 */
export function symbolPositions(
  listing: Listing,
  symbols: Int32Array,
  namesakes: { readonly first: Int32Array; readonly next: Int32Array },
  names: KallsymsNames = "exact",
): Uint32Array {
  const { text, nameStart, nameEnd } = listing;
  const endOf = countedFinder(text, names);
  const comparedName = (symbol: number) => {
    const start = at(nameStart, symbol);
    return text.toString("utf8", start, endOf(start, at(nameEnd, symbol), false));
  };
  const { type } = listing;
  const inKallsymsOrder = (a: number, b: number) =>
    compareAt(listing, a, b) || Number(isWeak(at(type, a))) - Number(isWeak(at(type, b))) || a - b;
  const positions = new Map<number, number>();
  const count = (group: readonly number[]) => {
    if (group.length < 2) return;
    for (const [i, symbol] of group.entries()) positions.set(symbol, i + 1);
  };
  /** Numbers the symbols of a group: they share a stem, but not always a name. */
  const countGroup = (leader: number) => {
    const group: number[] = [];
    let haveOneName = true;
    for (let symbol = leader; symbol !== -1; symbol = at(namesakes.next, symbol)) {
      if (DROPPED_TYPES.has(at(type, symbol))) continue;
      haveOneName &&= nameStart[symbol] === nameStart[leader] && nameEnd[symbol] === nameEnd[leader];
      group.push(symbol);
    }
    group.sort(inKallsymsOrder);
    if (haveOneName) return count(group);
    groupBy(group, comparedName).forEach(count);
  };
  const counted = new Set<number>();
  return Uint32Array.from(symbols, (symbol) => {
    const leader = namesakes.first[symbol] ?? -1;
    if (!counted.has(leader)) {
      counted.add(leader);
      countGroup(leader);
    }
    return positions.get(symbol) ?? 0;
  });
}

/**
 * The position of each symbol among its namesakes in its module, counted from 1 in the order of the symbol table, the order
 * in which module_kallsyms_on_each_symbol (kernel/module/kallsyms.c) walks them; 0 for a symbol whose name is unique there.
 *
 * @param counts whether a symbol table entry counts as a namesake of another entry
 */
export function modulePositions(
  listing: ElfListing,
  symbols: Int32Array,
  namesakes: { readonly first: Int32Array; readonly next: Int32Array },
  counts: (index: number, beside: number) => boolean,
): Uint32Array {
  const { tableIndex } = listing;
  return Uint32Array.from(symbols, (symbol) => {
    const name = symbolName(listing, symbol);
    const index = at(tableIndex, symbol);
    const namesakeIndices: number[] = [];
    for (let other = namesakes.first[symbol] ?? -1; other !== -1; other = at(namesakes.next, other)) {
      const otherIndex = at(tableIndex, other);
      if (counts(otherIndex, index) && symbolName(listing, other) === name) namesakeIndices.push(otherIndex);
    }
    return namesakeIndices.length < 2 ? 0 : namesakeIndices.sort((a, b) => a - b).indexOf(index) + 1;
  });
}
