import type { Listing } from "../symbols/listing.ts";

/**
 * The listing with each alias's line directly after its symbol's, so that the kernel, which shows the first of several
 * names at an address, goes on showing the original. Nothing else is added, lost or reordered.
 *
 * @param aliases the alias of each symbol that has one, by its index in the listing
 * @returns the text in pieces, each valid until the next is asked for
 */
export function aliasedListing(listing: Listing, aliases: ReadonlyMap<number, string>): Iterable<Uint8Array> {
  return listing.lines([...aliases].sort(([a], [b]) => a - b));
}
