import { at } from "../checked-index.ts";
import { groupBy, onlyItem } from "../grouping.ts";
import type { TableHeader, TableRow } from "./alias-table.ts";
import { pairByLine } from "./pair-by-line.ts";
import { KEY_SEPARATOR, rowStem, sourceName, symbolKey } from "./symbol-key.ts";
import { compareObjects, compareTexts } from "./symbol-order.ts";

/** The groups of symbols; docs/diff.md explains each. */
export const GROUPS = ["unchanged", "moved", "relocated", "sympos", "added", "removed"] as const;
export type Group = (typeof GROUPS)[number];

/** The reasons why an alias or a symbol was added or removed; docs/diff.md explains each. */
export const REASONS = [
  "duplicated",
  "location",
  "place",
  "suffix",
  "object",
  "namesake",
  "name",
  "unknown",
] as const;
export type Reason = (typeof REASONS)[number];

/** A symbol in one table, or in both: then `old` and `new` are the same symbol. */
export interface Change {
  readonly group: Group;
  /** Set for added and removed; null in the other groups. */
  readonly reason: Reason | null;
  /** For reason "suffix" the other name, for "object" the other object; otherwise null. */
  readonly other: string | null;
  readonly old: TableRow | null;
  readonly new: TableRow | null;
}

/** A change's row in the new table, or else in the old one. */
export function rowOf({ old, new: new_ }: Change): TableRow {
  const row = new_ ?? old;
  if (row === null) throw new Error("a change of no symbol");
  return row;
}

/** A table to compare. */
export interface ComparedTable {
  readonly header: TableHeader;
  readonly rows: readonly TableRow[];
}

/** The difference of two tables. */
export interface Difference {
  /** Every symbol of either table once, by object (vmlinux first), name, file and line. */
  readonly changes: readonly Change[];
  /** Limits of the comparison: unknown reasons, and properties that make the tables hard to compare. */
  readonly notes: readonly string[];
}

/**
 * Assigns every symbol of two tables to one group.
 *
 * A symbol is the same one in both tables when its object, stem, file and unit are; several such symbols are paired by their
 * lines. If then only one old and one new symbol of a name are left in an object, they are the same symbol.
 * Swapping the tables swaps `added` with `removed`, and the sides of each pair, and changes nothing else.
 *
 * A table of aliases only has no data on symbols without an alias; such symbols of the other table are then omitted, unless
 * they explain an alias.
 * @example
 * const { changes } = diffTables(readWholeTable("vmlinux.kas.jsonl"), readWholeTable("next.kas.jsonl"));
 * for (const { group, old } of changes) if (group === "moved") console.log(old.alias);
 */
export function diffTables(old: ComparedTable, new_: ComparedTable): Difference {
  const { pairs, oldRest, newRest } = pairSymbols(old.rows, new_.rows);
  const oldSide = describeSide(old, oldRest);
  const newSide = describeSide(new_, newRest);
  const changes = pairs.map(({ old, new: new_, relocated }) => pairedChange(old, new_, relocated));
  for (const row of oldRest) {
    if (row.alias === null && newSide.aliasesOnly) continue;
    changes.push({ group: "removed", ...explain(row, oldSide, newSide), old: row, new: null });
  }
  for (const row of newRest) {
    if (row.alias === null && oldSide.aliasesOnly) continue;
    changes.push({ group: "added", ...explain(row, newSide, oldSide), old: null, new: row });
  }
  return { changes: changes.sort(inOrder), notes: notesOn(old, new_, oldSide, newSide, changes) };
}

interface Pair {
  readonly old: TableRow;
  readonly new: TableRow;
  readonly relocated: boolean;
}

function pairSymbols(oldRows: readonly TableRow[], newRows: readonly TableRow[]) {
  const pairs: Pair[] = [];
  const paired = new Set<TableRow>();
  const isLeft = (row: TableRow) => !paired.has(row);
  const pair = (old: TableRow, new_: TableRow, relocated: boolean) => {
    pairs.push({ old, new: new_, relocated });
    paired.add(old).add(new_);
  };
  const lineOf = ({ line }: TableRow) => line;
  const newByKey = groupBy(newRows, symbolKey);
  for (const [key, olds] of groupBy(oldRows, symbolKey)) {
    const news = newByKey.get(key) ?? [];
    for (const [o, n] of pairByLine(olds.map(lineOf), news.map(lineOf))) {
      pair(at(olds, o), at(news, n), false);
    }
  }
  const newByName = groupBy(newRows.filter(isLeft), nameInObject);
  for (const [key, olds] of groupBy(oldRows.filter(isLeft), nameInObject)) {
    const [old, new_] = [onlyItem(olds), onlyItem(newByName.get(key) ?? [])];
    if (old !== undefined && new_ !== undefined) pair(old, new_, true);
  }
  return { pairs, oldRest: oldRows.filter(isLeft), newRest: newRows.filter(isLeft) };
}

function nameInObject(row: TableRow): string {
  return `${row.object}${KEY_SEPARATOR}${rowStem(row)}`;
}

function pairedChange(old: TableRow, new_: TableRow, relocated: boolean): Change {
  const change = (group: Group, reason: Reason | null = null) => ({
    group,
    reason,
    other: null,
    old,
    new: new_,
  });
  if (old.alias === null && new_.alias !== null) {
    return change("added", old.file === null ? "location" : "duplicated");
  }
  if (old.alias !== null && new_.alias === null) {
    return change("removed", new_.file === null ? "location" : "duplicated");
  }
  if (relocated) return change("relocated");
  if (old.line !== new_.line || old.alias !== new_.alias) return change("moved");
  return change(old.sympos === new_.sympos ? "unchanged" : "sympos");
}

