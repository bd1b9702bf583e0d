// From a listing to its aliases: which symbols are selected, and their aliases once their places are known.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { aliasedLines } from "../../src/alias/aliased-listing.ts";
import { nameSymbols } from "../../src/alias/name-symbols.ts";
import type { Place } from "../../src/alias/naming.ts";
import type { AliasOptions } from "../../src/alias/options.ts";
import { selectSymbols } from "../../src/alias/select.ts";
import { type Listing, symbolName } from "../../src/symbols/listing.ts";
import { defined } from "../defined.ts";
import { listingOf, listingText, namesOf, type RandomSymbol, randomSymbols } from "../symbols/listings.ts";

const OPTIONS: AliasOptions = {
  separator: "@",
  disambiguate: true,
  maxNameLength: 512,
  kallsymsNames: "llvm",
  data: false,
  filters: { defaults: true, exclude: [], include: [] },
};

function chosen(text: string, options: Partial<AliasOptions> = {}) {
  const listing = listingOf(text);
  const { symbols, counts } = selectSymbols(listing, { ...OPTIONS, ...options });
  return { names: Array.from(symbols, (symbol) => symbolName(listing, symbol)), counts };
}

describe("the symbols that get an alias", () => {
  test("are text symbols whose name another symbol of any type has too", () => {
    const text = "01 t a\n02 T a\n03 t b\n04 d b\n05 d c\n06 d c\n07 t alone\n08 W d\n09 t d\n";
    expect(chosen(text).names).toEqual(["a", "a", "b", "d", "d"]);
  });

  test("include data symbols on request; their numbers are not part of the stem then", () => {
    const text =
      "01 b count.1\n02 d count.2\n03 r v\n04 V v\n05 t f.1\n06 t f.2\n07 A x\n08 a x\n09 d only\n0a R n.5\n";
    expect(chosen(text).names).toEqual([]);
    expect(chosen(text, { data: true }).names).toEqual(["count.1", "count.2", "v", "v", "n.5"]);
  });

  test("include data symbols that the default filters exclude, if those filters are for text only", () => {
    const text = "01 d __already_done.1\n02 d __already_done.7\n03 t __pfx_a\n04 t __pfx_a\n05 d own.1\n";
    const filters = (defaults: boolean | "text") => ({
      data: true,
      filters: { defaults, exclude: ["own*"], include: [] },
    });
    expect(chosen(text, filters(true)).names).toEqual([]);
    expect(chosen(text, filters("text")).names).toEqual(["__already_done.1", "__already_done.7"]);
    expect(chosen(text, filters(false)).names).toHaveLength(4);
  });

  test("include unique names that change on every build", () => {
    const text = "01 t a.llvm.123\n02 t b.llvm.7\n03 T b\n04 t c\n";
    expect(chosen(text).names).toEqual(["a.llvm.123", "b.llvm.7", "b"]);
  });

  test("are those whose names are equal in the kernel's look-ups, and only those", () => {
    const text = "01 t a.llvm.123\n02 t b.llvm.7\n03 T b\n04 t c\n05 t c.isra.0\n06 d e.count\n07 t e\n";
    const by = (kallsymsNames: AliasOptions["kallsymsNames"]) => chosen(text, { kallsymsNames }).names;
    expect(by("exact")).toEqual(["a.llvm.123", "b.llvm.7"]);
    expect(by("llvm")).toEqual(["a.llvm.123", "b.llvm.7", "b"]);
    expect(by("all")).toEqual(["a.llvm.123", "b.llvm.7", "b", "c", "c.isra.0", "e"]);
  });

  test("exclude undefined symbols and those of modules, whose names do not count either", () => {
    const text = "         U a\n01 t a\n02 t b\n03 t b\t[m]\n04 t c\t[m]\n05 t c\t[n]\n";
    expect(chosen(text).names).toEqual([]);
  });

  test("are counted by the filter rule that excludes them", () => {
    const text =
      "01 t __pfx_a\n02 t __pfx_a\n03 t __x_end\n04 t __x_end\n05 t __y_end\n06 t a\n07 t a\n08 t b\n09 t b\n";
    const { names, counts } = chosen(text, { filters: { defaults: true, exclude: ["b"], include: [] } });
    expect(names).toEqual(["a", "a"]);
    expect(counts).toEqual({
      symbols: 9,
      duplicatedNames: 4,
      excluded: { "__*_end": 2, "__pfx_*": 2, b: 2 },
    });
  });

  test("are in address order, for any order of the listing", () => {
    const listing = listingOf("09 t a\n03 t b\n01 t a\n03 t c\n03 t a\n05 t b\n");
    expect([...selectSymbols(listing, OPTIONS).symbols]).toEqual([2, 1, 4, 5, 0]);
  });

  test("have a name", () => {
    expect(chosen("01 t \n02 t \n03 t a\n04 t a\n").names).toEqual(["a", "a"]);
  });
});

