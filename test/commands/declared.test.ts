// Aliases of symbols that compilers rename: a program with static locals, clones and cold parts, from gcc and clang with ThinLTO.
// Its variables contain the places of their declarations; an edit of one file must not change other aliases.
import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, test } from "vitest";
import type { TableRow } from "../../src/table/alias-table.ts";
import {
  buildProgram,
  HOLDERS,
  heldPlace,
  type ProgramBuild,
  SOURCES,
} from "../source-lines/declared-program.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { tool } from "../tool.ts";
import { kasAlias } from "./program.ts";

const directory = temporaryDirectory();
let files = 0;
const newFile = () => join(directory, `file-${files++}`);

function tableOf(args: readonly string[]): readonly TableRow[] {
  const table = newFile();
  const { status, stderr } = kasAlias([...args, "--table", table]);
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  const lines = readFileSync(table, "utf8").trimEnd().split("\n").slice(1);
  return lines.map((line): TableRow => JSON.parse(line));
}

const isData = ({ type }: TableRow) => /[bBdDrR]/.test(type);
const source = (name: string) => readFileSync(join(SOURCES, name), "utf8").split("\n");

/** The position of a function's name in the source, in the line that begins its definition. */
function definitionOf(name: string, file: string): number {
  return source(file).findIndex((line) => new RegExp(`^[a-z_].*\\b${name}\\([a-z].*\\)$`).test(line)) + 1;
}

const OPTIONS = ["--data", "--location", "decl", "--source-root", SOURCES, "--separator", "@"];

const PROGRAMS: [string, ProgramBuild][] = [
  ["gcc -O2", { compiler: "gcc", flags: ["-g"] }],
  ["clang-19 with ThinLTO", { compiler: "clang-19", flags: ["-g", "-flto=thin", "-fuse-ld=lld"] }],
];

describe.each(PROGRAMS)("%s", (_, plan) => {
  const build = (...flags: string[]) =>
    buildProgram(newFile(), { ...plan, flags: [...plan.flags, ...flags] });
  const path = build();
  const rows = tableOf(["vmlinux", path, ...OPTIONS]);

  test("the program has symbols that compilers rename: static locals, clones or promoted functions", () => {
    const symbols = tool("nm", [path]).toString();
    const wanted =
      plan.compiler === "gcc"
        ? [/calls\.\d/, /\.isra\.0$/m, /\.constprop\.0/, /\.cold$/m]
        : [/check\.calls/, /\.llvm\.\d+$/m];
    for (const pattern of wanted) expect(symbols).toMatch(pattern);
  });

  test("the alias of each variable names the place that the variable contains", () => {
    const variables = rows.filter(isData);
    expect(variables.length).toBeGreaterThan(8);
    for (const { name, address, file, line, unit, alias } of variables) {
      const place = heldPlace(path, BigInt(`0x${address}`));
      expect(`${file}:${line}`).toBe(place);
      // The stem is free of GCC's numbers and of clang's hashes, and has clang's function.
      const stem = name.replace(/(\.\d+|\.llvm\.\d+)+$/, "");
      const outside = unit === file ? "" : `@${unit?.replace(".", "_")}`;
      expect(alias).toBe(`${stem}@${place.replace(/[.:]/g, "_")}${outside}`);
    }
  });

  test("static locals have the name of their function", () => {
    const variables = rows.filter(isData);
    const holders = variables.map((row) => row.function);
    expect(holders).toEqual(variables.map(({ file, line }) => HOLDERS[`${file}:${line}`] ?? null));
    expect(holders.filter((holder) => holder === "check").length).toBeGreaterThan(3);
  });

  test("the alias of each function, and of its clones and cold parts, names its definition", () => {
    const functions = rows.filter((row) => !isData(row));
    expect(functions.length).toBeGreaterThan(1);
    for (const { name, file, line, alias } of functions) {
      expect(line).toBe(definitionOf(name.replace(/\..*/, ""), file ?? ""));
      expect(alias).toBe(`${name.replace(/\.llvm\.\d+$/, "")}@${file?.replace(".", "_")}_${line}`);
    }
  });

  test("all aliases are unique and without hashes", () => {
    const aliases = rows.map(({ alias }) => alias);
    expect(new Set(aliases).size).toBe(aliases.length);
    expect(aliases.filter((alias) => /llvm|\d{8}/.test(alias ?? ""))).toEqual([]);
  });

  test("an edit elsewhere in the file changes symbols, but no alias", () => {
    const edited = build("-DEDITED");
    const names = (file: string) => tool("nm", [file]).toString().match(/ \S+$/gm);
    expect(names(edited)).not.toEqual(names(path));
    const after = new Set(tableOf(["vmlinux", edited, ...OPTIONS]).map(({ alias }) => alias));
    expect(rows.map(({ alias }) => alias).filter((alias) => !after.has(alias))).toEqual([]);
  });
});

