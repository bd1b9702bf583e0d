// Which parameters of a real kernel's clones are still passed, compared with gdb's `info scope` at their first address.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import type { TableRow } from "../../src/table/alias-table.ts";
import { PROGRAM } from "../commands/program.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { tool } from "../tool.ts";
import { kernels } from "./kernels.ts";

const CLONE = /\.(isra|constprop|part)\.\d+$/;
/** One in this number of clones is checked with gdb. */
const SAMPLE = 6;

/** Prints gdb's answer for each argument of the function at an address. */
const SCRIPT = `
import gdb
for address in ADDRESSES:
    block = gdb.block_for_pc(int(address, 16))
    while block and not block.function:
        block = block.superblock
    # A function that is inlined at the very beginning hides the outer one's arguments.
    if block and not block.superblock.is_static:
        continue
    if block is None or block.function.value().address != int(address, 16):
        continue
    names = [symbol.name for symbol in block if symbol.is_argument]
    print("FUNCTION", address, *names)
    print(gdb.execute("info scope *0x" + address, to_string=True))
`;

/** Whether gdb's words place an argument in a register or in memory when its function is entered. */
function isThere(words: string, entry: string): boolean {
  const held = /^a variable in \$|^a variable at frame base|^a complex DWARF expression:\s+0: DW_OP_fbreg/;
  const given =
    /^a complex DWARF expression:\s+0: DW_OP_entry_value\s+\d+: DW_OP_reg\d+ \S+\s+\d+: DW_OP_stack_value/;
  if (!words.startsWith("multi-location:")) return held.test(words);
  for (const [, start = "", end = "", meaning = ""] of words.matchAll(
    /Range 0x([0-9a-f]+)-0x([0-9a-f]+): ([\s\S]*?)(?=\n {2}(?:Base address|Range)|$)/g,
  )) {
    const address = (digits: string) => BigInt(`0x${digits}`);
    if (address(start) <= address(entry) && address(entry) < address(end))
      return held.test(meaning) || given.test(meaning) || /in \$.*\[\d+-byte piece\]/.test(meaning);
  }
  return false;
}

/** How many arguments arrive, by the function's address. */
function arrivingInGdb(vmlinux: string, addresses: readonly string[], script: string): Map<string, number> {
  writeFileSync(script, SCRIPT.replace("ADDRESSES", JSON.stringify(addresses)));
  const said = tool("gdb", ["-nx", "-batch", "-x", script, vmlinux]).toString();
  const counts = new Map<string, number>();
  for (const part of said.split(/^FUNCTION /m).slice(1)) {
    const [first = "", ...rest] = part.split("\n");
    const [address = "", ...names] = first.split(" ");
    const words = new Map<string, string>();
    for (const [, name = "", text = ""] of rest
      .join("\n")
      .matchAll(/^Symbol (\S+) is ([\s\S]*?)(?=^Symbol |$(?![\s\S]))/gm)) {
      if (!words.has(name)) words.set(name, text);
    }
    if (names.some((name) => !words.has(name))) continue;
    counts.set(address, names.filter((name) => isThere(words.get(name) ?? "", address)).length);
  }
  return counts;
}

describe.each(kernels)("$package $version", ({ vmlinux, version }) => {
  const directory = temporaryDirectory();
  const file = (name: string) => join(directory, name);
  let rows: readonly TableRow[];

  beforeAll(() => {
    tool(process.execPath, [PROGRAM, "vmlinux", vmlinux, "--signatures", "--table", file("table")]);
    const lines = readFileSync(file("table"), "utf8").trimEnd().split("\n").slice(1);
    rows = lines.map((line): TableRow => JSON.parse(line));
  }, 60_000);

  const clones = () => rows.filter(({ name, parameters }) => CLONE.test(name) && parameters !== null);

  test("every clone is in the table, with or without an alias", () => {
    const listed = tool("nm", [vmlinux])
      .toString()
      .matchAll(/^[0-9a-f]+ [tT] (\S+)$/gm);
    const named = Array.from(listed, ([, name = ""]) => name).filter(
      (name) => CLONE.test(name) && !name.startsWith("__pfx_"),
    );
    expect(
      rows
        .map(({ name }) => name)
        .filter((name) => CLONE.test(name))
        .sort(),
    ).toEqual(named.sort());
    expect(clones().length).toBeGreaterThan(named.length * 0.99);
  });

  test("a clone's passed parameters are those that gdb finds at its entry", async ({ annotate }) => {
    const sampled = clones().filter((_, i) => i % SAMPLE === 0);
    const counts = arrivingInGdb(
      vmlinux,
      sampled.map(({ address }) => address),
      file("gdb.py"),
    );
    const known = sampled.filter(({ address }) => counts.has(address));
    expect(known.length).toBeGreaterThan(30);
    expect(known.map(({ name, address, arriving }) => [name, address, arriving?.length])).toEqual(
      known.map(({ name, address }) => [name, address, counts.get(address)]),
    );
    await annotate(`${known.length} clones`);
  }, 300_000);

  test("functions with an unchanged name have all parameters: GCC renames the others", () => {
    const plain = rows.filter(({ name, parameters }) => !name.includes(".") && parameters !== null);
    expect(plain.length).toBeGreaterThan(500);
    expect(plain.filter(({ parameters, arriving }) => arriving?.length !== parameters)).toEqual([]);
  });

  test("the number of clones that lost a parameter is that in docs/alias-format.md", async ({ annotate }) => {
    const share = (among: readonly TableRow[]) => {
      const lost = among.filter(({ parameters, arriving }) => (arriving?.length ?? 0) < (parameters ?? 0));
      return `${lost.length.toLocaleString("en")} of ${among.length.toLocaleString("en")}`;
    };
    const shares = ["isra", "constprop", "part"].map((suffix) => [
      `with .${suffix}`,
      share(clones().filter(({ name }) => name.includes(`.${suffix}.`))),
    ]);
    const none = clones().filter(({ parameters, arriving }) => arriving?.length === 0 && parameters !== 0);
    // What holds of every kernel that GCC made: some clones have lost a parameter, and not all of them.
    const lost = clones().filter(({ parameters, arriving }) => (arriving?.length ?? 0) < (parameters ?? 0));
    expect(lost.length).toBeGreaterThan(clones().length / 20);
    expect(lost.length).toBeLessThan(clones().length);
    const measured = [["all", share(clones())], ...shares, ["nothing arrives any more", `${none.length}`]];
    await annotate(`${measured.map((row) => row.join(": ")).join(", ")}`);

    const page = readFileSync(new URL("../../docs/alias-format.md", import.meta.url), "utf8");
    const cells = page
      .split("\n")
      .map((line) => line.split("|").map((cell) => cell.replaceAll("`", "").trim()));
    const first = cells.findIndex(([, what]) => what === "clones with a lost parameter");
    const column = cells[first]?.indexOf(version.replace(/-.*/, "")) ?? -1;
    expect(first).toBeGreaterThan(0);
    // Another version's kernel has figures of its own.
    if (column === -1) return;
    const documented = cells.slice(first + 2, first + 2 + measured.length);
    expect(measured).toEqual(documented.map((row) => [row[1], row[column]]));
  });
});
