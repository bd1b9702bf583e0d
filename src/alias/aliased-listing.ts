import type { Listing } from "../symbols/listing.ts";

/**
 * The listing with each alias's line directly after its symbol's, so that the kernel, which shows the first of several
 * names at an address, goes on showing the original. Nothing else is added, lost or reordered.
 *
 * @param aliases the alias of each symbol that has one, by its index in the listing
 * @returns the text in pieces, each valid until the next is asked for
 */
export function* aliasedListing(
  listing: Listing,
  aliases: ReadonlyMap<number, string>,
): Generator<Uint8Array> {
  let written = 0;
  for (const symbol of [...aliases.keys()].sort((a, b) => a - b)) {
    yield* listing.lines(written, symbol + 1);
    yield listing.lineOf(symbol, Buffer.from(aliases.get(symbol) as string));
    written = symbol + 1;
  }
  yield* listing.lines(written, listing.count);
}