describe("Modules", () => {
  test.each<[string, ProgramBuild]>([
    ["x86-64", { compiler: "gcc", flags: ["-g"] }],
    ["x86-64, clang", { compiler: "clang-19", flags: ["-g"] }],
    ["x86-64, DWARF 4, compressed", { compiler: "gcc", flags: ["-gdwarf-4", "-gz"] }],
    ["x86-64, a section for each variable", { compiler: "gcc", flags: ["-g", "-fdata-sections"] }],
    ["s390x, big-endian", { compiler: "s390x-linux-gnu-gcc", flags: ["-g"] }],
    ["32-bit, relocations without addends", { compiler: "gcc", flags: ["-g", "-m32"] }],
  ])("%s: the place of each variable is the one that it holds", (_, plan) => {
    const path = buildProgram(`${newFile()}.o`, { ...plan, link: false });
    const rows = tableOf(["modules", path, "--data", "--table-scope", "all", "--source-root", SOURCES]);
    const variables = rows.filter((row) => isData(row) && /^[a-z]/.test(row.name));
    expect(variables.map(({ name }) => name.replace(/^.*\.(?=[a-z])|\.\d+$/g, "")).sort()).toEqual(
      "announced calls calls calls constant limit once seen sink".split(" "),
    );
    for (const { section, address, file, line, via } of variables) {
      expect(via).toBe("decl");
      expect(`${basename(file ?? "")}:${line}`).toBe(heldPlace(path, BigInt(`0x${address}`), section ?? ""));
    }
  });
});

describe("Options", () => {
  const path = buildProgram(newFile(), { compiler: "gcc", flags: ["-g"] });
  const roots = ["--source-root", SOURCES];

  test("without --data, the listing has no aliases of data", () => {
    expect(tableOf(["vmlinux", path, ...roots]).filter(isData)).toEqual([]);
  });

  test("an alias table with data works for a later link of the same build", () => {
    const [table, again] = [newFile(), newFile()];
    const run = (...args: string[]) => kasAlias(["vmlinux", path, "-o", "-", ...args]);
    const first = run("--data", "all", "--location", "decl", ...roots, "--table", table);
    const second = run("--reuse-table", table, "--table", again);
    expect(first.stdout).toMatch(/ calls@/);
    expect(second).toEqual(first);
    expect(readFileSync(again)).toEqual(readFileSync(table));
  });

  test("another resolver gives the same places for data", () => {
    const data = (...args: string[]) =>
      tableOf(["vmlinux", path, "--data", ...roots, ...args]).filter(isData);
    expect(data("--resolver", "addr2line")).toEqual(data());
  });

  test("--data requires the scope all", () => {
    const { status, stderr } = kasAlias(["vmlinux", path, "--data=some"]);
    expect({ status, stderr }).toEqual({
      status: 2,
      stderr: expect.stringMatching(
        /^kas-alias: option '--data \[scope\]' argument 'some' is invalid\. Allowed choices are all\.\n$/,
      ),
    });
  });
});
