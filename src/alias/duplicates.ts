import { at } from "../checked-index.ts";
import { type Listing, nameHashOf } from "../symbols/listing.ts";
import {
  countedFinder,
  hasUnstableSuffix,
  instabilityFinder,
  type KallsymsNames,
} from "../symbols/name-anatomy.ts";
import { isObject } from "../symbols/symbol-kind.ts";
import { NO_SYMBOL, NOT_COUNTED, SLOT_BYTES } from "../wasm/layout.ts";
import { type WasmMemory, wasmMemory } from "../wasm/program.ts";

/** The groups of symbols in a listing that have the same name. Columns are indexed by symbol. */
export interface Namesakes {
  /** The first symbol in the listing with an equal name; -1 for a symbol that is not counted. */
  readonly first: Int32Array;
  /** The next symbol of the same name; -1 after the last one. */
  readonly next: Int32Array;
  /** The number of counted symbols with the name; set at the first of them only. */
  readonly groupSize: Uint32Array;
  /** The symbols that are the first of two or more. */
  readonly duplicated: readonly number[];
  /** The symbols whose stem differs from the name, so that the name itself changes from build to build. */
  readonly unstable: readonly number[];
}

/**
 * Groups the symbols of a listing by the part of their names that the kernel's look-up compares. The look-up ignores
 * types, and so does this. Undefined and nameless symbols, and those in `ignored`, are skipped.
 *
 * Works on the bytes of the listing's text: creates no string for a symbol.
 *
 * @param withData whether to drop the unstable suffixes of data symbols too
 * @param ignored 1 for each symbol that is not counted, such as an alias already in the listing
 * @param names the part of a name that the look-up compares
 */
export function findNamesakes(
  listing: Listing,
  withData: boolean,
  ignored?: Uint8Array,
  names: KallsymsNames = "llvm",
): Namesakes {
  const { text, count, nameStart, nameEnd, kind } = listing;
  // This function checks its indices itself: `at` is several times slower once it is called on arrays of several types.
  const ofName =
    <T>(find: (start: number, end: number, isData: boolean) => T) =>
    (symbol: number) => {
      const start = nameStart[symbol];
      const end = nameEnd[symbol];
      const own = kind[symbol];
      if (start === undefined || end === undefined || own === undefined) {
        throw new RangeError(`no symbol ${symbol}`);
      }
      return find(start, end, withData && isObject(own));
    };
  const unstable: number[] = [];
  let hashes = listing.nameHash.subarray(0, count);
  let endOf = (symbol: number) => nameEnd[symbol] ?? 0;
  if (withData || ignored !== undefined || names === "all" || hasUnstableSuffix(text)) {
    hashes = hashes.slice();
    const isUnstable = ofName(instabilityFinder(text));
    endOf = ofName(countedFinder(text, names));
    for (let symbol = 0; symbol < count; symbol++) {
      if (ignored?.[symbol] === 1) hashes[symbol] = NOT_COUNTED;
      if (hashes[symbol] === NOT_COUNTED) continue;
      if (isUnstable(symbol)) unstable.push(symbol);
      const end = endOf(symbol);
      if (end === nameEnd[symbol]) continue;
      hashes[symbol] = nameHashOf(text, at(nameStart, symbol), end);
    }
  }

  const groups = groupByHash(hashes, listing.memory ?? wasmMemory());
  separateNames(groups, (a, b) => sameBytes(text, nameStart[a] ?? 0, endOf(a), nameStart[b] ?? 0, endOf(b)));
  const { groupSize, duplicated } = groups;
  return { ...groups, duplicated: duplicated.filter((leader) => (groupSize[leader] ?? 0) > 1), unstable };
}

/** Splits the groups whose symbols have one hash but different names. */
function separateNames(
  { first, next, groupSize, duplicated }: ReturnType<typeof groupByHash>,
  areEqual: (symbol: number, other: number) => boolean,
): void {
  for (const leader of duplicated) {
    // Different names may have the same hash: they move to a new group, which a later turn of the loop checks.
    let last = leader;
    let outsider = NO_SYMBOL;
    let lastOutsider = NO_SYMBOL;
    for (let symbol = next[leader] ?? NO_SYMBOL; symbol !== NO_SYMBOL; symbol = next[symbol] ?? NO_SYMBOL) {
      if (areEqual(symbol, leader)) {
        next[last] = symbol;
        last = symbol;
        continue;
      }
      if (outsider === NO_SYMBOL) outsider = symbol;
      else next[lastOutsider] = symbol;
      lastOutsider = symbol;
      first[symbol] = outsider;
      groupSize[leader] = at(groupSize, leader) - 1;
      groupSize[outsider] = at(groupSize, outsider) + 1;
    }
    next[last] = NO_SYMBOL;
    if (outsider === NO_SYMBOL) continue;
    next[lastOutsider] = NO_SYMBOL;
    duplicated.push(outsider);
  }
}

/** Symbols per call: the engine can switch to better code only between two calls. */
const BATCH = 4096;

/** Groups symbols by their hashes. The columns stay in the memory: its pages are mapped already, since the listing used them. */
function groupByHash(hashes: Uint32Array, { program, room, buffer, release }: WasmMemory) {
  const count = hashes.length;
  const words = (start: number, length: number) => new Uint32Array(buffer(), start, length);
  const column = () => room(count * 4);
  const [keys, first, groupSize, duplicated] = [column(), column(), column(), column()];
  // `next` reuses the memory of `keys`: a symbol's hash is read before its `next` is written.
  const next = keys;
  words(keys, count).set(hashes);
  // A power of two, at least 1.35 times the number of symbols.
  const slots = 2 ** Math.ceil(Math.log2(count * 1.35 + 1));
  const table = room(slots * SLOT_BYTES);
  words(table, (slots * SLOT_BYTES) / 4).fill(0);
  for (let to = count; to > 0; to -= BATCH) {
    program.groupByHash(keys, Math.max(0, to - BATCH), to, table, slots - 1, first, next, groupSize);
  }
  const found = program.findGroups(count, first, next, groupSize, duplicated);
  release(table);
  return {
    first: new Int32Array(buffer(), first, count),
    next: new Int32Array(buffer(), next, count),
    groupSize: words(groupSize, count),
    duplicated: [...words(duplicated, found)],
  };
}

function sameBytes(text: Uint8Array, startA: number, endA: number, startB: number, endB: number): boolean {
  if (endA - startA !== endB - startB) return false;
  // Linkers store a name once in a string table.
  if (startA === startB) return true;
  for (let a = startA, b = startB; a < endA; a++, b++) if (text[a] !== text[b]) return false;
  return true;
}
