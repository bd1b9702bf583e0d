import type { MissingFiles } from "../dwarf/missing-files.ts";
import type { Listing } from "../symbols/listing.ts";
import type { KallsymsNames } from "../symbols/name-anatomy.ts";
import { chooseCandidates, findExistingAliases, type Surroundings, symbolsInScope } from "./candidates.ts";
import { findNamesakes, type Namesakes } from "./duplicates.ts";
import { symbolFilter } from "./filters.ts";
import type { SelectionOptions } from "./options.ts";

/** The choice of a listing's symbols, before any location is looked up. */
export interface Selection {
  readonly listing: Listing;
  /** 1 for each line of the listing that is an alias already. */
  readonly existing: Uint8Array | undefined;
  readonly namesakes: Namesakes;
  /** The part of a name that look-ups compare, used to count the namesakes. */
  readonly kallsymsNames: KallsymsNames;
  /** The symbols whose type is in scope, in address order. */
  readonly inScope: Int32Array;
  /** Those of them to alias. */
  readonly symbols: Int32Array;
  /** The names with control characters, whose symbols get no alias and no row. */
  readonly unprintable: Set<string>;
  readonly counts: {
    readonly symbols: number;
    readonly duplicatedNames: number;
    readonly excluded: Record<string, number>;
  };
}

/** Reports the names with control characters. */
export function reportUnprintable({ listing, unprintable }: Selection, missing: MissingFiles): void {
  for (const name of unprintable) {
    const problem = `${listing.source}: the name ${name} has control characters`;
    missing.add(name, problem, "such symbols get no alias and are not in the table");
  }
}

/** Selects the symbols of a listing to alias. */
export function selectSymbols(
  listing: Listing,
  options: SelectionOptions,
  surroundings?: Surroundings,
): Selection {
  const existing = findExistingAliases(listing, options);
  const namesakes = findNamesakes(listing, options.data, existing, options.kallsymsNames);
  const filter = symbolFilter(options.filters);
  const { symbols, excluded, unprintable } = chooseCandidates(
    listing,
    options,
    namesakes,
    filter,
    surroundings,
  );
  let inScope: Int32Array | undefined;
  const ignored = existing?.reduce((sum, isAlias) => sum + isAlias, 0) ?? 0;
  return {
    listing,
    existing,
    namesakes,
    kallsymsNames: options.kallsymsNames,
    // Computed on demand: most runs do not need it.
    get inScope() {
      inScope ??= symbolsInScope(listing, options.data, existing);
      return inScope;
    },
    symbols,
    unprintable,
    counts: {
      symbols: listing.count - ignored,
      duplicatedNames: namesakes.duplicated.length,
      excluded: Object.fromEntries([...excluded].sort(([a], [b]) => (a < b ? -1 : 1))),
    },
  };
}
