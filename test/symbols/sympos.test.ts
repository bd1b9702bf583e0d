import fc from "fast-check";
import { expect, test } from "vitest";
import { findNamesakes } from "../../src/alias/duplicates.ts";
import { symbolPositions } from "../../src/symbols/sympos.ts";
import { listingOf, listingText, randomSymbols } from "./listings.ts";

function positions(text: string): number[] {
  const listing = listingOf(text);
  const all = Int32Array.from({ length: listing.count }, (_, symbol) => symbol);
  return [...symbolPositions(listing, all, findNamesakes(listing, false))];
}

test("namesakes are numbered from 1 in address order; a unique name has 0", () => {
  expect(positions("01 t a\n02 t b\n03 T a\n04 t a\n")).toEqual([1, 0, 2, 3]);
});

test("namesakes of any type count, except those that kallsyms drops", () => {
  expect(positions("01 d a\n02 t a\n03 U a\n04 a a\n05 N a\n06 w a\n")).toEqual([1, 2, 0, 0, 0, 0]);
});

test("at one address, a weak symbol comes after the others", () => {
  expect(positions("05 W a\n05 T a\n05 t a\n")).toEqual([3, 1, 2]);
});

test("names that share only their stem are not namesakes for the kernel", () => {
  expect(positions("01 t a.llvm.1\n02 t a.llvm.2\n03 t a.llvm.2\n")).toEqual([0, 1, 2]);
});

test("a module's namesake is in another object", () => {
  expect(positions("01 t a\n02 t a\n03 t a\t[m]\n")).toEqual([1, 2, 0]);
});

test("64-bit addresses are ordered as one number", () => {
  expect(positions("ffffffff00000001 t a\n00000000ffffffff t a\n80000000ffffffff t a\n")).toEqual([3, 1, 2]);
});

test("positions equal those of a plain sort of the namesakes", () => {
  fc.assert(
    fc.property(randomSymbols, (symbols) => {
      const kept = symbols.map((symbol, index) => ({ ...symbol, index }));
      const expected = kept.map(({ name, index }) => {
        const namesakes = kept.filter((other) => other.name === name && !/[aNUw]/.test(other.type));
        namesakes.sort((a, b) => {
          if (a.address !== b.address) return a.address < b.address ? -1 : 1;
          return Number(/w/i.test(a.type)) - Number(/w/i.test(b.type)) || a.index - b.index;
        });
        if (/^($|\$|\.L|L0)/.test(name) || namesakes.length < 2) return 0;
        return namesakes.findIndex((other) => other.index === index) + 1;
      });
      expect(positions(listingText(symbols))).toEqual(expected);
    }),
  );
});
