import { at } from "../checked-index.ts";

// Addresses are 64 bits wide, which a double cannot hold, and a BigInt each is too slow: they are kept in two halves.

/** Negative, zero or positive as the first address is below, equal to or above the second. */
export function compareAddresses(highA: number, lowA: number, highB: number, lowB: number): number {
  return highA === highB ? lowA - lowB : highA - highB;
}

/** How far the first address is above the second, in bytes; exact where it is less than 2^53 either way. */
export function addressDistance(highA: number, lowA: number, highB: number, lowB: number): number {
  return (highA - highB) * 2 ** 32 + (lowA - lowB);
}

/** 16 lower-case hexadecimal digits, as `nm` prints a 64-bit address. */
export function formatAddress(high: number, low: number): string {
  return high.toString(16).padStart(8, "0") + low.toString(16).padStart(8, "0");
}

/** Addresses in columns. */
export interface AddressColumns {
  /** The upper half of each. */
  readonly addressHigh: Uint32Array;
  readonly addressLow: Uint32Array;
}

/** Compares two addresses of columns by their indices: below 0, 0 or above, as a sort function does. */
export function compareAt({ addressHigh, addressLow }: AddressColumns, a: number, b: number): number {
  return compareAddresses(at(addressHigh, a), at(addressLow, a), at(addressHigh, b), at(addressLow, b));
}

/** The digits of an address in columns. */
export function formatAt({ addressHigh, addressLow }: AddressColumns, index: number): string {
  return formatAddress(at(addressHigh, index), at(addressLow, index));
}
