import { at } from "../checked-index.ts";
import type { FormalParameters } from "../dwarf/formal-parameters.ts";
import type { MissingFiles } from "../dwarf/missing-files.ts";
import type { NamedUnit } from "../dwarf/unit.ts";
import { addressDistance } from "../elf/address.ts";
import type { ElfFile } from "../elf/elf-file.ts";
import { layOutSections } from "../elf/section-layout.ts";
import {
  fileSymbolOf,
  type SymbolTable,
  sectionIndexOf,
  sectionName,
  symbolSection,
  symbolSize,
  symbolValueHigh,
  symbolValueLow,
} from "../elf/symbol-table.ts";
import type { FoundDeclarations, QueriedSymbols } from "../source-lines/declared-locations.ts";
import { locateFunctions } from "../source-lines/locate-functions.ts";
import type { Locator } from "../source-lines/open-locator.ts";
import {
  emptyQueries,
  type Locations,
  type Queries,
  unknownLocations,
  VIA_NEXT_LINE,
  VIA_NONE,
  type Via,
} from "../source-lines/resolver.ts";
import { relativeSource, type SourceRoots, sourceRoots } from "../source-lines/source-root.ts";
import { fileSymbolSource, unitSource } from "../source-lines/unit-finder.ts";
import type { ElfListing } from "../symbols/elf-listing.ts";
import { findSymbol, type Listing, symbolName } from "../symbols/listing.ts";
import { isFunction, isObject } from "../symbols/symbol-kind.ts";
import { SMALL_COUNT_LIMIT } from "../table/column-kinds.ts";
import type { Place } from "./naming.ts";
import type { LocatingOptions } from "./options.ts";

/** The origin of one symbol, as far as it is known. */
export interface SymbolOrigin {
  /** null when the symbol's source is unknown. */
  readonly place: Place | null;
  readonly via: Via | null;
  /** In bytes; null without a symbol table. */
  readonly size: number | null;
  readonly section: string | null;
  /** The function that holds a static local variable. */
  readonly functionName: string | null;
  /** A function's parameters, if requested. */
  readonly parameters: FormalParameters | null;
}

/** A symbol's data in the symbol table. */
export interface SymbolEntry {
  /** In bytes; null without a symbol table. */
  readonly size: number | null;
  readonly section: string | null;
  /** The name of the STT_FILE symbol before it; rarely needed, so computed on demand. */
  fileSymbol(): string | null;
}

const NO_ENTRY: SymbolEntry = { size: null, section: null, fileSymbol: () => null };

/** The data of the symbol at an index of the symbol table. */
export function symbolEntry(elf: ElfFile, table: SymbolTable, index: number): SymbolEntry {
  return {
    size: symbolSize(table, index),
    section: sectionName(elf, symbolSection(table, index)),
    fileSymbol: () => fileSymbolOf(table, index),
  };
}

/**
 * Locates the symbols of a vmlinux: functions by their source lines, data by their declarations, otherwise by the
 * STT_FILE symbol before them.
 *
 * @param image the listing of the image with the debug information; undefined when it has no symbol table
 * @param tableIndex the entry of each symbol in the image's symbol table, which gives the addresses; those of the
 *   listing are used only if the image has no symbol table
 * @param givenRoots roots of the source tree, tried before detected ones
 */
export async function locateSymbols(
  listing: Listing,
  symbols: Int32Array,
  locator: Locator,
  image: ElfListing | undefined,
  tableIndex: Uint32Array | undefined,
  givenRoots: readonly string[],
  options: LocatingOptions,
): Promise<{ origins: SymbolOrigin[]; roots: SourceRoots }> {
  const table = image?.table;
  const bases = layOutSections(locator.elf);
  const imageSymbol = image && listing !== image ? inverseOf(image.tableIndex, image.table.count) : undefined;
  const startKernel = findSymbol(image ?? listing, "start_kernel");
  const queries = emptyQueries(symbols.length + (startKernel === undefined ? 0 : 1));
  const ask = (query: number, symbol: number, index: number | undefined) => {
    if (image && table && index !== undefined) {
      queries.addressHigh[query] = symbolValueHigh(table, index);
      queries.addressLow[query] = symbolValueLow(table, index) + (bases[sectionIndexOf(table, index)] ?? 0);
      queries.size[query] = ownSize(image, imageSymbol ? at(imageSymbol, index) : symbol);
    } else {
      queries.addressHigh[query] = at(listing.addressHigh, symbol);
      queries.addressLow[query] = at(listing.addressLow, symbol);
    }
  };
  symbols.forEach((symbol, i) => {
    ask(i, symbol, tableIndex?.[i]);
  });
  if (startKernel !== undefined) ask(symbols.length, startKernel, image?.tableIndex[startKernel]);

  const entries = Array.from(symbols, (_, i) => {
    const index = tableIndex?.[i];
    return table && index !== undefined ? symbolEntry(locator.elf, table, index) : NO_ENTRY;
  });
  const queried = queriedSymbols(listing, symbols, entries);
  const found = await lookUpLocations(locator, queries, queried, symbols.length, options);
  const initMain = startKernel === undefined ? undefined : recordedFile(found.locations, symbols.length);
  const roots = sourceRoots(givenRoots, initMain);
  const report = numberReporter(listing, symbols, locator.missing);
  return { origins: originsOf(entries, found, roots, report), roots };
}

