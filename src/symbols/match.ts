import { lowerBound } from "../binary-search.ts";
import { at } from "../checked-index.ts";
import { addressDistance, compareAddresses, formatAddress } from "../elf/address.ts";
import {
  fileSymbolOf,
  type SymbolTable,
  sectionIndexOf,
  symbolNameOffset,
  tableString,
} from "../elf/symbol-table.ts";
import { Failure } from "../failure.ts";
import { addTo } from "../grouping.ts";
import type { ElfListing } from "./elf-listing.ts";
import { type Listing, symbolName } from "./listing.ts";
import { isFunction } from "./symbol-kind.ts";

/**
 * Finds symbols of a listing in the image that the listing came from, by address and name.
 *
 * @param symbols in address order, so that the symbols at an address are listed once
 * @returns the index of each in the image's symbol table
 * @throws Failure for a symbol that the image does not have: the listing is of a different build
 */
export function matchByAddress(listing: Listing, symbols: Int32Array, image: ElfListing): Uint32Array {
  let namesAt: { high: number; low: number; indices: Map<string, number> } | undefined;
  return Uint32Array.from(symbols, (symbol) => {
    // nm of binutils 2.40 extends the sign of 32-bit MIPS addresses.
    const high = image.table.is64 ? at(listing.addressHigh, symbol) : 0;
    const low = at(listing.addressLow, symbol);
    if (namesAt?.high !== high || namesAt.low !== low) {
      namesAt = { high, low, indices: namedIndices(image, high, low) };
    }
    const name = symbolName(listing, symbol);
    const index = namesAt.indices.get(name);
    if (index !== undefined) return index;
    throw new Failure(
      "OTHER_BUILD",
      listing.source,
      `${name} at ${formatAddress(high, low)} is not in ${image.source}`,
      "give the listing of the same build, or its vmlinux with --debug-file",
    );
  });
}

/** The symbols at an address, by name: the first index of each in the symbol table. */
function namedIndices(image: ElfListing, high: number, low: number): Map<string, number> {
  const indices = new Map<string, number>();
  for (let i = firstAt(image, high, low); i < image.count; i++) {
    if (image.addressHigh[i] !== high || image.addressLow[i] !== low) break;
    const name = symbolName(image, i);
    if (!indices.has(name)) indices.set(name, at(image.tableIndex, i));
  }
  return indices;
}

function firstAt(image: ElfListing, high: number, low: number): number {
  const { addressHigh, addressLow } = image;
  return lowerBound(
    image.count,
    (i) => compareAddresses(at(addressHigh, i), at(addressLow, i), high, low) < 0,
  );
}

/**
 * Finds symbols of a listing in another image of the same build, in which addresses may differ: by name, and by order among
 * namesakes of the same kind (text or not).
 *
 * @param inScope the listing's symbols that are counted, in address order
 * @param imageInScope the same for the image
 * @returns the index of each of `symbols` in the image's symbol table
 * @throws Failure for a name with a different number of symbols in the image
 */
export function matchByName(
  listing: Listing,
  symbols: Int32Array,
  inScope: Int32Array,
  image: ElfListing,
  imageInScope: Int32Array,
): Uint32Array {
  const wanted = new Set(Array.from(symbols, (symbol) => symbolName(listing, symbol)));
  const ours = byName(listing, inScope, wanted);
  const theirs = byName(image, imageInScope, wanted);
  const found = new Map<number, number>();
  for (const [key, namesakes] of ours) {
    const others = theirs.get(key) ?? [];
    if (others.length !== namesakes.length) {
      const times = (n: number) => (n === 1 ? "once" : `${n} times`);
      throw new Failure(
        "OTHER_BUILD",
        listing.source,
        `has ${key.slice(1)} ${times(namesakes.length)}, but ${image.source} has it ${times(others.length)}`,
        "give a --debug-file of the same build",
      );
    }
    for (const [i, symbol] of namesakes.entries()) found.set(symbol, at(others, i));
  }
  checkDistances(listing, inScope, image, imageInScope);
  return Uint32Array.from(symbols, (symbol) => at(image.tableIndex, found.get(symbol) ?? notInScope(symbol)));
}

/**
 * Checks that two images can be of one build: between two links of a build, an output section moves as a whole. Data may move within
 * its section, since .rodata has the kallsyms tables, and a link may add functions, such as a linker's stubs.
 *
 * @throws Failure if the functions of a section have moved by different distances
 */
