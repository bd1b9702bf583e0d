// The aliased listing and the alias table of a real kernel, compared with nm, readelf, awk and grep.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import type { TableHeader, TableRow } from "../../src/table/alias-table.ts";
import { kasAlias } from "../commands/program.ts";
import { labelsOf } from "../labels.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { tool } from "../tool.ts";
import { kernels } from "./kernels.ts";

interface Table {
  readonly header: TableHeader;
  readonly rows: readonly TableRow[];
}

interface ListedSymbol {
  readonly address: string;
  readonly type: string;
  readonly name: string;
}

/** The names that the default filters leave out on these kernels. */
const LEFT_OUT = [
  "^__(pfx|cfi|UNIQUE_ID)_",
  "^[.]L",
  "TRACE_SYSTEM",
  "^__(compound_literal|key|mkey|wkey|already_done|msg|func__|flags|print_once)[.][0-9]+$",
  "^(CSWTCH|_rs|___tp_str|___done|___once_key|symbols)[.][0-9]+$",
  "^_note_[0-9]+$",
  "^(__pi_|__kvm_nvhe_)?[$]",
  "_(veneer|from_arm|from_thumb)$",
  "^__.*_(start|end)$",
  "^__(crc|kstrtab|kstrtabns|kcfi_typeid|efistub)_",
].join("|");

function succeed(args: readonly string[], input?: Buffer): void {
  const { status, stderr } = kasAlias(args, input);
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
}

function readTable(path: string): Table {
  const [header, ...rows] = readFileSync(path, "utf8").trimEnd().split("\n");
  return { header: JSON.parse(header ?? ""), rows: rows.map((row): TableRow => JSON.parse(row)) };
}

/** The symbols of a listing that have an address. */
function symbolsOf(listing: Buffer): ListedSymbol[] {
  const symbols = listing.toString("latin1").matchAll(/^([0-9a-f]{16}) (\S) (.+)$/gm);
  return Array.from(symbols, ([, address = "", type = "", name = ""]) => ({ address, type, name }));
}

const isText = ({ type }: { type: string }) => type === "t" || type === "T";
/** Whether a table of all functions has the symbol. */
const isListed = ({ type, name }: { type: string; name: string }) =>
  (isText({ type }) || type === "W") && !name.startsWith("__pfx_");

const mangled = (path: string) => path.replace(/[^0-9A-Za-z]/g, "_");

/** The lines that name no alias, as nm's do. */
function withoutAliases(listing: Buffer): string {
  return listing.toString("latin1").replace(/^.*@.*\n/gm, "");
}

function repeated(values: readonly string[]): string[] {
  return values.toSorted().filter((value, i, sorted) => i > 0 && value === sorted[i - 1]);
}

/** The aliases of those rows whose name is kept, by address and name. */
function aliasesOf(
  { rows }: Table,
  isKept: (row: TableRow) => boolean = () => true,
): Map<string, string | null> {
  return new Map(rows.filter(isKept).map((row) => [`${row.address} ${row.name}`, row.alias]));
}

/** A number from 0 to 99, always the same for a name. */
function draw(name: string, round: number): number {
  let hash = round;
  for (const character of name) hash = (Math.imul(hash, 31) + character.charCodeAt(0)) >>> 0;
  return (Math.imul(hash, 0x9e3779b1) >>> 16) % 100;
}

