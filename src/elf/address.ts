import { at } from "../checked-index.ts";

// An address has 64 bits. A double cannot hold it, and one BigInt per address is too slow. So it is kept as two 32-bit halves.

/** @returns a negative number, zero or a positive number if address A is below, equal to or above address B */
export function compareAddresses(highA: number, lowA: number, highB: number, lowB: number): number {
  return highA === highB ? lowA - lowB : highA - highB;
}

/** Address A minus address B, in bytes; exact if the absolute value is less than 2^53. */
export function addressDistance(highA: number, lowA: number, highB: number, lowB: number): number {
  return (highA - highB) * 2 ** 32 + (lowA - lowB);
}

/** An address and an offset in bytes, which is less than 2^32. */
export function addressPlus(high: number, low: number, offset: number): { high: number; low: number } {
  const sum = low + offset;
  return { high: (high + (sum > 0xffffffff ? 1 : 0)) >>> 0, low: sum >>> 0 };
}

/** 16 lower-case hexadecimal digits, as `nm` prints a 64-bit address. */
export function formatAddress(high: number, low: number): string {
  return high.toString(16).padStart(8, "0") + low.toString(16).padStart(8, "0");
}

/** Addresses, in columns. */
export interface AddressColumns {
  /** Upper half of each address. */
  readonly addressHigh: Uint32Array;
  /** Lower half of each address. */
  readonly addressLow: Uint32Array;
}

/** Compares the addresses at two indices; the result is that of a sort function. */
export function compareAt({ addressHigh, addressLow }: AddressColumns, a: number, b: number): number {
  const highA = addressHigh[a];
  const highB = addressHigh[b];
  const lowA = addressLow[a];
  const lowB = addressLow[b];
  // Sorting calls this too often for a function per access.
  if (highA === undefined || highB === undefined || lowA === undefined || lowB === undefined) {
    throw new RangeError(`index ${a} or ${b} of ${addressHigh.length}`);
  }
  return compareAddresses(highA, lowA, highB, lowB);
}

/** Formats the address at an index as `formatAddress` does. */
export function formatAt({ addressHigh, addressLow }: AddressColumns, index: number): string {
  return formatAddress(at(addressHigh, index), at(addressLow, index));
}