function checkDistances(
  listing: Listing,
  inScope: Int32Array,
  image: ElfListing,
  imageInScope: Int32Array,
): void {
  const ours = functionsByHash(listing, inScope);
  const moved = new Map<number, { symbol: number; distance: number }>();
  for (const [hash, others] of functionsByHash(image, imageInScope)) {
    const namesakes = ours.get(hash);
    if (namesakes?.length !== others.length) continue;
    for (const [i, other] of others.entries()) {
      const symbol = at(namesakes, i);
      const section = sectionIndexOf(image.table, at(image.tableIndex, other));
      if (section === 0) continue;
      const distance = addressDistance(
        at(listing.addressHigh, symbol),
        at(listing.addressLow, symbol),
        at(image.addressHigh, other),
        at(image.addressLow, other),
      );
      const first = moved.get(section);
      if (first === undefined) moved.set(section, { symbol, distance });
      else if (first.distance !== distance) {
        const [a, b] = [symbolName(listing, first.symbol), symbolName(listing, symbol)];
        const problem = `is of another build than ${image.source}: ${a} and ${b} are not as far apart there`;
        throw new Failure("OTHER_BUILD", listing.source, problem, "give a --debug-file of the same build");
      }
    }
  }
}

/** Functions by the hash of their name, in the order given. */
function functionsByHash({ kind, nameHash }: Listing, symbols: Int32Array): Map<number, number[]> {
  const functions = new Map<number, number[]>();
  for (const symbol of symbols)
    if (isFunction(at(kind, symbol))) addTo(functions, at(nameHash, symbol), symbol);
  return functions;
}

/**
 * Finds symbols of an image in the object that it was linked from, vmlinux.o: by name and STT_FILE symbol, and by order in
 * the symbol table among equal ones, since a linker keeps the order of local symbols. Addresses do not help, since the image
 * has its sections in a different order.
 *
 * @param symbols indices in the image's symbol table
 * @param imageInScope the image's symbols that are counted
 * @param objectInScope the same for the object
 * @returns the index of each in the object's symbol table
 * @throws Failure for a name with a different number of symbols in the object
 */
export function matchByFile(
  image: ElfListing,
  symbols: Uint32Array,
  imageInScope: Int32Array,
  object: ElfListing,
  objectInScope: Int32Array,
): Uint32Array {
  const wanted = new Set(Array.from(symbols, (index) => nameAt(image.table, index)));
  const ours = byFile(image, imageInScope, wanted);
  const theirs = byFile(object, objectInScope, wanted);
  const positions = new Map(
    [...ours.values()].flatMap((indices) => indices.map((index, i) => [index, i] as const)),
  );
  return symbols.map((index) => {
    const key = fileAndName(image.table, index);
    const namesakes = ours.get(key) ?? [];
    const others = theirs.get(key) ?? [];
    if (others.length !== namesakes.length) {
      throw new Failure(
        "OTHER_BUILD",
        object.source,
        `has ${nameAt(image.table, index)} a different number of times than ${image.source}`,
        "give the object that it was linked from",
      );
    }
    return at(others, positions.get(index) ?? -1);
  });
}

function notInScope(symbol: number): never {
  throw new RangeError(`symbol ${symbol} is not among those in scope`);
}

/** Indices in the symbol table, ascending, grouped by STT_FILE symbol and name. */
function byFile(
  listing: ElfListing,
  symbols: Int32Array,
  wanted: ReadonlySet<string>,
): Map<string, number[]> {
  const alike = new Map<string, number[]>();
  for (const symbol of symbols) {
    if (!wanted.has(symbolName(listing, symbol))) continue;
    const index = at(listing.tableIndex, symbol);
    const key = fileAndName(listing.table, index);
    addTo(alike, key, index);
  }
  for (const indices of alike.values()) indices.sort((a, b) => a - b);
  return alike;
}

function fileAndName(table: SymbolTable, index: number): string {
  return `${fileSymbolOf(table, index) ?? ""}\0${nameAt(table, index)}`;
}

function nameAt(table: SymbolTable, index: number): string {
  return tableString(table, symbolNameOffset(table, index));
}

/** Symbols by kind and name, in the order given. */
function byName(listing: Listing, symbols: Int32Array, wanted: ReadonlySet<string>): Map<string, number[]> {
  const named = new Map<string, number[]>();
  for (const symbol of symbols) {
    const name = symbolName(listing, symbol);
    if (!wanted.has(name)) continue;
    const key = (isFunction(at(listing.kind, symbol)) ? "t" : "d") + name;
    addTo(named, key, symbol);
  }
  return named;
}
