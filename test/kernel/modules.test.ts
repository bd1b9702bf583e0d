// The modules of a real kernel: which symbols get an alias, compared with nm, and their locations, compared with elfutils.
import { execFile } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { availableParallelism } from "node:os";
import { basename, dirname, join, posix } from "node:path";
import { promisify } from "node:util";
import pLimit from "p-limit";
import { beforeAll, describe, expect, test } from "vitest";
import type { TableHeader, TableRow } from "../../src/table/alias-table.ts";
import { kasAlias } from "../commands/program.ts";
import { defined } from "../defined.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { kernels } from "./kernels.ts";

interface ListedSymbol {
  readonly name: string;
  readonly address: string;
  readonly type: string;
  readonly section: string;
}

/** The symbols of these modules and images that get no alias. */
const LEFT_OUT =
  /^__(pfx|cfi|UNIQUE_ID)_|^\.L|^__.*_(start|end)$|^(init|cleanup)_module$|_(veneer|from_arm)$/;
const isText = ({ type }: ListedSymbol) => type === "t" || type === "T";
const nameOf = (path: string) =>
  basename(path)
    .replace(/\.ko(\.xz)?$/, "")
    .replaceAll("-", "_");

const limit = pLimit(availableParallelism());

async function output(command: string, args: readonly string[], input?: string): Promise<string> {
  const env = { ...process.env, LC_ALL: "C", DEBUGINFOD_URLS: "" };
  const running = promisify(execFile)(command, args, { env, maxBuffer: 1 << 30 });
  if (input !== undefined) running.child.stdin?.end(input);
  return (await running).stdout;
}

/** The defined symbols of files, from nm; many files at a time, since starting nm costs most. */
async function listed(paths: readonly string[]): Promise<ListedSymbol[][]> {
  const batches = Array.from({ length: Math.ceil(paths.length / 64) }, (_, i) =>
    paths.slice(64 * i, 64 * (i + 1)),
  );
  const printed = await Promise.all(
    batches.map((batch) => limit(() => output("nm", ["-f", "sysv", "--defined-only", ...batch]))),
  );
  return printed.flatMap((text) => {
    const files = text.split(/^\n\nSymbols from .*:\n\n.*\n\n/m).slice(1);
    return files.map((file) =>
      Array.from(
        file.matchAll(/^(.*?) *\|([0-9a-f]{16})\| +(\S) +\|[^|]*\|[^|]*\|[^|]*\|(.*)$/gm),
        ([, name = "", address = "", type = "", section = ""]) => ({ name, address, type, section }),
      ),
    );
  });
}

interface Table {
  readonly header: TableHeader;
  readonly rows: readonly TableRow[];
}

function readTable(path: string): Table {
  const [header, ...rows] = readFileSync(path, "utf8").trimEnd().split("\n");
  return { header: JSON.parse(header ?? ""), rows: rows.map((row): TableRow => JSON.parse(row)) };
}

const locationOf = ({ file, line }: TableRow) => `${line === null ? null : file}:${line}`;

const place = (object: string, symbol: { name: string; address: string; section: string | null }) =>
  `${object} ${symbol.name} ${symbol.section} ${symbol.address}`;

