// Functions that begin with NOPs before their first row and DW_AT_low_pc, as -fpatchable-function-entry of some compilers makes them
// (riscv64 and loong64 kernels): the row before the NOPs is the neighbour's.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { TableRow } from "../../src/table/alias-table.ts";
import { tableRows } from "../commands/program.ts";
import { answersOf } from "../locations.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { tool } from "../tool.ts";

/** In each section, a function before the one that two files have. */
const SOURCE = `extern int sink;
static inline int helper(int x) { return sink += x; }
__attribute__((noinline)) int before_UNIT(int x) { return helper(x); }
__attribute__((noinline, used)) static int twin(int a, int b)
{
	return helper(a) * b;
}
#define __init __attribute__((section(".init.text"), noinline, used))
__init int before_init_UNIT(void) { return helper(1); }
__init static int init_twin(int a)
{
	return sink * a;
}
`;
/** The first and last line of each function. */
const LINES: Readonly<Record<string, readonly [number, number]>> = { twin: [4, 7], init_twin: [10, 13] };
const NOPS = 4;

interface Build {
  readonly compiler: string;
  readonly flags: readonly string[];
}

const BUILDS: readonly Build[] = [
  { compiler: "gcc", flags: ["-gdwarf-4"] },
  { compiler: "gcc", flags: ["-gdwarf-5"] },
  { compiler: "gcc", flags: ["-gdwarf-5", "-ffunction-sections"] },
  { compiler: "clang-19", flags: ["-gdwarf-5"] },
  { compiler: "clang-19", flags: ["-gdwarf-4", "-ffunction-sections"] },
];

/** Compiles the units; NOPs follow each function's symbol. @returns the objects */
function compile({ compiler, flags }: Build, place: string): string[] {
  return ["first", "second"].map((unit) => {
    const path = (extension: string) => join(place, `${unit}.${extension}`);
    writeFileSync(path("c"), SOURCE.replaceAll("UNIT", unit));
    const options = [
      "-O2",
      "-ffreestanding",
      "-fno-pic",
      "-mcmodel=kernel",
      "-fno-asynchronous-unwind-tables",
    ];
    tool(compiler, [...options, ...flags, "-S", "-o", path("s"), path("c")]);
    const assembly = readFileSync(path("s"), "utf8");
    const entry = /^\w+:(?=[^\n]*\n(?:\.LVL\d+:\n)?(?:\.LFB|\.Lfunc_begin)\d)/gm;
    expect(assembly.match(entry)).toHaveLength(4);
    const patched = assembly.replace(entry, `$&\n${"\tnop\n".repeat(NOPS)}`);
    writeFileSync(path("s"), patched);
    tool(compiler, ["-c", "-o", path("o"), path("s")]);
    return path("o");
  });
}

const rowsOf = (args: readonly string[]) => tableRows([...args, "--signatures"]);

function expectOwnLines(rows: readonly TableRow[], names: readonly string[]): void {
  expect(rows.map(({ name }) => name).sort()).toEqual(names.flatMap((name) => [name, name]).sort());
  for (const { name, line, via, parameters, arriving } of rows) {
    const [first, last] = LINES[name] ?? [];
    expect(line).toBeGreaterThanOrEqual(first ?? Number.NaN);
    expect(line).toBeLessThanOrEqual(last ?? Number.NaN);
    expect(via).toBe("next-line");
    expect({ parameters, arriving }).toEqual(
      name === "twin" ? { parameters: 2, arriving: [1, 2] } : { parameters: 1, arriving: [1] },
    );
  }
  for (const name of names) {
    const own = rows.filter((row) => row.name === name);
    expect(own.map(({ file }) => file?.replace(/^.*\//, "")).sort()).toEqual(["first.c", "second.c"]);
    expect(own.map(({ unit }) => unit)).toEqual(own.map(({ file }) => file));
  }
}

describe.each(BUILDS)("$compiler $flags", (build) => {
  const place = temporaryDirectory();
  const linked = join(place, "vmlinux");

  test("symbols of an image have their own lines, declarations and parameters", () => {
    const objects = compile(build, place);
    const sink = join(place, "sink.c");
    writeFileSync(sink, "int sink; void start_kernel(void) { sink = 0; }\n");
    const main = join(place, "main.o");
    tool("gcc", ["-g", "-O2", "-fno-pic", "-mcmodel=kernel", "-c", "-o", main, sink]);
    tool("ld", ["-Ttext=0xffffffff81000000", "-e", "start_kernel", "-o", linked, main, ...objects]);
    expectOwnLines(rowsOf(["vmlinux", linked]), ["init_twin", "twin"]);
    const declared = rowsOf(["vmlinux", linked, "--location", "decl"]);
    expect(declared.map(({ name, line, via }) => `${name} ${line} ${via}`).sort()).toEqual([
      "init_twin 10 decl",
      "init_twin 10 decl",
      "twin 4 decl",
      "twin 4 decl",
    ]);
  });

  test("and those of a module", () => {
    const module = join(place, "module.ko");
    tool("ld", ["-r", "-o", module, ...compile(build, place)]);
    expectOwnLines(rowsOf(["modules", module, "--scope", "object"]), ["twin"]);
  });
});

test("GCC's own NOPs, with a row of the function before at the symbol itself", () => {
  const place = temporaryDirectory();
  const objects = ["first", "second"].map((unit) => {
    const path = (extension: string) => join(place, `${unit}.${extension}`);
    writeFileSync(path("c"), SOURCE.replaceAll("UNIT", unit));
    const options = [
      "-O2",
      "-g",
      "-ffreestanding",
      ...["0", "2"].map((nops) => `-fpatchable-function-entry=${nops}`),
    ];
    tool("s390x-linux-gnu-gcc", [...options, "-S", "-o", path("s"), path("c")]);
    // A row belongs to the next instruction, here the first NOP of the next function.
    const ending = /^\t\.cfi_endproc\n\.LFE\d+:\n(?=\t\.size\tbefore_)/gm;
    const assembly = readFileSync(path("s"), "utf8");
    expect(assembly.match(ending)).toHaveLength(2);
    writeFileSync(path("s"), assembly.replace(ending, "\t.loc 1 3 9 is_stmt 0\n$&"));
    tool("s390x-linux-gnu-gcc", ["-c", "-o", path("o"), path("s")]);
    return path("o");
  });
  writeFileSync(join(place, "sink.c"), "int sink;\n");
  tool("s390x-linux-gnu-gcc", ["-c", "-o", join(place, "sink.o"), join(place, "sink.c")]);
  const image = join(place, "vmlinux");
  tool("s390x-linux-gnu-ld", ["-e", "0", "-o", image, join(place, "sink.o"), ...objects]);
  const symbols = tool("s390x-linux-gnu-nm", [image]).toString();
  const entries = [...symbols.matchAll(/^(\w+) t twin$/gm)].map(([, address = ""]) => address);
  expect(answersOf("llvm-addr2line-19", image, entries).map((place) => place?.replace(/.*:/, ""))).toEqual(
    entries.map(() => "3"),
  );
  expectOwnLines(rowsOf(["vmlinux", image]), ["init_twin", "twin"]);
  const asked = rowsOf(["vmlinux", image, "--resolver=addr2line", "--addr2line=llvm-addr2line-19"]);
  // The tool's answer for the code is its last row there, which may be of the inline function.
  expect(asked.map(({ name, line, via }) => `${name} ${line} ${via}`).sort()).toEqual([
    "init_twin 12 next-line",
    "init_twin 12 next-line",
    "twin 2 next-line",
    "twin 2 next-line",
  ]);
});
