import { emptyQueries, type Resolver } from "./resolver.ts";

/** A line of a source file. */
export interface SourceLine {
  /** The path in the debug information, joined to its directory. */
  readonly file: string;
  /** From 1; 0 for code without a line. */
  readonly line: number;
}

/**
 * Looks up the source lines of addresses.
 *
 * @returns one for each address, in the same order; null if unknown
 * @throws Failure for damaged debug information, and when addr2line fails
 * @example
 * const locator = await openLocator(openElf("vmlinux"));
 * const [line] = await locateAddresses(locator, [0xffffffff81000000n]);
 * console.log(line?.file, line?.line);
 */
export async function locateAddresses(
  resolver: Resolver,
  addresses: readonly bigint[],
): Promise<(SourceLine | null)[]> {
  const queries = emptyQueries(addresses.length);
  for (const [i, address] of addresses.entries()) {
    queries.addressHigh[i] = Number(BigInt.asUintN(32, address >> 32n));
    queries.addressLow[i] = Number(BigInt.asUintN(32, address));
  }
  const { file, line, files } = await resolver.resolve(queries);
  return Array.from(file, (index, i) => {
    const path = files[index];
    return path === undefined ? null : { file: path, line: line[i] ?? 0 };
  });
}
