import { expect, test } from "vitest";
import { cautionsOf } from "../../src/lookup/cautions.ts";
import { row } from "../table/tables.ts";

test("a function in an .init section is gone after initialisation", () => {
  expect(cautionsOf(row({ name: "f", section: ".init.text" }))).toEqual([
    "is in .init.text, which is freed after initialisation",
  ]);
  expect(cautionsOf(row({ name: "f", section: ".text" }))).toEqual([]);
  expect(cautionsOf(row({ name: "f", section: null }))).toEqual([]);
});

test("a clone that has lost parameters is reported, with those that are left", () => {
  const told = (parameters: number | null, arriving: readonly number[] | null) =>
    cautionsOf(row({ name: "f.constprop.0", parameters, arriving }));
  expect(told(3, [1, 3])).toEqual([
    "has lost parameters: of 3 in the source, only 1, 3 arrive, so their registers differ",
  ]);
  expect(told(1, [])).toEqual([
    "has lost parameters: of 1 in the source, none arrives, so their registers differ",
  ]);
  expect(told(2, [1, 2])).toEqual([]);
  expect(told(0, [])).toEqual([]);
  expect(told(2, null)).toEqual([]);
  expect(told(null, null)).toEqual([]);
});
