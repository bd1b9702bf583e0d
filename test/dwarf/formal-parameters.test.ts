// Which parameters of functions are still passed: functions with known compiler transformations.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { TableRow } from "../../src/table/alias-table.ts";
import { kasAlias } from "../commands/program.ts";
import { SOURCES } from "../source-lines/declared-program.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { tool } from "../tool.ts";

const directory = temporaryDirectory();
let programs = 0;

/** The parameters of each function: how many the source has, and those that arrive. */
function parametersOf(compiler: string, flags: readonly string[]): Record<string, string> {
  const path = join(directory, `program-${programs++}`);
  const link = ["-nostdlib", "-Wl,-e,main", "-o", path, join(SOURCES, "parameters.c")];
  tool(compiler, ["-O2", "-w", ...flags, ...link]);
  const table = `${path}.jsonl`;
  const args = ["vmlinux", path, "--signatures", "--table-scope", "all", "--table", table];
  const { status, stderr } = kasAlias(args);
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  const rows = readFileSync(table, "utf8").trimEnd().split("\n").slice(1);
  return Object.fromEntries(
    rows
      .map((row): TableRow => JSON.parse(row))
      .filter(({ name }) => !name.startsWith("__"))
      .map(({ name, parameters, arriving }) => [name, `${arriving?.join(" ") ?? "?"} of ${parameters}`]),
  );
}

describe("functions without parameters in the debug information", () => {
  const C = "int f(void) { return 1; } void g(void) {} void h(int a) {}\n";
  const ASSEMBLY =
    ".globl f, g\n.type f, @function\n.type g, @function\nf: ret\n.size f, 1\ng: ret\n.size g, 1\n";
  const parametersIn = (flags: readonly string[], language: string, source: string) => {
    const path = join(directory, `single-${programs++}`);
    tool("gcc", ["-nostdlib", "-no-pie", "-Wl,-e,f", ...flags, "-o", path, "-x", language, "-"], source);
    const { status, stdout } = kasAlias([
      "vmlinux",
      path,
      "--signatures",
      "--table-scope",
      "all",
      "--table",
      "-",
    ]);
    expect(status).toBe(0);
    const rows = stdout
      .trimEnd()
      .split("\n")
      .slice(1)
      .map((row): TableRow => JSON.parse(row));
    return Object.fromEntries(
      rows.filter(({ name }) => /^[fgh]$/.test(name)).map(({ name, parameters }) => [name, parameters]),
    );
  };

  test.each([["-gdwarf-4"], ["-gdwarf-5"]])("are without any in C, if the rest is described (%s)", (flag) => {
    expect(parametersIn([flag], "c", C)).toEqual({ f: 0, g: 0, h: 1 });
  });

  test("are unknown with -g1", () => {
    expect(parametersIn(["-g1"], "c", C)).toEqual({ f: null, g: null, h: null });
  });

  test.each([["-gdwarf-4"], ["-gdwarf-5"]])("are unknown in assembly (%s)", (flag) => {
    expect(parametersIn([flag, "-Wa,-g"], "assembler", ASSEMBLY)).toEqual({ f: null, g: null });
  });
});

describe("GCC renames the functions whose parameters it changes", () => {
  const expected = {
    "drop_first.constprop.0": "2 of 2",
    "drop_constant.constprop.0": "1 of 2",
    keep_all: "1 2 of 2",
    "replace_pointer.isra.0": "2 of 2",
    called_back: "1 2 of 2",
    exported: "1 2 of 2",
    main: "1 2 of 2",
  };

  test.each([
    ["DWARF 5", "gcc", ["-g"]],
    ["64-bit DWARF 5", "gcc", ["-g", "-gdwarf64"]],
    ["DWARF 4, whose lists are in .debug_loc", "gcc", ["-gdwarf-4"]],
    ["DWARF 2", "gcc", ["-gdwarf-2"]],
    ["compressed", "gcc", ["-g", "-gz"]],
    ["parameters on the stack", "gcc", ["-g", "-m32"]],
    ["big-endian", "s390x-linux-gnu-gcc", ["-g"]],
  ])("%s", (_, compiler, flags) => {
    expect(parametersOf(compiler, flags)).toEqual(expected);
  });

  test("link-time optimisation also renames exported functions", () => {
    const { exported: _, ...others } = expected;
    expect(parametersOf("gcc", ["-g", "-flto"])).toEqual({ ...others, "exported.constprop.0": "2 of 2" });
  });
});

describe("clang keeps the names", () => {
  test.each([
    ["DWARF 5", ["-g"]],
    ["DWARF 4", ["-gdwarf-4"]],
    ["DWARF 3", ["-gdwarf-3"]],
  ])("and marks what it changes since version 17: %s", (_, flags) => {
    expect(parametersOf("clang-19", [...flags, "-fuse-ld=lld"])).toMatchObject({
      drop_first: "2 of 2",
      drop_constant: "1 of 2",
      keep_all: "1 2 of 2",
      // Neither has a location for the parameter that is not used, which is passed nevertheless.
      called_back: "? of 2",
      exported: "? of 2",
      main: expect.stringMatching(/ of 2$/),
    });
  });

  test("and earlier versions did not mark the functions", () => {
    expect(parametersOf("clang", ["-g"])).toMatchObject({
      drop_first: "? of 2",
      drop_constant: "? of 2",
      keep_all: "1 2 of 2",
      exported: "? of 2",
    });
  });
});
