import { at } from "../checked-index.ts";
import { type Listing, nameHashOf } from "../symbols/listing.ts";
import {
  countedFinder,
  hasUnstableSuffix,
  type KallsymsNames,
  type NameEnd,
  stemFinder,
} from "../symbols/name-anatomy.ts";
import { isObject } from "../symbols/symbol-kind.ts";
import { NO_SYMBOL, NOT_COUNTED, SLOT_BYTES } from "../wasm/layout.ts";
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
  // It checks its indices itself: a shared function is several times slower on arrays of several types.
  const endBy = (find: NameEnd) => (symbol: number) => {
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
  let endOf = (symbol: number) => at(nameEnd, symbol);
  if (withData || ignored !== undefined || names === "all" || hasUnstableSuffix(text)) {
    hashes = hashes.slice();
    const stemEndOf = endBy(stemFinder(text));
    endOf = names === "llvm" ? stemEndOf : endBy(countedFinder(text, names));
    for (let symbol = 0; symbol < count; symbol++) {
      if (ignored?.[symbol] === 1) hashes[symbol] = NOT_COUNTED;
      if (hashes[symbol] === NOT_COUNTED) continue;
      if (stemEndOf(symbol) !== nameEnd[symbol]) unstable.push(symbol);
      const end = endOf(symbol);
      if (end === nameEnd[symbol]) continue;
      hashes[symbol] = nameHashOf(text, at(nameStart, symbol), end);
    }
  }

  const groups = groupByHash(hashes);
  separateNames(groups, (a, b) => sameBytes(text, at(nameStart, a), endOf(a), at(nameStart, b), endOf(b)));
  const { bearers, duplicated } = groups;
  return { ...groups, duplicated: duplicated.filter((leader) => at(bearers, leader) > 1), unstable };
}

/** Takes the groups apart whose symbols have one hash but different names. */
function separateNames(
  { first, next, bearers, duplicated }: ReturnType<typeof groupByHash>,
  areEqual: (symbol: number, other: number) => boolean,
): void {
  for (const leader of duplicated) {
    // Symbols of other names make a group of their own, which is looked at in its turn.
    let last = leader;
    let outsider = NO_SYMBOL;
    let lastOutsider = NO_SYMBOL;
    for (let symbol = at(next, leader); symbol !== NO_SYMBOL; symbol = at(next, symbol)) {
      if (areEqual(symbol, leader)) {
        next[last] = symbol;
        last = symbol;
        continue;
      }
      if (outsider === NO_SYMBOL) outsider = symbol;
      else next[lastOutsider] = symbol;
      lastOutsider = symbol;
      first[symbol] = outsider;
      bearers[leader] = at(bearers, leader) - 1;
      bearers[outsider] = at(bearers, outsider) + 1;
    }
    next[last] = NO_SYMBOL;
    if (outsider === NO_SYMBOL) continue;
    next[lastOutsider] = NO_SYMBOL;
    duplicated.push(outsider);
  }
}

/** Symbols worked on at a time: the engine goes over to better code between two calls. */
const BATCH = 4096;

let memory: WasmMemory | undefined;

/** Groups symbols by their hashes. */
function groupByHash(hashes: Uint32Array) {
  memory ??= wasmMemory();
  const { program, room, buffer, release } = memory;
  release();
  const count = hashes.length;
  const words = (start: number, length: number) => new Uint32Array(buffer(), start, length);
  const column = () => room(count * 4);
  const [keys, first, bearers, duplicated] = [column(), column(), column(), column()];
  // The place of a hash that has been looked at is the symbol's.
  const next = keys;
  words(keys, count).set(hashes);
  // A power of two, at least a third above the number of symbols.
  const slots = 2 ** Math.ceil(Math.log2(count * 1.35 + 1));
  const table = room(slots * SLOT_BYTES);
  words(table, (slots * SLOT_BYTES) / 4).fill(0);
  for (let to = count; to > 0; to -= BATCH) {
    program.groupByHash(keys, Math.max(0, to - BATCH), to, table, slots - 1, first, next, bearers);
  }
  const found = program.findGroups(count, first, next, bearers, duplicated);
  // Copies, since the next listing takes the memory.
  return {
    first: new Int32Array(buffer(), first, count).slice(),
    next: new Int32Array(buffer(), next, count).slice(),
    bearers: words(bearers, count).slice(),
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
