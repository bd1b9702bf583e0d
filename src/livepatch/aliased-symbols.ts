import { Failure } from "../failure.ts";
import { lookUpExactly } from "../lookup/look-up.ts";
import { ambiguous, notFound } from "../lookup/one-symbol.ts";
import type { SearchedTable } from "../lookup/search-alias-table.ts";
import type { TableRow } from "../table/alias-table.ts";
import { type OldSymbol, oldSymbolOf, VMLINUX } from "./old-symbol.ts";

/** An alias's symbol, as a live patch names it and as a row of the table. */
export interface AliasedSymbol {
  readonly alias: string;
  readonly symbol: OldSymbol;
  readonly row: TableRow;
}

/**
 * Finds the symbols for aliases or unique names.
 *
 * @param buildId of the vmlinux that the table must match; null when unknown
 * @throws Failure for a name that the table does not have, with suggestions, and for a table of a different build
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
  const problem = `${ofTable === null ? "has no build ID" : `has the build ID ${ofTable}`}, but the vmlinux has ${buildId}`;
  throw new Failure("OTHER_BUILD", source, problem, "write a table of this build");
}
