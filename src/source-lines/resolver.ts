import type { Unit } from "../dwarf/unit.ts";

/**
 * Addresses to be looked up, in columns of `count` entries each.
 *
 * Any order is allowed; the built-in resolver is fastest when they ascend.
 */
export interface Queries {
  readonly count: number;
  readonly addressHigh: Uint32Array;
  readonly addressLow: Uint32Array;
  /** Bytes from the address to the end of its symbol, 0 when unknown. */
  readonly size: Float64Array;
}

/** How a location was found; the values of `Locations.via`. */
export const VIA_NONE = 0;
/** The line table's row for the address itself. */
export const VIA_LINE = 1;
/** The first row within the symbol, since none covers its first address. */
export const VIA_NEXT_LINE = 2;

/** How a location was found, as tables say it. */
export type Via = "line" | "next-line" | "decl" | "file-symbol";

/** The source locations of the addresses asked for, in columns parallel to the queries. */
export interface Locations {
  /** Index into `files`, -1 where no location is known. */
  readonly file: Int32Array;
  /** The line from 1; 0 where the line table has code of no line (DWARF 5 section 6.2.2). */
  readonly line: Uint32Array;
  readonly via: Uint8Array;
  /** Paths as the debug information records them, each joined to its directory. */
  readonly files: readonly string[];
  /** The compilation unit of each address, undefined for an address in none; undefined when units cannot be read. */
  readonly units: readonly (Unit | undefined)[] | undefined;
}

/** What turns addresses into source locations. */
export interface Resolver {
  resolve(queries: Queries): Promise<Locations>;
}

export function emptyQueries(count: number): Queries {
  return {
    count,
    addressHigh: new Uint32Array(count),
    addressLow: new Uint32Array(count),
    size: new Float64Array(count),
  };
}

/** Locations that are all unknown, for a resolver to fill in. */
export function unknownLocations(count: number) {
  return {
    file: new Int32Array(count).fill(-1),
    line: new Uint32Array(count),
    via: new Uint8Array(count),
    files: [] as string[],
    units: undefined as (Unit | undefined)[] | undefined,
  };
}
