import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { kasAlias } from "../commands/program.ts";
import { defined } from "../defined.ts";
import { buildSample, SAMPLE } from "../sample-kernel.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { tool } from "../tool.ts";

const directory = temporaryDirectory();
const inDirectory = (name: string) => join(directory, name);
const nm = (elf: string) => tool("nm", ["-n", elf]).toString();
const linesOf = (text: string) => text.split("\n").filter((line) => line !== "");
const textOf = (lines: readonly string[]) => `${lines.join("\n")}\n`;

const TABLE = inDirectory("first.jsonl");
const NM = nm(SAMPLE);

/** The table and the aliased listing of an image. */
function first(elf: string, ...args: string[]) {
  const [table, listing] = [inDirectory("t"), inDirectory("l")];
  const { status } = kasAlias(["vmlinux", elf, "--table", table, "-o", listing, ...args]);
  expect(status).toBe(0);
  return { table: readFileSync(table, "utf8"), listing: readFileSync(listing, "utf8") };
}

const SAMPLE_FIRST = first(SAMPLE);
writeFileSync(TABLE, SAMPLE_FIRST.table);

/** A second run, on a listing alone. */
const again = (listing: string, table = TABLE) =>
  kasAlias(["vmlinux", "--nm", "-", "--reuse-table", table], listing);

function failure(listing: string, table = TABLE): string {
  const { status, stdout, stderr } = again(listing, table);
  expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
  expect(stderr).toMatch(/^kas-alias: [^\n]+\n$/);
  return stderr.slice("kas-alias: ".length, -1).replaceAll(`${directory}/`, "");
}

function tableOf(change: (rows: string[]) => string[]): string {
  const [header = "", ...rows] = linesOf(SAMPLE_FIRST.table);
  const changed = change(rows);
  const path = inDirectory("changed.jsonl");
  writeFileSync(path, textOf([header.replace(/"rows":\d+/, `"rows":${changed.length}`), ...changed]));
  return path;
}

/** A tool's listing of another link, all addresses of which are shifted. */
const shifted = (text: string) =>
  text.replace(/^[0-9a-f]{16}/gm, (digits) => (BigInt(`0x${digits}`) + 0x1234000n).toString(16));

describe("--reuse-table", () => {
  test("gives the same aliases as the debug information", () => {
    expect(again(NM)).toEqual({ status: 0, stdout: SAMPLE_FIRST.listing, stderr: "" });
    expect(kasAlias(["vmlinux", SAMPLE, "--reuse-table", TABLE]).stdout).toBe(SAMPLE_FIRST.listing);
  });

  test("takes addresses from the new link, which needs no debug information", () => {
    const moved = buildSample(inDirectory("moved"), { TEXT_BASE: "0xffffffff82000000" });
    const { listing, table } = first(moved);
    expect(listing).not.toBe(SAMPLE_FIRST.listing);
    tool("strip", ["-g", moved]);
    expect(again(nm(moved)).stdout).toBe(listing);

    const written = inDirectory("second.jsonl");
    const args = ["vmlinux", moved, "--reuse-table", TABLE, "--table", written];
    expect(kasAlias(args).status).toBe(0);
    const buildId = /Build ID: ([0-9a-f]+)/.exec(tool("readelf", ["-n", moved]).toString())?.[1];
    expect(readFileSync(written, "utf8")).toBe(
      table.replace(/"buildId":"[0-9a-f]+"/, `"buildId":"${buildId}"`),
    );
  });

  test("works on kallsyms, which may order equal addresses differently and has modules at the end", () => {
    const kernel = linesOf(shifted(NM)).filter((line) => !/ [aNUw] /.test(line));
    const ordered = kernel.toSorted((a, b) =>
      a.slice(0, 16) < b.slice(0, 16) ? -1 : a.slice(0, 16) > b.slice(0, 16) ? 1 : a < b ? 1 : -1,
    );
    const kallsyms = textOf([...ordered, "ffffffffc0000000 t name_show\t[rtc_cmos]"]);
    const { status, stdout } = again(kallsyms);
    expect(status).toBe(0);
    const aliases = (text: string) =>
      linesOf(text)
        .filter((line) => line.includes("@"))
        .sort();
    expect(aliases(stdout)).toEqual(aliases(shifted(SAMPLE_FIRST.listing)));
  });

  test("takes the options from the table", () => {
    const args = ["--separator", "!", "--exclude", "name_show", "--max-name-length", "60"];
    const { listing, table } = first(SAMPLE, ...args);
    const path = inDirectory("options.jsonl");
    writeFileSync(path, table);
    expect(again(NM, path).stdout).toBe(listing);
  });

  test("adds nothing to its own output", () => {
    expect(again(SAMPLE_FIRST.listing).stdout).toBe(SAMPLE_FIRST.listing);
  });

  test("knows the symbols that got no alias", () => {
    const path = inDirectory("unlocated");
    const files = tool("readelf", ["-sW", SAMPLE])
      .toString()
      .matchAll(/ FILE .* (\S+)$/gm);
    tool("objcopy", [...Array.from(files, ([, name]) => `--strip-symbol=${name}`), SAMPLE, path]);
    const { table, listing } = first(path, "--quiet");
    const unresolved = JSON.parse(kasAlias(["vmlinux", path, "--stats=json"]).stderr).unresolved;
    expect(unresolved).toBeGreaterThan(0);
    expect(JSON.parse(defined(linesOf(table)[0], "header of the table")).unresolved).toEqual({
      swap_words: unresolved,
    });
    const tablePath = inDirectory("unlocated.jsonl");
    writeFileSync(tablePath, table);
    expect(again(nm(path), tablePath).stdout).toBe(listing);
    // One more symbol of a name than the aliased and unresolved ones.
    const more = textOf([...linesOf(nm(path)), "ffffffffff000000 t name_show"]);
    expect(failure(more, tablePath)).toContain("has name_show 4 times, but unlocated.jsonl has it 3 times");
  });

  test("gives the figures of --stats", () => {
    const figures = (args: string[]) => {
      const { seconds, ...rest } = JSON.parse(kasAlias(["vmlinux", SAMPLE, "--stats=json", ...args]).stderr);
      return rest;
    };
    expect(figures(["--reuse-table", TABLE])).toEqual(figures([]));
  });
});

