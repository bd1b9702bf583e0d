import fc from "fast-check";
import { expect, test } from "vitest";
import { lowerBound } from "../src/binary-search.ts";

test("finds the first number that is not below another, or the end", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(50)), fc.nat(50), (numbers, limit) => {
      const sorted = numbers.toSorted((a, b) => a - b);
      const found = lowerBound(sorted.length, (i) => (sorted[i] ?? 0) < limit);
      const first = sorted.findIndex((number) => number >= limit);
      expect(found).toBe(first === -1 ? sorted.length : first);
    }),
  );
});

test("asks for a few of many items only", () => {
  let asked = 0;
  const index = lowerBound(2 ** 31, (i) => ++asked > 0 && i < 1_234_567_890);
  expect(index).toBe(1_234_567_890);
  expect(asked).toBeLessThan(33);
});
