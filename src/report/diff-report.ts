import type { TableHeader } from "../table/alias-table.ts";
import type { AliasUse } from "../table/alias-uses.ts";
import {
  type Change,
  type ComparedRow,
  type Difference,
  GROUPS,
  type Group,
  REASONS,
  type Reason,
} from "../table/diff-tables.ts";

/** A listed change, and the uses of its old alias in scripts, if these are asked for. */
export interface ListedChange extends Change {
  readonly uses?: readonly AliasUse[];
}

/** A compared table. */
export interface ReportedTable {
  readonly source: string;
  readonly kernel: string | null;
  readonly arch: string | null;
  readonly rows: number;
}

/** The content of a report of `kas-alias diff`, for all formats. */
export interface DiffReport {
  readonly old: ReportedTable;
  readonly new: ReportedTable;
  readonly counts: Readonly<Record<Group, number>>;
  readonly reasons: Readonly<Record<"added" | "removed", Readonly<Partial<Record<Reason, number>>>>>;
  /** Number of symbols in both tables whose position has changed, in any group. */
  readonly symposChanged: number;
  readonly notes: readonly string[];
  readonly changes: readonly ListedChange[];
  /** The new aliases for an alias of the old table, listed or not: several if its symbols now have different aliases. */
  readonly newAliases: (alias: string) => readonly string[];
}

/** The part of a difference to report. */
export interface DiffFilter {
  readonly name?: RegExp | undefined;
  readonly objects?: readonly string[];
  /** The groups to list; all are counted. */
  readonly only?: readonly Group[] | undefined;
  /** Uses of the old table's aliases in scripts; changes of unused aliases are omitted. */
  readonly uses?: ReadonlyMap<string, readonly AliasUse[]> | undefined;
}

const CHANGED_GROUPS = GROUPS.filter((group) => group !== "unchanged");

/** Collects the requested part of a difference. */
export function diffReport(
  tables: readonly [ReportedTable, ReportedTable],
  { changes, notes }: Difference,
  { name, objects = [], only = CHANGED_GROUPS, uses }: DiffFilter,
): DiffReport {
  const matches = (row: ComparedRow | null) =>
    row !== null &&
    (name === undefined || name.test(row.name)) &&
    (objects.length === 0 || objects.includes(row.object));
  const counts: Record<Group, number> = {
    unchanged: 0,
    moved: 0,
    relocated: 0,
    sympos: 0,
    added: 0,
    removed: 0,
  };
  const reasons = { added: new Map<Reason, number>(), removed: new Map<Reason, number>() };
  let symposChanged = 0;
  const listed: ListedChange[] = [];
  for (const change of changes) {
    const used = uses && usesOf(change, uses);
    if (!(matches(change.old) || matches(change.new)) || used?.length === 0) continue;
    const { group, reason } = change;
    counts[group]++;
    if ((group === "added" || group === "removed") && reason !== null) {
      reasons[group].set(reason, (reasons[group].get(reason) ?? 0) + 1);
    }
    const positionChanged = hasNewPosition(change);
    if (positionChanged) symposChanged++;
    if (only.includes(group) || (positionChanged && only.includes("sympos"))) {
      listed.push(used === undefined ? change : { ...change, uses: used });
    }
  }
  const inOrder = (of: Map<Reason, number>) =>
    Object.fromEntries(REASONS.flatMap((reason) => (of.has(reason) ? [[reason, of.get(reason)]] : [])));
  return {
    old: tables[0],
    new: tables[1],
    counts,
    reasons: { added: inOrder(reasons.added), removed: inOrder(reasons.removed) },
    symposChanged,
    notes,
    changes: listed,
    newAliases: aliasFinder(changes),
  };
}

/** Finds new aliases. Most reports need none, so the first call indexes them. */
function aliasFinder(changes: readonly Change[]): (alias: string) => readonly string[] {
  // A list only for the few with several.
  let newAliases: Map<string, string | string[]> | undefined;
  const index = () => {
    const found = new Map<string, string | string[]>();
    for (const { old, new: new_ } of changes) {
      // If one symbol of an alias is gone, another one's new alias is still right.
      if (!old?.alias || !new_?.alias) continue;
      const known = found.get(old.alias);
      if (known === undefined) found.set(old.alias, new_.alias);
      else if (![known].flat().includes(new_.alias)) found.set(old.alias, [known, new_.alias].flat());
    }
    return found;
  };
  return (alias) => {
    newAliases ??= index();
    return [newAliases.get(alias) ?? []].flat();
  };
}

/** Whether a symbol in both tables has another position among its namesakes. */
function hasNewPosition({ old, new: new_ }: Change): boolean {
  return old !== null && new_ !== null && old.sympos !== new_.sympos;
}

/** The uses of an alias that has changed or is gone; an unchanged alias needs no edit. */
function usesOf(
  { old, new: new_ }: Change,
  uses: ReadonlyMap<string, readonly AliasUse[]>,
): readonly AliasUse[] {
  if (old === null || old.alias === null || old.alias === new_?.alias) return [];
  return uses.get(old.alias) ?? [];
}

/** The data on a table for a report. */
export function reportedTable(source: string, { kernel, arch, rows }: TableHeader): ReportedTable {
  return { source, kernel, arch, rows };
}
