import type { Listing } from "../symbols/listing.ts";

const LINE_FEED = 0x0a;

/**
 * The listing with each alias's line directly after its symbol's, so that the kernel, which shows the first of several
 * names at an address, goes on showing the original. Nothing else is added, lost or reordered.
 *
 * @param aliases the alias of each symbol that has one, by its index in the listing
 * @returns the text in pieces
 */
export function aliasedListing(listing: Listing, aliases: ReadonlyMap<number, string>): Buffer[] {
  const { text, lineStart, nameStart, nameEnd } = listing;
  const pieces: Buffer[] = [];
  let copied = 0;
  for (const symbol of [...aliases.keys()].sort((a, b) => a - b)) {
    const newline = text.indexOf(LINE_FEED, nameEnd[symbol]);
    const end = newline === -1 ? text.length : newline + 1;
    pieces.push(text.subarray(copied, end));
    // A last line without a newline stays the last one without.
    if (newline === -1) pieces.push(Buffer.from("\n"));
    pieces.push(
      text.subarray(lineStart[symbol], nameStart[symbol]),
      Buffer.from(aliases.get(symbol) as string),
      text.subarray(nameEnd[symbol], end),
    );
    copied = end;
  }
  pieces.push(text.subarray(copied));
  return pieces;
}
