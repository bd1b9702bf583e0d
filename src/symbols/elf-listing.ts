import { EM_AARCH64, EM_ARM, EM_RISCV, SHN_UNDEF, STT_FILE, STT_SECTION } from "../elf/constants.ts";
import type { ElfFile } from "../elf/elf-file.ts";
import { type SymbolTable, tableString } from "../elf/symbol-table.ts";
import { type Listing, listingColumns } from "./listing.ts";
import { sectionTypeLetters, typeLetter } from "./nm-type-letter.ts";

/** The listing of an ELF file's symbols, and which entry of the symbol table each came from. */
export interface ElfListing extends Listing {
  readonly table: SymbolTable;
  /** Index in the symbol table, by symbol of the listing. */
  readonly tableIndex: Uint32Array;
}

/**
 * Makes of a symbol table, byte for byte, what GNU `nm -n` prints in the C locale: no section and file symbols, no
 * mapping symbols; the undefined ones first, then by value, then by name; equals in the order of the table.
 */
export function elfListing(elf: ElfFile, table: SymbolTable): ElfListing {
  const listed = new Uint32Array(table.count);
  let count = 0;
  for (let symbol = 1; symbol < table.count; symbol++) {
    const kind = (table.info[symbol] as number) & 0xf;
    if (kind !== STT_SECTION && kind !== STT_FILE && !isMappingSymbol(elf, table, symbol))
      listed[count++] = symbol;
  }
  const tableIndex = inListingOrder(table, listed.subarray(0, count));
  return { table, tableIndex, ...listingText(elf, table, tableIndex) };
}

/** The first symbol of a name, undefined when there is none. */
export function findSymbol(listing: Listing, name: string): number | undefined {
  const wanted = Buffer.from(name);
  const { text, count, nameStart, nameEnd } = listing;
  for (let symbol = 0; symbol < count; symbol++) {
    const start = nameStart[symbol] as number;
    if (nameEnd[symbol] === start + wanted.length && text[start] === wanted[0]) {
      if (wanted.compare(text, start, start + wanted.length) === 0) return symbol;
    }
  }
  return undefined;
}

const DOLLAR = 0x24;

/** bfd's is_target_special_symbol: what nm leaves out without --special-syms. */
function isMappingSymbol(elf: ElfFile, table: SymbolTable, symbol: number): boolean {
  const { machine } = elf;
  if (machine !== EM_ARM && machine !== EM_AARCH64 && machine !== EM_RISCV) return false;
  const { strings } = table;
  const at = table.name[symbol] as number;
  if (strings[at] !== DOLLAR) return false;
  const name = tableString(table, at);
  if (machine === EM_ARM) return /^\$[adtbfpm](\.|$)/.test(name);
  if (machine === EM_AARCH64) return /^\$[xd](\.|$)/.test(name);
  return /^\$(x|d)/.test(name);
}

function isUndefined(table: SymbolTable, symbol: number): boolean {
  return table.section[symbol] === SHN_UNDEF;
}

/** Sorts stably by value with a radix sort, and the undefined symbols and runs of one value by name. */
function inListingOrder(table: SymbolTable, symbols: Uint32Array): Uint32Array {
  const { valueHigh, valueLow } = table;
  const undefinedSymbols = symbols.filter((symbol) => isUndefined(table, symbol));
  let sorted =
    undefinedSymbols.length === 0 ? symbols : symbols.filter((symbol) => !isUndefined(table, symbol));
  let other: Uint32Array = new Uint32Array(sorted.length);
  for (const half of [valueLow, valueHigh]) {
    for (const shift of [0, 16]) {
      if (radixPass(half, shift, sorted, other)) [sorted, other] = [other, sorted];
    }
  }

  const byName = (a: number, b: number) => compareNames(table, a, b);
  for (let start = 0; start < sorted.length; ) {
    const first = sorted[start] as number;
    let end = start + 1;
    while (
      end < sorted.length &&
      valueLow[sorted[end] as number] === valueLow[first] &&
      valueHigh[sorted[end] as number] === valueHigh[first]
    ) {
      end++;
    }
    if (end - start > 1) sorted.subarray(start, end).sort(byName);
    start = end;
  }
  if (undefinedSymbols.length === 0) return sorted;
  const all = new Uint32Array(symbols.length);
  all.set(undefinedSymbols.sort(byName));
  all.set(sorted, undefinedSymbols.length);
  return all;
}

