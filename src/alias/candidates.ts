import { at } from "../checked-index.ts";
import { compareAt } from "../elf/address.ts";
import { hasControl } from "../printable.ts";
import { type Listing, symbolName } from "../symbols/listing.ts";
import { countedFinder, stemOf } from "../symbols/name-anatomy.ts";
import { isFunction, isObject } from "../symbols/symbol-kind.ts";
import type { Namesakes } from "./duplicates.ts";
import type { SymbolFilter } from "./filters.ts";
import { aliasStem, type NamingOptions } from "./naming.ts";

/** The symbols to alias. */
export interface Candidates {
  /** Indices into the listing, in address order; equal addresses in the listing's order. */
  readonly symbols: Int32Array;
  /** The number of symbols with a duplicated or unstable name that each filter excluded, by its rule. */
  readonly excluded: Map<string, number>;
  /** The names with control characters among them. */
  readonly unprintable: Set<string>;
}

/** The rule that excludes names which the readers of listings and tables refuse. */
const CONTROL_RULE = "control characters";

/**
 * Whether a symbol's kind is in scope: functions, and data if `withData`; never undefined or nameless symbols or those of
 * modules.
 */
function scopeOf({ kind, nameHash }: Listing, withData: boolean): (symbol: number) => boolean {
  return (symbol) => {
    const own = kind[symbol] ?? 0;
    return nameHash[symbol] !== 0 && (isFunction(own) || (withData && isObject(own)));
  };
}

/** The symbols whose kind is in scope, in address order. */
export function symbolsInScope(listing: Listing, withData: boolean, ignored?: Uint8Array): Int32Array {
  const isInScope = scopeOf(listing, withData);
  const symbols = new Int32Array(listing.count);
  let found = 0;
  for (let symbol = 0; symbol < listing.count; symbol++) {
    if (isInScope(symbol) && ignored?.[symbol] !== 1) symbols[found++] = symbol;
  }
  return inAddressOrder(listing, symbols.subarray(0, found));
}

function inAddressOrder(listing: Listing, symbols: Int32Array): Int32Array {
  const columns = { addressHigh: listing.addressHigh, addressLow: listing.addressLow };
  let sorted = true;
  for (let i = 1; sorted && i < symbols.length; i++) {
    sorted = compareAt(columns, at(symbols, i - 1), at(symbols, i)) <= 0;
  }
  return sorted ? symbols : symbols.sort((a, b) => compareAt(columns, a, b) || a - b);
}

/** Context outside the listing that affects which of its symbols get an alias. */
export interface Surroundings {
  /**
   * The number of symbols in the whole scope that match a name in a look-up.
   *
   * @param own the number of them in the listing
   */
  countOf?(name: string, own: number): number;
  /** The rule that excludes a symbol, if any; applied before the filters. */
  excludedBy?(symbol: number, name: string): string | undefined;
}

/**
 * Selects the symbols in scope whose name is duplicated, or changes from build to build, and that no rule excludes.
 *
 * @param filter gives the rule that excludes a symbol, if any
 */
