import { at } from "../checked-index.ts";
import type { Listing } from "../symbols/listing.ts";
import { symbolName } from "../symbols/listing.ts";
import { stemReader } from "./candidates.ts";
import { disambiguate } from "./disambiguate.ts";
import { aliasName, carriesUnit, type NamingOptions, type Place, plainAlias } from "./naming.ts";

/** The aliases of a run, in columns parallel to the symbols named. */
export interface Aliases {
  /** null for a symbol that got none: its place is unknown, or the alias would be too long. */
  readonly alias: readonly (string | null)[];
  /** The number appended to an alias, 0 for none. */
  readonly ordinal: Uint32Array;
  readonly counts: {
    readonly aliases: number;
    /** Symbols without any place. */
    readonly unresolved: number;
    /** Symbols whose alias cannot be shortened below the name length. */
    readonly tooLong: number;
    /** Aliases that are equal to others: in the plain form, without unit and ordinal, and as written. */
    readonly ambiguous: { readonly plain: number; readonly final: number };
    readonly ordinal: number;
  };
}

/** A symbol to alias. */
export interface NamedSymbol {
  readonly stem: string;
  /** null when it is unknown. */
  readonly place: Place | null;
}

/**
 * Creates the aliases of a listing's symbols from their places.
 *
 * @param symbols indices into the listing, in address order
 * @param places the place of each, null when it is unknown
 * @param existing 1 for each symbol of the listing that is already an alias
 */
export function nameSymbols(
  listing: Listing,
  symbols: Int32Array,
  places: readonly (Place | null)[],
  options: NamingOptions & { readonly data: boolean },
  existing?: Uint8Array,
): Aliases {
  const named = namedSymbols(listing, symbols, places, options.data);
  return giveAliases(named, options, namesWithSeparator(listing, options.separator, existing));
}

/** The parts of the aliases of a listing's symbols. */
export function namedSymbols(
  listing: Listing,
  symbols: Int32Array,
  places: readonly (Place | null)[],
  withData: boolean,
): NamedSymbol[] {
  const stemOf = stemReader(listing, withData);
  return Array.from(symbols, (symbol, i) => ({ stem: stemOf(symbol), place: places[i] ?? null }));
}

/**
 * Creates the aliases of symbols of one or several objects.
 *
 * @param symbols sorted by object and address; ordinals are assigned in this order
 * @param taken names of symbols, which an alias with an ordinal must not equal; only those that contain the separator matter
 */
export function giveAliases(
  symbols: readonly NamedSymbol[],
  options: NamingOptions,
  taken: ReadonlySet<string>,
): Aliases {
  const plain = symbols.map(({ stem, place }) => place && plainAlias(stem, place, options));
  const wanted = symbols.map(({ stem, place }, i) =>
    place && carriesUnit(place, options) ? aliasName(stem, place, options) : (plain[i] ?? null),
  );

  let alias: readonly (string | null)[] = wanted;
  let ordinal: Uint32Array = new Uint32Array(symbols.length);
  if (options.disambiguate) {
    const withOrdinal = (index: number, number: number) => {
      const suffix = `_${number}`;
      const { stem, place } = at(symbols, index);
      const base = place && aliasName(stem, place, options, suffix.length);
      return base === null ? null : base + suffix;
    };
    ({ aliases: alias, ordinals: ordinal } = disambiguate(wanted, (name) => taken.has(name), withOrdinal));
  }

  const aliases = alias.filter((name) => name !== null).length;
  const unresolved = symbols.filter(({ place }) => place === null).length;
  return {
    alias,
    ordinal,
    counts: {
      aliases,
      unresolved,
      tooLong: symbols.length - unresolved - aliases,
      ambiguous: { plain: countAmbiguous(plain), final: countAmbiguous(alias) },
      ordinal: ordinal.filter((number) => number > 0).length,
    },
  };
}

function countAmbiguous(names: readonly (string | null)[]): number {
  const counts = new Map<string, number>();
  for (const name of names) if (name !== null) counts.set(name, (counts.get(name) ?? 0) + 1);
  return names.filter((name) => name !== null && (counts.get(name) ?? 0) > 1).length;
}

/** The names of a listing that contain the separator, as every alias does, without those that are aliases. */
export function namesWithSeparator(listing: Listing, separator: string, existing?: Uint8Array): Set<string> {
  const names = new Set<string>();
  if (!listing.text.includes(separator)) return names;
  for (let symbol = 0; symbol < listing.count; symbol++) {
    if (existing?.[symbol] === 1) continue;
    const name = symbolName(listing, symbol);
    if (name.includes(separator)) names.add(name);
  }
  return names;
}
