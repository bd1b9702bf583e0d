import { readFileSync } from "node:fs";
import fc from "fast-check";
import { type Listing, readListing, symbolName } from "../../src/symbols/listing.ts";
import { tool } from "../tool.ts";

/** The listing of a text. */
export function listingOf(text: string): Listing {
  return readListing(Buffer.from(text), "nm.txt");
}

/** All lines of a listing. */
export function textOf(listing: Listing): string {
  return Buffer.concat(Array.from(listing.lines(), (piece) => Buffer.from(piece))).toString();
}

/** RISC-V symbols that nm of binutils 2.40 takes for mapping symbols, and that of 2.44 does not. */
const NO_MAPPING = /^\S+ +\S \$(d[^\n]+|x(?!rv)[^\n]+)$/;

/** What `nm -n` of binutils 2.44 and later prints. nm of 2.40 also extends the sign of 32-bit MIPS addresses. */
export function nmListing(file: string, nm = "nm"): string {
  const listing = tool(nm, ["-n", file]).toString();
  const is32 = readFileSync(file)[4] === 1;
  if (!nm.startsWith("riscv")) return is32 ? listing.replace(/^f{8}(?=[0-9a-f]{8} )/gm, "") : listing;
  const printed = new Set(listing.split("\n"));
  const all = tool(nm, ["-n", "--special-syms", file]).toString().split("\n");
  return all.filter((line) => printed.has(line) || NO_MAPPING.test(line)).join("\n");
}

export function namesOf(listing: Listing): string[] {
  return Array.from({ length: listing.count }, (_, symbol) => symbolName(listing, symbol));
}

/** A symbol of a random listing. */
export interface RandomSymbol {
  readonly address: bigint;
  readonly type: string;
  readonly name: string;
}

/** Random symbols in address order, often with equal names and sometimes with awkward ones. */
export const randomSymbols: fc.Arbitrary<RandomSymbol[]> = fc
  .array(
    fc.record({
      address: fc.bigInt({ min: 0xffffffff81000000n, max: 0xffffffff81000040n }),
      type: fc.constantFrom(..."tTtTtTdDbBrRWVaAUi"),
      name: fc.oneof(
        fc.constantFrom(
          "a",
          "b",
          "c",
          "name_show",
          "a.cold",
          "x.llvm.12",
          "x.llvm.7",
          "x",
          "v.1",
          "v.2",
          "v",
        ),
        fc.constantFrom("__pfx_a", "__x_start", "a@file_c_1", "a@file_c_1_2", "$x", "b c", "é", "a+b", ""),
        fc.string({ minLength: 1, maxLength: 4, unit: fc.constantFrom(..."ab._$@-") }),
      ),
    }),
    // Without a size, fast-check makes at most ten, which rarely share a name.
    { minLength: 1, maxLength: 40, size: "max" },
  )
  .map((symbols) => symbols.sort((a, b) => (a.address < b.address ? -1 : a.address > b.address ? 1 : 0)));

export function listingText(symbols: readonly RandomSymbol[]): string {
  return symbols
    .map(({ address, type, name }) => `${address.toString(16).padStart(16, "0")} ${type} ${name}\n`)
    .join("");
}