/** A table, indexed to look up the symbols of the other one. */
interface Side {
  readonly aliasesOnly: boolean;
  readonly hasObject: (object: string) => boolean;
  /** Whether any symbol of the table has the row's name, in all objects whose names count together. */
  readonly hasName: (row: TableRow) => boolean;
  /** The symbols without a match, by the properties that they may share with one of the other table. */
  readonly restByStem: ReadonlyMap<string, readonly TableRow[]>;
  readonly restByName: ReadonlyMap<string, readonly TableRow[]>;
  readonly restBySourceName: ReadonlyMap<string, readonly TableRow[]>;
  readonly restByPlace: ReadonlyMap<string, readonly TableRow[]>;
}

function sourceNameInObject(row: TableRow): string {
  return [row.object, sourceName(rowStem(row)), row.file ?? ""].join(KEY_SEPARATOR);
}

function nameInFile(row: TableRow): string {
  return `${rowStem(row)}${KEY_SEPARATOR}${row.file}`;
}

function describeSide({ header, rows }: ComparedTable, rest: readonly TableRow[]): Side {
  const aliasesOnly = rows.every(({ alias }) => alias !== null);
  const nameOf = aliasesOnly && header.scope === "object" ? nameInObject : rowStem;
  const names = new Set(rows.map(nameOf));
  const objects = new Set(header.objects.map(({ name }) => name));
  return {
    aliasesOnly,
    hasObject: (object) => objects.has(object),
    hasName: (row) => names.has(nameOf(row)),
    restByStem: groupBy(rest, rowStem),
    restByName: groupBy(rest, nameInObject),
    restBySourceName: groupBy(rest, sourceNameInObject),
    restByPlace: groupBy(
      rest.filter(({ file }) => file !== null),
      nameInFile,
    ),
  };
}

/** The reason why a symbol has no match in the other table, as far as it is known. */
function explain(row: TableRow, own: Side, other: Side): { reason: Reason; other: string | null } {
  if (other.restByName.has(nameInObject(row))) return { reason: "place", other: null };
  const renamed = other.restBySourceName.get(sourceNameInObject(row))?.[0];
  if (renamed !== undefined) return { reason: "suffix", other: renamed.name };
  const elsewhere =
    other.restByPlace.get(nameInFile(row))?.find(({ object }) => object !== row.object) ??
    onlyOne(rowStem(row), own, other);
  if (elsewhere !== undefined) return { reason: "object", other: elsewhere.object };
  if (!other.hasObject(row.object)) return { reason: "object", other: null };
  if (other.hasName(row)) return { reason: "namesake", other: null };
  return { reason: other.aliasesOnly ? "unknown" : "name", other: null };
}

/** The other table's symbol of a name that is left exactly once on both sides, in any object. */
function onlyOne(stem: string, own: Side, other: Side): TableRow | undefined {
  return own.restByStem.get(stem)?.length === 1 ? onlyItem(other.restByStem.get(stem) ?? []) : undefined;
}

function notesOn(
  old: ComparedTable,
  new_: ComparedTable,
  oldSide: Side,
  newSide: Side,
  changes: readonly Change[],
): string[] {
  const notes: string[] = [];
  if (oldSide.aliasesOnly || newSide.aliasesOnly) {
    const which = oldSide.aliasesOnly
      ? newSide.aliasesOnly
        ? "both tables hold"
        : "the old table holds"
      : "the new table holds";
    const unknown = changes.filter(({ reason }) => reason === "unknown").length;
    notes.push(
      `${which} aliases only: whether the symbols of ${unknown} added and removed aliases are new or gone, or their names ` +
        "became or ceased to be duplicated, cannot be told; write tables with --table-scope all",
    );
  }
  const optionsOf = ({ header: { scope, options } }: ComparedTable) => Object.entries({ scope, ...options });
  const differing = differingKeys(optionsOf(old), optionsOf(new_));
  if (differing.length > 0) {
    notes.push(
      `the tables were made with different options (${differing.join(", ")}), which changes aliases too`,
    );
  }
  for (const [what, has] of OBJECT_KINDS) {
    const [inOld, inNew] = [old, new_].map(({ header }) => header.objects.some(({ name }) => has(name)));
    if (inOld !== inNew) notes.push(`the ${inOld ? "new" : "old"} table has no ${what}`);
  }
  return notes;
}

function differingKeys(a: [string, unknown][], b: [string, unknown][]): string[] {
  const [x, y] = [a, b].map(
    (entries) => new Map(entries.map(([key, value]) => [key, JSON.stringify(value)])),
  );
  return [...new Set([...a, ...b].map(([key]) => key))].filter((key) => x?.get(key) !== y?.get(key));
}

const OBJECT_KINDS: readonly [string, (object: string) => boolean][] = [
  ["vmlinux", (object) => object === "vmlinux"],
  ["modules", (object) => object !== "vmlinux"],
];

function inOrder(a: Change, b: Change): number {
  const [x, y] = [rowOf(a), rowOf(b)];
  return (
    compareObjects(x.object, y.object) ||
    compareTexts(x.name, y.name) ||
    compareTexts(x.file ?? "", y.file ?? "") ||
    (x.line ?? 0) - (y.line ?? 0) ||
    compareTexts(x.unit ?? "", y.unit ?? "")
  );
}
