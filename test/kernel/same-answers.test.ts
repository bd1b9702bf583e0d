// All ways to alias a real kernel give the same aliases: resolvers, jobs, stripped images, running kernels.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import type { TableRow } from "../../src/table/alias-table.ts";
import { kasAlias, PROGRAM } from "../commands/program.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { tool } from "../tool.ts";
import { kernels } from "./kernels.ts";

/** Offset that KASLR adds to the addresses of the image. */
const SHIFT = 0x1ea00000n;
const IMAGE_START = 0xffffffff80000000n;

/** Lines of modules as /proc/kallsyms has them: names of the kernel's and a name of their own. */
const MODULES = [
  "ffffffffc0401000 t name_show\t[rtc_example]",
  "ffffffffc0401040 t init_once\t[fs_example]",
  "ffffffffc0401080 t example_only_here\t[fs_example]",
  "ffffffffc0401080 t example_only_here\t[rtc_example]",
];

describe.each(kernels)("$package $version", ({ vmlinux, systemMap }) => {
  const directory = temporaryDirectory();
  const file = (name: string) => join(directory, name);

  /** Runs `kas-alias vmlinux`. @returns the bytes of the listing and of the table */
  function run(args: readonly string[]): { listing: Buffer; table: Buffer } {
    const outputs = ["-o", file("listing"), "--table", file("table")];
    const { status, stderr } = kasAlias(["vmlinux", ...args, ...outputs]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    return { listing: readFileSync(file("listing")), table: readFileSync(file("table")) };
  }

  function rowsOf({ table }: { table: Buffer }): TableRow[] {
    const lines = table.toString("utf8").trimEnd().split("\n").slice(1);
    return lines.map((row): TableRow => JSON.parse(row));
  }

  const addr2line = (command: string) => ["--resolver", "addr2line", "--addr2line", command];
  let usual: { listing: Buffer; table: Buffer };
  const isUsual = ({ listing, table }: { listing: Buffer; table: Buffer }) => ({
    listing: listing.equals(usual.listing),
    table: table.equals(usual.table),
  });
  const SAME = { listing: true, table: true };

  beforeAll(() => {
    usual = run([vmlinux]);
    expect(rowsOf(usual).length).toBeGreaterThan(400);
  });

  test("a second run, and runs with --jobs 1 and 4, give the same bytes", () => {
    expect(isUsual(run([vmlinux]))).toEqual(SAME);
    expect(isUsual(run([vmlinux, "--jobs", "1"]))).toEqual(SAME);
    expect(isUsual(run([vmlinux, "--jobs", "4"]))).toEqual(SAME);
  });

  test.each(["llvm-addr2line", "eu-addr2line"])(
    "--resolver addr2line with %s and 1 or 4 jobs gives the same bytes",
    (command) => {
      expect(isUsual(run([vmlinux, ...addr2line(command), "--jobs", "1"]))).toEqual(SAME);
      expect(isUsual(run([vmlinux, ...addr2line(command), "--jobs", "4"]))).toEqual(SAME);
    },
  );

  test("with GNU addr2line, only functions outside their unit's file differ: it places them in that file", async ({
    annotate,
  }) => {
    const right = rowsOf(usual);
    const gnu = rowsOf(run([vmlinux, ...addr2line("addr2line")]));
    expect(gnu.length).toBe(right.length);
    const different = right.flatMap((row, i) =>
      gnu[i]?.alias === row.alias ? [] : [{ row, other: gnu[i] }],
    );
    expect(different.filter(({ row, other }) => row.file === row.unit || other?.file !== row.unit)).toEqual(
      [],
    );
    expect(different.filter(({ row, other }) => other?.line !== row.line)).toEqual([]);
    await annotate(`GNU addr2line names the wrong file for ${different.length} of ${right.length}`);
  });

  test("a stripped image with the full one as --debug-file gives the same bytes", () => {
    tool("objcopy", ["--strip-debug", vmlinux, file("stripped")]);
    expect(isUsual(run([file("stripped"), "--debug-file", vmlinux]))).toEqual(SAME);
  });

  test("the listing of a running kernel, with KASLR and modules, gets the same aliases", () => {
    const moved = readFileSync(systemMap, "latin1").replace(/^[0-9a-f]{16}/gm, (digits) => {
      const address = BigInt(`0x${digits}`);
      return (address < IMAGE_START ? address : address + SHIFT).toString(16).padStart(16, "0");
    });
    writeFileSync(file("kallsyms"), `${moved}${MODULES.join("\n")}\n`);
    const there = run(["--nm", file("kallsyms"), "--debug-file", vmlinux]);
    const comparable = ({ address, ...row }: TableRow, shift: bigint) => {
      return { ...row, address: (BigInt(`0x${address}`) - shift).toString(16) };
    };
    expect(rowsOf(there).map((row) => comparable(row, SHIFT))).toEqual(
      rowsOf(usual).map((row) => comparable(row, 0n)),
    );
    const added = there.listing.toString("latin1").replace(/^.*@.*\n/gm, "");
    expect(added === readFileSync(file("kallsyms"), "latin1")).toBe(true);
  });

  test("the memory of one run peaks below 150 MiB", async ({ annotate }) => {
    const time = ["-f", "%M", "-o", file("peak"), process.execPath, PROGRAM];
    tool("/usr/bin/time", [...time, "vmlinux", vmlinux, "-o", file("listing"), "--table", file("table")]);
    const kibibytes = Number(readFileSync(file("peak"), "utf8"));
    expect(kibibytes).toBeLessThanOrEqual(150 * 1024);
    await annotate(`${Math.round(kibibytes / 1024)} MiB`);
  });
});
