import type { Listing } from "../symbols/listing.ts";
import { placeInKernel } from "./kaslr.ts";
import { namedSymbols } from "./one-symbol.ts";
import { type ProbePoint, probePoints } from "./probe-points.ts";
import type { SearchedTable } from "./search-alias-table.ts";

/**
 * Finds the probe locations of symbols in a running kernel, even one built without aliases.
 *
 * @param names aliases, or any other form that lookUp accepts
 * @param kallsyms the kernel's /proc/kallsyms, read as root
 * @throws Failure for a name of no symbol or of several, and for a table of a different build
 * @example
 * const table = searchAliasTable("vmlinux.kas.jsonl");
 * const kallsyms = readListing(readFileSync("kallsyms"), "kallsyms");
 * for (const { symbol, offset } of probe(table, ["name_show@drivers_rtc_sysfs_c_26"], kallsyms)) {
 *   console.log(`${symbol}+${offset}`);
 * }
 */
export function probe(table: SearchedTable, names: readonly string[], kallsyms: Listing): ProbePoint[] {
  return probePoints(placeInKernel(table, namedSymbols(table, names), kallsyms), kallsyms);
}
