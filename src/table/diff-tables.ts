import { at } from "../checked-index.ts";
import { onlyItem } from "../grouping.ts";
import type { TableHeader, TableRow } from "./alias-table.ts";
import { pairByLine } from "./pair-by-line.ts";
import { type KeyedRow, rowStem, sourceName } from "./symbol-key.ts";
import { chains, newSymbolNumbers } from "./symbol-numbers.ts";
import { compareObjects, compareTexts } from "./symbol-order.ts";
import { TextNumbers, TupleNumbers } from "./text-numbers.ts";

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

/** The columns of a table that a comparison needs. */
export const COMPARED_COLUMNS = [
  "object",
  "name",
  "alias",
  "type",
  "file",
  "line",
  "unit",
  "sympos",
  "kind",
] as const;

/** The needed part of a table's row. */
export type ComparedRow = Pick<TableRow, (typeof COMPARED_COLUMNS)[number]>;

/** A symbol in one table, or in both: then `old` and `new` are the same symbol. */
export interface Change {
  readonly group: Group;
  /** Set for added and removed; null in the other groups. */
  readonly reason: Reason | null;
  /** For reason "suffix" the other name, for "object" the other object; otherwise null. */
  readonly other: string | null;
  readonly old: ComparedRow | null;
  readonly new: ComparedRow | null;
}

/** A change's row in the new table, or else in the old one. */
export function rowOf({ old, new: new_ }: Change): ComparedRow {
  const row = new_ ?? old;
  if (row === null) throw new Error("a change of no symbol");
  return row;
}

/** A table to compare. */
export interface ComparedTable {
  readonly header: TableHeader;
  readonly rows: readonly ComparedRow[];
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
  const { changes, oldRest, newRest } = pairSymbols(old.rows, new_.rows);
  const shared = sharedNumbers();
  const oldSide = describeSide(old, oldRest, shared);
  const newSide = describeSide(new_, newRest, shared);
  for (const row of oldRest) {
    if (row.alias === null && newSide.aliasesOnly) continue;
    changes.push({ group: "removed", ...explain(row, oldSide, newSide, shared), old: row, new: null });
  }
  for (const row of newRest) {
    if (row.alias === null && oldSide.aliasesOnly) continue;
    changes.push({ group: "added", ...explain(row, newSide, oldSide, shared), old: null, new: row });
  }
  return { changes: changes.sort(inOrder), notes: notesOn(old, new_, oldSide, newSide, changes) };
}

function pairSymbols(oldRows: readonly ComparedRow[], newRows: readonly ComparedRow[]) {
  const changes: Change[] = [];
  const [oldPaired, newPaired] = [new Uint8Array(oldRows.length), new Uint8Array(newRows.length)];
  const pair = (old: number, new_: number, relocated: boolean) => {
    changes.push(pairedChange(at(oldRows, old), at(newRows, new_), relocated));
    oldPaired[old] = 1;
    newPaired[new_] = 1;
  };
  forEachKey(
    oldRows,
    newRows,
    (row) => row,
    (olds, news) => {
      const lineOf = (rows: readonly ComparedRow[]) => (index: number) => at(rows, index).line;
      for (const [o, n] of pairByLine(olds.map(lineOf(oldRows)), news.map(lineOf(newRows)))) {
        pair(at(olds, o), at(news, n), false);
      }
    },
  );
  forEachKey(oldRows, newRows, inObject, (olds, news) => {
    const isLeft = (paired: Uint8Array) => (index: number) => paired[index] === 0;
    const [old, new_] = [onlyItem(olds.filter(isLeft(oldPaired))), onlyItem(news.filter(isLeft(newPaired)))];
    if (old !== undefined && new_ !== undefined) pair(old, new_, true);
  });
  const rest = (rows: readonly ComparedRow[], paired: Uint8Array) =>
    rows.filter((_, index) => paired[index] === 0);
  return { changes, oldRest: rest(oldRows, oldPaired), newRest: rest(newRows, newPaired) };
}

/** Calls `take` with the indices of the rows of each key that both tables have, in order of first appearance. */
function forEachKey(
  oldRows: readonly ComparedRow[],
  newRows: readonly ComparedRow[],
  keyed: (row: ComparedRow) => KeyedRow,
  take: (olds: readonly number[], news: readonly number[]) => void,
): void {
  const numbers = newSymbolNumbers();
  const [oldKeys, newKeys] = [oldRows, newRows].map((rows) =>
    Int32Array.from(rows, (row) => numbers.of(keyed(row))),
  );
  if (oldKeys === undefined || newKeys === undefined) return;
  const count = numbers.parts.length;
  const [olds, news] = [chains(oldKeys, count), chains(newKeys, count)];
  for (let key = 0; key < count; key++) {
    if (olds.first[key] === -1 || news.first[key] === -1) continue;
    take(chain(olds, key), chain(news, key));
  }
}

