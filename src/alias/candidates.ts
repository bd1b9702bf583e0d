import { compareAddresses } from "../elf/address.ts";
import { type Listing, moduleName, symbolName } from "../symbols/listing.ts";
import { isData, isText, stemFinder } from "../symbols/name-anatomy.ts";
import type { Namesakes } from "./duplicates.ts";
import { aliasStem } from "./naming.ts";

/** The symbols that are to get an alias. */
export interface Candidates {
  /** Indices into the listing, in address order; equal addresses in the listing's order. */
  readonly symbols: Int32Array;
  /** How many symbols with a duplicated or unstable name each filter has left out, by its rule. */
  readonly excluded: Map<string, number>;
}

/** The symbols whose type is in scope: text, with `withData` data as well; undefined ones and modules' left out. */
export function symbolsInScope(listing: Listing, withData: boolean, ignored?: Uint8Array): Int32Array {
  const { count, type, defined, text, nameEnd } = listing;
  const symbols = new Int32Array(count);
  let found = 0;
  for (let symbol = 0; symbol < count; symbol++) {
    const letter = type[symbol] as number;
    if (!isText(letter) && !(withData && isData(letter))) continue;
    if (defined[symbol] === 0 || ignored?.[symbol] === 1) continue;
    // Only /proc/kallsyms writes a tab behind a name, in front of the module.
    if (text[nameEnd[symbol] as number] === 0x09 && moduleName(listing, symbol) !== "") continue;
    symbols[found++] = symbol;
  }
  return inAddressOrder(listing, symbols.subarray(0, found));
}

function inAddressOrder(listing: Listing, symbols: Int32Array): Int32Array {
  const { addressHigh: high, addressLow: low } = listing;
  const compare = (a: number, b: number) =>
    compareAddresses(high[a] as number, low[a] as number, high[b] as number, low[b] as number) || a - b;
  for (let i = 1; i < symbols.length; i++) {
    if (compare(symbols[i - 1] as number, symbols[i] as number) > 0) return symbols.sort(compare);
  }
  return symbols;
}

/**
 * Those symbols in scope whose name is duplicated, or changes from build to build, and which no filter leaves out.
 *
 * @param excludedBy the rule that leaves a name out, if any
 */
export function chooseCandidates(
  listing: Listing,
  inScope: Int32Array,
  namesakes: Namesakes,
  excludedBy: (name: string) => string | undefined,
): Candidates {
  const { first, bearers, unstable } = namesakes;
  const excluded = new Map<string, number>();
  const symbols = inScope.filter((symbol) => {
    const bearer = first[symbol] as number;
    if (bearer === -1 || ((bearers[bearer] as number) < 2 && unstable[symbol] === 0)) return false;
    const rule = excludedBy(symbolName(listing, symbol));
    if (rule !== undefined) excluded.set(rule, (excluded.get(rule) ?? 0) + 1);
    return rule === undefined;
  });
  return { symbols, excluded };
}

/** A function that gives the part of a symbol's name that its alias begins with. */
export function stemReader(listing: Listing, withData: boolean): (symbol: number) => string {
  const { text, nameStart, nameEnd, type } = listing;
  const stemEnd = stemFinder(text);
  return (symbol) => {
    const start = nameStart[symbol] as number;
    const end = stemEnd(start, nameEnd[symbol] as number, withData && isData(type[symbol] as number));
    return text.toString("utf8", start, end);
  };
}

/**
 * Finds the aliases that a listing holds already: names of the form `<stem><separator><place>…` where another symbol at
 * the same address has that stem. They are neither counted nor given again.
 *
 * @returns 1 for each alias, by symbol; undefined when there are none
 */
export function findExistingAliases(
  listing: Listing,
  separator: string,
  withData: boolean,
): Uint8Array | undefined {
  const { text, count, nameStart, nameEnd, addressHigh, addressLow } = listing;
  const separatorByte = separator.charCodeAt(0);
  if (text.indexOf(separatorByte) === -1) return undefined;

  const escaped = `\\x${separatorByte.toString(16)}`;
  const form = new RegExp(`^([^${escaped}]+)${escaped}[0-9A-Za-z_]+(${escaped}[0-9A-Za-z_]+)?$`, "u");
  const sameAddress = (a: number, b: number) =>
    addressHigh[a] === addressHigh[b] && addressLow[a] === addressLow[b];
  const symbolStem = stemReader(listing, withData);
  const bears = (stem: string, symbol: number) => aliasStem(symbolStem(symbol), separator) === stem;

  let aliases: Uint8Array | undefined;
  for (let symbol = 0; symbol < count; symbol++) {
    const at = text.indexOf(separatorByte, nameStart[symbol]);
    if (at === -1) break;
    if (at >= (nameEnd[symbol] as number)) continue;
    const stem = form.exec(symbolName(listing, symbol))?.[1];
    if (stem === undefined) continue;
    let known = false;
    for (let other = symbol - 1; !known && other >= 0 && sameAddress(other, symbol); other--) {
      known = bears(stem, other);
    }
    for (let other = symbol + 1; !known && other < count && sameAddress(other, symbol); other++) {
      known = bears(stem, other);
    }
    if (!known) continue;
    aliases ??= new Uint8Array(count);
    aliases[symbol] = 1;
  }
  return aliases;
}
