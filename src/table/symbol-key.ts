import { stemOf } from "../symbols/name-anatomy.ts";
import { isObject, kindOfRow } from "../symbols/symbol-kind.ts";
import type { TableRow } from "./alias-table.ts";

/** The part of a symbol's name that does not change from one build to the next. */
export function rowStem(row: Pick<TableRow, "name" | "type" | "kind">): string {
  return stemOf(row.name, isObject(kindOfRow(row)));
}

/** The columns that identify a symbol. */
export type KeyedRow = Pick<TableRow, "object" | "name" | "type" | "kind" | "file" | "unit">;

/** The name without all suffixes that compilers append, as in `foo.isra.0.cold`; names in C have no dot. */
export function sourceName(stem: string): string {
  const dot = stem.indexOf(".", 1);
  return dot === -1 ? stem : stem.slice(0, dot);
}
