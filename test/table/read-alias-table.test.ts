import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Failure } from "../../src/failure.ts";
import { readAliasTable } from "../../src/table/read-alias-table.ts";
import { kasAlias } from "../commands/program.ts";
import { defined } from "../defined.ts";
import { SAMPLE } from "../sample-kernel.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { tool } from "../tool.ts";

const directory = temporaryDirectory();
const TABLE = join(directory, "sample.jsonl");
const { status } = kasAlias(["vmlinux", SAMPLE, "--table", TABLE]);
if (status !== 0) throw new Error("the sample's table was not written");
const LINES = tool("cat", [TABLE]).toString().trimEnd().split("\n");
const lineAt = (number: number) => defined(LINES[number - 1], `line ${number} of the sample's table`);
const [HEADER, FIRST_ROW] = [lineAt(1), lineAt(2)];

/** A table of these lines. */
function tableOf(lines: readonly string[], end = "\n"): string {
  const path = join(directory, "table.jsonl");
  writeFileSync(path, lines.join("\n") + end);
  return path;
}

function failureOf(path: string): string {
  try {
    for (const row of readAliasTable(path).rows) expect(row.name).not.toBe("");
  } catch (error) {
    if (error instanceof Failure) return error.message.replace(`${directory}/`, "");
    throw error;
  }
  throw new Error("the table was taken");
}

/** The sample's table with one line changed; the header is line 1. */
function changed(line: number, change: (text: string) => string): string {
  return tableOf(LINES.with(line - 1, change(lineAt(line))));
}

describe("an alias table", () => {
  test("is read back as it was written", () => {
    const { source, header, rows } = readAliasTable(TABLE);
    expect(source).toBe(TABLE);
    expect([header, ...rows]).toEqual(LINES.map((line) => JSON.parse(line)));
  });

  test("may lack the last newline", () => {
    expect([...readAliasTable(tableOf(LINES, "")).rows]).toHaveLength(LINES.length - 1);
  });

  test("may come through a pipe", () => {
    const fifo = join(directory, "fifo");
    tool("mkfifo", [fifo]);
    spawn("sh", ["-c", 'cat "$0" > "$1"', TABLE, fifo], { stdio: "ignore" });
    expect([...readAliasTable(fifo).rows]).toHaveLength(LINES.length - 1);
  });

  test("may be from before a key was added; the key is null then", () => {
    const lines = LINES.map((line) => line.replace(/,"function":.*}$/, "}"));
    expect(lines[1]).not.toBe(LINES[1]);
    const [row] = readAliasTable(tableOf(lines)).rows;
    expect(row).toMatchObject({ function: null, parameters: null, arriving: null });
  });

  test("may have unknown keys", () => {
    const lines = LINES.map((line) => line.replace(/}$/, ',"added":{"later":1}}'));
    expect([...readAliasTable(tableOf(lines)).rows]).toHaveLength(LINES.length - 1);
  });

  test("may have lines and characters that cross the pieces read", () => {
    fc.assert(
      fc.property(fc.integer({ min: 65_000, max: 66_000 }), (length) => {
        const name = `${"x".repeat(length)}é☃`;
        const row = JSON.stringify({ ...JSON.parse(FIRST_ROW), name });
        const header = HEADER.replace(/"rows":\d+/, '"rows":2');
        const [first, second] = readAliasTable(tableOf([header, row, FIRST_ROW])).rows;
        expect(first?.name).toBe(name);
        expect(second).toEqual(JSON.parse(FIRST_ROW));
      }),
      { numRuns: 50 },
    );
  });
});

describe("refused, by name, is", () => {
  test("another schema", () => {
    expect(failureOf(changed(1, (line) => line.replace("table@1", "table@2")))).toBe(
      "table.jsonl: has the schema kas-alias/table@2; this version reads kas-alias/table@1; use the version of kas-alias that wrote it",
    );
  });

  test("a file that is not a table", () => {
    const words =
      "table.jsonl: is not an alias table: its first line has no schema; give a file written by --table";
    expect(failureOf(tableOf([], ""))).toBe("table.jsonl: is empty; give a file written by --table");
    expect(failureOf(tableOf(["ffffffff81000000 T _text"]))).toBe(words);
    expect(failureOf(tableOf(["[]"]))).toBe(words);
    expect(failureOf(tableOf(["null"]))).toBe(words);
    expect(failureOf(SAMPLE)).toContain("is not an alias table");
  });

  test("an unreadable file", () => {
    expect(failureOf(join(directory, "missing"))).toBe(
      "missing: cannot be read: no such file or directory; check the path",
    );
    expect(failureOf(directory)).toBe(`${directory}: is a directory; name a file`);
  });

  test.each<[string, (line: string) => string]>([
    ["not a JSON object, or nested too deeply", (line) => line.slice(0, -5)],
    ["not a JSON object, or nested too deeply", () => ""],
    ["not a JSON object, or nested too deeply", () => "17"],
    ['no "alias"', (line) => line.replace('"alias"', '"alais"')],
    ['no "via"', (line) => line.replace('"via"', '"way"')],
    ['"line" has a value of the wrong kind', (line) => line.replace(/"line":\d+/, '"line":"7"')],
    ['"line" has a value of the wrong kind', (line) => line.replace(/"line":\d+/, '"line":-7')],
    ['"sympos" has a value of the wrong kind', (line) => line.replace(/"sympos":\d+/, '"sympos":null')],
    ['"address" has a value of the wrong kind', (line) => line.replace(/"address":"/, '"address":"0x')],
    ['"name" has a value of the wrong kind', (line) => line.replace(/"name":"/, '"name":"\\n')],
    ['"alias" has a value of the wrong kind', (line) => line.replace(/"alias":"/, '"alias":"a\\nb')],
    ['"type" has a value of the wrong kind', (line) => line.replace(/"type":"/, '"type":"t')],
  ])("a damaged line: %s", (words, change) => {
    expect(failureOf(changed(5, change))).toBe(
      `table.jsonl: line 5 is damaged: ${words}; regenerate the table`,
    );
  });

  test("a damaged header", () => {
    expect(failureOf(changed(1, (line) => line.replace(/"rows":\d+/, '"rows":"many"')))).toBe(
      'table.jsonl: line 1 is damaged: "rows" has a value of the wrong kind; regenerate the table',
    );
    expect(failureOf(changed(1, (line) => line.replace('"objects"', '"things"')))).toContain('no "objects"');
  });

  test("a table that is truncated or too long", () => {
    const rows = LINES.length - 1;
    expect(failureOf(tableOf(LINES.slice(0, -1)))).toBe(
      `table.jsonl: ends after ${rows - 1} of its ${rows} rows; regenerate the table`,
    );
    expect(failureOf(tableOf([...LINES, FIRST_ROW]))).toBe(
      `table.jsonl: line ${rows + 2} is one too many: its header states ${rows} rows; regenerate the table`,
    );
  });

  test("an endless line, before it fills the memory", () => {
    const path = tableOf([HEADER, "x".repeat(1 << 25)]);
    expect(failureOf(path)).toBe("table.jsonl: line 2 is longer than 16777216 bytes; regenerate the table");
  });
});
