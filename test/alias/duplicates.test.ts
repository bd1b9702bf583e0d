import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { findNamesakes } from "../../src/alias/duplicates.ts";
import { isData, type KallsymsNames } from "../../src/symbols/name-anatomy.ts";
import { listingOf, listingText, namesOf, randomSymbols } from "../symbols/listings.ts";

/** The same with strings and a Map. */
function plainNamesakes(
  text: string,
  withData: boolean,
  ignored: ReadonlySet<number>,
  kallsymsNames: KallsymsNames = "llvm",
) {
  const listing = listingOf(text);
  const lines = text.split("\n");
  const isUndefined = (symbol: number) => lines[symbol]?.startsWith(" ");
  const stems = namesOf(listing).map((name, symbol) => {
    const stem = name.replace(/(?<=.)\.llvm\..*$/s, "");
    return withData && isData(listing.type[symbol] as number) ? stem.replace(/(?<=.)\.[0-9]+$/, "") : stem;
  });
  const compared = namesOf(listing).map((name, symbol) => {
    if (kallsymsNames === "llvm") return stems[symbol] as string;
    if (kallsymsNames === "all") return stems[symbol] === "" ? "" : name.replace(/(?<=.)\..*$/s, "");
    return withData && isData(listing.type[symbol] as number) ? name.replace(/(?<=.)\.[0-9]+$/, "") : name;
  });
  const first = new Map<string, number>();
  const bearers = new Array<number>(listing.count).fill(0);
  const firstOf = compared.map((stem, symbol) => {
    if (stem === "" || isUndefined(symbol) || ignored.has(symbol)) return -1;
    const leader = first.get(stem) ?? symbol;
    first.set(stem, leader);
    bearers[leader] = (bearers[leader] ?? 0) + 1;
    return leader;
  });
  const counted = (symbol: number) => firstOf[symbol] !== -1;
  const names = namesOf(listing);
  const symbols = [...stems.keys()];
  const unstable = symbols.filter((symbol) => counted(symbol) && stems[symbol] !== names[symbol]);
  const duplicated = symbols.filter((symbol) => (bearers[symbol] ?? 0) > 1);
  const next = symbols.map((symbol) =>
    counted(symbol) ? symbols.findIndex((other) => other > symbol && firstOf[other] === firstOf[symbol]) : -1,
  );
  return { first: firstOf, next, bearers, duplicated, unstable };
}

const columns = ({ first, next, bearers, duplicated, unstable }: ReturnType<typeof findNamesakes>) => ({
  first: [...first],
  next: [...next],
  bearers: [...bearers],
  duplicated: [...duplicated].sort((a, b) => a - b),
  unstable: [...unstable],
});

const rules = fc.constantFrom<KallsymsNames>("exact", "llvm", "all");

describe("namesakes", () => {
  test("are those that a Map of strings finds", () => {
    fc.assert(
      fc.property(
        randomSymbols,
        fc.boolean(),
        fc.array(fc.nat(39)),
        rules,
        (symbols, withData, ignored, rule) => {
          const text = `${listingText(symbols)}                 U a\n                 U undefined\n`;
          const listing = listingOf(text);
          const flags = new Uint8Array(listing.count);
          for (const symbol of ignored) if (symbol < listing.count) flags[symbol] = 1;
          const expected = plainNamesakes(text, withData, new Set(ignored), rule);
          expect(columns(findNamesakes(listing, withData, flags, rule))).toEqual(expected);
        },
      ),
      { numRuns: 500 },
    );
  });

  test("are found among many names of all lengths", () => {
    const lengths = Array.from({ length: 6000 }, (_, i) => i);
    const text = lengths
      .map((i) => `${(i + 1).toString(16).padStart(16, "0")} t ${"x".repeat(i % 70)}${i % 1999}\n`)
      .join("");
    expect(columns(findNamesakes(listingOf(text), false))).toEqual(plainNamesakes(text, false, new Set()));
  });

  test("are of whatever types, but not undefined", () => {
    const { first, bearers } = findNamesakes(listingOf("01 t a\n02 D a\n         U a\n03 t b\n"), false);
    expect([...first]).toEqual([0, 0, -1, 3]);
    expect([...bearers]).toEqual([2, 0, 0, 1]);
  });
});