function chain({ first, next }: ReturnType<typeof chains>, key: number): number[] {
  const rows: number[] = [];
  for (let row = first[key] ?? -1; row !== -1; row = next[row] ?? -1) rows.push(row);
  return rows;
}

/** A row without its place: its object and name are its key. */
function inObject({ object, name, type, kind }: ComparedRow): KeyedRow {
  return { object, name, type, kind, file: null, unit: null };
}

function pairedChange(old: ComparedRow, new_: ComparedRow, relocated: boolean): Change {
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

/** A table, indexed to look up the symbols of the other one; `numbers` makes the keys. */
interface Side {
  readonly aliasesOnly: boolean;
  readonly hasObject: (object: string) => boolean;
  /** Whether any symbol of the table has the row's name, in all objects whose names count together. */
  readonly hasName: (row: ComparedRow) => boolean;
  /** The symbols without a match, by the properties that they may share with one of the other table: the first, and one of another object. */
  readonly restByStem: ReadonlyMap<number, ComparedRow | "several">;
  readonly restByName: ReadonlySet<number>;
  readonly restBySourceName: ReadonlyMap<number, ComparedRow>;
  readonly restByPlace: ReadonlyMap<number, readonly [ComparedRow, ComparedRow?]>;
}

/** Numbers for what symbols may share. */
interface Shared {
  stem(row: ComparedRow): number;
  nameInObject(row: ComparedRow): number;
  sourceNameInObject(row: ComparedRow): number;
  nameInFile(row: ComparedRow): number;
}

function sharedNumbers(): Shared {
  const texts = new TextNumbers();
  const [names, sources, places] = [new TupleNumbers(), new TupleNumbers(), new TupleNumbers()];
  const stem = (row: ComparedRow) => texts.of(rowStem(row));
  const object = (row: ComparedRow) => texts.of(row.object);
  const file = (row: ComparedRow) => texts.of(row.file ?? "");
  return {
    stem,
    nameInObject: (row) => names.of(object(row), stem(row)),
    sourceNameInObject: (row) =>
      sources.of(places.of(object(row), file(row)), texts.of(sourceName(rowStem(row)))),
    nameInFile: (row) => places.of(file(row), stem(row)),
  };
}

function describeSide({ header, rows }: ComparedTable, rest: readonly ComparedRow[], shared: Shared): Side {
  const aliasesOnly = rows.every(({ alias }) => alias !== null);
  const nameOf = aliasesOnly && header.scope === "object" ? shared.nameInObject : shared.stem;
  const names = new Set<number>();
  for (const row of rows) names.add(nameOf(row));
  const objects = new Set(header.objects.map(({ name }) => name));
  const restByStem = new Map<number, ComparedRow | "several">();
  const restByName = new Set<number>();
  const restBySourceName = new Map<number, ComparedRow>();
  const restByPlace = new Map<number, [ComparedRow, ComparedRow?]>();
  for (const row of rest) {
    const stem = shared.stem(row);
    restByStem.set(stem, restByStem.has(stem) ? "several" : row);
    restByName.add(shared.nameInObject(row));
    const source = shared.sourceNameInObject(row);
    if (!restBySourceName.has(source)) restBySourceName.set(source, row);
    if (row.file === null) continue;
    const place = shared.nameInFile(row);
    const known = restByPlace.get(place);
    if (known === undefined) restByPlace.set(place, [row]);
    else if (known[0].object !== row.object) known[1] ??= row;
  }
  return {
    aliasesOnly,
    hasObject: (object) => objects.has(object),
    hasName: (row) => names.has(nameOf(row)),
    restByStem,
    restByName,
    restBySourceName,
    restByPlace,
  };
}

/** The reason why a symbol has no match in the other table, as far as it is known. */
function explain(
  row: ComparedRow,
  own: Side,
  other: Side,
  shared: Shared,
): { reason: Reason; other: string | null } {
  if (other.restByName.has(shared.nameInObject(row))) return { reason: "place", other: null };
  const renamed = other.restBySourceName.get(shared.sourceNameInObject(row));
  if (renamed !== undefined) return { reason: "suffix", other: renamed.name };
  const elsewhere =
    (row.file === null ? undefined : other.restByPlace.get(shared.nameInFile(row)))?.find(
      (each) => each !== undefined && each.object !== row.object,
    ) ?? onlyOne(shared.stem(row), own, other);
  if (elsewhere !== undefined) return { reason: "object", other: elsewhere.object };
  if (!other.hasObject(row.object)) return { reason: "object", other: null };
  if (other.hasName(row)) return { reason: "namesake", other: null };
  return { reason: other.aliasesOnly ? "unknown" : "name", other: null };
}

/** The other table's symbol of a name that is left exactly once on both sides, in any object. */
function onlyOne(stem: number, own: Side, other: Side): ComparedRow | undefined {
  const [mine, theirs] = [own.restByStem.get(stem), other.restByStem.get(stem)];
  return mine === "several" || theirs === "several" ? undefined : theirs;
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
