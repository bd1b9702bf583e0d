import { type Kind, valueForm } from "./column-kinds.ts";
import type { JsonObject } from "./json-values.ts";
import { COLUMNS, type Columns, editionOf, type Row } from "./row-schema.ts";

/**
 * Returns a function that reads a row's line in the form in which this program writes most of them, five times as fast as
 * JSON.parse and checks of each value. It returns undefined for a line in another form, which may still be valid.
 *
 * @param kept the columns that the row will have, all by default; the others are only checked, in less time
 */
export function plainRowReader<C extends Columns, K extends keyof C = keyof C>(
  columns: C,
  kept: readonly K[] = Object.keys(columns) as K[], // the keys of C, by the type of Columns
): (line: string) => Pick<Row<C>, K> | undefined {
  const entries = Object.entries(columns);
  const isKept = (key: string) => kept.some((each) => each === key);
  const form = new RegExp(`^\\{${columnsForm(entries, isKept)}${laterKeys(entries)}\\}$`);
  const parsers = entries.filter(([key]) => isKept(key)).map(([key, { parse }]) => ({ key, parse }));
  // JSON.parse creates an object with in-object slots for all its keys, and copies of it have them too.
  const empty: JsonObject = JSON.parse(`{${parsers.map(({ key }) => `${JSON.stringify(key)}:null`).join()}}`);
  return (line) => {
    const fields = form.exec(line);
    if (fields === null) return undefined;
    // Setting values in a copy of an object with all keys is faster than adding keys one by one.
    const row = { ...empty };
    let group = 1;
    for (const { key, parse } of parsers) {
      const field = fields[group++];
      if (field !== undefined) row[key] = parse(field);
    }
    // Each value comes from its column's parser, and its form passes the column's check.
    return row as Row<C>;
  };
}

/** Reads a line of an alias table; see plainRowReader. */
export const parsePlainRow = plainRowReader(COLUMNS);

/** Returns a function that writes a row's line without its line feed: its columns, regardless of the order of the row's keys. */
export function rowWriter<C extends Columns>(columns: C): (row: Row<C>) => string {
  const keys = Object.keys(columns);
  return (row) => {
    if (hasKeys(row, keys)) return JSON.stringify(row);
    return JSON.stringify(Object.fromEntries(keys.map((key) => [key, row[key] ?? null])));
  };
}

/** Whether an object has only these keys, in this order: then JSON.stringify can write the object itself, which is fastest. */
function hasKeys(object: object, keys: readonly string[]): boolean {
  let i = 0;
  for (const key in object) if (key !== keys[i++]) return false;
  return i === keys.length;
}

/** The form of the columns of an edition, followed by an optional group with those of later editions. */
function columnsForm(
  entries: readonly [string, Kind<unknown>][],
  isCaptured: (key: string) => boolean,
  edition = 1,
): string {
  const own = entries.filter(([, kind]) => editionOf(kind) === edition);
  const later = entries.filter(([, kind]) => editionOf(kind) > edition);
  const form = own
    .map(([key, kind]) => `"${key}":${valueForm(kind, isCaptured(key) ? "(" : "(?:")}`)
    .join(",");
  return later.length === 0 ? form : `${form}(?:,${columnsForm(later, isCaptured, edition + 1)})?`;
}

/** Keys of future versions with simple values; not those of known columns, so that a table with part of an edition does not match. */
function laterKeys(entries: readonly [string, Kind<unknown>][]): string {
  const added = entries.filter(([, kind]) => editionOf(kind) > 1).map(([key]) => `${key}"`);
  const value = 'null|true|false|0|[1-9][0-9]{0,14}|"[^"\\\\\\x00-\\x1f]*"';
  const known = added.length === 0 ? "" : `(?!${added.join("|")})`;
  return `(?:,"${known}[^"\\\\\\x00-\\x1f]+":(?:${value}))*`;
}
