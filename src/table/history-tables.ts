import { statSync } from "node:fs";
import { basename } from "node:path";
import { Failure } from "../failure.ts";
import { groupBy } from "../grouping.ts";
import type { TableHeader, TableRow } from "./alias-table.ts";
import { checkArchitectures } from "./architectures.ts";
import { type History, newHistory } from "./history.ts";
import { compareKernelVersions } from "./kernel-version.ts";
import { type AliasTableReader, readAliasTable, readTableHeader } from "./read-alias-table.ts";

/** Which tables, and which of their symbols, a history is about. */
export interface HistoryOptions {
  /** Whether a symbol is wanted. Default: all are. */
  readonly isWanted?: (row: Pick<TableRow, "object" | "name">) => boolean;
  /** Whether the tables may be for different architectures. Default: false. */
  readonly anyArchitecture?: boolean;
}

/**
 * Reads alias tables of any number of kernels and lines their symbols up, from the oldest kernel to the newest.
 *
 * @param paths in any order; several tables of one kernel must be of different objects
 * @throws Failure for a file that is no alias table, for tables of different architectures, and for an object of a kernel in two
 * @example
 * const history = readHistory(["vmlinux.kas.jsonl", "next.kas.jsonl"]);
 * for (const symbol of history.symbols()) console.log(symbol.name, symbol.events().length);
 */
export function readHistory(
  paths: readonly string[],
  { isWanted = () => true, anyArchitecture = false }: HistoryOptions = {},
): History {
  const tables = paths.map(openTable);
  if (!anyArchitecture) checkArchitectures(tables);
  const history = newHistory(isWanted);
  for (const [kernel, ofKernel] of byKernel(tables)) {
    history.add({
      kernel,
      tables: ofKernel.map((table) => ({
        objects: table.header.objects.map((object) => object.name),
        rows: table.rows(),
      })),
    });
  }
  return history;
}

interface Table {
  readonly source: string;
  readonly header: TableHeader;
  /** Reads them from the first; once. */
  readonly rows: () => AliasTableReader["rows"];
}

/** Opens a table; a file is closed again until its rows are wanted, since there may be more than can be open at a time. */
function openTable(path: string): Table {
  if (statSync(path, { throwIfNoEntry: false })?.isFile()) {
    return { source: path, header: readTableHeader(path), rows: () => readAliasTable(path).rows };
  }
  const { source, header, rows } = readAliasTable(path);
  return { source, header, rows: () => rows };
}

/** The tables of each kernel, from the oldest kernel; a table that does not name its kernel is called after its file. */
function byKernel(tables: readonly Table[]): [string, Table[]][] {
  const kernels = groupBy(
    tables,
    ({ header, source }) => header.kernel ?? basename(source).replace(/(\.kas)?\.jsonl$/, ""),
  );
  for (const [kernel, ofKernel] of kernels) {
    const sources = new Map<string, string>();
    for (const { source, header } of ofKernel) {
      for (const { name } of header.objects) {
        const other = sources.get(name);
        if (other !== undefined) {
          throw new Failure(
            "WRONG_USAGE",
            source,
            `has ${name} of ${kernel}, as ${other} has`,
            "give one of them",
          );
        }
        sources.set(name, source);
      }
    }
  }
  return [...kernels].sort(([a], [b]) => compareKernelVersions(a, b));
}
