import { type Listing, nameHashOf } from "../symbols/listing.ts";
import {
  countedFinder,
  hasUnstableSuffix,
  type KallsymsNames,
  type NameEnd,
  stemFinder,
} from "../symbols/name-anatomy.ts";
import { isObject } from "../symbols/symbol-kind.ts";
import { type WasmMemory, wasmMemory } from "../wasm/program.ts";

/** Which symbols of a listing bear the same name. Columns are indexed by symbol. */
export interface Namesakes {
  /** The first symbol in the listing whose name counts as the same; -1 for a symbol that is not counted. */
  readonly first: Int32Array;
  /** The next symbol of the same name; -1 behind the last one. */
  readonly next: Int32Array;
  /** How many counted symbols have the name; filled in at the first of them. */
  readonly bearers: Uint32Array;
  /** The symbols that are the first of two or more. */
  readonly duplicated: readonly number[];
  /** The symbols whose stem is shorter than the name, so that the name itself changes from build to build. */
  readonly unstable: readonly number[];
}

/**
 * Groups the symbols of a listing by what the kernel's look-up compares of their names, whatever their types, since it
 * does not care about types. Undefined and nameless symbols bear no name, and those in `ignored` are passed over.
 *
 * Works on the bytes of the listing's text: no string is made for a symbol.
 *
 * @param withData whether the unstable suffixes of data symbols are dropped too
 * @param ignored 1 for each symbol that is not to be counted, such as an alias already in the listing
 * @param names what the look-up compares
 */
export function findNamesakes(
  listing: Listing,
  withData: boolean,
  ignored?: Uint8Array,
  names: KallsymsNames = "llvm",
): Namesakes {
  const { text, count, nameStart, nameEnd, kind } = listing;
  const endBy = (find: NameEnd) => (symbol: number) =>
    find(
      nameStart[symbol] as number,
      nameEnd[symbol] as number,
      withData && isObject(kind[symbol] as number),
    );
  const unstable: number[] = [];
  let hashes = listing.nameHash.subarray(0, count);
  let endOf = (symbol: number) => nameEnd[symbol] as number;
  if (withData || ignored !== undefined || names === "all" || hasUnstableSuffix(text)) {
    hashes = hashes.slice();
    const stemEndOf = endBy(stemFinder(text));
    endOf = names === "llvm" ? stemEndOf : endBy(countedFinder(text, names));
    for (let symbol = 0; symbol < count; symbol++) {
      if (ignored?.[symbol] === 1) hashes[symbol] = 0;
      if (hashes[symbol] === 0) continue;
      if (stemEndOf(symbol) !== nameEnd[symbol]) unstable.push(symbol);
      const end = endOf(symbol);
      if (end === nameEnd[symbol]) continue;
      hashes[symbol] = nameHashOf(text, nameStart[symbol] as number, end);
    }
  }

  const { first, next, bearers, duplicated } = groupByHash(hashes, listing.takeSpare?.() ?? wasmMemory());
  const areEqual = (a: number, b: number) =>
    sameBytes(text, nameStart[a] as number, endOf(a), nameStart[b] as number, endOf(b));
  for (const leader of duplicated) {
    // Other names may have the same hash: they make groups of their own, which are looked at in their turn.
    let last = leader;
    let outsider = -1;
    let lastOutsider = -1;
    for (let symbol = next[leader] as number; symbol !== -1; symbol = next[symbol] as number) {
      if (areEqual(symbol, leader)) {
        next[last] = symbol;
        last = symbol;
        continue;
      }
      if (outsider === -1) outsider = symbol;
      else next[lastOutsider] = symbol;
      lastOutsider = symbol;
      first[symbol] = outsider;
      bearers[leader] = (bearers[leader] as number) - 1;
      bearers[outsider] = (bearers[outsider] as number) + 1;
    }
    next[last] = -1;
    if (outsider === -1) continue;
    next[lastOutsider] = -1;
    duplicated.push(outsider);
  }
  return {
    first,
    next,
    bearers,
    duplicated: duplicated.filter((leader) => (bearers[leader] as number) > 1),
    unstable,
  };
}

/** Symbols worked on at a time: the engine goes over to better code between two calls. */
const BATCH = 4096;

/** Groups symbols by their hashes; 0 stands for a symbol that is not counted. */
function groupByHash(hashes: Uint32Array, memory: WasmMemory) {
  const count = hashes.length;
  // Eight bits a symbol, and as many for those seen again: few others have the same.
  const seenBytes = 2 ** Math.ceil(Math.log2(count + 1));
  const zeros = (bytes: number) => {
    const room = memory.room(bytes);
    new Uint8Array(memory.buffer(), room, bytes).fill(0);
    return room;
  };
  const seen = zeros(2 * seenBytes);
  const column = () => memory.room(count * 4);
  const [keys, first, bearers, duplicated] = [column(), column(), column(), column()];
  // The place of a hash that has been looked at is the symbol's.
  const next = keys;
  const words = (at: number, length: number) => new Uint32Array(memory.buffer(), at, length);
  words(keys, count).set(hashes);
  const { program } = memory;
  let again = 0;
  for (let from = 0; from < count; from += BATCH) {
    again += program.seeHashes(keys, from, Math.min(count, from + BATCH), seen, seenBytes);
  }
  // Each that was seen again, and the one that it was seen after; a power of two, at least a third above their number.
  const slots = 2 ** Math.ceil(Math.log2(2 * again * 1.35 + 1));
  const table = zeros(slots * 8);
  const columns = [first, next, bearers] as const;
  for (let to = count; to > 0; to -= BATCH) {
    program.groupByHash(keys, Math.max(0, to - BATCH), to, seen, seenBytes, table, slots - 1, ...columns);
  }
  const found = program.findGroups(count, ...columns, duplicated);
  return {
    first: new Int32Array(memory.buffer(), first, count),
    next: new Int32Array(memory.buffer(), next, count),
    bearers: words(bearers, count),
    duplicated: [...words(duplicated, found)],
  };
}

function sameBytes(text: Uint8Array, startA: number, endA: number, startB: number, endB: number): boolean {
  if (endA - startA !== endB - startB) return false;
  // Linkers put a name into a string table once.
  if (startA === startB) return true;
  for (let a = startA, b = startB; a < endA; a++, b++) if (text[a] !== text[b]) return false;
  return true;
}
