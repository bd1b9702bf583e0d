import { closeSync, openSync, readSync } from "node:fs";
import { cannotRead, errorCode, Failure } from "../failure.ts";
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

/** An alias table that is being read. */
export interface AliasTableReader {
  /** The file's name, for messages. */
  readonly source: string;
  readonly header: TableHeader;
  /**
   * The rows in the file's order, read as they are asked for, once.
   *
   * @throws Failure for a damaged line, by its number, and for more or fewer rows than the header tells
   */
  readonly rows: Generator<TableRow, void, undefined>;
}

/**
 * Opens an alias table: its header is read, its rows are when they are asked for. Keys that are not known are passed over.
 *
 * @param path a file, or a pipe
 * @throws Failure for a file that cannot be read, is no alias table, or is one of another schema
 * @example
 * const { header, rows } = readAliasTable("vmlinux.kas.jsonl");
 * for (const { name, sympos } of rows) if (sympos > 0) console.log(header.kernel, name, sympos);
 */
export function readAliasTable(path: string): AliasTableReader {
  const lines = readLines(path);
  const first = lines.next();
  try {
    const header = parseHeader(path, first.done ? "" : first.value);
    return { source: path, header, rows: readRows(path, header, lines) };
  } catch (error) {
    lines.return();
    throw error;
  }
}

/** An alias table with all of its rows. */
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

/** The header of an alias table, whose file is closed again. @throws Failure as readAliasTable does */
export function readTableHeader(path: string): TableHeader {
  const lines = readLines(path);
  try {
    const first = lines.next();
    return parseHeader(path, first.done ? "" : first.value);
  } finally {
    lines.return();
  }
}

/** What to do about a damaged table. */
const ADVICE = "write the table anew";

/** The header in the first line of a table. @throws Failure for one of another schema, or none */
export function parseHeader(path: string, text: string): TableHeader {
  if (text === "") throw new Failure("WRONG_KIND", path, "is empty", "give what --table writes");
  const header = parseObject(text);
  const schema = header?.schema;
  if (header === undefined || typeof schema !== "string") {
    throw new Failure(
      "WRONG_KIND",
      path,
      "is no alias table: its first line names no schema",
      "give what --table writes",
    );
  }
  if (schema !== TABLE_SCHEMA) {
    const problem = `has the schema ${schema}; this version reads ${TABLE_SCHEMA}`;
    throw new Failure("UNSUPPORTED", path, problem, "use the kas-alias that wrote it");
  }
  if (!isHeader(header))
    throw new Failure("DAMAGED", path, `line 1 is damaged: ${faulty(header, HEADER_KEYS)}`, ADVICE);
  return header;
}

function* readRows(
  path: string,
  header: TableHeader,
  lines: Generator<string, void, undefined>,
): Generator<TableRow, void, undefined> {
  let count = 0;
  for (const text of lines) {
    const line = ++count + 1;
    const row = parsePlainRow(text) ?? parseRow(path, line, text);
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

/** A table that ends before the last row that its header announces. */
export function tooFewRows(path: string, { rows }: TableHeader, count: number): Failure {
  return new Failure("DAMAGED", path, `ends after ${count} of its ${rows} rows`, ADVICE);
}

/** A table that goes on after the last row that its header announces. */
export function oneRowTooMany(path: string, { rows }: TableHeader): Failure {
  return new Failure(
    "DAMAGED",
    path,
    `line ${rows + 2} is one too many: its header announces ${rows} rows`,
    ADVICE,
  );
}

/** The row in one line of a table, with keys that are not known too. @throws Failure for a damaged line, by its number */
export function parseRow(path: string, line: number, text: string): TableRow {
  const value = parseObject(text);
  const row = value === undefined ? "no JSON object" : checkedRow(value);
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
/** Far more than the header of a kernel with 10,000 modules takes. */
const MAX_LINE_BYTES = 1 << 24;
const LINE_FEED = 0x0a;

/** A file's lines without their ends, a few at a time in memory. */
function* readLines(path: string): Generator<string, void, undefined> {
  const fd = reading(path, () => openSync(path, "r"));
  try {
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    let begun = Buffer.alloc(0);
    for (let line = 1; ; ) {
      const count = reading(path, () => readSync(fd, chunk));
      if (count === 0) break;
      const bytes = Buffer.concat([begun, chunk.subarray(0, count)]);
      const end = bytes.lastIndexOf(LINE_FEED);
      begun = bytes.subarray(end + 1);
      if (end !== -1) {
        // No character of several bytes has a line feed among them.
        const lines = bytes.toString("utf8", 0, end).split("\n");
        line += lines.length;
        yield* lines;
      }
      if (begun.length > MAX_LINE_BYTES) {
        throw new Failure("DAMAGED", path, `line ${line} is longer than ${MAX_LINE_BYTES} bytes`, ADVICE);
      }
    }
    if (begun.length > 0) yield begun.toString();
  } finally {
    closeSync(fd);
  }
}

/** Reads a file; system errors become Failures that name it. */
export function reading<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (errorCode(error) === "EISDIR")
      throw new Failure("CANNOT_READ", path, "is a directory", "name a file");
    throw cannotRead(path, error);
  }
}
