import { readWhole, textOf } from "../files/read-file.ts";
import type { TableHeader, TableRow } from "../table/alias-table.ts";
import { oneRowTooMany, parseHeader, parseRow, tooFewRows } from "../table/read-alias-table.ts";

/** An alias table that parses only the rows that a search finds. */
export interface SearchedTable {
  /** The file's name, for messages. */
  readonly source: string;
  readonly header: TableHeader;
  /**
   * The rows, in the table's order, that have `text` as a string value or as part of one.
   *
   * @param before the ASCII characters that may precede it within a value; it may also begin the value
   * @param after those that may follow it; it may also end the value
   * @throws Failure for a damaged line among the results
   */
  rowsWith(text: string, before: string, after: string): TableRow[];
  /** All distinct values of a key. */
  valuesOf(key: "name" | "file"): Set<string>;
}

const LINE_FEED = 0x0a;
const QUOTE = 0x22;
const COLON = 0x3a;

/**
 * Reads an alias table to search it.
 *
 * @throws Failure for a file that cannot be read, is not an alias table, has another schema, or has a different number of
 *   rows than its header states
 * @example
 * const { header } = searchAliasTable("vmlinux.kas.jsonl");
 * console.log(header.kernel, header.rows);
 */
export function searchAliasTable(path: string): SearchedTable {
  const bytes = readWhole(path);
  const headerEnd = lineEnd(bytes, 0);
  const header = parseHeader(path, textOf(path, bytes.subarray(0, headerEnd)));
  let rows = 0;
  for (let at = headerEnd + 1; at < bytes.length; at = lineEnd(bytes, at) + 1) rows++;
  if (rows < header.rows) throw tooFewRows(path, header, rows);
  if (rows > header.rows) throw oneRowTooMany(path, header);

  const rowAt = (start: number): TableRow => {
    const text = textOf(path, bytes.subarray(start, lineEnd(bytes, start)));
    try {
      return parseRow(path, 0, text);
    } catch {
      let line = 1;
      for (let at = 0; at < start; at = lineEnd(bytes, at) + 1) line++;
      return parseRow(path, line, text);
    }
  };

  return {
    source: path,
    header,
    rowsWith(text, before, after) {
      // Escaped as in JSON.
      const wanted = Buffer.from(JSON.stringify(text).slice(1, -1));
      const found: TableRow[] = [];
      let at = bytes.indexOf(wanted, headerEnd);
      while (wanted.length > 0 && at !== -1) {
        const end = at + wanted.length;
        const isKey = bytes[end] === QUOTE && bytes[end + 1] === COLON;
        let next = at + 1;
        if (!isKey && isOneOf(bytes[at - 1], before) && isOneOf(bytes[end], after)) {
          found.push(rowAt(bytes.lastIndexOf(LINE_FEED, at) + 1));
          next = lineEnd(bytes, end);
        }
        at = bytes.indexOf(wanted, next);
      }
      return found;
    },
    valuesOf(key) {
      const values = new Set<string>();
      const wanted = `"${key}":"`;
      for (let at = bytes.indexOf(wanted, headerEnd); at !== -1; ) {
        const start = at + wanted.length;
        const end = bytes.indexOf(QUOTE, start);
        values.add(textOf(path, bytes.subarray(start, end === -1 ? bytes.length : end)));
        at = bytes.indexOf(wanted, lineEnd(bytes, start));
      }
      return values;
    },
  };
}

function lineEnd(bytes: Buffer, start: number): number {
  const end = bytes.indexOf(LINE_FEED, start);
  return end === -1 ? bytes.length : end;
}

function isOneOf(byte: number | undefined, characters: string): boolean {
  return byte === QUOTE || (byte !== undefined && characters.includes(String.fromCharCode(byte)));
}
