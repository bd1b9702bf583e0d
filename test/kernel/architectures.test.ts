// Real kernels of many architectures, beside that architecture's nm, libdw (functions.c), llvm-addr2line and readelf.
import { readdirSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import type { ForeignKernel } from "../../scripts/architectures.mjs";
import type { TableRow } from "../../src/table/alias-table.ts";
import { PROGRAM } from "../commands/program.ts";
import { answersOf, resolved } from "../locations.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { tool } from "../tool.ts";
import { CACHE } from "./kernels.ts";

const kernels: readonly ForeignKernel[] = JSON.parse(readFileSync(join(CACHE, "architectures.json"), "utf8"));

const directory = temporaryDirectory();
const JUDGE = join(directory, "functions");
tool("gcc", ["-O2", "-o", JUDGE, join(import.meta.dirname, "functions.c"), "-ldw"]);

/** What libdw says of the function that a symbol's code belongs to; null where it knows nothing. */
interface Judged {
  /** Identifies the unit. */
  readonly unitOffset: string;
  readonly unit: string | null;
  readonly name: string | null;
  readonly declaration: string;
  readonly rows: readonly string[];
}

function judge(vmlinux: string, rows: readonly TableRow[], withRows: boolean): Judged[] {
  const asked = rows.map(({ address, size }) => `${address} ${(size ?? 0).toString(16)}\n`).join("");
  const said = tool(JUDGE, [...(withRows ? ["-r"] : []), vmlinux], asked).toString();
  return said
    .trimEnd()
    .split("\n")
    .map((line) => {
      const [unitOffset = "", unit = "-", name = "-", , declaration = "", ...own] = line.split("\t");
      const known = (text: string) => (text === "-" ? null : text);
      return { unitOffset, unit: known(unit), name: known(name), declaration, rows: own };
    });
}

/** Whether a place as a compiler recorded it, maybe below the build's directory, is a row's. */
const isPlace = (recorded: string, { file, line }: TableRow) =>
  posix.normalize(`/${recorded}`).endsWith(`/${file}:${line}`);

function runTable(args: readonly string[]): TableRow[] {
  const said = tool(process.execPath, [PROGRAM, ...args, "--table", "-"]).toString();
  return said
    .trimEnd()
    .split("\n")
    .slice(1)
    .map((line): TableRow => JSON.parse(line));
}

/** The types of symbols as readelf prints them, by address and name. */
function symbolTypes(path: string): Map<string, string> {
  const said = tool("readelf", ["-sW", path]).toString();
  const line = /^ *\d+: ([0-9a-f]+) +\w+ (\w+) +\w+ +\w+ .*? *\w+ (\S+)$/gm;
  return new Map(
    [...said.matchAll(line)].map(([, address = "", type = "", name = ""]) => [
      `${address.padStart(16, "0")} ${name}`,
      type,
    ]),
  );
}

/** The rows of a module's line tables: offset in a section, file's name and line. */
function moduleRows(path: string): Set<string> {
  const said = tool("readelf", ["-W", "--debug-dump=decodedline", path]).toString();
  return new Set(
    [...said.matchAll(/^(\S+) +(\d+) +(?:0x)?([0-9a-f]+)\b/gm)].map(
      ([, file, line, offset = ""]) => `${Number.parseInt(offset, 16)} ${file}:${line}`,
    ),
  );
}

describe.each(kernels)("$architecture: $package $version", ({ fault, vmlinux, modules, nm }) => {
  if (fault !== "") {
    test("can be had", () => expect(fault).toBe(""));
    return;
  }
  let aliased: readonly TableRow[];
  let judged: readonly Judged[];
  let functions: readonly TableRow[];

  beforeAll(() => {
    aliased = runTable(["vmlinux", vmlinux]);
    judged = judge(vmlinux, aliased, true);
    const all = runTable([
      "vmlinux",
      vmlinux,
      "--table-scope=all",
      "--data",
      "--signatures",
      "--location=decl",
    ]);
    functions = all.filter(({ kind, size }) => kind === "function" && size !== null && size > 0);
  }, 300_000);

  test("the listing is nm's, with the aliases", () => {
    const aliases = new Set(aliased.map(({ alias }) => alias));
    const lines = tool(process.execPath, [PROGRAM, "vmlinux", vmlinux]).toString().split("\n");
    const own = lines.filter((line) => !aliases.has(line.slice(line.lastIndexOf(" ") + 1)));
    expect(lines.length - own.length).toBe(aliased.length);
    expect(own.join("\n") === tool(nm, ["-n", vmlinux]).toString()).toBe(true);
  });

  test("every alias's line is one of the function's", async ({ annotate }) => {
    const counts = { aliases: 0, line: 0, "next-line": 0, unit: 0, "without a function in libdw": 0 };
    const wrong = aliased.filter((row, i) => {
      const { name, rows } = judged[i] ?? { name: null, rows: [] };
      counts.aliases++;
      if (name === null) counts["without a function in libdw"]++;
      if (row.via === "line" || row.via === "next-line" || row.via === "unit") counts[row.via]++;
      if (row.via === "unit") return rows.length > 0;
      return !rows.some((recorded) => isPlace(recorded, row));
    });
    await annotate(JSON.stringify(counts));
    expect(wrong).toEqual([]);
    expect(aliased.length).toBeGreaterThan(500);
  });

  test("aliases are unique; only a source that is built twice has ordinals", async ({ annotate }) => {
    expect(new Set(aliased.map(({ alias }) => alias)).size).toBe(aliased.length);
    const builtTwice = aliased.filter(({ ordinal }) => ordinal > 0);
    await annotate(`${builtTwice.length} with an ordinal`);
    for (const row of builtTwice) {
      const units = aliased.flatMap(({ alias }, i) =>
        alias === row.alias || `${alias}_${row.ordinal}` === row.alias ? (judged[i] ?? []) : [],
      );
      expect(units.length).toBe(2);
      expect(new Set(units.map(({ unitOffset }) => unitOffset)).size).toBe(2);
      expect(new Set(units.map(({ unit }) => unit)).size).toBe(1);
    }
  });

  test("no alias is of a data object", () => {
    const types = symbolTypes(vmlinux);
    const own = aliased.map(({ address, name }) => types.get(`${address} ${name}`));
    expect(own.filter((type) => type === undefined || type === "OBJECT")).toEqual([]);
  });

  test("the declarations are libdw's, and at most 3 % of the functions that it knows have none", async ({
    annotate,
  }) => {
    const known = judge(vmlinux, functions, false);
    const counts = { functions: functions.length, known: 0, declared: 0 };
    const wrong = functions.filter((row, i) => {
      const { name, declaration } = known[i] ?? { name: null, declaration: "" };
      if (name !== null) counts.known++;
      if (row.via !== "decl") return false;
      if (name !== null) counts.declared++;
      return !isPlace(declaration, row);
    });
    await annotate(JSON.stringify(counts));
    expect(wrong).toEqual([]);
    expect(counts.declared).toBeGreaterThan(0.97 * counts.known);
  }, 120_000);

  test("resolve answers as LLVM does", async ({ annotate }) => {
    const addresses = functions.map(({ address }) => address);
    const own = await resolved(vmlinux, addresses);
    const llvm = answersOf("llvm-addr2line-19", vmlinux, addresses);
    const elfutils = answersOf("eu-addr2line", vmlinux, addresses);
    const differs = (i: number) => own[i] !== llvm[i] && (llvm[i] !== undefined || own[i] !== elfutils[i]);
    const counts = { addresses: addresses.length, "of LLVM": llvm.filter((answer) => answer).length };
    await annotate(JSON.stringify(counts));
    expect(
      addresses.flatMap((address, i) => (differs(i) ? [[address, own[i], llvm[i], elfutils[i]]] : [])),
    ).toEqual([]);
    expect(counts["of LLVM"]).toBeGreaterThan(0.9 * counts.addresses);
  }, 300_000);

  test("each alias in its modules has a line of the module's table", async ({ annotate }) => {
    const files = readdirSync(modules, { recursive: true, encoding: "utf8" }).filter((name) =>
      name.endsWith(".ko"),
    );
    expect(files.length).toBeGreaterThanOrEqual(25);
    const table = runTable(["modules", "--directory", modules, "--vmlinux", vmlinux, "--scope", "global"]);
    const rows = table.filter(({ object }) => object !== "vmlinux");
    await annotate(`${files.length} modules, ${rows.length} aliases`);
    expect(rows.length).toBeGreaterThan(25);
    expect(new Set(rows.map(({ object, alias }) => `${object} ${alias}`)).size).toBe(rows.length);
    const tables = new Map<string, Set<string>>();
    const wrong = rows.filter(({ object, address, size, file, line }) => {
      const path =
        files.find((name) => posix.basename(name, ".ko").replaceAll("-", "_") === object) ?? object;
      const lines = tables.get(path) ?? moduleRows(join(modules, path));
      tables.set(path, lines);
      const start = Number(`0x${address}`);
      const place = `${posix.basename(file ?? "?")}:${line}`;
      const offsets = Array.from({ length: size ?? 0 }, (_, i) => start + i);
      return !offsets.some((offset) => lines.has(`${offset} ${place}`));
    });
    expect(wrong).toEqual([]);
  }, 300_000);
});
