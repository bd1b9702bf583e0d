import { basename } from "node:path";
import { Failure } from "../failure.ts";
import { isRegularFile } from "../files/read-file.ts";
import { groupBy } from "../grouping.ts";
import type { TableHeader, TableRow } from "./alias-table.ts";
import { checkArchitectures } from "./architectures.ts";
import { HISTORY_COLUMNS, type History, type HistoryRow, newHistory } from "./history.ts";
import { compareKernelVersions } from "./kernel-version.ts";
import { readColumns, readTableHeader } from "./read-alias-table.ts";
import { plainRowReader } from "./row-line.ts";
import { COLUMNS } from "./row-schema.ts";

/** The restrictions of a history. */
export interface HistoryOptions {
  /** Whether to include a symbol. Default: all. */
  readonly isWanted?: (row: Pick<TableRow, "object" | "name">) => boolean;
  /** Whether the tables may be for different architectures. Default: false. */
  readonly anyArchitecture?: boolean;
  /** Called with the tables before their rows are read. */
  readonly onOpen?: (tables: readonly { readonly header: TableHeader }[]) => void;
}

/**
 * Reads alias tables of any number of kernels and matches their symbols, from the oldest kernel to the newest.
 *
 * @param paths in any order; several tables of one kernel must have different objects
 * @throws Failure for a file that is not an alias table, for tables of different architectures, and for an object of a kernel in two
 * @example
 * const history = readHistory(["vmlinux.kas.jsonl", "next.kas.jsonl"]);
 * for (const symbol of history.symbols()) console.log(symbol.name, symbol.events().length);
 */
export function readHistory(
  paths: readonly string[],
  { isWanted = () => true, anyArchitecture = false, onOpen = () => undefined }: HistoryOptions = {},
): History {
  const tables = paths.map(openTable);
  onOpen(tables);
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
  /** Reads them from the first; only once. */
  readonly rows: () => Iterable<HistoryRow>;
}

const parsePlain = plainRowReader(COLUMNS, HISTORY_COLUMNS);

/** Opens a table. Closes a file until its rows are requested, since there may be more files than can be open at a time. */
function openTable(path: string): Table {
  if (isRegularFile(path)) {
    return { source: path, header: readTableHeader(path), rows: () => readColumns(path, parsePlain).rows };
  }
  const { source, header, rows } = readColumns(path, parsePlain);
  return { source, header, rows: () => rows };
}

/** The tables of each kernel, oldest kernel first; for a table without a kernel, its file's name is used. */
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
            `has ${name} of ${kernel}, and so does ${other}`,
            "give one of them",
          );
        }
        sources.set(name, source);
      }
    }
  }
  return [...kernels].sort(([a], [b]) => compareKernelVersions(a, b));
}
