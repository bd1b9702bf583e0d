// Look-ups in the table of a real kernel's vmlinux and all its modules.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import type { TableRow } from "../../src/table/alias-table.ts";
import { kasAlias, PROGRAM } from "../commands/program.ts";
import { defined } from "../defined.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { kernels } from "./kernels.ts";

describe.each(kernels)("look-ups in $package $version", ({ vmlinux, modules }) => {
  const directory = temporaryDirectory();
  const table = join(directory, "aliases.jsonl");
  let rows: TableRow[] = [];

  beforeAll(() => {
    const { status, stderr } = kasAlias([
      "modules",
      "--directory",
      modules,
      "--vmlinux",
      vmlinux,
      "--table",
      table,
      "--quiet",
    ]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const lines = readFileSync(table, "utf8").trimEnd().split("\n").slice(1);
    rows = lines.map((line) => JSON.parse(line));
  });

  function lookUp(query: string) {
    const { status, stdout } = spawnSync(
      process.execPath,
      [PROGRAM, "lookup", query, "--table", table, "--json"],
      { maxBuffer: 1 << 28 },
    );
    expect(status).toBe(0);
    const symbols: TableRow[] = JSON.parse(stdout.toString()).symbols;
    return { symbols };
  }

  test("find a symbol by its alias, all namesakes by their name, and by a place the symbols that begin there", () => {
    expect(rows.length).toBeGreaterThan(400);
    const step = Math.ceil(rows.length / 12);
    for (const row of rows.filter((_, i) => i % step === 0)) {
      const { alias, name, file, line } = row;
      expect(lookUp(defined(alias, `alias of ${name}`)).symbols).toEqual([row]);
      expect(lookUp(name).symbols.filter((found) => found.name === name)).toEqual(
        rows.filter((other) => other.name === name),
      );
      if (line === null) continue;
      const there = rows.filter((other) => other.file === file && other.line === line);
      expect(lookUp(`${file}:${line}`).symbols).toEqual(there);
      expect(lookUp(`${name}@${file}`).symbols).toContainEqual(row);
    }
  });
});
