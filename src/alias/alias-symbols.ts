import { emptyQueries, type Locations, type Resolver } from "../source-lines/resolver.ts";
import { relativeSource, sourceRoots } from "../source-lines/source-root.ts";
import { type Listing, symbolName } from "../symbols/listing.ts";
import { chooseCandidates, findExistingAliases, symbolsInScope } from "./candidates.ts";
import { findNamesakes } from "./duplicates.ts";
import { type FilterOptions, nameFilter } from "./filters.ts";
import type { Aliases } from "./name-symbols.ts";
import type { NamingOptions, Place } from "./naming.ts";

export interface AliasOptions extends NamingOptions {
  /** Whether data symbols get aliases too. */
  readonly data: boolean;
  readonly filters: FilterOptions;
  /** Roots of the source tree, tried before any that is found out. */
  readonly sourceRoots: readonly string[];
}

/** What is known of a listing's symbols before any location is looked up. */
export interface Selection {
  readonly listing: Listing;
  /** 1 for each line of the listing that is an alias already. */
  readonly existing: Uint8Array | undefined;
  /** The symbols that are to get an alias, in address order. */
  readonly symbols: Int32Array;
  readonly counts: {
    readonly symbols: number;
    readonly duplicatedNames: number;
    readonly excluded: Record<string, number>;
  };
}

/** Finds the symbols of a listing that are to get an alias. */
export function selectSymbols(listing: Listing, options: AliasOptions): Selection {
  const existing = findExistingAliases(listing, options.separator, options.data);
  const namesakes = findNamesakes(listing, options.data, existing);
  const inScope = symbolsInScope(listing, options.data, existing);
  const { symbols, excluded } = chooseCandidates(listing, inScope, namesakes, nameFilter(options.filters));
  const ignored = existing?.reduce((sum, isAlias) => sum + isAlias, 0) ?? 0;
  return {
    listing,
    existing,
    symbols,
    counts: {
      symbols: listing.count - ignored,
      duplicatedNames: namesakes.bearers.reduce((sum, bearers) => (bearers > 1 ? sum + 1 : sum), 0),
      excluded: Object.fromEntries([...excluded].sort(([a], [b]) => (a < b ? -1 : 1))),
    },
  };
}

/** Looks up the places of symbols; null where a symbol has none. */
export async function locateSymbols(
  listing: Listing,
  symbols: Int32Array,
  resolver: Resolver,
  options: AliasOptions,
): Promise<(Place | null)[]> {
  const startKernel = findStartKernel(listing);
  const asked = startKernel === undefined ? symbols : Int32Array.of(...symbols, startKernel);
  const queries = emptyQueries(asked.length);
  asked.forEach((symbol, query) => {
    queries.addressHigh[query] = listing.addressHigh[symbol] as number;
    queries.addressLow[query] = listing.addressLow[symbol] as number;
  });
  const locations = await resolver.resolve(queries);
  const initMain = startKernel === undefined ? undefined : recordedFile(locations, symbols.length);
  const roots = sourceRoots(options.sourceRoots, initMain);
  return Array.from(symbols, (_, query) => {
    const path = recordedFile(locations, query);
    if (path === undefined) return null;
    const file = relativeSource(roots, { path, compilationDirectory: null });
    return { file, line: locations.line[query] as number, unit: null };
  });
}

function recordedFile(locations: Locations, query: number): string | undefined {
  return locations.files[locations.file[query] as number];
}

/** The symbol whose location tells where init/main.c is. */
function findStartKernel(listing: Listing): number | undefined {
  const name = "start_kernel";
  for (let at = listing.text.indexOf(name); at !== -1; at = listing.text.indexOf(name, at + 1)) {
    const symbol = symbolAt(listing, at);
    if (listing.nameStart[symbol] === at && symbolName(listing, symbol) === name) return symbol;
  }
  return undefined;
}

/** The symbol on whose line an offset of the listing's text stands. */
function symbolAt(listing: Listing, offset: number): number {
  let low = 0;
  let high = listing.count - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if ((listing.lineStart[middle] as number) <= offset) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** The alias lines to be added to a selection's listing: those that it does not hold already. */
export function newAliases(
  { listing, existing, symbols }: Selection,
  { alias }: Aliases,
): Map<number, string> {
  const held = new Set<string>();
  existing?.forEach((isAlias, symbol) => {
    if (isAlias) held.add(symbolName(listing, symbol));
  });
  const added = new Map<number, string>();
  symbols.forEach((symbol, index) => {
    const name = alias[index];
    if (name && !held.has(name)) added.set(symbol, name);
  });
  return added;
}
