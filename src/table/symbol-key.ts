import { stemOf } from "../symbols/name-anatomy.ts";
import { isObject, kindOfRow } from "../symbols/symbol-kind.ts";
import type { TableRow } from "./alias-table.ts";

/** A character that no name contains: tables with control characters in names are refused. */
export const KEY_SEPARATOR = "\0";

/** The part of a symbol's name that does not change from one build to the next. */
export function rowStem(row: Pick<TableRow, "name" | "type" | "kind">): string {
  return stemOf(row.name, isObject(kindOfRow(row)));
}

/** The columns that identify a symbol. */
export type KeyedRow = Pick<TableRow, "object" | "name" | "type" | "kind" | "file" | "unit">;

/** The identity of a symbol across kernels: object, stem, file and unit. */
export function symbolKey(row: KeyedRow): string {
  const { object, file, unit } = row;
  return [object, rowStem(row), file ?? "", unit ?? ""].join(KEY_SEPARATOR);
}

/** The name without all suffixes that compilers append, as in `foo.isra.0.cold`; names in C have no dot. */
export function sourceName(stem: string): string {
  const dot = stem.indexOf(".", 1);
  return dot === -1 ? stem : stem.slice(0, dot);
}
