import { Failure } from "../failure.ts";
import type { TableHeader, TableRow } from "../table/alias-table.ts";
import type { AliasTableReader } from "../table/read-alias-table.ts";
import { type OldSymbol, oldSymbolOf } from "./old-symbol.ts";

/** An alias's symbol, as a live patch names it and as the table has it. */
export interface AliasedSymbol {
  readonly alias: string;
  readonly symbol: OldSymbol;
  readonly row: TableRow;
}

/** How many other aliases a message names. */
const NEAREST = 3;

/**
 * Finds the symbols that aliases mean.
 *
 * @throws Failure for an alias that the table does not have, which names the nearest ones, and for a table of another build
 * @param buildId of the vmlinux that the table must be of; null when it is not known
 */
export function findAliased(
  aliases: readonly string[],
  { source, header, rows }: AliasTableReader,
  buildId: string | null,
): AliasedSymbol[] {
  checkBuild(source, header, buildId);
  const wanted = new Set(aliases);
  const found = new Map<string, TableRow>();
  const others = new Map<string, string[]>(aliases.map((alias) => [alias, []]));
  const stemOf = stemFinder(header);
  for (const row of rows) {
    const { alias } = row;
    if (alias === null) continue;
    if (wanted.has(alias)) found.set(alias, row);
    for (const [missing, near] of others) if (isNear(missing, alias, stemOf)) near.push(alias);
  }
  return aliases.map((alias) => {
    const row = found.get(alias);
    if (row === undefined) throw notFound(alias, source, others.get(alias) ?? []);
    return { alias, row, symbol: oldSymbolOf(header, row) };
  });
}

function checkBuild(source: string, { objects }: TableHeader, buildId: string | null): void {
  const ofTable = objects.find(({ name }) => name === "vmlinux")?.buildId ?? null;
  if (buildId === null || ofTable === buildId) return;
  const problem = `is of the build ${ofTable ?? "without an ID"}, the vmlinux has ${buildId}`;
  throw new Failure(source, problem, "write a table of this build");
}

/** The part of an alias in front of its first separator. */
function stemFinder({ options }: TableHeader): (alias: string) => string {
  const separator = typeof options.separator === "string" ? options.separator : "@";
  return (alias) => alias.split(separator, 1)[0] as string;
}

/** Whether an alias has the same stem as another one, or one that begins alike. */
function isNear(missing: string, alias: string, stemOf: (alias: string) => string): boolean {
  const [wanted, stem] = [stemOf(missing), stemOf(alias)];
  return stem === wanted || commonLength(wanted, stem) > Math.max(3, 0.75 * wanted.length);
}

function notFound(alias: string, source: string, near: readonly string[]): Failure {
  const nearest = [...near].sort(
    (a, b) => commonLength(b, alias) - commonLength(a, alias) || (a < b ? -1 : 1),
  );
  const shown = nearest.slice(0, NEAREST).join(", ");
  return new Failure(
    alias,
    `is no alias of ${source}`,
    shown === "" ? "find it with kas-alias lookup" : `near it: ${shown}`,
  );
}

function commonLength(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return length;
}
