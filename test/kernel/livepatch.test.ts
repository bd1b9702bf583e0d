// Positions of namesakes in a real kernel and all its modules, compared with those counted in nm's output.
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import type { TableRow } from "../../src/table/alias-table.ts";
import { kasAlias } from "../commands/program.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { tool } from "../tool.ts";
import { kernels } from "./kernels.ts";

/** The values of each key, in their order. */
function grouped<T>(pairs: Iterable<readonly [key: string, value: T]>): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const [key, value] of pairs) {
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [value]);
    else group.push(value);
  }
  return groups;
}

describe.each(kernels)("$package $version", ({ vmlinux, modules }) => {
  const directory = temporaryDirectory();
  const table = join(directory, "table");
  let rows: TableRow[];

  beforeAll(() => {
    const args = ["modules", "--directory", modules, "--vmlinux", vmlinux, "--table", table];
    const run = kasAlias([...args, "--table-scope", "all", "--init", "--no-default-filters"]);
    expect(run.status).toBe(0);
    const lines = readFileSync(table, "utf8").trimEnd().split("\n").slice(1);
    rows = lines.map((line): TableRow => JSON.parse(line));
  }, 900_000);

  test("in vmlinux, the position of a function is that of its line among nm's lines with its name", () => {
    const listed = tool("nm", ["-n", vmlinux])
      .toString()
      .matchAll(/^([0-9a-f]+) ([^aNUw ]) (.*)$/gm);
    const bearers = grouped(Array.from(listed, ([, address = "", , name = ""]) => [name, address] as const));
    const own = rows.filter(({ object }) => object === "vmlinux");
    const duplicated = own.filter(({ name }) => (bearers.get(name)?.length ?? 0) > 1);
    expect(new Set(duplicated.map(({ name }) => name)).size).toBeGreaterThan(125);
    const wrong = own.filter(({ name, address, sympos }) => {
      const addresses = bearers.get(name) ?? [];
      return addresses.length < 2 ? sympos !== 0 : addresses[sympos - 1] !== address;
    });
    expect(wrong).toEqual([]);
  });

  test("in a module, the position of a function is that of its entry among the symbol table entries with its name", () => {
    const files = readdirSync(modules, { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".ko"))
      .map((file) => join(modules, file));
    const byObject = grouped(rows.map((row) => [row.object, row] as const));
    let duplicated = 0;
    const wrong: TableRow[] = [];
    for (let first = 0; first < files.length; first += 32) {
      const batch = files.slice(first, first + 32);
      const printed = execFileSync("nm", ["-p", "-A", "-f", "sysv", "--defined-only", ...batch], {
        maxBuffer: 1 << 29,
        encoding: "latin1",
      });
      // Loaded sections only, not those with debug information or notes for the linker; nm prints section names.
      const lines = printed.matchAll(
        /^(\S+?):(.*?) *\|([0-9a-f]{16})\| +(\S) +\|[^|]*\|[^|]*\|[^|]*\|(.*)$/gm,
      );
      const symbols = Array.from(
        lines,
        ([, file = "", name = "", address = "", type = "", section = ""]) => ({
          object: basename(file, ".ko").replaceAll("-", "_"),
          name,
          place: `${section} ${address}`,
          isInit: section.startsWith(".init"),
          isLoaded: !/[aNUw]/.test(type) && !/^\.(debug|comment|note\.GNU|gnu_debug)|^\*/.test(section),
        }),
      ).filter(({ isLoaded }) => isLoaded);
      for (const [object, own] of grouped(symbols.map((symbol) => [symbol.object, symbol] as const))) {
        const keyed = (list: typeof own) => grouped(list.map(({ name, place }) => [name, place] as const));
        const [loading, loaded] = [keyed(own), keyed(own.filter(({ isInit }) => !isInit))];
        for (const row of byObject.get(object) ?? []) {
          const isInit = row.section?.startsWith(".init");
          const places = (isInit ? loading : loaded).get(row.name) ?? [];
          if (places.length > 1) duplicated++;
          const place = `${row.section} ${row.address}`;
          if (places.length < 2 ? row.sympos !== 0 : places[row.sympos - 1] !== place) wrong.push(row);
        }
      }
    }
    expect(duplicated).toBeGreaterThan(150);
    expect(wrong.map(({ object, name, sympos }) => `${object} ${name} ${sympos}`)).toEqual([]);
  }, 900_000);
});