/** Reports the numbers of symbols that no table can hold. */
export function numberReporter(listing: Listing, symbols: Int32Array, missing: MissingFiles) {
  return (query: number, problem: string): void => {
    const name = symbolName(listing, at(symbols, query));
    missing.add(name, `${listing.source}: ${name} ${problem}`, "such numbers are null in the table");
  };
}

/** The position of each number below `count` in a list of numbers. */
function inverseOf(numbers: Uint32Array, count: number): Uint32Array {
  const positions = new Uint32Array(count);
  numbers.forEach((number, position) => {
    positions[number] = position;
  });
  return positions;
}

/** Limit for the neighbours of a symbol to look at, which keeps the time linear. */
const MOST_NEIGHBOURS = 64;

/**
 * The size of a symbol, in bytes. If it overlaps another function and neither contains the other, it is the distance to the next
 * function: each entry of CFI's jump table in LLVM has the size of the whole table, which reaches into the code after it.
 */
export function ownSize(listing: ElfListing, symbol: number): number {
  const { kind, addressHigh, addressLow, table, tableIndex } = listing;
  const index = at(tableIndex, symbol);
  const size = symbolSize(table, index);
  const distance = (other: number) =>
    addressDistance(
      at(addressHigh, other),
      at(addressLow, other),
      at(addressHigh, symbol),
      at(addressLow, symbol),
    );
  const endOf = (other: number) => distance(other) + symbolSize(table, at(tableIndex, other));
  const isNear = (other: number) =>
    distance(other) !== 0 &&
    isFunction(at(kind, other)) &&
    sectionIndexOf(table, at(tableIndex, other)) === sectionIndexOf(table, index);
  const next = neighbour(listing, symbol, 1, isNear);
  if (next === undefined || distance(next) >= size) return size;
  const previous = neighbour(listing, symbol, -1, isNear);
  const isBefore = previous !== undefined && endOf(previous) > 0 && endOf(previous) < size;
  return isBefore || endOf(next) > size ? distance(next) : size;
}

/** The nearest symbol before or after another that fulfils a condition. */
function neighbour(
  { count }: Listing,
  symbol: number,
  step: 1 | -1,
  fulfils: (other: number) => boolean,
): number | undefined {
  for (let i = 1; i <= MOST_NEIGHBOURS; i++) {
    const other = symbol + i * step;
    if (other < 0 || other >= count) return undefined;
    if (fulfils(other)) return other;
  }
  return undefined;
}

/** The properties of symbols that the search for declarations needs. */
export function queriedSymbols(
  listing: Listing,
  symbols: Int32Array,
  entries: readonly SymbolEntry[],
): QueriedSymbols {
  return {
    name: (query) => symbolName(listing, at(symbols, query)),
    isData: (query) => isObject(at(listing.kind, at(symbols, query))),
    fileSymbol: (query) => entries[query]?.fileSymbol() ?? null,
  };
}

/** The locations of addresses. */
export interface FoundLocations {
  readonly locations: Locations;
  /** The declarations of symbols that are not located by their addresses, and functions' parameters. */
  readonly declared?: FoundDeclarations;
}

/**
 * Locates symbols: data by declarations; text by the line table, or with "decl" by declarations first.
 *
 * @param count the number of queries that are about symbols; they come first
 */
export async function lookUpLocations(
  locator: Locator,
  queries: Queries,
  symbols: QueriedSymbols,
  count: number,
  { location, signatures }: LocatingOptions,
): Promise<FoundLocations> {
  const lineLess = new Set<number>();
  for (let query = 0; query < count; query++) if (symbols.isData(query)) lineLess.add(query);
  const all = Array.from({ length: count }, (_, i) => i);
  const wanted = {
    locations: location === "decl" ? all : [...lineLess],
    parameters: signatures ? all.filter((query) => !lineLess.has(query)) : [],
  };
  if (wanted.locations.length + wanted.parameters.length === 0) {
    return { locations: await locateFunctions(locator, queries, symbols, count) };
  }
  const declared = locator.findDeclarations?.(queries, symbols, wanted) ?? NOTHING_DECLARED;
  const rest: number[] = [];
  for (let query = 0; query < queries.count; query++) {
    if (!declared.locations.has(query) && !lineLess.has(query)) rest.push(query);
  }
  const isOf = (query: number) => at(rest, query);
  const found = await locateFunctions(
    locator,
    someOf(queries, rest),
    {
      isData: (query) => symbols.isData(isOf(query)),
      name: (query) => symbols.name(isOf(query)),
      fileSymbol: (query) => symbols.fileSymbol(isOf(query)),
    },
    rest.filter((query) => query < count).length,
  );
  const units = found.units && new Array<NamedUnit | undefined>(queries.count).fill(undefined);
  const locations = { ...unknownLocations(queries.count), files: found.files, units };
  rest.forEach((query, i) => {
    if (units) units[query] = found.units?.[i];
    locations.file[query] = at(found.file, i);
    locations.line[query] = at(found.line, i);
    locations.via[query] = at(found.via, i);
  });
  return { locations, declared };
}

