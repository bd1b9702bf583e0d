// Link-time optimisation: GCC puts the code of several sources into one unit, and LLVM and GCC rename static functions.
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { tableRows } from "../commands/program.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { tool } from "../tool.ts";

/** Two namesakes, and an inline function of a header that gets a body in two units. */
const SOURCES = {
  "include/dst.h": "static inline int output(int a)\n{\n\treturn a * 3;\n}\n",
  "drivers/a/sysfs.c": driver("a", 3),
  "drivers/b/sysfs.c": driver("b", 7),
  "init/main.c":
    "extern void in_a(void), in_b(void);\nint (*shows[2])(int), (*outputs[2])(int);\n" +
    "void _start(void) { in_a(); in_b(); for (;;) shows[0](outputs[1](shows[1](outputs[0](1)))); }\n",
};

function driver(name: string, factor: number): string {
  const index = name === "a" ? 0 : 1;
  return [
    '#include "../../include/dst.h"',
    "extern int (*shows[2])(int), (*outputs[2])(int);",
    `static int __attribute__((noinline)) name_show(int a) { static int count; count += a; return a * ${factor} + count; }`,
    `void in_${name}(void) { shows[${index}] = name_show; outputs[${index}] = output; }`,
  ].join("\n");
}

function build(compiler: string, ...flags: string[]): string {
  const directory = temporaryDirectory();
  for (const [name, text] of Object.entries(SOURCES)) {
    mkdirSync(join(directory, dirname(name)), { recursive: true });
    writeFileSync(join(directory, name), text);
  }
  const sources = Object.keys(SOURCES).filter((name) => name.endsWith(".c"));
  const link = ["-nostdlib", "-static", "-Wl,-e,_start", `-ffile-prefix-map=${directory}=/src`];
  tool("env", ["-C", directory, compiler, "-g", "-O2", ...flags, ...link, "-o", "vmlinux", ...sources]);
  return join(directory, "vmlinux");
}

const UNITS = ["drivers/a/sysfs.c", "drivers/b/sysfs.c"];

describe.each([
  ["one partition", "-flto-partition=none"],
  ["a partition a unit", "-flto-partition=1to1"],
])("GCC, with %s", (_, partition) => {
  const rows = tableRows([
    "vmlinux",
    build("gcc", "-flto", "-fno-ipa-icf", partition),
    "--data",
    "--table-scope=all",
  ]);

  test("functions have the unit of their source, not that of the link", () => {
    const functions = rows.filter(({ name }) => /^(name_show|output)\b/.test(name));
    expect(functions.map(({ unit }) => unit).sort()).toEqual([...UNITS, ...UNITS].sort());
    expect(rows.filter(({ unit }) => unit?.includes("artificial"))).toEqual([]);
  });

  test("the numbers of renamed symbols are not in their aliases", () => {
    const renamed = rows.filter(({ name }) => name.includes(".lto_priv."));
    expect(renamed.length).toBeGreaterThan(0);
    expect(renamed.map(({ alias }) => alias?.replace(/@.*/, "")).sort()).toEqual(
      renamed.map(({ name }) => name.replace(/\..*/, "")).sort(),
    );
    const aliases = rows.flatMap(({ alias }) => alias ?? []);
    expect(aliases).toContain("name_show@drivers_a_sysfs_c_3");
    expect(aliases).toContain("name_show@drivers_b_sysfs_c_3");
  });
});

test("clang's CFI: the function has an alias without the hash of its module, the entry of the jump table none", () => {
  const flags = ["-flto=thin", "-fsanitize=cfi-icall", "-fno-sanitize-ignorelist", "-fvisibility=hidden"];
  const rows = tableRows([
    "vmlinux",
    build("clang", ...flags, "-fuse-ld=lld"),
    "--quiet",
    "--table-scope=all",
  ]).filter(({ name }) => /^name_show\./.test(name));
  const hash = /\.[0-9a-f]{32}/;
  expect(rows.length).toBe(4);
  expect(rows.filter(({ name }) => !hash.test(name))).toEqual([]);
  expect(rows.flatMap(({ alias }) => alias ?? []).sort()).toEqual(
    UNITS.map((unit) => `name_show.cfi@${unit.replace(/\W/g, "_")}_3`),
  );
});
