import { at } from "../checked-index.ts";
import { IS_LABEL, KIND_MASK } from "../constants/symbol-kind.ts";
import { type Listing, symbolName } from "./listing.ts";
import { kindOfLetter } from "./symbol-kind.ts";

/** The part of a kind that nm's letter does not show. */
const UNSHOWN = KIND_MASK | IS_LABEL;

/**
 * A listing with the kinds that an image of the same build gives symbols of these names: nm's letter does not distinguish code from data
 * in an executable section. A name that both a function and an object have keeps the kinds that the listing implies.
 */
export function withImageKinds(listing: Listing, image: Listing): Listing {
  const kindOf = new Map<string, number>();
  const hashes = new Set<number>();
  for (let symbol = 0; symbol < image.count; symbol++) {
    const kind = at(image.kind, symbol) & UNSHOWN;
    if (kind === (kindOfLetter(at(image.type, symbol)) & KIND_MASK)) continue;
    kindOf.set(symbolName(image, symbol), kind);
    hashes.add(at(image.nameHash, symbol));
  }
  const withHash = function* (symbols: Listing) {
    for (let symbol = 0; symbol < symbols.count; symbol++) {
      if (hashes.has(at(symbols.nameHash, symbol))) yield { symbol, name: symbolName(symbols, symbol) };
    }
  };
  for (const { symbol, name } of withHash(image)) {
    if (kindOf.get(name) !== (at(image.kind, symbol) & UNSHOWN)) kindOf.delete(name);
  }
  const kind = listing.kind.slice();
  for (const { symbol, name } of withHash(listing)) {
    kind[symbol] = (at(kind, symbol) & ~UNSHOWN) | (kindOf.get(name) ?? at(kind, symbol) & UNSHOWN);
  }
  return { ...listing, kind };
}