describe.each(kernels)("$package $version", ({ vmlinux }) => {
  const directory = temporaryDirectory();
  const file = (name: string) => join(directory, name);
  let nm: Buffer;
  let symbols: ListedSymbol[];
  let listing: Buffer;
  let table: Table;
  let whole: Table;

  beforeAll(() => {
    nm = tool("nm", ["-n", vmlinux]);
    symbols = symbolsOf(nm);
    succeed(["vmlinux", vmlinux, "-o", file("aliased"), "--table", file("table")]);
    listing = readFileSync(file("aliased"));
    table = readTable(file("table"));
    succeed(["vmlinux", vmlinux, "--table", file("whole"), "--table-scope", "all"]);
    whole = readTable(file("whole"));
  });

  describe("listing", () => {
    test("made from the ELF file, equals nm's without the alias lines", () => {
      expect(nm.includes("@")).toBe(false);
      expect(withoutAliases(listing) === nm.toString("latin1")).toBe(true);
    });

    test("is the same when nm's is piped in", () => {
      succeed(["vmlinux", vmlinux, "--nm", "-", "-o", file("piped"), "--table", file("piped-table")], nm);
      expect(readFileSync(file("piped")).equals(listing)).toBe(true);
      expect(readFileSync(file("piped-table")).equals(readFileSync(file("table")))).toBe(true);
    });

    test("has each alias directly after its symbol, with the same address and type", () => {
      const lines = symbolsOf(listing);
      const pairs = lines.flatMap((line, i) =>
        line.name.includes("@") ? [{ original: lines[i - 1], line }] : [],
      );
      const expected = table.rows.map(({ address, type, name, alias }) => ({
        original: { address, type, name },
        line: { address, type, name: alias },
      }));
      expect(pairs).toEqual(expected);
    });
  });

  describe("aliases", () => {
    test("are as many as the text symbols with a duplicated name that no filter excludes", () => {
      const script = `
        awk 'NF == 3 { print $3 }' | sort | uniq -d > "$1/duplicated"
        nm "$2" | awk 'NF == 3 && $2 ~ /^[tT]$/ { print $3 }' | grep -vE "$3" | grep -cFxf "$1/duplicated"`;
      const count = tool("bash", ["-c", script, "bash", directory, vmlinux, LEFT_OUT], nm.toString("latin1"));
      expect(table.rows.length).toBe(Number(count));
      expect(table.rows.length).toBeGreaterThan(400);
    });

    test("are unique, and none is a symbol's name", () => {
      const aliases = table.rows.map(({ alias }) => alias ?? "");
      expect(repeated(aliases)).toEqual([]);
      const names = new Set(symbols.map(({ name }) => name));
      expect(aliases.filter((alias) => names.has(alias))).toEqual([]);
    });

    test("have an ordinal only if name, place and unit equal those of another symbol, which is rare", () => {
      const key = ({ name, file, line, unit }: TableRow) => `${name} ${file} ${line} ${unit}`;
      const shared = new Set(repeated(table.rows.map(key)));
      const withOrdinal = table.rows.filter(({ ordinal }) => ordinal !== 0);
      expect(withOrdinal.filter((row) => !shared.has(key(row)))).toEqual([]);
      expect(withOrdinal.length).toBeLessThan(table.rows.length / 100);
    });

    test("consist of name, file and line, and the unit if it is another file", () => {
      const expected = table.rows.map(({ name, file, line, unit, ordinal }) => {
        const place = `${name}@${mangled(file ?? "")}_${line}`;
        const whole = file === unit ? place : `${place}@${mangled(unit ?? "")}`;
        return ordinal === 0 ? whole : `${whole}_${ordinal}`;
      });
      expect(table.rows.map(({ alias }) => alias)).toEqual(expected);
      const grammar = /^[\w.$]+@\w+_[1-9][0-9]*(@\w+)?$/;
      expect(table.rows.filter(({ alias }) => !grammar.test(alias ?? ""))).toEqual([]);
    });

    test("have the unit if it is not the file, as for every ambiguous place but one", async ({
      annotate,
    }) => {
      const { stderr } = kasAlias(["vmlinux", vmlinux, "-o", "/dev/null", "--stats=json"]);
      const stats: { ambiguous: { plain: number; final: number } } = JSON.parse(stderr);
      const plain = table.rows.map(({ name, file, line }) => `${name} ${file} ${line}`);
      const ambiguous = new Set(repeated(plain));
      expect(stats.ambiguous).toEqual({
        plain: plain.filter((place) => ambiguous.has(place)).length,
        final: 0,
      });

      const withUnit = table.rows.filter(({ file, unit }) => file !== unit);
      expect(table.rows.filter(({ alias }) => alias?.split("@").length === 3)).toEqual(withUnit);
      // A place can be inside its unit's own file once only.
      expect(withUnit.length).toBeGreaterThanOrEqual(stats.ambiguous.plain - ambiguous.size);
      await annotate(`${withUnit.length} of ${table.rows.length} aliases carry the unit`);
    });

    test("identify the name_show of drivers/rtc/sysfs.c", () => {
      const aliases = table.rows.map(({ alias }) => alias);
      expect(aliases).toContainEqual(expect.stringMatching(/^name_show@drivers_rtc_sysfs_c_[0-9]+$/));
    });

    test("do not reveal the build directory", () => {
      expect(table.rows.filter(({ alias }) => /debian_build|build_reproducible/.test(alias ?? ""))).toEqual(
        [],
      );
    });
  });

  describe("table", () => {
    test("names the kernel and the relevant options", () => {
      const output = (script: string) => tool("bash", ["-c", script, "bash", vmlinux]).toString().trim();
      const banner = output("strings -n 20 \"$1\" | grep -m 1 '^Linux version [0-9]'");
      const buildId = output("readelf -n \"$1\" | sed -n 's/.*Build ID: //p'");
      expect(table.header).toEqual({
        schema: "kas-alias/table@1",
        kernel: banner.split(" ")[2],
        arch: "x86_64",
        scope: "object",
        objects: [{ name: "vmlinux", buildId }],
        rows: table.rows.length,
        generator: expect.stringMatching(/^kas-alias [0-9.]+$/),
        options: expect.any(Object),
      });
      expect(JSON.stringify(table.header)).not.toContain("/boot/");
    });

    test("is sorted by address", () => {
      for (const { rows } of [table, whole]) {
        const addresses = rows.map(({ address }) => address);
        expect(addresses.every((address, i) => i === 0 || (addresses[i - 1] ?? "") <= address)).toBe(true);
      }
    });

    test("with --table-scope all, has every function but padding and labels without an alias, and the same aliases", () => {
      const isLabel = labelsOf(vmlinux);
      const aliased = new Set(table.rows.map(({ address, name }) => `${address} ${name}`));
      const listed = symbols
        .filter(isListed)
        .filter(
          ({ address, name }) => !isLabel.has(`${address} ${name}`) || aliased.has(`${address} ${name}`),
        )
        .map(({ address, type, name }) => `${address} ${type} ${name}`);
      expect(isLabel.size).toBeGreaterThan(100);
      expect(whole.rows.map(({ address, type, name }) => `${address} ${type} ${name}`)).toEqual(listed);
      expect(whole.header).toEqual({ ...table.header, rows: listed.length });
      expect(whole.rows.filter(({ alias }) => alias !== null)).toEqual(table.rows);
    });

    test("has every key in every row", () => {
      const keys =
        "object name alias type address section size file line unit sympos ordinal via function parameters arriving kind";
      expect(new Set(whole.rows.map((row) => Object.keys(row).join(" ")))).toEqual(new Set([keys]));
    });

    test("has sections and sizes as readelf prints them", () => {
      const sections = tool("readelf", ["-SW", vmlinux]).toString();
      const names = new Map(
        Array.from(sections.matchAll(/^ +\[ *([0-9]+)\] (\S+)/gm), ([, index, name]) => [index, name]),
      );
      const row = /^ *[0-9]+: ([0-9a-f]{16}) +(\S+) \S+ +\S+ +\S+ +(\S+) (\S+)$/gm;
      const known = new Set<string>();
      for (const [, address, size, index, name] of tool("readelf", ["-sW", vmlinux])
        .toString()
        .matchAll(row)) {
        known.add(`${address} ${name} ${names.get(index)} ${Number(size)}`);
      }
      const unknown = whole.rows.filter(
        ({ address, name, section, size }) => !known.has(`${address} ${name} ${section} ${size}`),
      );
      expect(unknown).toEqual([]);
    });

    test("has the positions counted in nm's listing", () => {
      const namesakes = new Map<string, string[]>();
      // scripts/mksysmap leaves out the types a, N, U and w; of equal addresses scripts/kallsyms puts weak symbols last.
      const kept = symbols.filter(({ type }) => !"aNUw".includes(type));
      const weak = (symbol: ListedSymbol) => Number(symbol.type === "W");
      const inOrder = kept.toSorted((a, b) =>
        a.address === b.address ? weak(a) - weak(b) : a.address < b.address ? -1 : 1,
      );
      for (const { address, type, name } of inOrder) {
        const list = namesakes.get(name);
        if (list === undefined) namesakes.set(name, [`${address} ${type}`]);
        else list.push(`${address} ${type}`);
      }
      const wrong = whole.rows.filter(({ name, address, type, sympos }) => {
        const list = namesakes.get(name) ?? [];
        return list.length < 2 ? sympos !== 0 : list[sympos - 1] !== `${address} ${type}`;
      });
      expect(wrong).toEqual([]);
      expect(table.rows.every(({ sympos }) => sympos > 0)).toBe(true);
    });

    test("has paths relative to the source tree, also for assembly", () => {
      const paths = new Set(whole.rows.flatMap(({ file, unit }) => [file ?? "", unit ?? ""]));
      expect(
        [...paths].filter((path) => /^\.{0,2}\/|^debian\/|reproducible|\/\.\.?\/|\/\//.test(path)),
      ).toEqual([]);
      const assembly = [...paths].filter((path) => path.endsWith(".S"));
      expect(assembly).toContain("arch/x86/entry/entry_64.S");
      expect(assembly.filter((path) => !path.startsWith("arch/x86/"))).toEqual([]);
    });
  });

  describe("symbols added to a listing", () => {
    const aliasesFor = (listing: string, name: string) => {
      succeed(["vmlinux", vmlinux, "--nm", "-", "--table", file(name)], Buffer.from(listing, "latin1"));
      return readTable(file(name));
    };

    test.each([20, 50, 80])("change no other alias, if %i in 100 names were there before", (percent) => {
      const isKept = (name: string) => draw(name, percent) < percent;
      const kept = nm
        .toString("latin1")
        .split(/(?<=\n)/)
        .filter((line) => isKept(line.slice(19, -1)));
      const before = aliasesFor(kept.join(""), "before");
      expect(before.rows.length).toBeGreaterThan(table.rows.length / 20);
      expect(aliasesOf(before)).toEqual(aliasesOf(table, ({ name }) => isKept(name)));
    });

    test("change no namesake's alias", () => {
      const seen = new Set<string>();
      const bearers = new Map<string, number>();
      for (const { name } of symbols) bearers.set(name, (bearers.get(name) ?? 0) + 1);
      // Two of each duplicated name remain, the last ones.
      const kept = nm
        .toString("latin1")
        .split(/(?<=\n)/)
        .toReversed()
        .filter((line) => {
          const name = line.slice(19, -1);
          const left = (bearers.get(name) ?? 0) > 2 && seen.has(`2 ${name}`);
          seen.add(seen.has(`1 ${name}`) ? `2 ${name}` : `1 ${name}`);
          return !left;
        });
      const before = aliasesFor(kept.toReversed().join(""), "fewer");
      const there = aliasesOf(before);
      expect(there.size).toBeLessThan(table.rows.length);
      expect(there).toEqual(aliasesOf(table, ({ address, name }) => there.has(`${address} ${name}`)));
    });
  });
});
