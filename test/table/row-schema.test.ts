// A column that is added to the list is read, checked and written.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { COUNT, fromEdition, type Kind, listOf, orNull, TEXT } from "../../src/table/column-kinds.ts";
import { isObject, type JsonObject } from "../../src/table/json-values.ts";
import { plainRowReader, rowWriter } from "../../src/table/row-line.ts";
import { COLUMNS, type Row, rowChecker } from "../../src/table/row-schema.ts";
import { row } from "./tables.ts";

const BOOLEAN: Kind<boolean> = {
  check: (value) => typeof value === "boolean",
  form: "true|false",
  quote: "",
  parse: (text) => text === "true",
};

interface InlineSite {
  readonly file: string;
  readonly line: number;
}

const INLINE_SITE: Kind<InlineSite> = {
  check: (value): value is InlineSite => isObject(value) && TEXT.check(value.file) && COUNT.check(value.line),
  form: `\\{"file":"${TEXT.form}","line":${COUNT.form}\\}`,
  quote: "",
  parse: (text) => JSON.parse(text),
};

const LATER = {
  ...COLUMNS,
  label: fromEdition(4, orNull(TEXT)),
  bytes: fromEdition(4, orNull(listOf(listOf(orNull(COUNT))))),
  weak: fromEdition(5, orNull(BOOLEAN)),
  sites: fromEdition(5, orNull(listOf(INLINE_SITE))),
};

const read = plainRowReader(LATER);
const check = rowChecker(LATER);
const write = rowWriter(LATER);

const given: Row<typeof LATER> = {
  ...row({ name: "next", arriving: [1, 3] }),
  label: "entry",
  bytes: [[1, 2], [], [null]],
  weak: false,
  sites: [{ file: "a.c", line: 3 }],
};

test("added columns are written in the order of the list, not of the row, and read back", () => {
  const line = write(given);
  expect(line).toBe(JSON.stringify(given));
  const shuffled = fc.shuffledSubarray(Object.entries(given), { minLength: Object.keys(given).length });
  fc.assert(
    fc.property(shuffled, (entries) => {
      expect(write({ ...given, ...Object.fromEntries(entries) })).toBe(line);
      expect(write(Object.fromEntries(entries) as typeof given)).toBe(line);
    }),
  );
  expect(read(line)).toEqual(given);
  expect(check(JSON.parse(line))).toEqual(given);
});

test("a reader of some columns keeps these, and checks the others", () => {
  const readSome = plainRowReader(LATER, ["name", "line", "arriving", "sites"]);
  const { name, line, arriving, sites } = given;
  expect(readSome(write(given))).toStrictEqual({ name, line, arriving, sites });
  expect(readSome(write({ ...given, line: null }))).toStrictEqual({ name, line: null, arriving, sites });
  for (const [key, value] of Object.entries({ type: "tt", address: "0x10", sympos: -1, unit: 1, weak: "" })) {
    expect(readSome(JSON.stringify({ ...given, [key]: value }))).toBeUndefined();
  }
});

test("only columns are written", () => {
  expect(write(Object.assign({ of: "no column" }, given))).toBe(JSON.stringify(given));
});

describe("a table of an earlier edition", () => {
  const none = { label: null, bytes: null, weak: null, sites: null };
  const { label, bytes, weak: _, sites: __, ...third } = given;
  const { kind: ______, ...second } = third;
  const { function: ___, parameters: ____, arriving: _____, ...first } = second;
  test("has null in columns that came later", () => {
    const fourth = { ...third, label, bytes };
    for (const [earlier, rest] of [
      [fourth, { weak: null, sites: null }],
      [third, none],
      [second, { ...none, kind: null }],
      [first, { ...none, kind: null, function: null, parameters: null, arriving: null }],
    ] as const) {
      expect(read(JSON.stringify(earlier))).toEqual({ ...earlier, ...rest });
      expect(check({ ...earlier })).toEqual({ ...earlier, ...rest });
    }
  });

  test("must match an edition completely; other rows are left to the checks of each value", () => {
    const partly = { ...third, label };
    expect(read(JSON.stringify(partly))).toBeUndefined();
    expect(check({ ...partly })).toEqual({ ...third, ...none, label });
  });
});

test("a value of the wrong type is refused with its column's name", () => {
  const bad: JsonObject = { label: 1, bytes: [["a"]], weak: "true", sites: [{ file: "a.c" }] };
  for (const key in bad) {
    const damaged = { ...given, [key]: bad[key] };
    expect(read(JSON.stringify(damaged))).toBeUndefined();
    expect(check(damaged)).toBe(`"${key}" has a value of the wrong kind`);
  }
});

test("the columns of this version are those of a row, in this order", () => {
  expect(Object.keys(row({ name: "x" }))).toEqual(Object.keys(COLUMNS));
});
