import { writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { findNamesakes } from "../../src/alias/duplicates.ts";
import { openElf } from "../../src/elf/elf-file.ts";
import { elfListing } from "../../src/symbols/elf-listing.ts";
import type { KallsymsNames } from "../../src/symbols/name-anatomy.ts";
import { isObject } from "../../src/symbols/symbol-kind.ts";
import { defined } from "../defined.ts";
import { elfBytes, numberBytes, text } from "../elf/elf-bytes.ts";
import { listingOf, listingText, namesOf, randomSymbols, textOf } from "../symbols/listings.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { tool } from "../tool.ts";

/** The same with strings and a Map. */
function plainNamesakes(
  text: string,
  withData: boolean,
  ignored: ReadonlySet<number>,
  kallsymsNames: KallsymsNames = "llvm",
) {
  const listing = listingOf(text);
  const names = namesOf(listing);
  const lines = text.split("\n");
  const isUndefined = (symbol: number) => lines[symbol]?.startsWith(" ");
  const unnumbered = (name: string, symbol: number) => {
    const kind = defined(listing.kind[symbol], `kind of symbol ${symbol}`);
    return withData && isObject(kind) ? name.replace(/(?<=.)\.[0-9]+$/, "") : name;
  };
  const stems = namesOf(listing).map((name, symbol) =>
    unnumbered(name.replace(/(?<=.)\.llvm\..*$/s, ""), symbol),
  );
  const compared = namesOf(listing).map((name, symbol) => {
    if (kallsymsNames === "llvm") return defined(stems[symbol], `stem of symbol ${symbol}`);
    if (kallsymsNames === "all") return stems[symbol] === "" ? "" : name.replace(/(?<=.)\..*$/s, "");
    return unnumbered(name, symbol);
  });
  const first = new Map<string, number>();
  const groupSize = new Array<number>(listing.count).fill(0);
  const firstOf = compared.map((stem, symbol) => {
    const isLabel = /^(\$|\.L|L0)/.test(names[symbol] ?? "");
    if (stem === "" || isUndefined(symbol) || ignored.has(symbol) || isLabel) return -1;
    const leader = first.get(stem) ?? symbol;
    first.set(stem, leader);
    groupSize[leader] = (groupSize[leader] ?? 0) + 1;
    return leader;
  });
  const counted = (symbol: number) => firstOf[symbol] !== -1;
  const symbols = [...stems.keys()];
  const unstable = symbols.filter((symbol) => counted(symbol) && stems[symbol] !== names[symbol]);
  const duplicated = symbols.filter((symbol) => (groupSize[symbol] ?? 0) > 1);
  const next = symbols.map((symbol) =>
    counted(symbol) ? symbols.findIndex((other) => other > symbol && firstOf[other] === firstOf[symbol]) : -1,
  );
  return { first: firstOf, next, groupSize, duplicated, unstable };
}

const columns = ({ first, next, groupSize, duplicated, unstable }: ReturnType<typeof findNamesakes>) => ({
  first: [...first],
  next: [...next],
  groupSize: [...groupSize],
  duplicated: [...duplicated].sort((a, b) => a - b),
  unstable: [...unstable],
});

const rules = fc.constantFrom<KallsymsNames>("exact", "llvm", "all");

describe("namesakes", () => {
  test("are those found with a Map of strings", () => {
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

  test("are grouped in one memory; earlier groups and the listing stay valid", () => {
    const count = 20_000;
    const { u32, u64 } = numberBytes(true);
    const entries = Array.from({ length: count + 1 }, (_, i) =>
      i === 0 ? new Array<number>(24).fill(0) : [...u32(1), 2, 0, 1, 0, ...u64(i), ...u64(0)],
    );
    const sections = [
      { name: ".text", bytes: [0], flags: 6 },
      { name: ".symtab", bytes: entries.flat(), type: 2, link: 3, entrySize: 24 },
      { name: ".strtab", bytes: [0, ...text("same")], type: 3 },
    ];
    const file = join(temporaryDirectory(), "same-names");
    writeFileSync(file, elfBytes({ is64: true, littleEndian: true, machine: 62, sections }));
    const elf = openElf(file);
    const listing = defined(elfListing(elf), "symbol table");
    elf.file.close();
    const groupings = [findNamesakes(listing, false), findNamesakes(listing, false)];
    for (const { first, next, groupSize } of groupings) {
      expect(groupSize[0]).toBe(count);
      expect(first.every((leader) => leader === 0)).toBe(true);
      expect(next.every((symbol, i) => symbol === (i === count - 1 ? -1 : i + 1))).toBe(true);
    }
    expect(textOf(listing)).toBe(tool("nm", ["-n", file]).toString());
  });

  test("can have any type, but are not undefined", () => {
    const { first, groupSize } = findNamesakes(listingOf("01 t a\n02 D a\n         U a\n03 t b\n"), false);
    expect([...first]).toEqual([0, 0, -1, 3]);
    expect([...groupSize]).toEqual([2, 0, 0, 1]);
  });
});