const SOURCES = ["kernel/a.c", "mm/b.c"] as const;
const HEADER = "include/linux/x.h";

/** A place that depends on nothing but the symbol; some have none. */
function placeOf({ address, type, name }: RandomSymbol): Place | null {
  const number = Number(address % 1000n) + name.length * 7 + type.charCodeAt(0);
  const file = number % 3 === 0 ? SOURCES[0] : number % 3 === 1 ? SOURCES[1] : HEADER;
  const unit = file === HEADER ? SOURCES[number % 2 === 0 ? 0 : 1] : file;
  return number % 11 === 0 ? null : { file, line: 1 + (number % 4), unit };
}

interface Named {
  readonly listing: Listing;
  readonly aliases: Map<number, string>;
  readonly ordinals: Map<number, number>;
}

const symbolAt = (symbols: readonly RandomSymbol[], index: number) =>
  defined(symbols[index], `symbol ${index} of ${symbols.length}`);

function nameAll(symbols: readonly RandomSymbol[], options: AliasOptions): Named {
  const listing = listingOf(listingText(symbols));
  const selection = selectSymbols(listing, options);
  const places = Array.from(selection.symbols, (symbol) => placeOf(symbolAt(symbols, symbol)));
  const named = nameSymbols(listing, selection.symbols, places, options, selection.existing);
  const aliases = new Map<number, string>();
  const ordinals = new Map<number, number>();
  selection.symbols.forEach((symbol, i) => {
    const alias = named.alias[i];
    if (alias) aliases.set(symbol, alias);
    ordinals.set(symbol, defined(named.ordinal[i], `ordinal of symbol ${symbol}`));
  });
  return { listing, aliases, ordinals };
}

/** Random symbols without existing aliases. */
const unaliased = randomSymbols.map((symbols) => {
  const plain = symbols.filter(({ name }) => !name.includes("@"));
  return plain.length > 0 ? plain : [{ address: 1n, type: "t", name: "a" }];
});

const withData = fc.boolean().map((data): AliasOptions => ({ ...OPTIONS, data }));

describe("the aliases of a listing", () => {
  test("are unique, and none is a symbol's name", () => {
    let seen = 0;
    fc.assert(
      fc.property(randomSymbols, withData, (symbols, options) => {
        const { listing, aliases } = nameAll(symbols, options);
        seen += aliases.size;
        const existing = selectSymbols(listing, options).existing;
        const names = new Set(namesOf(listing).filter((_, symbol) => existing?.[symbol] !== 1));
        expect(new Set(aliases.values()).size).toBe(aliases.size);
        expect([...aliases.values()].filter((alias) => names.has(alias))).toEqual([]);
      }),
      { numRuns: 400 },
    );
    expect(seen).toBeGreaterThan(500);
  });

  test("do not change when symbols are added, ordinals aside", () => {
    let seen = 0;
    fc.assert(
      fc.property(unaliased, unaliased, withData, (few, more, options) => {
        const all = [
          ...few.map((symbol) => ({ ...symbol, old: true })),
          ...more.map((symbol) => ({ ...symbol, old: false })),
        ].sort((a, b) => (a.address < b.address ? -1 : a.address > b.address ? 1 : 0));
        const before = nameAll(few, options);
        const after = nameAll(all, options);
        const withoutOrdinal = ({ aliases, ordinals }: Named, symbol: number) => {
          const alias = aliases.get(symbol);
          const ordinal = ordinals.get(symbol);
          return ordinal ? alias?.slice(0, -`_${ordinal}`.length) : alias;
        };
        const oldOnes = all.flatMap(({ old }, index) => (old ? [index] : []));
        few.forEach((_, symbol) => {
          if (!before.aliases.has(symbol)) return;
          seen++;
          expect(withoutOrdinal(after, defined(oldOnes[symbol], `place of symbol ${symbol}`))).toBe(
            withoutOrdinal(before, symbol),
          );
        });
      }),
      { numRuns: 400 },
    );
    expect(seen).toBeGreaterThan(500);
  });

  test("are plain without disambiguation, and may be equal", () => {
    const listing = listingOf("01 t a\n02 t a\n");
    const options = { ...OPTIONS, disambiguate: false };
    const { symbols } = selectSymbols(listing, options);
    const place = { file: "x.h", line: 3, unit: "y.c" };
    const { alias, counts } = nameSymbols(listing, symbols, [place, place], options);
    expect(alias).toEqual(["a@x_h_3", "a@x_h_3"]);
    expect(counts).toEqual({
      aliases: 2,
      unresolved: 0,
      tooLong: 0,
      ambiguous: { plain: 2, final: 2 },
      ordinal: 0,
    });
  });

  test("are counted", () => {
    const listing = listingOf("01 t a\n02 t a\n03 t a\n04 t a\n05 t a\n");
    const { symbols } = selectSymbols(listing, OPTIONS);
    const inUnit = (unit: string): Place => ({ file: "x.h", line: 3, unit });
    const long = { file: "x".repeat(600), line: 1, unit: null };
    const short = { ...OPTIONS, maxNameLength: 20 };
    const places = [inUnit("y.c"), inUnit("z.c"), inUnit("z.c"), null, long];
    const { alias, counts } = nameSymbols(listing, symbols, places, OPTIONS);
    expect(alias.slice(0, 4)).toEqual(["a@x_h_3@y_c", "a@x_h_3@z_c", "a@x_h_3@z_c_2", null]);
    expect(counts).toEqual({
      aliases: 4,
      unresolved: 1,
      tooLong: 0,
      ambiguous: { plain: 3, final: 0 },
      ordinal: 1,
    });
    const tiny = nameSymbols(listing, symbols, places, { ...short, maxNameLength: 5 });
    expect(tiny.counts).toMatchObject({ aliases: 0, unresolved: 1, tooLong: 4 });
  });
});

