import { symbolName } from "../symbols/listing.ts";
import type { Aliases } from "./name-symbols.ts";
import type { Selection } from "./select.ts";

/**
 * The lines of a selection's listing, with the line of each alias directly after that of its symbol: the kernel shows the first of
 * several names at an address, so it still shows the original. Aliases that the listing already has are not repeated; nothing
 * else is added, removed or reordered.
 *
 * @returns the text in pieces, each valid until the next is requested
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