describe.each(kernels)("the modules of $package $version", ({ vmlinux, modules, installed }) => {
  const directory = temporaryDirectory();
  const paths = readdirSync(modules, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ko"))
    .map((path) => join(modules, path));
  const pathOf = new Map(paths.map((path) => [nameOf(path), path]));
  let image: ListedSymbol[] = [];
  let ofModules: ListedSymbol[][] = [];
  let bearers = new Map<string, number>();
  let table: Table;

  const run = (...args: string[]) => {
    const { status, stderr } = kasAlias(["modules", ...args]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  };

  beforeAll(async () => {
    [[image = []] = [], ofModules] = await Promise.all([listed([vmlinux, vmlinux]), listed(paths)]);
    bearers = new Map();
    for (const { name } of [image, ...ofModules].flat()) bearers.set(name, (bearers.get(name) ?? 0) + 1);
    const written = ["--table", join(directory, "table"), "--symbol-frequency", join(directory, "frequency")];
    run("--directory", modules, "--vmlinux", vmlinux, ...written);
    table = readTable(join(directory, "table"));
  });

  /** The text symbols whose name two or more symbols in scope share. */
  const duplicated = (symbols: readonly ListedSymbol[]) =>
    symbols.filter(
      (symbol) => isText(symbol) && (bearers.get(symbol.name) ?? 0) > 1 && !LEFT_OUT.test(symbol.name),
    );

  test("are all modules of the kernel", () => {
    expect(paths.length).toBeGreaterThan(500);
    expect(ofModules).toHaveLength(paths.length);
    expect(table.header.objects).toHaveLength(paths.length + 1);
    expect(table.header.rows).toBe(table.rows.length);
  });

  test("the image gets an alias for each name that occurs again in it or in a module", () => {
    const expected = duplicated(image).map((symbol) => `${symbol.name} ${symbol.address}`);
    const own = table.rows.filter(({ object }) => object === "vmlinux");
    expect(own.map(({ name, address }) => `${name} ${address}`).sort()).toEqual(expected.sort());
    expect(expected.length).toBeGreaterThan(400);
  });

  test("the image gets the same aliases with the symbol frequency file", () => {
    const frequency = ["--symbol-frequency", join(directory, "frequency")];
    const { status, stderr } = kasAlias([
      "vmlinux",
      vmlinux,
      ...frequency,
      "--table",
      join(directory, "image"),
    ]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const { header, rows } = readTable(join(directory, "image"));
    expect(header.scope).toBe("global");
    expect(rows).toEqual(table.rows.filter(({ object }) => object === "vmlinux"));
  });

  test("modules get an alias for each such name outside .init", () => {
    const expected = paths.flatMap((path, i) =>
      duplicated(ofModules[i] ?? [])
        .filter(({ section }) => !section.startsWith(".init"))
        .map((symbol) => place(nameOf(path), symbol)),
    );
    const own = table.rows.filter(({ object }) => object !== "vmlinux");
    expect(own.map((row) => place(row.object, row)).sort()).toEqual(expected.sort());
    expect(expected.length).toBeGreaterThan(500);
  });

  test("aliases are unique, and none is a symbol's name", () => {
    const aliases = table.rows.map(({ alias }) => alias ?? "");
    expect(new Set(aliases).size).toBe(aliases.length);
    expect(aliases.filter((alias) => alias === "" || bearers.has(alias))).toEqual([]);
  });

  test("rows are sorted by object, the image first, and address", () => {
    const keys = table.rows.map(({ object, address }) => `${object === "vmlinux" ? "" : object} ${address}`);
    expect(keys).toEqual([...keys].sort());
  });

  test("the symbol frequency file has every name with its number of symbols", () => {
    // Without local labels, which are in no kallsyms.
    const counted = [...bearers].filter(([name]) => !/^(\.L|L0|\$)/.test(name));
    const expected = counted.map(([name, count]) => `${name}:${count}\n`).sort();
    expect(readFileSync(join(directory, "frequency"), "utf8")).toBe(expected.join(""));
  });

  test("positions are those in the symbol tables", async () => {
    const several = table.rows.filter(({ object, sympos }) => object !== "vmlinux" && sympos > 0);
    expect(several.length).toBeGreaterThan(0);
    for (const { object, name, section, address, sympos } of several) {
      const path = defined(pathOf.get(object), `file of the module ${object}`);
      const printed = await output("readelf", ["-sSW", path]);
      const sections = Array.from(printed.matchAll(/^ +\[ *\d+\] (\S*)/gm), ([, found]) => found);
      const namesakes = Array.from(
        printed.matchAll(/^ *\d+: ([0-9a-f]+) .* (\d+) (\S+)$/gm),
        ([, value, index, found]) => ({ value, section: sections[Number(index)] ?? "", name: found }),
      ).filter((symbol) => symbol.name === name && !symbol.section.startsWith(".init"));
      expect(namesakes.length).toBeGreaterThan(1);
      expect(namesakes[sympos - 1]).toEqual({ value: address, section, name });
    }
  });

  describe("every fifth one", () => {
    const sample = paths.filter((_, i) => i % 5 === 0);
    let rows: readonly TableRow[] = [];

    beforeAll(() => {
      const written = ["--table", join(directory, "all"), "--table-scope", "all"];
      run(...sample, "--vmlinux", vmlinux, "--scope", "object", ...written);
      rows = readTable(join(directory, "all")).rows.filter(({ object }) => object !== "vmlinux");
    });

    test("gives more than 100 modules, some with code at the start of .text and .init.text, after padding", () => {
      expect(sample.length).toBeGreaterThan(100);
      const atZero = (wanted: string) =>
        new Set(
          rows
            .filter(({ section, address }) => section === wanted && /^0+(10)?$/.test(address))
            .map(({ object }) => object),
        );
      const both = [...atZero(".text")].filter((object) => atZero(".init.text").has(object));
      expect(both.length).toBeGreaterThan(10);
    });

    // For some addresses elfutils uses a sequence of another section; gdb is right there.
    test("has the locations that elfutils, or otherwise gdb, finds in each symbol's section", async () => {
      const asked = new Map<string, TableRow[]>();
      for (const row of rows) {
        if (LEFT_OUT.test(row.name) && row.name.startsWith("__pfx_")) continue;
        const key = `${row.object} ${row.section}`;
        asked.set(key, [...(asked.get(key) ?? []), row]);
      }
      const differences: TableRow[] = [];
      let compared = 0;
      await Promise.all(
        Array.from(asked.values(), (inSection) =>
          limit(async () => {
            const { object, section } = defined(inSection[0], "row of a section");
            const input = inSection.map(({ address }) => `0x${address}\n`).join("");
            const path = defined(pathOf.get(object), `file of the module ${object}`);
            const answers = (await output("eu-addr2line", ["-e", path, "-j", section ?? ""], input)).split(
              "\n",
            );
            inSection.forEach((row, i) => {
              const [, found = "", number = ""] = /^(.*?):(\d+)/.exec(answers[i] ?? "") ?? [];
              const expected = found === "??" ? "null:null" : `${relative(found)}:${number}`;
              compared++;
              if (expected !== locationOf(row)) differences.push(row);
            });
          }),
        ),
      );
      expect(compared).toBeGreaterThan(10_000);
      expect(differences.length).toBeLessThan(compared / 100);
      const decided = await Promise.all(
        differences.map((row) =>
          limit(async () => ({
            row,
            gdb: await locationByGdb(
              defined(pathOf.get(row.object), `file of the module ${row.object}`),
              row,
            ),
          })),
        ),
      );
      // If several rows are at a function's first address, gdb shows the last one; the table has the first one.
      const agrees = ({ row, gdb }: (typeof decided)[number]) =>
        gdb === locationOf(row) || (row.via === "next-line" && gdb !== "null:null");
      expect(decided.filter((answer) => !agrees(answer))).toEqual([]);
      // elfutils gives a symbol that begins before its first row the line of the function before it.
      expect(differences.filter(({ via }) => via === "next-line").length).toBeLessThan(compared / 250);
    });
  });

  test("installed modules, stripped and compressed, get the same aliases from their debug files", () => {
    const some = readdirSync(installed, { recursive: true, encoding: "utf8" })
      .filter((path) => /\.ko(\.xz)?$/.test(path))
      .map((path) => join(installed, path));
    expect(some.length).toBeGreaterThan(5);
    const unstrippedOf = (path: string) => defined(pathOf.get(nameOf(path)), `debug file of ${path}`);
    // In a debug directory, a debug file has the same path as its object below the root.
    for (const path of some) {
      const home = join(directory, "debug", dirname(path));
      mkdirSync(home, { recursive: true });
      symlinkSync(unstrippedOf(path), join(home, basename(path, ".xz")));
    }
    const common = ["--symbol-frequency", join(directory, "frequency"), "--kernel-release", "x"];
    run(
      ...some,
      ...common,
      "--debug-directory",
      join(directory, "debug"),
      "--table",
      join(directory, "installed"),
    );
    const unstripped = some.map(unstrippedOf);
    run(...unstripped, ...common, "--table", join(directory, "unstripped"));
    const { rows } = readTable(join(directory, "installed"));
    expect(rows.length).toBeGreaterThan(10);
    expect(rows).toEqual(readTable(join(directory, "unstripped")).rows);
  });
});

/** The location of a function's first address, or of the first address in it with a location. */
async function locationByGdb(path: string, { name, size }: TableRow): Promise<string> {
  const ask = async (questions: readonly string[]) =>
    await output("gdb", [
      "-nx",
      "-batch",
      ...questions.flatMap((question) => ["-ex", `info line ${question}`]),
      path,
    ]);
  const lines = (said: string) =>
    Array.from(
      said.matchAll(/^Line (\d+) of "(.*)" (starts|is) at/gm),
      ([, line, file = ""]) => `${relative(file)}:${line}`,
    );
  const said = await ask([name]);
  const [, start] = /^No line number information available for address (0x[0-9a-f]+)/.exec(said) ?? [];
  if (start === undefined) return lines(said)[0] ?? said;
  const inside = Array.from({ length: size ?? 0 }, (_, offset) => `*(${start}+${offset})`);
  return lines(await ask(inside))[0] ?? "null:null";
}

/** Debian records paths relative to the tree, or below its build directory. */
function relative(path: string): string {
  return posix
    .normalize(path)
    .replace(/^.*debian\/build\/build_[^/]*\//, "")
    .replace(/^.*\/linux-[^/]*\//, "")
    .replace(/^(\.{0,2}\/)+/, "");
}
