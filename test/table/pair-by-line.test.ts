import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { pairByLine } from "../../src/table/pair-by-line.ts";
import { defined } from "../defined.ts";

const lines = fc.array(fc.option(fc.integer({ min: 0, max: 12 })), { maxLength: 6 });

/** Pairs as lines. */
const paired = (old: (number | null)[], new_: (number | null)[]) =>
  pairByLine(old, new_).map(([o, n]) => [old[o], new_[n]]);

/** The least sum of distances over all ways to leave out some of the many. */
function leastSum(few: readonly number[], many: readonly number[]): number {
  const [wanted, ...others] = few;
  const [first, ...rest] = many;
  if (wanted === undefined) return 0;
  if (first === undefined || few.length > many.length) return Number.POSITIVE_INFINITY;
  const taken = Math.abs(wanted - first) + leastSum(others, rest);
  return Math.min(taken, leastSum(few, rest));
}

describe("symbols of one key are paired", () => {
  test("if their lines are equal, regardless of others", () => {
    expect(paired([10, 20, 30], [5, 20, 30, 31])).toEqual(
      expect.arrayContaining([
        [20, 20],
        [30, 30],
        [10, 5],
      ]),
    );
  });

  test("with the nearest one when another one has disappeared", () => {
    expect(paired([10, 20, 30], [22, 32])).toEqual([
      [30, 32],
      [20, 22],
    ]);
  });

  test("each at most once, and as many as possible", () => {
    fc.assert(
      fc.property(lines, lines, (old, new_) => {
        const pairs = pairByLine(old, new_);
        expect(pairs).toHaveLength(Math.min(old.length, new_.length));
        expect(new Set(pairs.map(([o]) => o)).size).toBe(pairs.length);
        expect(new Set(pairs.map(([, n]) => n)).size).toBe(pairs.length);
      }),
    );
  });

  test("as often as possible with an equal line", () => {
    fc.assert(
      fc.property(lines, lines, (old, new_) => {
        const equal = pairByLine(old, new_).filter(([o, n]) => old[o] === new_[n]).length;
        const left = [...new_];
        for (const line of old) if (left.includes(line)) left.splice(left.indexOf(line), 1);
        expect(equal).toBe(new_.length - left.length);
      }),
    );
  });

  test("in line order and with the least movement, if lines differ", () => {
    // Odd and even lines are never equal.
    const odd = lines.map((all) => all.map((line) => 2 * (line ?? 0) + 1));
    const even = lines.map((all) => all.map((line) => 2 * (line ?? 0)));
    fc.assert(
      fc.property(odd, even, (old, new_) => {
        const pairs = paired(old, new_).map(([o, n]): [number, number] => [
          defined(o, "old line of a pair"),
          defined(n, "new line of a pair"),
        ]);
        pairs.sort(([a, x], [b, y]) => a - b || x - y);
        const news = pairs.map(([, n]) => n);
        expect(news).toEqual([...news].sort((a, b) => a - b));
        const sum = pairs.reduce((total, [o, n]) => total + Math.abs(o - n), 0);
        const sorted = (all: readonly number[]) => all.toSorted((a, b) => a - b);
        const [few, many] = old.length <= new_.length ? [old, new_] : [new_, old];
        expect(sum).toBe(leastSum(sorted(few), sorted(many)));
      }),
    );
  });

  test("in the same way when old and new are swapped", () => {
    fc.assert(
      fc.property(lines, lines, (old, new_) => {
        const swapped = pairByLine(new_, old).map(([n, o]) => [o, n]);
        expect(swapped.sort()).toEqual(pairByLine(old, new_).sort());
      }),
    );
  });

  test("a hundred thousand at once", () => {
    const old = Array.from({ length: 100_000 }, (_, i) => 2 * i);
    const new_ = Array.from({ length: 100_001 }, (_, i) => 2 * i + 1);
    expect(pairByLine(old, new_)).toHaveLength(100_000);
  });
});