export function chooseCandidates(
  listing: Listing,
  options: CountingOptions,
  { first, next, groupSize, duplicated, unstable }: Namesakes,
  filter: SymbolFilter,
  { countOf, excludedBy }: Surroundings = {},
): Candidates {
  const { kind, nameStart } = listing;
  const isInScope = scopeOf(listing, options.data);
  const isNamed = new Uint8Array(listing.count);
  const named: number[] = [];
  const add = (symbol: number) => {
    if (isNamed[symbol] === 1 || !isInScope(symbol)) return;
    isNamed[symbol] = 1;
    named.push(symbol);
  };
  unstable.forEach(add);
  for (const leader of duplicated) {
    for (let symbol = leader; symbol !== -1; symbol = next[symbol] ?? -1) add(symbol);
  }
  if (countOf !== undefined) {
    const nameOf = countedReader(listing, options);
    for (let symbol = 0; symbol < listing.count; symbol++) {
      if (!isInScope(symbol) || first[symbol] === -1 || isNamed[symbol] === 1) continue;
      if (countOf(nameOf(symbol), at(groupSize, at(first, symbol))) > 1) add(symbol);
    }
  }
  const unprintable = new Set<string>();
  // Linkers store a name once in a string table.
  const rules = new Map<number, string | undefined>();
  const ruleOf = (symbol: number) => {
    const holdsData = isObject(kind[symbol] ?? 0);
    const key = 2 * at(nameStart, symbol) + Number(holdsData);
    if (!rules.has(key)) {
      const name = symbolName(listing, symbol);
      if (hasControl(name)) unprintable.add(name);
      rules.set(key, hasControl(name) ? CONTROL_RULE : filter(name, holdsData));
    }
    return rules.get(key);
  };
  const excluded = new Map<string, number>();
  const symbols = Int32Array.from(named)
    .sort()
    .filter((symbol) => {
      const rule = excludedBy?.(symbol, symbolName(listing, symbol)) ?? ruleOf(symbol);
      if (rule !== undefined) excluded.set(rule, (excluded.get(rule) ?? 0) + 1);
      return rule === undefined;
    });
  return { symbols: inAddressOrder(listing, symbols), excluded, unprintable };
}

/** The options that decide which names are equal. */
export type CountingOptions = Pick<NamingOptions, "kallsymsNames"> & { readonly data: boolean };

/** Returns a function that gives the part of a symbol's name that its alias begins with. */
export function stemReader(listing: Listing, withData: boolean): (symbol: number) => string {
  const { kind } = listing;
  return (symbol) => stemOf(symbolName(listing, symbol), withData && isObject(at(kind, symbol)));
}

/** Returns a function that gives the part of a symbol's name that is compared to count its namesakes. */
export function countedReader(
  listing: Listing,
  { data, kallsymsNames }: CountingOptions,
): (symbol: number) => string {
  const { text, nameStart, nameEnd, kind } = listing;
  const endOf = countedFinder(text, kallsymsNames);
  return (symbol) => {
    const start = at(nameStart, symbol);
    const end = endOf(start, at(nameEnd, symbol), data && isObject(at(kind, symbol)));
    return text.toString("utf8", start, end);
  };
}

/**
 * Finds the aliases that a listing already contains: names of the form `<stem><separator><place>…` where another symbol
 * at the same address has that stem. They are not counted and not added again.
 *
 * @returns 1 for each alias, by symbol; undefined when there are none
 */
export function findExistingAliases(
  listing: Listing,
  options: CountingOptions & Pick<NamingOptions, "separator">,
): Uint8Array | undefined {
  const { separator } = options;
  const { text, count, nameStart, nameEnd, addressHigh, addressLow } = listing;
  const separatorByte = separator.charCodeAt(0);
  if (text.indexOf(separatorByte) === -1) return undefined;

  const escaped = `\\x${separatorByte.toString(16)}`;
  const form = new RegExp(`^([^${escaped}]+)${escaped}[0-9A-Za-z_]+(${escaped}[0-9A-Za-z_]+)?$`, "u");
  const sameAddress = (a: number, b: number) =>
    addressHigh[a] === addressHigh[b] && addressLow[a] === addressLow[b];
  const symbolStem = stemReader(listing, options.data);
  const hasStem = (stem: string, symbol: number) => aliasStem(symbolStem(symbol), options) === stem;

  let aliases: Uint8Array | undefined;
  for (let symbol = 0; symbol < count; symbol++) {
    if (!text.subarray(nameStart[symbol], nameEnd[symbol]).includes(separatorByte)) continue;
    const stem = form.exec(symbolName(listing, symbol))?.[1];
    if (stem === undefined) continue;
    let known = false;
    for (let other = symbol - 1; !known && other >= 0 && sameAddress(other, symbol); other--) {
      known = hasStem(stem, other);
    }
    for (let other = symbol + 1; !known && other < count && sameAddress(other, symbol); other++) {
      known = hasStem(stem, other);
    }
    if (!known) continue;
    aliases ??= new Uint8Array(count);
    aliases[symbol] = 1;
  }
  return aliases;
}
