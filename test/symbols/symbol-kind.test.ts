// What nm's letters say of symbols: nm(1), and bfd_decode_symclass of bfd/syms.c.
import { describe, expect, test } from "vitest";
import { isFunction, isGlobal, isObject, isWeak, kindOfLetter } from "../../src/symbols/symbol-kind.ts";

describe("of nm's letters", () => {
  const letters = Array.from({ length: 256 }, (_, code) => code);
  test.each([
    { what: "functions", is: isFunction, expected: "Tt" },
    { what: "objects", is: isObject, expected: "BDRVbdrv" },
    { what: "weak symbols", is: isWeak, expected: "VWvw" },
    { what: "global symbols", is: isGlobal, expected: "ABCDEGINPRSTU" },
  ])("those of $what are $expected", ({ is, expected }) => {
    expect(String.fromCharCode(...letters.filter((letter) => is(kindOfLetter(letter))))).toBe(expected);
  });
});