describe("--reuse-table refuses, by name,", () => {
  const lines = linesOf(NM);
  const at = lines.findIndex((line) => line.endsWith(" name_show"));
  const nameShow = defined(lines[at], "name_show in nm's lines");

  test("a name that has become rarer", () => {
    expect(failure(textOf(lines.toSpliced(at, 1)))).toBe(
      "standard input: has name_show 2 times, but first.jsonl has it 3 times; give the table of an earlier link of the same build",
    );
  });

  test("a name that has disappeared", () => {
    expect(failure(textOf(lines.filter((line) => !line.endsWith(" name_show"))))).toContain(
      "has name_show 0 times, but first.jsonl has it 3 times",
    );
  });

  test("a name that has become more frequent", () => {
    expect(failure(textOf(lines.toSpliced(at, 0, nameShow)))).toContain(
      "has name_show 4 times, but first.jsonl has it 3 times",
    );
  });

  test("a duplicated name that the table does not have", () => {
    const path = tableOf((rows) => rows.filter((row) => !row.includes('"name":"name_show"')));
    expect(failure(NM, path)).toContain("has name_show 3 times, but changed.jsonl has it 0 times");
    const twice = lines.flatMap((line) => (line.endsWith(" start_kernel") ? [line, line] : [line]));
    expect(failure(textOf(twice))).toContain("has start_kernel 2 times, but first.jsonl has it 0 times");
  });

  test("another order", () => {
    const aliased = linesOf(SAMPLE_FIRST.listing).filter((line) => line.includes("@"));
    const original = (i: number) => defined(aliased[i], `alias line ${i}`).replace(/@.*/, "");
    const [one, two] = [original(0), original(1)];
    const [nameA, nameB] = [one.slice(19), two.slice(19)];
    expect(nameA).not.toBe(nameB);
    const swapped = lines
      .with(lines.indexOf(one), one.slice(0, 19) + nameB)
      .with(lines.indexOf(two), two.slice(0, 19) + nameA);
    expect(failure(textOf(swapped))).toMatch(
      /^standard input: has \S+ after \S+, but first\.jsonl has it before; give the table of an earlier link/,
    );
  });

  test("another type", () => {
    const global = nameShow.replace(" t ", " T ");
    expect(failure(textOf(lines.with(at, global)))).toContain(
      "has T name_show where first.jsonl has t name_show",
    );
  });

  test("a table of modules, or one with damaged options", () => {
    const path = tableOf((rows) => rows.map((row) => row.replace('"object":"vmlinux"', '"object":"floppy"')));
    expect(failure(NM, path)).toBe(
      "changed.jsonl: has aliases of the module floppy; give a table of vmlinux only",
    );
    writeFileSync(path, SAMPLE_FIRST.table.replace('"separator":"@"', '"separator":"ab"'));
    expect(failure(NM, path)).toBe(
      "changed.jsonl: line 1 is damaged: its options are incomplete; regenerate the table",
    );
  });

  test("a run without any symbols", () => {
    const { status, stderr } = kasAlias(["vmlinux", "--reuse-table", TABLE]);
    expect(status).toBe(2);
    expect(stderr).toMatch(/^kas-alias: no vmlinux given; [^\n]+\n$/);
  });

  test("options that the table has", () => {
    for (const option of [
      ["--separator", "!"],
      ["--debug-file", SAMPLE],
      ["--exclude", "x"],
      ["--no-disambiguate"],
    ]) {
      const { status, stderr } = kasAlias(["vmlinux", SAMPLE, "--reuse-table", TABLE, ...option]);
      expect(status).toBe(2);
      expect(stderr).toMatch(
        /^kas-alias: option '--reuse-table <file>' cannot be used with option '[^\n]+\n$/,
      );
    }
  });
});
