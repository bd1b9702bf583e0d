// Declarations of a real kernel's data symbols, compared with llvm-symbolizer and, where it differs, with gdb.
import { readFileSync, writeFileSync } from "node:fs";
import { join, posix } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import type { TableRow } from "../../src/table/alias-table.ts";
import { PROGRAM } from "../commands/program.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { tool } from "../tool.ts";
import { kernels } from "./kernels.ts";

/** In MiB; `npm run bench` measures the time. */
const MEMORY_LIMIT = 300;

/** One in this number of symbols is compared. */
const SAMPLE = 4;
/** One in this number is checked with gdb, of those unknown to llvm-symbolizer, which does not follow DW_AT_specification. */
const GDB_SAMPLE = 12;

/** Whether a path, which may begin with the build directory, ends in a file's path. */
const endsIn = (path: string, file: string) => posix.normalize(`/${path}`).endsWith(`/${file}`);

/** gdb's answers for variables at file level, by address: `path:line`. */
function gdbPlaces(vmlinux: string, rows: readonly TableRow[], script: string): Map<string, string> {
  const asked = rows.map(({ address, name }) => `("${address}", "${name}")`);
  writeFileSync(
    script,
    [
      `for address, name in [${asked.join(", ")}]:`,
      "  found = list(gdb.lookup_static_symbols(name)) + [gdb.lookup_global_symbol(name)]",
      "  for symbol in found:",
      "    if symbol and symbol.value().address == int(address, 16):",
      "      print('PLACE', address, symbol.symtab.filename + ':' + str(symbol.line))",
    ].join("\n"),
  );
  const said = tool("gdb", ["-nx", "-batch", "-x", script, vmlinux]).toString();
  return new Map(
    [...said.matchAll(/^PLACE (\S+) (\S+)$/gm)].map(([, address = "", place = ""]) => [address, place]),
  );
}

describe.each(kernels)("$package $version", ({ vmlinux }) => {
  const directory = temporaryDirectory();
  const file = (name: string) => join(directory, name);
  let rows: readonly TableRow[];
  let mebibytes: number;

  beforeAll(() => {
    const time = ["-f", "%M", "-o", file("time"), process.execPath, PROGRAM, "vmlinux", vmlinux];
    tool("/usr/bin/time", [...time, "--data", "-o", file("listing"), "--table", file("table")]);
    mebibytes = Number(readFileSync(file("time"), "utf8")) / 1024;
    tool(process.execPath, [
      PROGRAM,
      "vmlinux",
      vmlinux,
      "--data",
      "all",
      "--table-scope",
      "all",
      "--table",
      file("all"),
    ]);
    const lines = readFileSync(file("all"), "utf8").trimEnd().split("\n").slice(1);
    rows = lines.map((line): TableRow => JSON.parse(line)).filter(({ type }) => /[bBdDrRvV]/.test(type));
  }, 120_000);

  test("the aliases of data symbols are unique and have no compiler-generated numbers", () => {
    const lines = readFileSync(file("table"), "utf8").trimEnd().split("\n").slice(1);
    const aliased = lines.map((line): TableRow => JSON.parse(line)).filter(({ type }) => !/[tT]/.test(type));
    expect(aliased.length).toBeGreaterThan(1000);
    expect(new Set(aliased.map(({ alias }) => alias)).size).toBe(aliased.length);
    expect(aliased.filter(({ alias }) => /\.[0-9]+@/.test(alias ?? ""))).toEqual([]);
    expect(aliased.filter(({ via }) => via !== "decl" && via !== "file-symbol")).toEqual([]);
  });

  test("every declaration is where llvm-symbolizer or gdb finds it", async ({ annotate }) => {
    const sampled = rows.filter(({ via }, i) => via === "decl" && i % SAMPLE === 0);
    const said = tool(
      "llvm-symbolizer-19",
      [`--obj=${vmlinux}`, "--output-style=GNU"],
      sampled.map(({ address }) => `DATA 0x${address}\n`).join(""),
    );
    // A name, the address and size, and the place: `??:?` if unknown, line 0 if it is only from the file symbol.
    const answers = said.toString().trimEnd().split("\n");
    const counts = { compared: 0, equal: 0, empty: 0, "without a line": 0, "another line": 0 };
    const asked: TableRow[] = [];
    sampled.forEach((row, i) => {
      // Several variables without content, such as lock classes, share an address; the tool takes any of them.
      if (row.size === 0) {
        counts.empty++;
        return;
      }
      const [, path = "", line = ""] = /^(.*):(\d+|\?)$/.exec(answers[3 * i + 2] ?? "") ?? [];
      if (line === "?" || line === "0") {
        counts["without a line"]++;
        if (row.function === null && counts["without a line"] % GDB_SAMPLE === 0) asked.push(row);
        return;
      }
      counts.compared++;
      if (Number(line) === row.line && endsIn(path, row.file ?? "?")) counts.equal++;
      else {
        // It takes local variables whose value is such an address for what is there.
        counts["another line"]++;
        asked.push(row);
      }
    });
    await annotate(JSON.stringify(counts));
    expect(counts.equal).toBeGreaterThan(2000);
    expect(counts["another line"]).toBeLessThan(counts.compared / 50);
    const places = gdbPlaces(vmlinux, asked, file("gdb.py"));
    const wrong = asked.filter(({ address, file, unit, line }) => {
      const [, path = "", at = ""] = /^(.*):(\d+)$/.exec(places.get(address) ?? "") ?? [];
      // gdb does follow it, but for the file.
      return (
        Number(at) !== line || ![file, unit].some((known) => endsIn(known ?? "?", posix.normalize(path)))
      );
    });
    expect(wrong).toEqual([]);
  }, 300_000);

  test("symbols without a declaration come from compilers, assembly or the linker", async ({ annotate }) => {
    const unnamed = /^(\.LC|\.L|__func__\.|__compound_literal\.|CSWTCH\.)/;
    const reasons = { "made by the compiler": 0, "exported symbols": 0, "linker, assembly and others": 0 };
    let declared = 0;
    for (const { name, via } of rows) {
      if (via === "decl") declared++;
      else if (unnamed.test(name)) reasons["made by the compiler"]++;
      else if (/^__(ksymtab|kstrtab|kstrtabns|crc)_/.test(name)) reasons["exported symbols"]++;
      else reasons["linker, assembly and others"]++;
    }
    await annotate(JSON.stringify({ declared, ...reasons }));
    expect(declared).toBeGreaterThan(20_000);
    expect(reasons["linker, assembly and others"]).toBeLessThan(rows.length / 20);
  });

  test("--data takes less than 300 MiB", async ({ annotate }) => {
    await annotate(`${Math.round(mebibytes)} MiB`);
    expect(mebibytes).toBeLessThan(MEMORY_LIMIT);
  });
});
