// Where each text symbol of a real kernel comes from: the built-in resolver beside llvm-addr2line, eu-addr2line and
// GNU addr2line, and with the rows of the line tables as llvm-dwarfdump prints them. docs/locations.md explains the differences.
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { posix } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { answersOf, resolved } from "../locations.ts";
import { tool } from "../tool.ts";
import { kernels } from "./kernels.ts";

/** A text symbol. All text of a 64-bit kernel is in the top 4 GiB, so 32 bits identify an address. */
interface TextSymbol {
  readonly name: string;
  /** As nm prints it. */
  readonly address: string;
  readonly low: number;
  readonly size: number;
}

/** A line program's files and rows. */
interface LineTable {
  /** In .debug_line. */
  readonly offset: number;
  readonly directories: string[];
  readonly files: { name: string; directory: number }[];
  /** The rows in columns. */
  readonly address: number[];
  readonly line: number[];
  readonly file: number[];
  readonly endsSequence: boolean[];
}

/** A text symbol, and its location from three programs. */
interface Compared extends TextSymbol {
  readonly ours: string | undefined;
  readonly llvm: string | undefined;
  readonly elfutils: string | undefined;
}

/** The rows' answer for an address. */
interface Row {
  readonly location: string;
  /** The same line in file 0 of the table, if the row has its file only by default, without DW_LNS_set_file. */
  readonly inFile0: string | undefined;
}

/** The row that elfutils takes. */
interface TakenRow {
  readonly location: string;
  /** Whether it is the last row of a sequence that ends at the same address, so that it covers no code. */
  readonly zeroLength: boolean;
}

const low = (address: string) => Number.parseInt(address.slice(-8), 16);

function textSymbols(vmlinux: string): TextSymbol[] {
  const lines = tool("nm", ["-n", "-S", vmlinux]).toString().split("\n");
  return lines.flatMap((line) => {
    const [, address, size, name] = /^(f{8}[0-9a-f]{8}) (?:([0-9a-f]{16}) )?[tT] (.*)$/.exec(line) ?? [];
    if (address === undefined || name === undefined) return [];
    return [{ name, address, low: low(address), size: Number.parseInt(size ?? "0", 16) }];
  });
}

/** Names of padding before functions and of section ends: their lines do not matter. */
const isNoFunction = ({ name }: TextSymbol) => /^__pfx_|^__\w*text_(start|end)$/.test(name);

function grouped<T>(values: readonly T[], keyOf: (value: T) => number | undefined): Map<number, T[]> {
  const groups = new Map<number, T[]>();
  for (const value of values) {
    const key = keyOf(value);
    if (key === undefined) continue;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [value]);
    else group.push(value);
  }
  return groups;
}

