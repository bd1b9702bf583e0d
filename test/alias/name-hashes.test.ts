// Names are grouped by their hashes: different names with the same hash must stay separate.
import { beforeAll, expect, test } from "vitest";
import { findNamesakes } from "../../src/alias/duplicates.ts";
import { nameHashOf, readListing, symbolName } from "../../src/symbols/listing.ts";

const PAIRS = 6;
let pairs: readonly (readonly [string, string])[] = [];

beforeAll(() => {
  pairs = collisions();
});

/** Pairs of names with the same hash. */
function collisions(): [string, string][] {
  const seen = new Map<number, string>();
  const found: [string, string][] = [];
  for (let i = 0; found.length < PAIRS && i < 4_000_000; i++) {
    // Knuth's multiplicative hash spreads the digits.
    const name = `f${((i * 2654435761) >>> 0).toString(36)}_${i}`;
    const bytes = Buffer.from(name);
    const hash = nameHashOf(bytes, 0, bytes.length);
    const other = seen.get(hash);
    if (other !== undefined) found.push([other, name]);
    else seen.set(hash, name);
  }
  return found;
}

test("there are names with the same hash", () => {
  expect(pairs).toHaveLength(PAIRS);
});

test.each(["ab", "aab", "baa", "aabb", "abab", "abba", "abbb", "aabab"])(
  "listed as %s, they stay separate",
  (order) => {
    const names = pairs.flatMap(([a, b]) => [...order].map((letter) => (letter === "a" ? a : b)));
    const lines = names.map((name) => `0000000000001000 t ${name}\n`).join("");
    const listing = readListing(Buffer.from(lines), "listing");
    const { first, next, groupSize, duplicated } = findNamesakes(listing, false);

    const symbolsOf = new Map<string, number[]>();
    for (const symbol of names.keys()) {
      const name = symbolName(listing, symbol);
      symbolsOf.set(name, [...(symbolsOf.get(name) ?? []), symbol]);
    }
    const groups = new Map<string, number[]>();
    for (const leader of duplicated) {
      const group: number[] = [];
      for (let symbol = leader; symbol !== -1; symbol = next[symbol] ?? -1) group.push(symbol);
      groups.set(symbolName(listing, leader), group);
      expect(groupSize[leader]).toBe(group.length);
    }
    expect(groups).toEqual(new Map([...symbolsOf].filter(([, symbols]) => symbols.length > 1)));
    for (const symbols of symbolsOf.values()) {
      for (const symbol of symbols) expect(first[symbol]).toBe(symbols[0]);
    }
  },
);
