import fc from "fast-check";
import { type Listing, readListing, symbolName } from "../../src/symbols/listing.ts";

/** The listing of a text. */
export function listingOf(text: string): Listing {
  return readListing(Buffer.from(text), "nm.txt");
}

/** All lines of a listing. */
export function textOf(listing: Listing): string {
  return Buffer.concat(Array.from(listing.lines(), (piece) => Buffer.from(piece))).toString();
}

export function namesOf(listing: Listing): string[] {
  return Array.from({ length: listing.count }, (_, symbol) => symbolName(listing, symbol));
}

/** A symbol of a random listing. */
export interface RandomSymbol {
  readonly address: bigint;
  readonly type: string;
  readonly name: string;
}

/** Random symbols in address order, often with equal names and sometimes with awkward ones. */
export const randomSymbols: fc.Arbitrary<RandomSymbol[]> = fc
  .array(
    fc.record({
      address: fc.bigInt({ min: 0xffffffff81000000n, max: 0xffffffff81000040n }),
      type: fc.constantFrom(..."tTtTtTdDbBrRWVaAUi"),
      name: fc.oneof(
        fc.constantFrom(
          "a",
          "b",
          "c",
          "name_show",
          "a.cold",
          "x.llvm.12",
          "x.llvm.7",
          "x",
          "v.1",
          "v.2",
          "v",
        ),
        fc.constantFrom("__pfx_a", "__x_start", "a@file_c_1", "a@file_c_1_2", "$x", "b c", "é", "a+b", ""),
        fc.string({ minLength: 1, maxLength: 4, unit: fc.constantFrom(..."ab._$@-") }),
      ),
    }),
    // Without a size, fast-check makes at most ten, which rarely share a name.
    { minLength: 1, maxLength: 40, size: "max" },
  )
  .map((symbols) => symbols.sort((a, b) => (a.address < b.address ? -1 : a.address > b.address ? 1 : 0)));

export function listingText(symbols: readonly RandomSymbol[]): string {
  return symbols
    .map(({ address, type, name }) => `${address.toString(16).padStart(16, "0")} ${type} ${name}\n`)
    .join("");
}
