import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Failure } from "../../src/failure.ts";
import { findSymbol, type Listing, moduleName, readListing, symbolName } from "../../src/symbols/listing.ts";
import { defined } from "../defined.ts";
import { SAMPLE } from "../sample-kernel.ts";
import { tool } from "../tool.ts";
import { listingOf, namesOf } from "./listings.ts";

/** A symbol as one text: address, type, name, and the module if it has one. */
function symbolsOf(listing: Listing): string[] {
  return Array.from({ length: listing.count }, (_, symbol) => {
    const high = BigInt(defined(listing.addressHigh[symbol], `address of symbol ${symbol}`));
    const low = BigInt(defined(listing.addressLow[symbol], `address of symbol ${symbol}`));
    const address = ((high << 32n) | low).toString(16);
    const module = moduleName(listing, symbol);
    const type = String.fromCharCode(defined(listing.type[symbol], `type of symbol ${symbol}`));
    return `${address} ${type} ${symbolName(listing, symbol)}${module && ` of ${module}`}`;
  });
}

function failureOf(text: string): string {
  try {
    listingOf(text);
  } catch (error) {
    if (error instanceof Failure) return error.message;
    throw error;
  }
  throw new Error("the listing was taken");
}

describe("a listing's text", () => {
  test("has addresses of 8 or 16 digits, in either case", () => {
    const text = "c0008000 T stext\nffffffff81000000 T _text\nFFFFFFFF81abcdEF t x\n0 A zero\n";
    expect(symbolsOf(listingOf(text))).toEqual([
      "c0008000 T stext",
      "ffffffff81000000 T _text",
      "ffffffff81abcdef t x",
      "0 A zero",
    ]);
  });

  test("has zero addresses as (null), and those alone are hidden", () => {
    const text = "          (null) A fixed_percpu_data\nffffffff81000000 T _text\r\n(null) t x\t[y]\n";
    expect(symbolsOf(listingOf(text))).toEqual([
      "0 A fixed_percpu_data",
      "ffffffff81000000 T _text",
      "0 t x of y",
    ]);
    expect(failureOf("          (null) T _text\n          (null) t f\n")).toMatch(/hidden by kptr_restrict/);
    for (const line of ["(null)T f", "  (null)", "(null) T", "0(null) T f", "(nul) T f"]) {
      expect(failureOf(`${line}\n`)).toMatch(/line 1 is not a symbol/);
    }
  });

  test("leaves undefined symbols without an address", () => {
    const text = "                 U printk\n         w weak_one\n0000000000000010 T f\n";
    expect(symbolsOf(listingOf(text))).toEqual(["0 U printk", "0 w weak_one", "10 T f"]);
  });

  test("may have any characters in names", () => {
    const names = [
      "a.isra.0",
      ".LC0",
      "$x.1",
      "f@@VERS_1",
      "operator new (int)",
      "Prüfung",
      "a]",
      "x [y]",
      "-",
      "a\tb",
    ];
    const text = names.map((name, i) => `${(i + 1).toString(16).padStart(16, "0")} t ${name}\n`).join("");
    expect(namesOf(listingOf(text))).toEqual(names);
  });

  test("can be /proc/kallsyms, with a module after the name", () => {
    const text =
      "ffffffffc0000000 t init_once\t[ext4]\nffffffffc0001000 t bpf_prog_6deef7357e7b4530\t[bpf]\nffffffff81000000 T a b\n";
    expect(symbolsOf(listingOf(text))).toEqual([
      "ffffffffc0000000 t init_once of ext4",
      "ffffffffc0001000 t bpf_prog_6deef7357e7b4530 of bpf",
      "ffffffff81000000 T a b",
    ]);
  });

  test("can be System.map", () => {
    const text =
      "0000000000000000 D __per_cpu_start\nffffffff81000000 T startup_64\nffffffff82000000 ? __end\n";
    expect(symbolsOf(listingOf(text))).toEqual([
      "0 D __per_cpu_start",
      "ffffffff81000000 T startup_64",
      "ffffffff82000000 ? __end",
    ]);
  });

  test("may have CR LF and blank lines", () => {
    const text =
      "\r\n0000000000000001 t a\r\n\r\n\n0000000000000002 t b\tc\r\n0000000000000003 t d\t[mod]\r\n";
    expect(symbolsOf(listingOf(text))).toEqual(["1 t a", "2 t b\tc", "3 t d of mod"]);
  });

  test("may lack its last newline", () => {
    expect(symbolsOf(listingOf("0000000000000001 t a\n0000000000000002 t b"))).toEqual(["1 t a", "2 t b"]);
  });

  test("may have symbols without a name, as nm prints them", () => {
    expect(symbolsOf(listingOf("00000000 N \n00000004 T a\n"))).toEqual(["0 N ", "4 T a"]);
  });

  test("keeps the 64 bits of an address", () => {
    const listing = listingOf("8123456789abcdef t a\n7fffffffffffffff t b\n");
    expect(symbolsOf(listing)).toEqual(["8123456789abcdef t a", "7fffffffffffffff t b"]);
  });

  test("has every symbol that nm prints for the sample kernel", () => {
    const text = tool("nm", ["-n", SAMPLE]);
    const lines = text.toString().trimEnd().split("\n");
    expect(symbolsOf(readListing(text, "nm"))).toEqual(
      lines.map((line) => line.replace(/^0+(?=[0-9a-f])/, "")),
    );
  });

  test("is read back as the symbols it was written from", () => {
    const name = fc
      .string({ unit: "binary", minLength: 1, maxLength: 20 })
      .filter(
        (text) => !/[\n\r]/.test(text) && !/\t\[.*\]$/s.test(text) && Buffer.from(text).toString() === text,
      );
    const symbol = fc.record({
      address: fc.option(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })),
      type: fc.constantFrom(..."tTdDbBrRaAwWvVuUiNn?-"),
      name,
      module: fc.option(fc.stringMatching(/^[a-z0-9_]+$/)),
    });
    const shapes = fc.record({
      newline: fc.constantFrom("\n", "\r\n"),
      blank: fc.boolean(),
      cut: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(symbol, { minLength: 1 }), shapes, (symbols, { newline, blank, cut }) => {
        fc.pre(symbols.some(({ address }) => address !== null && address > 0n));
        const lines = symbols.map(({ address, type, name, module }) => {
          const digits = address === null ? " ".repeat(16) : address.toString(16).padStart(16, "0");
          return `${digits} ${type} ${name}${module === null ? "" : `\t[${module}]`}${newline}${blank ? newline : ""}`;
        });
        const text = lines.join("");
        expect(symbolsOf(listingOf(cut ? text.replace(/[\r\n]+$/, "") : text))).toEqual(
          symbols.map(
            ({ address, type, name, module }) =>
              `${(address ?? 0n).toString(16)} ${type} ${name}${module === null ? "" : ` of ${module}`}`,
          ),
        );
      }),
    );
  });
});

