// Large inputs take time in proportion to their size, and bounded memory. Time limits are ten times what was measured, and more.
import { openSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { SAMPLE } from "../sample-kernel.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { outcome, tool } from "../tool.ts";
import { kasAlias, PROGRAM } from "./program.ts";

const directory = temporaryDirectory();
const path = (name: string) => join(directory, name);

/** Runs the program; its status, its diagnostics and the most memory that it took, in MB. */
function measured(args: readonly string[]) {
  const { status, stderr } = outcome("/usr/bin/time", ["-f", "%M", process.execPath, PROGRAM, ...args]);
  const lines = stderr.trimEnd().split("\n");
  return { status, megabytes: Number(lines.at(-1)) / 1024, lines };
}

test("a hundred thousand names of two local symbols each, without a file", () => {
  const source = Array.from({ length: 100_000 }, (_, i) => `f${i}: nop\n`).join("");
  for (const part of ["a", "b"]) {
    tool("as", ["-o", path(`${part}.o`), "-"], source);
  }
  writeFileSync(path("one.c"), "int one(void) { return 1; }\n");
  tool("gcc", ["-g", "-c", "-o", path("one.o"), path("one.c")]);
  const image = path("locals");
  // Without STT_FILE symbols; the linker adds one without a name.
  tool("ld", ["-Ttext=0xffffffff81000000", "-e", "0", "-o", image, path("one.o"), path("a.o"), path("b.o")]);
  const { status, megabytes } = measured([
    "vmlinux",
    image,
    "--table",
    path("locals.jsonl"),
    "--table-scope",
    "all",
  ]);
  expect(status).toBe(0);
  expect(megabytes).toBeLessThan(700);
}, 60_000);

test("sixty thousand names of two symbols each, all at two addresses, with a listing", () => {
  const labels = Array.from({ length: 60_000 }, (_, i) => `.type f${i},@function\nf${i}:\n`).join("");
  for (const part of ["c", "d"]) {
    const lines = `.file "${part}.c"\n.file 1 "${part}.c"\n.text\n.loc 1 1\n`;
    tool("as", ["-o", path(`${part}.o`), "-"], `${lines}${labels}nop\n`);
  }
  const image = path("two-addresses");
  tool("ld", ["-e", "0", "-o", image, path("c.o"), path("d.o")]);
  writeFileSync(path("listing"), tool("nm", ["-n", image]));
  const { status } = measured(["vmlinux", "--nm", path("listing"), image, "-o", path("aliased")]);
  expect(status).toBe(0);
  expect(readFileSync(path("aliased"), "latin1").match(/@/g)).toHaveLength(120_000);
}, 60_000);

test("two hundred thousand units of one function", () => {
  // DWARF 4, with each string in its attribute.
  const unit = `
    .long 2f-1f
  1: .value 4
    .long .debug_abbrev
    .byte 8
    .uleb128 1
    .asciz "unit.c"
    .long .debug_line
    .quad one
    .quad 1
  2:`;
  const abbreviation = [1, 0x11, 0, 0x03, 0x08, 0x10, 0x17, 0x11, 0x01, 0x12, 0x07, 0, 0, 0].join(",");
  const source = `.file "unit.c"
    .file 1 "unit.c"
    .text
    .globl one
    .type one, @function
  one: .loc 1 7
    ret
    .size one, .-one
    .section .debug_abbrev, "", @progbits
    .byte ${abbreviation}
    .section .debug_line, "", @progbits
    .section .debug_info, "", @progbits
    .rept 200000${unit}
    .endr
`;
  tool("as", ["-o", path("units.o"), "-"], source);
  tool("ld", ["-e", "0", "-o", path("units"), path("units.o")]);
  const table = path("units.jsonl");
  const { status, megabytes } = measured([
    "vmlinux",
    path("units"),
    "--table",
    table,
    "--table-scope",
    "all",
  ]);
  expect(status).toBe(0);
  expect(readFileSync(table, "utf8")).toContain('"file":"unit.c","line":7,"unit":"unit.c"');
  expect(megabytes).toBeLessThan(600);
}, 120_000);

test("a glob in a table's header that a regular expression would try forever", () => {
  const table = path("glob.jsonl");
  expect(kasAlias(["vmlinux", SAMPLE, "--table", table, "--exclude", `${"*a".repeat(40)}*b`]).status).toBe(0);
  const listing = path("nm");
  const name = "a".repeat(400);
  writeFileSync(
    listing,
    `${tool("nm", ["-n", SAMPLE])}ffffffffff000000 t ${name}\nffffffffff000000 t ${name}\n`,
  );
  const run = kasAlias(["vmlinux", "--nm", listing, "--reuse-table", table, "-o", "/dev/null"]);
  expect(run.stderr).toMatch(/^(kas-alias: [^\n]+\n)?$/);
}, 60_000);

test("a line program of a hundred million rows", () => {
  const source = path("rows.s");
  writeFileSync(source, '.file "rows.c"\n.text\n.globl f\nf: .loc 1 1\nnop\n.loc 1 2\nnop\n.size f,.-f\n');
  writeFileSync(path("rows.c"), "int f(void) { return 1; }\nint g(void) { return 2; }\n");
  tool("gcc", ["-g", "-gdwarf-4", "-c", "-o", path("rows.o"), path("rows.c")]);
  tool("objcopy", ["--dump-section", `.debug_line=${path("line")}`, path("rows.o"), path("copy.o")]);
  // DW_LNS_copy, a byte each, in place of the end of the only sequence; 2^27 of them.
  const script = `
import struct
line = open(${JSON.stringify(path("line"))}, "rb").read()[:-3] + b"\\x01" * 2**27 + b"\\0\\x01\\x01"
open(${JSON.stringify(path("line"))}, "wb").write(struct.pack("<I", len(line) - 4) + line[4:])`;
  tool("python3", ["-c", script]);
  tool("objcopy", ["--update-section", `.debug_line=${path("line")}`, path("rows.o"), path("long.o")]);
  tool("ld", ["-Ttext=0xffffffff81000000", "-e", "0", "-o", path("long"), path("long.o")]);
  const { status, megabytes, lines } = measured([
    "vmlinux",
    path("long"),
    "--table",
    "-",
    "--table-scope",
    "all",
  ]);
  expect(megabytes).toBeLessThan(1024);
  if (status !== 0)
    expect(lines[0]).toMatch(/^kas-alias: [^\n]*long: \.debug_line: needs more than the maximum of /);
}, 120_000);

test("tables of a quarter of a million rows", () => {
  const table = (name: string, kernel: string, shift: number) => {
    const fd = openSync(path(name), "w");
    const rows = 250_000;
    const header = {
      schema: "kas-alias/table@1",
      kernel,
      arch: "x86_64",
      scope: "object",
      objects: [{ name: "vmlinux", buildId: null }],
      rows,
      generator: "test",
      options: { separator: "@" },
    };
    writeSync(fd, `${JSON.stringify(header)}\n`);
    for (let i = 0; i < rows; i++) {
      const file = `drivers/net/ethernet/vendor${i % 50}/file${Math.floor(i / 40)}.c`;
      const line = (i % 40) * 25 + (i % 3 === 0 ? shift : 0);
      const name = `function_name_number_${i >> 1}`;
      const alias = i % 8 === 0 ? `${name}@${file.replace(/\W/g, "_")}_${line}` : null;
      const address = (0xffffffff81000000n + BigInt(16 * i)).toString(16);
      const row = {
        object: "vmlinux",
        name,
        alias,
        type: "t",
        address,
        section: ".text",
        size: 16,
        file,
        line,
        unit: file,
      };
      const rest = {
        sympos: (i % 2) + 1,
        ordinal: 0,
        via: "line",
        function: null,
        parameters: null,
        arriving: null,
        kind: "function",
      };
      writeSync(fd, `${JSON.stringify({ ...row, ...rest })}\n`);
    }
    return path(name);
  };
  const tables = [table("old.jsonl", "6.1", 0), table("new.jsonl", "6.2", 3)];
  const difference = measured(["diff", ...tables, "-o", "/dev/null"]);
  expect(difference.status).toBe(1);
  expect(difference.megabytes).toBeLessThan(500);
  const history = measured(["history", ...tables, "-o", "/dev/null"]);
  expect(history.status).toBe(0);
  expect(history.megabytes).toBeLessThan(370);
}, 300_000);