const NOTHING_DECLARED: FoundDeclarations = { locations: new Map(), parameters: new Map() };

function someOf(queries: Queries, some: readonly number[]): Queries {
  const { addressHigh, addressLow, size } = queries;
  return {
    count: some.length,
    addressHigh: Uint32Array.from(some, (query) => at(addressHigh, query)),
    addressLow: Uint32Array.from(some, (query) => at(addressLow, query)),
    size: Float64Array.from(some, (query) => at(size, query)),
  };
}

/**
 * The origins of symbols, from the locations at the same indices.
 *
 * @param reportNumber called for a line or size that no table can hold; it is unknown then
 */
export function originsOf(
  entries: readonly SymbolEntry[],
  { locations, declared }: FoundLocations,
  roots: SourceRoots,
  reportNumber: (query: number, problem: string) => void,
): SymbolOrigin[] {
  const { units } = locations;
  const within = (query: number, what: string, number: number | null, limit: number) => {
    if (number === null || number < limit) return number;
    reportNumber(query, `has the ${what} ${number}`);
    return null;
  };
  const unitFiles = new Map<NamedUnit, string | null>();
  const unitFile = (unit: NamedUnit) => {
    let file = unitFiles.get(unit);
    if (file === undefined) {
      const source = unitSource(unit);
      file = source === undefined ? null : relativeSource(roots, source);
      unitFiles.set(unit, file);
    }
    return file;
  };
  const sourceFile = memoise((path: string, compilationDirectory: string | null) =>
    relativeSource(roots, { path, compilationDirectory }),
  );
  return entries.map((entry, i) => {
    const { section } = entry;
    const size = within(i, "size", entry.size, 2 ** 53);
    const declaration = declared?.locations.get(i);
    const parameters = declared?.parameters.get(i) ?? null;
    if (declaration !== undefined) {
      const { path, unit, functionName } = declaration;
      const line = within(i, "line", declaration.line, SMALL_COUNT_LIMIT);
      const place = { file: sourceFile(path, unit.compilationDirectory), line, unit: unitFile(unit) };
      return { place, via: "decl", size, section, functionName, parameters };
    }
    const via = at(locations.via, i);
    const path = recordedFile(locations, i);
    if (via === VIA_NONE || path === undefined) {
      const owner = units?.[i];
      const source = owner ? unitFile(owner) : null;
      if (source !== null) {
        const place = { file: source, line: null, unit: source };
        return { place, via: "unit", size, section, functionName: null, parameters };
      }
      const fileSymbol = fileSymbolSource(entry.fileSymbol());
      const place = fileSymbol === null ? null : { file: fileSymbol, line: null, unit: null };
      return { place, via: place && "file-symbol", size, section, functionName: null, parameters };
    }
    const unit = units?.[i];
    const file = sourceFile(path, unit?.compilationDirectory ?? null);
    const place = {
      file,
      line: within(i, "line", at(locations.line, i), SMALL_COUNT_LIMIT),
      unit:
        units === undefined
          ? unitByFileSymbol(file, fileSymbolSource(entry.fileSymbol()))
          : unit
            ? unitFile(unit)
            : null,
    };
    const known = via === VIA_NEXT_LINE ? "next-line" : "line";
    return { place, via: known, size, section, functionName: null, parameters };
  });
}

/** Without compilation units, the STT_FILE name, which has no directory, replaces the unit's name. */
function unitByFileSymbol(file: string, fileSymbol: string | null): string | null {
  return fileSymbol !== null && (file === fileSymbol || file.endsWith(`/${fileSymbol}`)) ? file : fileSymbol;
}

function recordedFile(locations: Locations, query: number): string | undefined {
  return locations.files[locations.file[query] ?? -1];
}

function memoise(compute: (path: string, directory: string | null) => string) {
  const known = new Map<string | null, Map<string, string>>();
  return (path: string, directory: string | null): string => {
    let paths = known.get(directory);
    if (paths === undefined) {
      paths = new Map();
      known.set(directory, paths);
    }
    let result = paths.get(path);
    if (result === undefined) {
      result = compute(path, directory);
      paths.set(path, result);
    }
    return result;
  };
}
