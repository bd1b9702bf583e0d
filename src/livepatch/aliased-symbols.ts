import { Failure } from "../failure.ts";
import { lookUpExactly } from "../lookup/look-up.ts";
import { ambiguous, notFound } from "../lookup/one-symbol.ts";
import type { SearchedTable } from "../lookup/search-alias-table.ts";
import type { TableRow } from "../table/alias-table.ts";
import { type OldSymbol, oldSymbolOf, VMLINUX } from "./old-symbol.ts";

/** An alias's symbol, as a live patch names it and as the table has it. */
export interface AliasedSymbol {
  readonly alias: string;
  readonly symbol: OldSymbol;
  readonly row: TableRow;
}

/**
 * Finds the symbols that aliases, or names that are unique, mean.
 *
 * @param buildId of the vmlinux that the table must be of; null when it is not known
 * @throws Failure for what the table does not have, which names the nearest, and for a table of another build
 */
export function findAliased(
  aliases: readonly string[],
  table: SearchedTable,
  buildId: string | null,
): AliasedSymbol[] {
  checkBuild(table, buildId);
  return aliases.map((alias) => {
    const { rows, closest } = lookUpExactly(table, alias);
    const [row, ...others] = rows;
    if (row === undefined) {
      throw notFound(table.source, alias, closest);
    }
    if (others.length > 0) {
      throw ambiguous(table.source, alias, rows);
    }
    return { alias, row, symbol: oldSymbolOf(table.header, row) };
  });
}

function checkBuild({ source, header }: SearchedTable, buildId: string | null): void {
  const ofTable = header.objects.find(({ name }) => name === VMLINUX)?.buildId ?? null;
  if (buildId === null || ofTable === buildId) return;
  const problem = `is of ${ofTable === null ? "no known build" : `the build ${ofTable}`}, the vmlinux has ${buildId}`;
  throw new Failure("OTHER_BUILD", source, problem, "write a table of this build");
}
