import { mangle } from "../alias/naming.ts";
import { anatomyOf } from "../symbols/name-anatomy.ts";
import type { TableRow } from "../table/alias-table.ts";
import { closestNames, mostAlike } from "./closest-names.ts";
import type { SearchedTable } from "./search-alias-table.ts";

/** By what a look-up has found its symbols. */
export type Match =
  /** The alias. */
  | "alias"
  /** The whole name; symbols whose base it is come behind. */
  | "name"
  /** The name without what compilers put around it. */
  | "base"
  /** The name, and a part of the path behind it. */
  | "place"
  /** The source file, and the line. */
  | "line"
  /** As "place" or "line", but nothing begins at that line, and these come nearest. */
  | "nearest";

/** What a look-up has found. */
export interface LookedUp {
  /** null when there is nothing. */
  readonly match: Match | null;
  readonly rows: readonly TableRow[];
  /** What somebody may have meant when there is nothing: names, aliases or paths. */
  readonly closest: readonly string[];
}

/**
 * Finds symbols the way people remember them: `name_show`, `name_show@rtc`, `name_show@drivers/rtc/sysfs.c`,
 * `drivers/rtc/sysfs.c:26`, or an alias, of another kernel too. A name without its suffixes is found (`ip_rcv_core` is
 * `ip_rcv_core.isra.0`), and so is the variable of clang's `function.variable`.
 * @example
 * const { match, rows } = lookUp(searchAliasTable("vmlinux.kas.jsonl"), "name_show@rtc");
 * console.log(match, rows.length);
 */
export function lookUp(table: SearchedTable, query: string): LookedUp {
  const exact = exactly(table, query);
  if (exact?.match === "alias") return exact;

  const separator = separatorOf(table);
  const at = query.indexOf(separator, 1);
  if (at !== -1 && exact === undefined) return byPlace(table, query.slice(0, at), query.slice(at + 1));

  const { path, line } = withLine(query);
  if (line !== null && exact === undefined) return byLine(table, path, line);

  const rows = rowsOfName(table, query);
  if (exact === undefined) {
    return rows.length > 0 ? found("base", rows) : nothing(closestNames(query, basesOf(table)));
  }
  return found("name", [...exact.rows, ...rows.filter(({ name }) => name !== query)]);
}

/**
 * Finds the symbols whose alias, or else whose name, is exactly `query`, as a live patch needs it.
 * @example
 * const { rows } = lookUpExactly(searchAliasTable("vmlinux.kas.jsonl"), "name_show");
 * console.log(rows.map(({ alias }) => alias));
 */
export function lookUpExactly(table: SearchedTable, query: string): LookedUp {
  const exact = exactly(table, query);
  if (exact !== undefined) return exact;
  const { rows, closest } = lookUp(table, query);
  const names = rows.map(({ alias, name }) => alias ?? name);
  return nothing(names.length > 0 ? mostAlike(query, names) : closest);
}

function exactly(table: SearchedTable, query: string): LookedUp | undefined {
  const rows = table.rowsWith(query, "", "");
  const aliased = rows.filter(({ alias }) => alias === query);
  if (aliased.length > 0) return found("alias", aliased);
  const named = rows.filter(({ name }) => name === query);
  return named.length > 0 ? found("name", named) : undefined;
}

function found(match: Match, rows: readonly TableRow[]): LookedUp {
  return { match, rows, closest: [] };
}

function nothing(closest: readonly string[]): LookedUp {
  return { match: null, rows: [], closest };
}

function separatorOf({ header }: SearchedTable): string {
  return typeof header.options.separator === "string" ? header.options.separator : "@";
}

/** `<path>:<line>` in its parts. */
function withLine(text: string): { path: string; line: number | null } {
  const parts = /^(.+):([0-9]{1,9})$/s.exec(text);
  return { path: (parts?.[1] ?? text).replace(/^(\.?\/)+/, ""), line: parts ? Number(parts[2]) : null };
}

/** The symbols that a name in the source has become. */
function rowsOfName(table: SearchedTable, typed: string): TableRow[] {
  const separator = separatorOf(table);
  return table.rowsWith(typed, ".", `.$${separator}`).filter((row) => {
    if (row.name === typed || row.alias?.startsWith(typed + separator)) return true;
    const { prefix, base, variable } = anatomyOf(row.name);
    if (prefix !== "") return false;
    return variable === null ? base === typed : variable === typed || `${base}.${variable}` === typed;
  });
}

