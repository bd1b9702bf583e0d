import {
  ADDRESS,
  COUNT,
  fromEdition,
  type Kind,
  LETTER,
  listOf,
  NAME,
  orNull,
  PARAMETER,
  SMALL_COUNT,
  TEXT,
} from "./column-kinds.ts";
import { faulty, type JsonObject } from "./json-values.ts";

/** Columns by their keys, in the order of a written row. */
export type Columns = Readonly<Record<string, Kind<unknown>>>;

/** A row with these columns. */
export type Row<C extends Columns> = { readonly [K in keyof C]: C[K] extends Kind<infer T> ? T : never };

/**
 * The columns of the alias table. All code that reads, checks or writes rows uses them. To add a column, add a line at the end,
 * with the next edition, and set its value where rows are created.
 */
export const COLUMNS = {
  /** "vmlinux" or the module's name. */
  object: NAME,
  name: NAME,
  /** null for a symbol without an alias. */
  alias: orNull(NAME),
  /** nm's letter. */
  type: LETTER,
  /** Hexadecimal digits; in a module, the offset in its section. */
  address: ADDRESS,
  section: orNull(TEXT),
  /** In bytes. */
  size: orNull(COUNT),
  /** Relative to the source root. */
  file: orNull(TEXT),
  line: orNull(SMALL_COUNT),
  /** The compilation unit's primary source file. */
  unit: orNull(TEXT),
  /** Position among the namesakes of its object, from 1; 0 when the name is unique there. */
  sympos: SMALL_COUNT,
  /** The number appended to the alias, 0 for none. */
  ordinal: SMALL_COUNT,
  /** How the location was found: a `Via`, or a value of a later version. */
  via: orNull(TEXT),
  /** The function that holds a static local variable; null outside functions. */
  function: fromEdition(2, orNull(TEXT)),
  /** The number of a function's parameters in the source; null when not requested or unknown. */
  parameters: fromEdition(2, orNull(COUNT)),
  /** The parameters that still arrive, numbered from 1; null when unknown. */
  arriving: fromEdition(2, orNull(listOf(PARAMETER))),
  /** "function", "object" or "other", by the symbol's ELF type: `type` says `t` for data in an executable section. */
  kind: fromEdition(3, orNull(TEXT)),
} as const satisfies Columns;

/** The edition of the schema that added a column. */
export function editionOf({ edition = 1 }: Kind<unknown>): number {
  return edition;
}

/**
 * Returns a function that checks a row from JSON.parse, and sets columns that its table's edition lacks to null.
 *
 * @returns the row; or, in words, the first column that is missing or has a value of the wrong kind
 */
export function rowChecker<C extends Columns>(columns: C): (row: JsonObject) => Row<C> | string {
  const entries = Object.entries(columns);
  const checks = Object.fromEntries(entries.map(([key, { check }]) => [key, check]));
  const added = entries.filter(([, kind]) => editionOf(kind) > 1).map(([key]) => key);
  return (row) => {
    for (const key of added) row[key] ??= null;
    // Each value has passed its column's check.
    return faulty(row, checks) ?? (row as Row<C>);
  };
}
