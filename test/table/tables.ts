import type { TableHeader, TableRow } from "../../src/table/alias-table.ts";
import type { ComparedTable } from "../../src/table/diff-tables.ts";

/** A row from the members that matter to a test. Its default alias is `name@file_line` for a duplicated name, otherwise null. */
export function row(given: Partial<TableRow> & Pick<TableRow, "name">): TableRow {
  const { name, file = "a.c", line = 1, sympos = 0, ...rest } = given;
  const plain = `${name}@${(file ?? "").replace(/\W/g, "_")}_${line}`;
  return {
    object: "vmlinux",
    name,
    alias: sympos > 0 ? plain : null,
    type: "t",
    address: "0",
    section: ".text",
    size: 1,
    file,
    line,
    unit: file,
    sympos,
    ordinal: 0,
    via: "line",
    function: null,
    parameters: null,
    arriving: null,
    kind: null,
    ...rest,
  };
}

/** A table of rows. */
export function table(rows: readonly TableRow[], header: Partial<TableHeader> = {}): ComparedTable {
  const objects = [...new Set(["vmlinux", ...rows.map(({ object }) => object)])];
  return {
    header: {
      schema: "kas-alias/table@1",
      kernel: "6.1.0",
      arch: "x86_64",
      scope: "global",
      objects: objects.map((name) => ({ name, buildId: null })),
      rows: rows.length,
      generator: "test",
      options: {},
      ...header,
    },
    rows,
  };
}
