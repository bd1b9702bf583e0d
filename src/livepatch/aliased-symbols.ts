import { Failure } from "../failure.ts";
import { lookUpExactly } from "../lookup/look-up.ts";
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
      const advice = closest.length > 0 ? `near it: ${closest.join(", ")}` : "find it with kas-alias lookup";
      throw new Failure("NOT_FOUND", alias, `is no alias of ${table.source}`, advice);
    }
    if (others.length > 0) {
      const bearers = rows.map(({ object, alias: one }) => one ?? object).join(", ");
      throw new Failure("AMBIGUOUS", alias, `means ${rows.length} symbols`, `give one of ${bearers}`);
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