/** All names of a table without what stands behind a dot. */
function basesOf(table: SearchedTable): Set<string> {
  const bases = new Set<string>();
  for (const name of table.valuesOf("name")) {
    const dot = name.indexOf(".", 1);
    bases.add(dot === -1 ? name : name.slice(0, dot));
  }
  return bases;
}

/** How a person may tell a path, the best way first. */
const TELLS_PATH: readonly ((path: string, told: string) => boolean)[] = [
  (path, told) => path === told,
  (path, told) => path.endsWith(`/${told}`) || told.endsWith(`/${path}`),
  (path, told) => `/${path}`.replace(/\.[^./]*$/, "").endsWith(`/${told}`),
  (path, told) => path.split("/").includes(told),
  (path, told) => mangle(path).includes(mangle(told)),
];

function byPlace(table: SearchedTable, name: string, place: string): LookedUp {
  const rows = rowsOfName(table, name);
  const { path, line } = withLine(place);
  const named = rows.filter((row) => row.name === name);
  for (const some of [named, rows]) {
    for (const tells of TELLS_PATH) {
      const there = some.filter(({ file, unit, object }) =>
        [file, unit, object].some((told) => told !== null && tells(told, path)),
      );
      if (there.length > 0) return line === null ? found("place", there) : atLine(there, line, "place");
    }
  }
  const moved = whereAliasMoved(table, name, place);
  if (moved.length > 0) return found("nearest", moved);
  const others = rows.map((row) => row.alias ?? row.name);
  if (others.length === 0) return nothing(closestNames(name, basesOf(table)));
  return nothing(mostAlike(name + separatorOf(table) + place, others));
}

/** The symbols of the same name in the same file that are nearest to the line of an alias, of whatever suffixes. */
function whereAliasMoved(table: SearchedTable, stem: string, place: string): TableRow[] {
  const [where = "", inUnit] = place.split(separatorOf(table));
  const rows = rowsOfName(table, anatomyOf(stem).base);
  // An ordinal may stand behind the line, or behind the unit.
  for (const form of [/^(.+)_([0-9]{1,9})$/, /^(.+?)_([0-9]{1,9})_[0-9]+$/]) {
    const [, path, line] = form.exec(where) ?? [];
    const there = rows.filter(({ file }) => file !== null && mangle(file) === path);
    const unit = inUnit?.replace(/(_[ch])_[0-9]+$/, "$1") ?? path;
    const ofUnit = there.filter((row) => row.unit !== null && mangle(row.unit) === unit);
    const nearest = nearestTo(ofUnit.length > 0 ? ofUnit : there, Number(line));
    if (nearest.length > 0) return nearest;
  }
  return [];
}

function byLine(table: SearchedTable, path: string, line: number): LookedUp {
  const file = path.slice(path.lastIndexOf("/") + 1);
  const rows = table.rowsWith(file, "/", "");
  for (const tells of TELLS_PATH.slice(0, 2)) {
    const there = rows.filter((row) => row.file !== null && tells(row.file, path));
    if (there.length > 0) return atLine(there, line, "line");
  }
  return nothing(closestNames(path, table.valuesOf("file")));
}

/** Those of some symbols that begin at a line; else in each file those that began last before it. */
function atLine(rows: readonly TableRow[], line: number, match: Match): LookedUp {
  const there = rows.filter((row) => row.line === line);
  if (there.length > 0) return found(match, there);
  const files = new Set(rows.map(({ file }) => file));
  return found(
    "nearest",
    [...files].flatMap((file) => {
      const inFile = rows.filter((row) => row.file === file);
      const before = inFile.filter((row) => row.line !== null && row.line < line);
      return nearestTo(before.length > 0 ? before : inFile, line);
    }),
  );
}

function nearestTo(rows: readonly TableRow[], line: number): TableRow[] {
  const distanceOf = (row: TableRow) => Math.abs((row.line ?? Number.POSITIVE_INFINITY) - line);
  const least = Math.min(...rows.map(distanceOf));
  return rows.filter((row) => distanceOf(row) === least);
}
