import { printable } from "../printable.ts";
import { demangleRust } from "../symbols/rust-names.ts";
import type { TableRow } from "../table/alias-table.ts";
import { formatPlace } from "../table/place.ts";

/** One line per symbol, in columns: alias, address, location, object, position, and Rust's names demangled. */
export function lookupAsText(rows: readonly TableRow[]): string {
  const lines = rows.map((row) =>
    [
      row.alias ?? row.name,
      addressOf(row),
      row.file === null ? "??:0" : formatPlace(row.file, row.line),
      row.object,
      `sympos ${row.sympos}`,
      demangleRust(row.name) ?? "",
    ].map(printable),
  );
  const widths = [0, 1, 2, 3, 4].map((column) =>
    Math.max(...lines.map((cells) => cells[column]?.length ?? 0)),
  );
  const padded = lines.map((cells) => cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join("  "));
  return padded.map((line) => `${line.trimEnd()}\n`).join("");
}

function addressOf({ object, section, address }: TableRow): string {
  return object === "vmlinux" ? address : `${section}+0x${address.replace(/^0+(?=.)/, "")}`;
}