/** Distributes by 16 bits of the key; does nothing and returns false when they are the same in all. */
function radixPass(key: Uint32Array, shift: number, from: Uint32Array, to: Uint32Array): boolean {
  const starts = new Uint32Array(0x10001);
  for (let i = 0; i < from.length; i++) {
    const digit = ((key[from[i] as number] as number) >>> shift) & 0xffff;
    starts[digit + 1] = (starts[digit + 1] as number) + 1;
  }
  for (let digit = 0; digit < 0x10000; digit++) {
    if (starts[digit + 1] === from.length) return false;
    starts[digit + 1] = (starts[digit + 1] as number) + (starts[digit] as number);
  }
  for (let i = 0; i < from.length; i++) {
    const symbol = from[i] as number;
    const digit = ((key[symbol] as number) >>> shift) & 0xffff;
    const place = starts[digit] as number;
    to[place] = symbol;
    starts[digit] = place + 1;
  }
  return true;
}

/** strcmp: nm's order in the C locale. */
function compareNames(table: SymbolTable, a: number, b: number): number {
  const { strings, name } = table;
  let atA = name[a] as number;
  let atB = name[b] as number;
  while (strings[atA] === strings[atB] && strings[atA] !== 0) {
    atA++;
    atB++;
  }
  return (strings[atA] as number) - (strings[atB] as number);
}

const HEX = Buffer.from("0123456789abcdef");

function listingText(elf: ElfFile, table: SymbolTable, order: Uint32Array): Listing {
  const { strings, name, valueHigh, valueLow } = table;
  const count = order.length;
  const columns = listingColumns(count);
  const { lineStart, nameStart, nameEnd, addressHigh, addressLow, type, defined } = columns;
  const letters = sectionTypeLetters(elf);
  const digits = elf.is64 ? 16 : 8;

  const nameLength = new Uint32Array(count);
  let bytes = count * (digits + 4);
  for (let i = 0; i < count; i++) {
    const start = name[order[i] as number] as number;
    let end = start;
    while (strings[end] !== 0) end++;
    nameLength[i] = end - start;
    bytes += end - start;
  }

  const text = Buffer.allocUnsafeSlow(bytes);
  let at = 0;
  for (let i = 0; i < count; i++) {
    const symbol = order[i] as number;
    const isDefined = !isUndefined(table, symbol);
    const high = valueHigh[symbol] as number;
    const low = valueLow[symbol] as number;
    const letter = typeLetter(table, symbol, letters);
    lineStart[i] = at;
    addressHigh[i] = isDefined ? high : 0;
    addressLow[i] = isDefined ? low : 0;
    type[i] = letter;
    defined[i] = isDefined ? 1 : 0;
    for (let shift = digits * 4 - 4; shift >= 0; shift -= 4) {
      const half = shift >= 32 ? high : low;
      text[at++] = isDefined ? (HEX[(half >>> (shift & 31)) & 0xf] as number) : 0x20;
    }
    text[at++] = 0x20;
    text[at++] = letter;
    text[at++] = 0x20;
    nameStart[i] = at;
    const start = name[symbol] as number;
    const end = start + (nameLength[i] as number);
    for (let from = start; from < end; from++) text[at++] = strings[from] as number;
    nameEnd[i] = at;
    text[at++] = 0x0a;
  }
  return { source: elf.path, text, count, ...columns };
}
