import { symbolName } from "../symbols/listing.ts";
import type { Aliases } from "./name-symbols.ts";
import type { Selection } from "./select.ts";

/**
 * The lines of a selection's listing with each alias's directly after its symbol's, so that the kernel, which shows the first of
 * several names at an address, goes on showing the original. Aliases that the listing has already are not repeated; nothing else
 * is added, lost or reordered.
 *
 * @returns the text in pieces, each valid until the next is asked for
 */
export function aliasedLines(selection: Selection, { alias }: Pick<Aliases, "alias">): Iterable<Uint8Array> {
  const { listing, existing, symbols } = selection;
  const held = new Set<string>();
  existing?.forEach((isAlias, symbol) => {
    if (isAlias) held.add(symbolName(listing, symbol));
  });
  const added: [symbol: number, name: string][] = [];
  for (const [index, symbol] of symbols.entries()) {
    const name = alias[index];
    if (name && !held.has(name)) added.push([symbol, name]);
  }
  return listing.lines(added.sort(([a], [b]) => a - b));
}
