import { anatomyOf } from "../symbols/name-anatomy.ts";
import { demangleRust } from "../symbols/rust-names.ts";
import { isObject, kindOfRow } from "../symbols/symbol-kind.ts";
import type { TableRow } from "../table/alias-table.ts";
import type { SearchedTable } from "./search-alias-table.ts";

/** Whether a text is a demangled Rust name; no other name contains `::`. */
export function isRustPath(text: string): boolean {
  return text.includes("::");
}

/** The hash of a crate, and that of a legacy name. */
const HASHES = /(?<=\w)\[[0-9a-f]+\](?=::)|::h[0-9a-f]{16}$/g;

/**
 * The symbols with a demangled Rust name; hashes, suffixes, and the brackets around the type of a method are optional. A name
 * without generic arguments stands for all instances, and so does one with arguments that no symbol has.
 */
export function rowsOfRustPath(table: SearchedTable, typed: string): TableRow[] {
  const path = typed.replace(HASHES, "");
  const plain = plainPath(path);
  // A mangled name contains its last identifier, except for characters outside ASCII.
  const symbols = rustSymbols(table, /\w*$/.exec(path)?.[0]);
  const same = path === plain ? [] : symbols.filter(({ text, base }) => text === path || base === path);
  if (same.length > 0) return same.map(({ row }) => row);
  const found = symbols.filter(({ text, base }) => plainPath(text) === plain || plainPath(base) === plain);
  return found.map(({ row }) => row);
}

/** The demangled names of a table, without suffixes. */
export function rustPaths(table: SearchedTable): Set<string> {
  return new Set(rustSymbols(table).map(({ base }) => base));
}

const UPPER_CASE = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/** The Rust symbols of a table with a text in their mangled names; their demangled names, whole and without suffixes. */
function rustSymbols(table: SearchedTable, part = ""): { row: TableRow; text: string; base: string }[] {
  const rows = [...table.rowsWith("_R", "", UPPER_CASE), ...table.rowsWith("_ZN", "", "0123456789")];
  return rows.flatMap((row) => {
    if (!row.name.includes(part)) return [];
    const { base: mangled } = anatomyOf(row.name, isObject(kindOfRow(row)));
    const text = demangleRust(row.name);
    const base = mangled === row.name ? text : demangleRust(mangled);
    return text === undefined || base === undefined ? [] : [{ row, text, base }];
  });
}

/** A path without generic arguments: `core::fmt::Formatter::pad` for `<core::fmt::Formatter<'_>>::pad::<u8>`. */
function plainPath(path: string): string {
  const before: string[] = [];
  let plain = "";
  // `.>` is the arrow of a legacy name.
  for (const token of path.split(/(->|\.>|[<>])/)) {
    if (token === "<") {
      before.push(plain);
      plain = "";
    } else if (token !== ">" || before.length === 0) plain += token;
    else {
      const start = before.pop() ?? "";
      const isType = /(?:^|[ (&[{])$/.test(start);
      const hasTrait = plain.lastIndexOf(" as ") > plain.lastIndexOf(">");
      plain = isType ? start + (hasTrait ? `<${plain}>` : plain) : start.replace(/::$/, "");
    }
  }
  return [...before, plain].join("<");
}