describe("an invalid listing", () => {
  test.each([
    ["a line of prose", "0000000000000001 t a\nhello world\n", 2],
    ["an address without a type", "0000000000000001\n", 1],
    ["a type of two letters", "0000000000000001 tt a\n", 1],
    ["a line that ends after its type", "0000000000000001 t a\n\n0000000000000002 t", 3],
    ["an address of 17 digits", "00000000000000001 t a\n", 1],
    ["a 0x prefix", "0x0000000000000001 t a\n", 1],
    ["the bytes of an ELF file", "\x7fELF\x02\x01\x01", 1],
    ["a control character for a type", "0000000000000001 \x01 a\n", 1],
    ["only spaces", "     \n", 1],
  ])("%s is refused with its line number", (_, text, line) => {
    const message = failureOf(text);
    expect(message).toContain(`nm.txt: line ${line} is not a symbol: `);
    expect(message).toMatch(/; give the output of `nm -n`$/);
    expect(message).not.toMatch(/\p{Cc}/u);
  });

  test.each(["", "\n\n", "\r\n"])("%j is refused as empty", (text) => {
    expect(failureOf(text)).toBe("nm.txt: is empty; give the output of `nm -n`");
  });

  test("is refused if the kernel has hidden all addresses", () => {
    const text = "0000000000000000 T _text\n0000000000000000 t a\n0000000000000000 t b\t[m]\n";
    expect(failureOf(text)).toBe("nm.txt: every address is zero, hidden by kptr_restrict; read it as root");
  });
});

describe("finding a symbol", () => {
  const listing = listingOf(
    "01 t start_kernel_x\n02 t xstart_kernel\n03 T start_kernel\t[m]\n04 T start_kernel\n",
  );

  test("matches whole names only, not those of modules", () => {
    expect(findSymbol(listing, "start_kernel")).toBe(3);
    expect(findSymbol(listing, "xstart_kernel")).toBe(1);
  });

  test("finds nothing for a name without a symbol", () => {
    expect(findSymbol(listing, "kernel")).toBeUndefined();
    expect(findSymbol(listing, "T start_kernel")).toBeUndefined();
  });
});