/** Hands each line program of a file to `take`, as llvm-dwarfdump prints it. */
async function forEachLineTable(path: string, take: (table: LineTable) => void): Promise<void> {
  const dump = spawn("llvm-dwarfdump", ["--debug-line", path], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise<number | null>((resolve, reject) => {
    dump.on("error", reject);
    dump.on("close", resolve);
  });
  let table: LineTable | undefined;
  const finish = () => table && take(table);
  const read = (text: string) => {
    const row = /^0x([0-9a-f]{8})([0-9a-f]{8}) +(\d+) +\d+ +(\d+) /.exec(text);
    if (row && table) {
      if (row[1] !== "ffffffff") throw new Error(`a row outside the kernel's text: ${text}`);
      table.address.push(Number.parseInt(row[2] ?? "", 16));
      table.line.push(Number(row[3]));
      table.file.push(Number(row[4]));
      table.endsSequence.push(text.endsWith(" end_sequence"));
      return;
    }
    const [, key, value = ""] =
      /^ *(debug_line|version|include_directories|name|dir_index)[:[ ]+(.*)$/.exec(text) ?? [];
    if (key === "debug_line") {
      finish();
      const columns = { address: [], line: [], file: [], endsSequence: [] };
      table = { offset: Number.parseInt(value, 16), directories: [], files: [], ...columns };
    } else if (key === "version" && value !== "5") {
      throw new Error(`a line program of version ${value}: its file numbers start at 1`);
    } else if (key === "include_directories") {
      table?.directories.push(/"(.*)"$/.exec(value)?.[1] ?? "");
    } else if (key === "name") {
      table?.files.push({ name: value.slice(1, -1), directory: 0 });
    } else if (key === "dir_index") {
      const file = table?.files.at(-1);
      if (file) file.directory = Number(value);
    }
  };
  let rest = "";
  dump.stdout.setEncoding("latin1");
  for await (const piece of dump.stdout) {
    const lines = (rest + piece).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) read(line);
  }
  finish();
  expect(await ended).toBe(0);
}

function pathOf({ directories, files }: LineTable, number: number): string {
  const file = files[number];
  if (file === undefined) throw new Error(`no file ${number}`);
  const parts = [
    directories[0] ?? "",
    file.directory === 0 ? "" : (directories[file.directory] ?? ""),
    file.name,
  ];
  return parts.reduce((path, part) => (part.startsWith("/") ? part : posix.join(path, part)));
}

/** Where ranges of code start and end, in ascending order of their starts, and the line program of their unit. */
interface UnitRanges {
  readonly starts: number[];
  readonly ends: number[];
  readonly tables: number[];
}

const RANGE = /\[0x[0-9a-f]{8}([0-9a-f]{8}), 0x[0-9a-f]{8}([0-9a-f]{8})\)/g;

/** The ranges in the units' root DIEs, and those in .debug_aranges. */
function unitRanges(path: string): { claimed: UnitRanges; aranges: UnitRanges } {
  const tableOf = new Map<string, number>();
  const sorted = (ranges: [start: number, end: number, table: number][]) => {
    ranges.sort(([a], [b]) => a - b);
    return {
      starts: ranges.map(([start]) => start),
      ends: ranges.map(([, end]) => end),
      tables: ranges.map(([, , table]) => table),
    };
  };
  const claimed: [number, number, number][] = [];
  const units = tool("llvm-dwarfdump", ["--debug-info", "-r", "0", path]).toString();
  for (const unit of units.split(/^0x(?=[0-9a-f]+: Compile Unit)/m).slice(1)) {
    const field = (key: string) => new RegExp(`${key}\\t\\(0x([0-9a-f]+)`).exec(unit)?.[1];
    const table = Number.parseInt(field("DW_AT_stmt_list") ?? "", 16);
    tableOf.set(unit.slice(0, unit.indexOf(":")), table);
    for (const [, start = "", end = ""] of unit.matchAll(RANGE)) claimed.push([low(start), low(end), table]);
    const [lowPc, highPc] = [field("DW_AT_low_pc"), field("DW_AT_high_pc")];
    if (lowPc && highPc) claimed.push([low(lowPc), low(highPc), table]);
  }
  const aranges: [number, number, number][] = [];
  const sets = tool("llvm-dwarfdump", ["--debug-aranges", path]).toString().split("Address Range Header");
  for (const set of sets.slice(1)) {
    const table = tableOf.get(/cu_offset = 0x([0-9a-f]+)/.exec(set)?.[1] ?? "");
    if (table === undefined) throw new Error(`address ranges of no unit: ${set.slice(0, 80)}`);
    for (const [, start = "", end = ""] of set.matchAll(RANGE)) aranges.push([low(start), low(end), table]);
  }
  return { claimed: sorted(claimed), aranges: sorted(aranges) };
}

/** The last range that starts at or before an address. */
function rangeBefore({ starts }: UnitRanges, address: number): number {
  return firstFrom(starts, address + 1) - 1;
}

/** The first index in ascending numbers whose number is not below the limit. */
function firstFrom(numbers: ArrayLike<number>, limit: number): number {
  let from = 0;
  let to = numbers.length;
  while (from < to) {
    const middle = (from + to) >>> 1;
    if ((numbers[middle] ?? 0) < limit) from = middle + 1;
    else to = middle;
  }
  return from;
}

/** The rows that cover the addresses (DWARF 5 section 6.2): of each sequence the last row at or before the address. */
function coveringRows(
  table: LineTable,
  addresses: Uint32Array,
  take: (address: number, row: Row) => void,
): void {
  const { address, line, file, endsSequence } = table;
  let first = 0;
  while (first < address.length) {
    const last = endsSequence.indexOf(true, first);
    const [start = 0, end = 0] = [address[first], address[last]];
    let row = first;
    for (let i = firstFrom(addresses, start); i < addresses.length; i++) {
      const wanted = addresses[i] ?? 0;
      if (wanted >= end) break;
      while ((address[row + 1] ?? 0) <= wanted) row++;
      const number = file[row] ?? 0;
      const untouched = number === 1 && file.slice(first, row + 1).every((other) => other === 1);
      take(wanted, {
        location: `${pathOf(table, number)}:${line[row]}`,
        inFile0: untouched ? `${pathOf(table, 0)}:${line[row]}` : undefined,
      });
    }
    first = last + 1;
  }
}

/**
 * elfutils sorts all rows of a unit by address; among equal ones, those that end a sequence come first. It takes the last one at or
 * before the address unless it ends a sequence (libdw's compare_lines, libdwfl's dwfl_module_getsrc).
 */
function rowOfElfutils(table: LineTable, wanted: number): TakenRow | undefined {
  const { address, line, file, endsSequence } = table;
  let best: number | undefined;
  for (let row = 0; row < address.length; row++) {
    const at = address[row] ?? 0;
    const bestAt = best === undefined ? -1 : (address[best] ?? 0);
    if (at <= wanted && (at > bestAt || (at === bestAt && !endsSequence[row]))) best = row;
  }
  if (best === undefined || endsSequence[best]) return undefined;
  const sequenceEnd = address[endsSequence.indexOf(true, best)] ?? 0;
  return {
    location: `${pathOf(table, file[best] ?? 0)}:${line[best]}`,
    zeroLength: address[best] === sequenceEnd,
  };
}

/** The first row with a line within a symbol. */
function rowWithin(table: LineTable, { low: start, size }: TextSymbol): string | undefined {
  const { address, line, file, endsSequence } = table;
  let best: number | undefined;
  for (let row = 0; row < address.length; row++) {
    const at = address[row] ?? 0;
    if (at < start || at >= start + size || line[row] === 0 || endsSequence[row]) continue;
    if (best === undefined || at < (address[best] ?? 0)) best = row;
  }
  return best === undefined ? undefined : `${pathOf(table, file[best] ?? 0)}:${line[best]}`;
}

/** The cells of all tables in docs/locations.md, row by row. */
const page = readFileSync(new URL("../../docs/locations.md", import.meta.url), "utf8")
  .split("\n")
  .filter((line) => line.startsWith("|"))
  .map((line) =>
    line
      .slice(1, -1)
      .split("|")
      .map((cell) => cell.replaceAll("`", "").trim()),
  );

/** A figure of the page, measured on one version; other versions have other figures. */
function expectDocumented(version: string, what: string, figure: number): void {
  const column = Math.max(...page.map((cells) => cells.indexOf(version, 1)));
  if (column === -1) return;
  const cells = page.find(([first]) => first === what);
  expect(`${what}: ${cells?.[column]}`).toBe(`${what}: ${figure.toLocaleString("en")}`);
}

describe.each(kernels)("$package $version", ({ vmlinux, version }) => {
  let symbols: Compared[];
  /** By address: the row that covers it. */
  const covering = new Map<number, Row>();
  const contradictions: string[] = [];
  /** By address, if eu-addr2line and we differ: the row that it takes. */
  const taken = new Map<number, TakenRow>();
  /** By address, if we have no answer: the first row within the symbol. */
  const within = new Map<number, string>();
  let claimed: UnitRanges;
  let zeroLengthRows = 0;

  /** The line program of the unit that claims an address. */
  function claimingTable(address: number): number | undefined {
    const range = rangeBefore(claimed, address);
    return address < (claimed.ends[range] ?? 0) ? claimed.tables[range] : undefined;
  }

  beforeAll(async () => {
    const found = textSymbols(vmlinux);
    const addresses = found.map(({ address }) => address);
    const llvm = answersOf("llvm-addr2line", vmlinux, addresses);
    const elfutils = answersOf("eu-addr2line", vmlinux, addresses);
    const ours = await resolved(vmlinux, addresses);
    symbols = found.map((symbol, i) => ({ ...symbol, ours: ours[i], llvm: llvm[i], elfutils: elfutils[i] }));

    const ranges = unitRanges(vmlinux);
    claimed = ranges.claimed;
    // libdwfl uses only the start addresses of the ranges in .debug_aranges.
    const tableOfElfutils = (address: number) => ranges.aranges.tables[rangeBefore(ranges.aranges, address)];
    const differing = grouped(
      symbols.filter((symbol) => symbol.elfutils !== symbol.ours),
      ({ low }) => tableOfElfutils(low),
    );
    const unanswered = grouped(
      symbols.filter((symbol) => symbol.ours === undefined),
      ({ low }) => claimingTable(low),
    );
    const wanted = Uint32Array.from(new Set(symbols.map(({ low }) => low))).sort();
    await forEachLineTable(vmlinux, (table) => {
      coveringRows(table, wanted, (address, row) => {
        const other = covering.get(address)?.location ?? row.location;
        if (other !== row.location) contradictions.push(`${other} ${row.location}`);
        covering.set(address, row);
      });
      for (const { low } of differing.get(table.offset) ?? []) {
        const row = rowOfElfutils(table, low);
        if (row) taken.set(low, row);
      }
      for (const symbol of unanswered.get(table.offset) ?? []) {
        const row = rowWithin(table, symbol);
        if (row) within.set(symbol.low, row);
      }
      zeroLengthRows += table.endsSequence.filter(
        (ends, row) => ends && table.address[row] === table.address[row - 1],
      ).length;
    });
  });

  test("a location is that of the row that covers the symbol's address, if the address is in a unit", () => {
    expect(contradictions).toEqual([]);
    expect(symbols.length).toBeGreaterThan(10_000);
    expect(covering.size).toBeGreaterThan(symbols.length / 2);
    const expected = ({ low }: Compared) =>
      claimingTable(low) === undefined ? undefined : covering.get(low)?.location;
    expect(symbols.filter((symbol) => symbol.ours !== expected(symbol))).toEqual([]);
    expectDocumented(version, "text symbols", symbols.length);
    expectDocumented(version, "with a location", symbols.filter(({ ours }) => ours !== undefined).length);
  });

  test("llvm-addr2line gives the same answer for every text symbol", () => {
    expect(symbols.filter(({ ours, llvm }) => llvm !== ours)).toEqual([]);
  });

  test("eu-addr2line gives the same answer, unless it looks past a unit's ranges or a sequence's end", () => {
    const differences = symbols.filter(({ ours, elfutils }) => elfutils !== ours);
    expect(differences.filter(({ ours }) => ours !== undefined)).toEqual([]);
    expect(differences.filter(({ low, elfutils }) => taken.get(low)?.location !== elfutils)).toEqual([]);

    const inGaps = differences.filter(({ low }) => covering.has(low));
    expect(inGaps.filter(({ low }) => claimingTable(low) !== undefined)).toEqual([]);
    expect(inGaps.filter(({ low, elfutils }) => covering.get(low)?.location !== elfutils)).toEqual([]);
    const afterEnds = differences.filter(({ low }) => !covering.has(low));
    expect(afterEnds.filter(({ low }) => taken.get(low)?.zeroLength !== true)).toEqual([]);
    expectDocumented(version, "eu-addr2line alone answers, in a gap between units' ranges", inGaps.length);
    expectDocumented(version, "eu-addr2line alone answers, after the end of a sequence", afterEnds.length);
    expectDocumented(version, "sequences that end in a row of no length", zeroLengthRows);
  });

  test("a function has the location of llvm-addr2line, or otherwise of eu-addr2line unless that row covers no code", () => {
    const differences = symbols.filter(
      (symbol) => !isNoFunction(symbol) && symbol.ours !== (symbol.llvm ?? symbol.elfutils),
    );
    const explained = ({ low }: Compared) => !covering.has(low) && taken.get(low)?.zeroLength === true;
    expect(differences.filter((symbol) => !explained(symbol))).toEqual([]);
    expectDocumented(version, "functions that differ from the check", differences.length);
    const listed = page
      .filter(([first]) => first === version)
      .map(([, address, name]) => `${address} ${name}`);
    const isDocumented = page.some((cells) => cells.includes(version));
    expect(isDocumented ? differences.map(({ address, name }) => `${address} ${name}`) : []).toEqual(listed);
  });

  test("a symbol that no row covers gets the first row within it", async () => {
    const bare = symbols.filter(({ ours, size }) => ours === undefined && size > 0);
    const next = await resolved(vmlinux, bare);
    expect(bare.filter(({ low }, i) => next[i] !== within.get(low))).toEqual([]);
    expect(within.size).toBeGreaterThan(0);
    expectDocumented(version, "symbols that no row covers, located by the first row within", within.size);
  });

  test("GNU addr2line gives file 0 for a row whose file is 1 by default", () => {
    const bearers = new Map<string, number>();
    for (const [, name = ""] of tool("nm", [vmlinux])
      .toString()
      .matchAll(/^[0-9a-f]+ . (.*)$/gm)) {
      bearers.set(name, (bearers.get(name) ?? 0) + 1);
    }
    const duplicated = symbols.filter(
      (symbol) => (bearers.get(symbol.name) ?? 0) > 1 && !isNoFunction(symbol),
    );
    const addresses = duplicated.map(({ address }) => address);
    const answers = answersOf("addr2line", vmlinux, addresses).map((gnu, i) => ({ ...duplicated[i], gnu }));
    const wrong = answers.filter(({ low = 0, gnu }) => gnu !== covering.get(low)?.location);
    expect(wrong.filter(({ low = 0, gnu }) => gnu !== covering.get(low)?.inFile0)).toEqual([]);
    expectDocumented(version, "duplicated functions", duplicated.length);
    expectDocumented(version, "of these, GNU addr2line names the wrong file", wrong.length);
  });
});
