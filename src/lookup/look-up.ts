import { mangle } from "../alias/naming.ts";
import { anatomyOf } from "../symbols/name-anatomy.ts";
import { isObject, kindOfRow } from "../symbols/symbol-kind.ts";
import type { TableRow } from "../table/alias-table.ts";
import { closestNames, mostAlike } from "./closest-names.ts";
import { isRustPath, rowsOfRustPath, rustPaths } from "./rust-paths.ts";
import type { SearchedTable } from "./search-alias-table.ts";

/** The way in which a look-up found its symbols. */
export type Match =
  /** The alias. */
  | "alias"
  /** The whole name; symbols of which it is the base come after it. */
  | "name"
  /** The name in the source: demangled, or without the prefixes and suffixes that compilers add. */
  | "base"
  /** The name, followed by a part of the path. */
  | "place"
  /** The source file, and the line. */
  | "line"
  /** As "place" or "line", but no symbol begins at that line; these are the nearest. */
  | "nearest";

/** The result of a look-up. */
export interface LookedUp {
  /** null when nothing was found. */
  readonly match: Match | null;
  readonly rows: readonly TableRow[];
  /** Suggestions when nothing was found: names, aliases or paths. */
  readonly closest: readonly string[];
}

/**
 * Finds symbols by a name, part of a path, path:line, or alias: `name_show`, `name_show@rtc`,
 * `name_show@drivers/rtc/sysfs.c`, `drivers/rtc/sysfs.c:26`, or an alias, also one from another kernel.
 * Finds a name without its suffixes (`ip_rcv_core` for `ip_rcv_core.isra.0`), the variable of clang's
 * `function.variable`, and a demangled Rust name (`core::fmt::Formatter::pad`).
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
    return rows.length > 0 ? found("base", rows) : nothing(closestNames(query, namesLike(query, table)));
  }
  return found("name", [...exact.rows, ...rows.filter(({ name }) => name !== query)]);
}

/**
 * Finds the symbols whose alias, or else whose name, is exactly `query`; a live patch needs an exact match.
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

/** The parts of `<path>:<line>`. */
function withLine(text: string): { path: string; line: number | null } {
  const parts = /^(.+):([0-9]{1,9})$/s.exec(text);
  return { path: (parts?.[1] ?? text).replace(/^(\.?\/)+/, ""), line: parts ? Number(parts[2]) : null };
}

/** The symbols of a name in the source. */
function rowsOfName(table: SearchedTable, typed: string): TableRow[] {
  if (isRustPath(typed)) return rowsOfRustPath(table, typed);
  const separator = separatorOf(table);
  return table.rowsWith(typed, ".", `.$${separator}`).filter((row) => {
    if (row.name === typed || row.alias?.startsWith(typed + separator)) return true;
    const { prefix, base, variable } = anatomyOf(row.name, isObject(kindOfRow(row)));
    if (prefix !== "") return false;
    return variable === null ? base === typed : variable === typed || `${base}.${variable}` === typed;
  });
}

/** The names of a table like those that a user gave: cut at the first dot, or demangled. */
function namesLike(typed: string, table: SearchedTable): Set<string> {
  if (isRustPath(typed)) return rustPaths(table);
  const bases = new Set<string>();
  for (const name of table.valuesOf("name")) {
    const dot = name.indexOf(".", 1);
    bases.add(dot === -1 ? name : name.slice(0, dot));
  }
  return bases;
}

/** The ways to match a path with the path that a user gave, best first. */
const PATH_MATCHES: readonly ((path: string, given: string) => boolean)[] = [
  (path, given) => path === given,
  (path, given) => path.endsWith(`/${given}`) || given.endsWith(`/${path}`),
  (path, given) => `/${path}`.replace(/\.[^./]*$/, "").endsWith(`/${given}`),
  (path, given) => path.split("/").includes(given),
  (path, given) => mangle(path).includes(mangle(given)),
];

function byPlace(table: SearchedTable, name: string, place: string): LookedUp {
  const rows = rowsOfName(table, name);
  const { path, line } = withLine(place);
  const named = rows.filter((row) => row.name === name);
  for (const some of [named, rows]) {
    for (const matches of PATH_MATCHES) {
      const there = some.filter(({ file, unit, object }) =>
        [file, unit, object].some((own) => own !== null && matches(own, path)),
      );
      if (there.length > 0) return line === null ? found("place", there) : atLine(there, line, "place");
    }
  }
  const moved = whereAliasMoved(table, name, place);
  if (moved.length > 0) return found("nearest", moved);
  const others = rows.map((row) => row.alias ?? row.name);
  if (others.length === 0) return nothing(closestNames(name, namesLike(name, table)));
  return nothing(mostAlike(name + separatorOf(table) + place, others));
}

/** The symbols of the same name in the same file that are nearest to the line of an alias, with any suffixes. */
function whereAliasMoved(table: SearchedTable, stem: string, place: string): TableRow[] {
  const [where = "", inUnit] = place.split(separatorOf(table));
  const rows = rowsOfName(table, anatomyOf(stem, false).base);
  // An ordinal may follow the line, or the unit.
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
  // Tables of earlier versions have rows for the padding before functions.
  const rows = table.rowsWith(file, "/", "").filter(({ name }) => anatomyOf(name, false).prefix === "");
  for (const matches of PATH_MATCHES.slice(0, 2)) {
    const there = rows.filter((row) => row.file !== null && matches(row.file, path));
    if (there.length > 0) return atLine(there, line, "line");
  }
  return nothing(closestNames(path, table.valuesOf("file")));
}

/** The symbols that begin at a line, or else, in each file, the last ones that begin before it. */
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
