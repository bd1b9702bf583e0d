import { bytes } from "../files/write-files.ts";
import { rowWriter } from "./row-line.ts";
import { COLUMNS, type Row } from "./row-schema.ts";

/** The schema in the first line of tables of this format. */
export const TABLE_SCHEMA = "kas-alias/table@1";

/** The first line of an alias table. */
export interface TableHeader {
  readonly schema: typeof TABLE_SCHEMA;
  /** The kernel's release, as `uname -r`. */
  readonly kernel: string | null;
  /** As `uname -m`. */
  readonly arch: string | null;
  readonly scope: "global" | "object";
  readonly objects: readonly { readonly name: string; readonly buildId: string | null }[];
  /** The number of lines that follow. */
  readonly rows: number;
  /** The number of symbols with a duplicated name that got no alias, by name; omitted when there are none. */
  readonly unresolved?: Readonly<Record<string, number>>;
  readonly generator: string;
  /** The options that affect results. */
  readonly options: Readonly<Record<string, unknown>>;
}

/** One symbol of an alias table. Every key is always present, null when unknown. */
export interface TableRow extends Row<typeof COLUMNS> {}

const rowLine = rowWriter(COLUMNS);

/**
 * An alias table as JSON Lines, in pieces to write to a file.
 * @example
 * const result = await aliasVmlinux({ image: openElf("vmlinux") });
 * await writeFiles([{ target: "aliases.kas.jsonl", pieces: tablePieces(result) }]);
 */
export function tablePieces(table: {
  readonly header: TableHeader;
  rows(): Iterable<TableRow>;
}): Iterable<Uint8Array> {
  return bytes(tableLines(table.header, table.rows()));
}

/** An alias table as JSON Lines, line by line. */
export function* tableLines(header: TableHeader, rows: Iterable<TableRow>): Generator<string> {
  yield `${JSON.stringify(header)}\n`;
  for (const row of rows) yield `${rowLine(row)}\n`;
}