describe("the aliased listing", () => {
  const write = ({ listing, aliases }: Named, options: AliasOptions) => {
    const selection = selectSymbols(listing, options);
    const alias = Array.from(selection.symbols, (symbol) => aliases.get(symbol) ?? null);
    return Buffer.concat([...aliasedLines(selection, { alias })]).toString();
  };

  test("equals the listing without alias lines; each alias line follows its symbol's line", () => {
    let seen = 0;
    fc.assert(
      fc.property(unaliased, withData, (symbols, options) => {
        const named = nameAll(symbols, options);
        const text = write(named, options);
        const added = named.aliases;
        const lines = text.split("\n");
        const kept = lines.filter((line) => !line.includes("@"));
        expect(kept.join("\n")).toBe(named.listing.text.toString());
        expect(lines.length - kept.length).toBe(added.size);
        lines.forEach((line, i) => {
          if (!line.includes("@")) return;
          seen++;
          const entry = [...added].find(([, alias]) => line.endsWith(` ${alias}`));
          const [symbol] = defined(entry, `symbol of the line ${line}`);
          const { address, type, name } = symbolAt(symbols, symbol);
          expect(lines[i - 1]).toBe(`${address.toString(16).padStart(16, "0")} ${type} ${name}`);
          expect(line.slice(0, 19)).toBe(lines[i - 1]?.slice(0, 19));
        });
      }),
      { numRuns: 240 },
    );
    expect(seen).toBeGreaterThan(300);
  });

  test("is not changed by a second run, which has the same counts", () => {
    fc.assert(
      fc.property(unaliased, withData, (symbols, options) => {
        const once = write(nameAll(symbols, options), options);
        const aliased = listingOf(once);
        const again = once
          .replace(/\n$/, "")
          .split("\n")
          .map(
            (line): RandomSymbol => ({
              address: BigInt(`0x${line.slice(0, 16)}`),
              type: line.slice(17, 18),
              name: line.slice(19),
            }),
          );
        const twice = write(nameAll(again, options), options);
        expect(twice).toBe(once);
        const { counts } = selectSymbols(listingOf(listingText(symbols)), options);
        expect(selectSymbols(aliased, options).counts).toEqual(counts);
      }),
      { numRuns: 240 },
    );
  });

  test("keeps CR LF, blank lines and modules, and adds lines of the same form", () => {
    const listing = listingOf("\r\n01 t a\r\n\r\n02 t a\r\n03 t b\t[m]\r\n");
    const aliases = new Map([
      [0, "a@x_c_1"],
      [1, "a@y_c_2"],
    ]);
    expect(Buffer.concat([...listing.lines(aliases)]).toString()).toBe(
      "\r\n01 t a\r\n01 t a@x_c_1\r\n\r\n02 t a\r\n02 t a@y_c_2\r\n03 t b\t[m]\r\n",
    );
  });

  test("lacks its last newline if the listing does", () => {
    const listing = listingOf("01 t a\n02 t a");
    const aliases = new Map([
      [0, "a@x"],
      [1, "a@y"],
    ]);
    expect(Buffer.concat([...listing.lines(aliases)]).toString()).toBe("01 t a\n01 t a@x\n02 t a\n02 t a@y");
  });

  test("treats aliases with another separator as symbols", () => {
    const text = "01 t a\n01 t a@x_c_1\n02 t a\n02 t a@x_c_2\n";
    expect(chosen(text).counts.symbols).toBe(2);
    expect(chosen(text, { separator: "!" }).counts.symbols).toBe(4);
  });
});
