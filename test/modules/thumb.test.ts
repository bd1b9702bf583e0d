// Thumb-2: bit 0 of a function's st_value marks its instruction set. It is no part of the address, but belongs to an alias's symbol too.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { tableRows } from "../commands/program.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { tool } from "../tool.ts";

test("an alias in a module has its symbol's value, the table has the address", () => {
  const directory = temporaryDirectory();
  const objects = ["first", "second"].map((unit) => {
    const path = (extension: string) => join(directory, `${unit}.${extension}`);
    const twin =
      "static int sink; __attribute__((noinline, used)) static int twin(int a) { return sink += a; }";
    writeFileSync(path("c"), `${twin}\nint in_${unit}(int a) { return twin(a); }\n`);
    const target = ["--target=thumbv7-linux-gnueabihf", "-mthumb"];
    tool("clang-19", [...target, "-O2", "-g", "-ffreestanding", "-c", "-o", path("o"), path("c")]);
    return path("o");
  });
  const module = join(directory, "module.ko");
  tool("ld.lld-19", ["-r", "-o", module, ...objects]);
  const out = join(directory, "out");
  mkdirSync(out);
  const args = ["modules", module, "--scope", "object", "--inject", "--output-dir", out];
  const rows = tableRows(args, directory);
  expect(rows).toHaveLength(2);
  const injected = tool("find", [out, "-name", "*.ko"]).toString().trim();
  const symbols = tool("readelf", ["-sW", injected]).toString();
  const valuesOf = (name: string) =>
    [...symbols.matchAll(/^ *\d+: ([0-9a-f]+) .* (\S+)$/gm)].flatMap(([, value = "", found]) =>
      found === name ? [Number.parseInt(value, 16)] : [],
    );
  const values = valuesOf("twin");
  expect(values.every((value) => value % 2 === 1)).toBe(true);
  expect(rows.flatMap(({ alias }) => valuesOf(alias ?? "")).sort()).toEqual(values.sort());
  expect(rows.map(({ address }) => Number.parseInt(address, 16) + 1).sort()).toEqual(values.sort());
});
