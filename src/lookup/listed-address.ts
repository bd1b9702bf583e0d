import { at } from "../checked-index.ts";
import type { Listing } from "../symbols/listing.ts";

/** The address of a symbol of a listing. */
export function listedAddress({ addressHigh, addressLow }: Listing, symbol: number): bigint {
  return (BigInt(at(addressHigh, symbol)) << 32n) | BigInt(at(addressLow, symbol));
}
