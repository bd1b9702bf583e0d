import { closeSync, openSync, readSync } from "node:fs";
import { cannotRead, Failure } from "../failure.ts";
import { inputStatus } from "../files/read-file.ts";
import { TABLE_SCHEMA, type TableHeader, type TableRow } from "./alias-table.ts";
import {
  type Check,
  faulty,
  isCount,
  isName,
  isObject,
  isText,
  type JsonObject,
  parseObject,
} from "./json-values.ts";
import { parsePlainRow } from "./row-line.ts";
import { COLUMNS, rowChecker } from "./row-schema.ts";

/** An open alias table. @typeParam R its rows, or the columns of them that were asked for */
export interface AliasTableReader<R = TableRow> {
  /** The file's name, for messages. */
  readonly source: string;
  readonly header: TableHeader;
  /**
   * The rows in the file's order, read on demand, only once.
   *
   * @throws Failure for a damaged line, with its number, and for more or fewer rows than the header states
   */
  readonly rows: Generator<R, void, undefined>;
}

/**
 * Opens an alias table: reads its header, and its rows on demand. Unknown keys are ignored.
 *
 * @param path a file, or a pipe
 * @throws Failure for a file that cannot be read, is not an alias table, or has another schema
 * @example
 * const { header, rows } = readAliasTable("vmlinux.kas.jsonl");
 * for (const { name, sympos } of rows) if (sympos > 0) console.log(header.kernel, name, sympos);
 */
export function readAliasTable(path: string): AliasTableReader {
  return readColumns(path, parsePlainRow);
}

/**
 * Opens an alias table of which only some columns are wanted; each value is checked nevertheless.
 *
 * @param parsePlain a plainRowReader of these columns
 * @throws Failure as readAliasTable does
 */
export function readColumns<K extends keyof TableRow>(
  path: string,
  parsePlain: (line: string) => Pick<TableRow, K> | undefined,
): AliasTableReader<Pick<TableRow, K>> {
  const lines = readLines(path);
  const first = lines.next();
  try {
    const header = parseHeader(path, first.done ? "" : first.value);
    return { source: path, header, rows: readRows(path, header, lines, parsePlain) };
  } catch (error) {
    lines.return();
    throw error;
  }
}

/** An alias table with all its rows. */
export interface WholeTable {
  /** The file's name, for messages. */
  readonly source: string;
  readonly header: TableHeader;
  readonly rows: readonly TableRow[];
}

/**
 * Reads a whole alias table. @throws Failure as readAliasTable and its rows do
 * @example
 * console.log(readWholeTable("vmlinux.kas.jsonl").rows.length);
 */
export function readWholeTable(path: string): WholeTable {
  const { source, header, rows } = readAliasTable(path);
  return { source, header, rows: [...rows] };
}

/** Reads only the header of an alias table. @throws Failure as readAliasTable does */
export function readTableHeader(path: string): TableHeader {
  const lines = readLines(path);
  try {
    const first = lines.next();
    return parseHeader(path, first.done ? "" : first.value);
  } finally {
    lines.return();
  }
}

/** The advice for a damaged table. */
const ADVICE = "regenerate the table";

/** The header in the first line of a table. @throws Failure for another schema, or none */
export function parseHeader(path: string, text: string): TableHeader {
  if (text === "") throw new Failure("WRONG_KIND", path, "is empty", "give a file written by --table");
  const header = parseObject(text);
  const schema = header?.schema;
  if (header === undefined || typeof schema !== "string") {
    throw new Failure(
      "WRONG_KIND",
      path,
      "is not an alias table: its first line has no schema",
      "give a file written by --table",
    );
  }
  if (schema !== TABLE_SCHEMA) {
    const problem = `has the schema ${schema}; this version reads ${TABLE_SCHEMA}`;
    throw new Failure("UNSUPPORTED", path, problem, "use the version of kas-alias that wrote it");
  }
  if (!isHeader(header))
    throw new Failure("DAMAGED", path, `line 1 is damaged: ${faulty(header, HEADER_KEYS)}`, ADVICE);
  return header;
}

