import type { NamedUnit, Unit } from "../dwarf/unit.ts";

/**
 * Addresses to look up, in columns of `count` entries each.
 *
 * Any order is allowed; the built-in resolver is fastest with ascending addresses.
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
/** The first row with a line within the symbol, since no such row covers its first address. */
export const VIA_NEXT_LINE = 2;

/** How a location was found, as tables record it. */
export type Via = "line" | "next-line" | "decl" | "unit" | "file-symbol";

/** The source locations of the queried addresses, in columns parallel to the queries. */
export interface Locations<U = NamedUnit> {
  /** Index into `files`, -1 if the location is unknown. */
  readonly file: Int32Array;
  /** The line from 1; 0 where the line table gives code no line (DWARF 5 section 6.2.2). */
  readonly line: Uint32Array;
  readonly via: Uint8Array;
  /** Paths as the debug information records them, each joined to its directory. */
  readonly files: readonly string[];
  /** The unit of each address, undefined for an address outside all units; no array when units cannot be read. */
  readonly units: readonly (U | undefined)[] | undefined;
}

/** Maps addresses to source locations. */
export interface Resolver {
  resolve(queries: Queries): Promise<Locations<Unit>>;
}

export function emptyQueries(count: number): Queries {
  return {
    count,
    addressHigh: new Uint32Array(count),
    addressLow: new Uint32Array(count),
    size: new Float64Array(count),
  };
}

/** Unknown locations, for a resolver to fill in. */
export function unknownLocations(count: number) {
  return {
    file: new Int32Array(count).fill(-1),
    line: new Uint32Array(count),
    via: new Uint8Array(count),
    files: [] as string[],
    units: undefined as (Unit | undefined)[] | undefined,
  };
}
