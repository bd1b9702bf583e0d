import type { Unit } from "../dwarf/unit.ts";
import type { ElfFile } from "../elf/elf-file.ts";
import { fileSymbolOf, sectionName, symbolSection, symbolSize } from "../elf/symbol-table.ts";
import {
  emptyQueries,
  type Locations,
  type Resolver,
  VIA_NEXT_LINE,
  VIA_NONE,
  type Via,
} from "../source-lines/resolver.ts";
import { relativeSource, sourceRoots } from "../source-lines/source-root.ts";
import { type UnitFinder, unitSource } from "../source-lines/unit-finder.ts";
import type { ElfListing } from "../symbols/elf-listing.ts";
import { findSymbol, type Listing } from "../symbols/listing.ts";
import type { Place } from "./naming.ts";

/** The image that symbols are located in. */
export interface LocatingImage {
  readonly elf: ElfFile;
  /** Its symbols; undefined when it has no symbol table. */
  readonly listing: ElfListing | undefined;
  readonly resolver: Resolver;
  /** Undefined when its compilation units cannot be read. */
  readonly findUnits: UnitFinder | undefined;
}

/** What is known of one symbol's origin. */
export interface SymbolOrigin {
  /** null when nothing tells where the symbol comes from. */
  readonly place: Place | null;
  readonly via: Via | null;
  /** In bytes; null without a symbol table. */
  readonly size: number | null;
  readonly section: string | null;
}

/**
 * Finds out where symbols come from: their source lines, or failing that the STT_FILE symbol above them.
 *
 * @param tableIndex the entry of each symbol in the image's symbol table; the addresses are taken from there, those of
 *   the listing only where the image has no symbol table
 * @param givenRoots roots of the source tree, tried before any that is found out
 */
export async function locateSymbols(
  listing: Listing,
  symbols: Int32Array,
  image: LocatingImage,
  tableIndex: Uint32Array | undefined,
  givenRoots: readonly string[],
): Promise<SymbolOrigin[]> {
  const { elf, resolver, findUnits } = image;
  const table = image.listing?.table;
  const startKernel = findSymbol(image.listing ?? listing, "start_kernel");
  const queries = emptyQueries(symbols.length + (startKernel === undefined ? 0 : 1));
  const ask = (query: number, symbol: number, index: number | undefined) => {
    if (table && index !== undefined) {
      queries.addressHigh[query] = table.valueHigh[index] as number;
      queries.addressLow[query] = table.valueLow[index] as number;
      queries.size[query] = symbolSize(table, index);
    } else {
      queries.addressHigh[query] = listing.addressHigh[symbol] as number;
      queries.addressLow[query] = listing.addressLow[symbol] as number;
    }
  };
  symbols.forEach((symbol, i) => {
    ask(i, symbol, tableIndex?.[i]);
  });
  if (startKernel !== undefined) ask(symbols.length, startKernel, image.listing?.tableIndex[startKernel]);

  const units = findUnits?.(queries);
  const locations = await resolver.resolve(queries);
  const initMain = startKernel === undefined ? undefined : recordedFile(locations, symbols.length);
  const roots = sourceRoots(givenRoots, initMain);
  const unitFiles = new Map<Unit, string | null>();
  const unitFile = (unit: Unit) => {
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

  return Array.from(symbols, (_, i) => {
    const index = tableIndex?.[i];
    const size = table && index !== undefined ? symbolSize(table, index) : null;
    const section = table && index !== undefined ? sectionName(elf, symbolSection(table, index)) : null;
    const fileSymbol = table && index !== undefined ? fileSymbolOf(table, index) : null;
    const via = locations.via[i] as number;
    const path = recordedFile(locations, i);
    if (via === VIA_NONE || path === undefined) {
      const place = fileSymbol === null ? null : { file: fileSymbol, line: null, unit: null };
      return { place, via: place && "file-symbol", size, section };
    }
    const unit = units?.[i];
    const file = sourceFile(path, unit?.compilationDirectory ?? null);
    const place = {
      file,
      line: locations.line[i] as number,
      unit: units === undefined ? unitByFileSymbol(file, fileSymbol) : unit ? unitFile(unit) : null,
    };
    return { place, via: via === VIA_NEXT_LINE ? "next-line" : "line", size, section };
  });
}

/** Without compilation units the STT_FILE name, which has no directory, stands in for the unit's. */
function unitByFileSymbol(file: string, fileSymbol: string | null): string | null {
  return fileSymbol !== null && (file === fileSymbol || file.endsWith(`/${fileSymbol}`)) ? file : fileSymbol;
}

function recordedFile(locations: Locations, query: number): string | undefined {
  return locations.files[locations.file[query] as number];
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
