import fc from "fast-check";
import { expect, test } from "vitest";
import type { TableRow } from "../../src/table/alias-table.ts";
import { parseRow } from "../../src/table/read-alias-table.ts";
import { parsePlainRow } from "../../src/table/row-line.ts";
import { row } from "./tables.ts";

const KEYS = Object.keys(row({ name: "x" }));

/** The columns of a row that is read with JSON.parse and checks of each value. */
function known(text: string): unknown {
  const parsed: Readonly<Record<string, unknown>> = { ...parseRow("table", 2, text) };
  return Object.fromEntries(KEYS.map((key) => [key, parsed[key]]));
}

test("rows written by the program are read as by JSON.parse", () => {
  for (const given of [
    row({ name: "name_show", sympos: 2, ordinal: 3 }),
    row({
      name: "größe",
      alias: null,
      section: null,
      size: null,
      file: null,
      line: null,
      unit: null,
      via: null,
    }),
    row({ name: "f", file: "", type: "T", size: 123_456_789_012_345 }),
    row({ name: "f.isra.0", parameters: 3, arriving: [1, 3] }),
    row({ name: "count.1", function: "next", parameters: 0, arriving: [], kind: "object" }),
  ]) {
    expect(parsePlainRow(JSON.stringify(given))).toEqual(given);
    const later = { ...given, inlined: null, pure: true, depth: 4 };
    expect(parsePlainRow(JSON.stringify(later))).toEqual(given);
    const { function: _, parameters: __, arriving: ___, kind: ____, ...earlier } = given;
    const unknown = { function: null, parameters: null, arriving: null, kind: null };
    expect(parsePlainRow(JSON.stringify(earlier))).toEqual({ ...earlier, ...unknown });
  }
});

test("any line that is read gives the result of JSON.parse and the checks", () => {
  const text = fc.oneof(
    fc.string(),
    fc.constantFrom("", '"', "\\", "\u007f", "\n"),
    fc.stringMatching(/^[a-z.]+$/),
  );
  const count = fc.oneof(
    fc.nat(99_999),
    fc.nat(9999),
    fc.constantFrom(0, -1, 1.5, 1e21, Number.MAX_SAFE_INTEGER),
  );
  const anyRow = fc.record({
    object: text,
    name: text,
    alias: fc.option(text),
    type: fc.string({ minLength: 1, maxLength: 1 }),
    address: fc.constantFrom("0", "ffffffff81000000", "0a", "x", ""),
    section: fc.option(text),
    size: fc.option(count),
    file: fc.option(text),
    line: fc.option(count),
    unit: fc.option(text),
    sympos: count,
    ordinal: count,
    via: fc.option(text),
    function: fc.option(text, { freq: 1 }),
    parameters: fc.option(count, { freq: 1 }),
    arriving: fc.option(fc.array(count), { freq: 1 }),
  });
  let reads = 0;
  fc.assert(
    fc.property(anyRow, (given) => {
      const line = JSON.stringify(given);
      const read = parsePlainRow(line);
      if (read === undefined) return;
      expect(read).toEqual(known(line));
      reads++;
    }),
    { numRuns: 10_000 },
  );
  expect(reads).toBeGreaterThan(10);
});

test("a line with a changed character is read as by JSON.parse, or not at all", () => {
  const line = JSON.stringify(row({ name: "name_show", sympos: 1 } satisfies Partial<TableRow>));
  let reads = 0;
  for (let at = 0; at <= line.length; at++) {
    for (const put of ["", '"', "\\", "0", "x", ",", "}", "\n", "\u0001", '"a":1,']) {
      for (const changed of [
        line.slice(0, at) + put + line.slice(at),
        line.slice(0, at) + put + line.slice(at + 1),
      ]) {
        const read = parsePlainRow(changed);
        if (read === undefined) continue;
        expect(read).toEqual(known(changed));
        reads++;
      }
    }
  }
  expect(reads).toBeGreaterThan(100);
});