function* readRows<K extends keyof TableRow>(
  path: string,
  header: TableHeader,
  lines: Generator<string, void, undefined>,
  parsePlain: (line: string) => Pick<TableRow, K> | undefined,
): Generator<Pick<TableRow, K>, void, undefined> {
  let count = 0;
  for (const text of lines) {
    const line = ++count + 1;
    const row = parsePlain(text) ?? parseRow(path, line, text);
    if (count > header.rows) {
      throw oneRowTooMany(path, header);
    }
    yield row;
  }
  if (count < header.rows) {
    throw tooFewRows(path, header, count);
  }
}

const checkedRow = rowChecker(COLUMNS);

/** The failure for a table with fewer rows than its header states. */
export function tooFewRows(path: string, { rows }: TableHeader, count: number): Failure {
  return new Failure("DAMAGED", path, `ends after ${count} of its ${rows} rows`, ADVICE);
}

/** The failure for a table with more rows than its header states. */
export function oneRowTooMany(path: string, { rows }: TableHeader): Failure {
  return new Failure(
    "DAMAGED",
    path,
    `line ${rows + 2} is one too many: its header states ${rows} rows`,
    ADVICE,
  );
}

/** The row in one line of a table, including unknown keys. @throws Failure for a damaged line, with its number */
export function parseRow(path: string, line: number, text: string): TableRow {
  const value = parseObject(text);
  const row = value === undefined ? "not a JSON object, or nested too deeply" : checkedRow(value);
  if (typeof row === "string") throw new Failure("DAMAGED", path, `line ${line} is damaged: ${row}`, ADVICE);
  return row;
}

const isCounts: Check = (value) => isObject(value) && Object.values(value).every(isCount);
const isTextOrNull: Check = (value) => value === null || isText(value);

const HEADER_KEYS: Record<Exclude<keyof TableHeader, "unresolved">, Check> = {
  schema: isText,
  kernel: isTextOrNull,
  arch: isTextOrNull,
  scope: (value) => value === "global" || value === "object",
  objects: (value) =>
    Array.isArray(value) &&
    value.every((object) => isObject(object) && isName(object.name) && isTextOrNull(object.buildId)),
  rows: isCount,
  generator: isText,
  options: isObject,
};

function isHeader(value: JsonObject): value is JsonObject & TableHeader {
  const { unresolved } = value;
  return faulty(value, HEADER_KEYS) === undefined && (unresolved === undefined || isCounts(unresolved));
}

const CHUNK_BYTES = 1 << 16;
/** Far more than the size of the header for a kernel with 10,000 modules. */
const MAX_LINE_BYTES = 1 << 24;
const LINE_FEED = 0x0a;

/** A file's lines without their ends, a few at a time in memory. */
function* readLines(path: string): Generator<string, void, undefined> {
  let fd: number | undefined;
  try {
    inputStatus(path);
    fd = openSync(path, "r");
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    let begun = Buffer.alloc(0);
    for (let line = 1; ; ) {
      const count = readSync(fd, chunk);
      if (count === 0) break;
      const bytes = Buffer.concat([begun, chunk.subarray(0, count)]);
      const end = bytes.lastIndexOf(LINE_FEED);
      begun = bytes.subarray(end + 1);
      if (end !== -1) {
        // A UTF-8 character of several bytes contains no line feed byte.
        const lines = bytes.toString("utf8", 0, end).split("\n");
        line += lines.length;
        yield* lines;
      }
      if (begun.length > MAX_LINE_BYTES) {
        throw new Failure("DAMAGED", path, `line ${line} is longer than ${MAX_LINE_BYTES} bytes`, ADVICE);
      }
    }
    if (begun.length > 0) yield begun.toString();
  } catch (error) {
    throw error instanceof Failure ? error : cannotRead(path, error);
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}
