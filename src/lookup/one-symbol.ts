import { Failure } from "../failure.ts";
import { isFunction, kindOfRow } from "../symbols/symbol-kind.ts";
import type { TableRow } from "../table/alias-table.ts";
import { lookUp } from "./look-up.ts";
import type { SearchedTable } from "./search-alias-table.ts";

/**
 * Finds the only symbol for a name, in any form that lookUp accepts.
 *
 * @param dataToo whether it may be a variable
 * @throws Failure for a name of no symbol, of several, or of a variable unless `dataToo`; it suggests symbols
 * @example
 * const { address, file, line } = oneSymbol(searchAliasTable("vmlinux.kas.jsonl"), "name_show@rtc");
 * console.log(address, file, line);
 */
export function oneSymbol(table: SearchedTable, name: string, dataToo = false): TableRow {
  const { match, rows, closest } = lookUp(table, name);
  const [row] = rows;
  if (row === undefined || match === "nearest") {
    throw notFound(table.source, name, match === null ? closest : rows.map(nameOf));
  }
  if (rows.length > 1) throw ambiguous(table.source, name, rows);
  if (row.section?.startsWith(".data..percpu")) {
    throw new Failure(
      "WRONG_KIND",
      table.source,
      `${name} is a per-CPU variable: each CPU has a copy at another address`,
      "read it with per_cpu_ptr() in a program that runs in the kernel",
    );
  }
  if (!dataToo && !isFunction(kindOfRow(row))) {
    throw new Failure(
      "WRONG_KIND",
      table.source,
      `${name} is data`,
      "give --format address for a watchpoint",
    );
  }
  return row;
}

/** The failure for a name that a table does not have. @param closest suggestions */
export function notFound(table: string, name: string, closest: readonly string[]): Failure {
  const advice = closest.length > 0 ? `give ${closest.join(" or ")}` : "find it with kas-alias lookup";
  return new Failure("NOT_FOUND", table, `has no ${name}`, advice);
}

/** The failure for a name of several symbols. */
export function ambiguous(table: string, name: string, rows: readonly TableRow[]): Failure {
  const advice = `give ${rows.map(nameOf).join(" or ")}`;
  return new Failure("AMBIGUOUS", table, `has ${rows.length} symbols for ${name}`, advice);
}

const nameOf = ({ alias, name }: TableRow) => alias ?? name;

/** The symbols for names, each once, in the order of the names. @throws Failure as oneSymbol does */
export function namedSymbols(table: SearchedTable, names: readonly string[], dataToo = false): TableRow[] {
  const rows = new Map<string, TableRow>();
  for (const name of names) {
    const row = oneSymbol(table, name, dataToo);
    rows.set(`${row.object} ${row.section} ${row.address} ${row.name}`, row);
  }
  return [...rows.values()];
}
