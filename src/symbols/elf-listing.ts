import { EM_AARCH64, EM_ARM, EM_MIPS, EM_RISCV, SHN_UNDEF, STT_FILE, STT_SECTION } from "../elf/constants.ts";
import type { ElfFile } from "../elf/elf-file.ts";
import { type SymbolTable, symbolInfo, symbolSection, tableString } from "../elf/symbol-table.ts";
import { type Listing, listingColumns } from "./listing.ts";
import { sectionTypeLetters, typeLetter } from "./nm-type-letter.ts";

/** The listing of an ELF file's symbols, and which entry of the symbol table each came from. */
export interface ElfListing extends Listing {
  readonly table: SymbolTable;
  /** Index in the symbol table, by symbol of the listing. */
  readonly tableIndex: Uint32Array;
}

/**
 * Makes of a symbol table, byte for byte, what GNU `nm -n` prints in the C locale: no section, file or
 * special symbols; the undefined ones first, then by value, then by name; equals in the order of the table.
 */
export function elfListing(elf: ElfFile, table: SymbolTable): ElfListing {
  const special = SPECIAL_SYMBOLS[elf.machine];
  const defined = new Uint32Array(table.count);
  const undefinedSymbols: number[] = [];
  let count = 0;
  for (let symbol = 1; symbol < table.count; symbol++) {
    const kind = symbolInfo(table, symbol) & 0xf;
    if (kind === STT_SECTION || kind === STT_FILE) continue;
    if (special?.test(tableString(table, table.name[symbol] as number))) continue;
    if (symbolSection(table, symbol) === SHN_UNDEF) undefinedSymbols.push(symbol);
    else defined[count++] = symbol;
  }
  let order = inListingOrder(table, defined.subarray(0, count));
  if (undefinedSymbols.length > 0) {
    undefinedSymbols.sort((a, b) => compareNames(table, a, b));
    const sorted = order;
    order = new Uint32Array(undefinedSymbols.length + count);
    order.set(undefinedSymbols);
    order.set(sorted, undefinedSymbols.length);
  }
  return { table, tableIndex: order, ...listingText(elf, table, order, undefinedSymbols.length) };
}

const LINE_FEED = 0x0a;
const SPACE = 0x20;

/**
 * The names that nm leaves out without --special-syms: bfd's is_target_special_symbol. Mapping and tagging symbols, on
 * RISC-V the assembler's local labels and nameless symbols too.
 */
const SPECIAL_SYMBOLS: Readonly<Record<number, RegExp>> = {
  [EM_ARM]: /^\$[a-z](\.|$)/,
  [EM_AARCH64]: /^\$[xdmfp](\.|$)/,
  // biome-ignore lint/suspicious/noControlCharactersInRegex: gas ends the labels it makes up with ^A or ^B
  [EM_RISCV]: /^($|\$[xd]|\.L|\.\.|_\.L_|L[0-9]+[\x01\x02])/,
};

/** Sorts stably by value with a radix sort, and runs of one value by name. */
function inListingOrder(table: SymbolTable, symbols: Uint32Array): Uint32Array {
  const { valueHigh, valueLow } = table;
  const sorted = sortByValue(valueHigh, valueLow, symbols);
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
    if (end - start > 1) sortRun(table, sorted, start, end);
    start = end;
  }
  return sorted;
}

/** Sorts [start, end) by name, stably. Runs are short, except for those at address 0. */
function sortRun(table: SymbolTable, symbols: Uint32Array, start: number, end: number): void {
  if (end - start > 32) {
    symbols.subarray(start, end).sort((a, b) => compareNames(table, a, b));
    return;
  }
  for (let i = start + 1; i < end; i++) {
    const symbol = symbols[i] as number;
    let at = i;
    for (; at > start && compareNames(table, symbols[at - 1] as number, symbol) > 0; at--) {
      symbols[at] = symbols[at - 1] as number;
    }
    symbols[at] = symbol;
  }
}

const DIGIT_BITS = 16;
const DIGITS = 1 << DIGIT_BITS;

/** A stable radix sort by 64-bit values, 16 bits at a time; digits that are the same in all are passed over. */
function sortByValue(high: Uint32Array, low: Uint32Array, symbols: Uint32Array): Uint32Array {
  let sorted = symbols;
  let other: Uint32Array = new Uint32Array(symbols.length);
  const starts = new Uint32Array(DIGITS + 1);
  for (const half of [low, high]) {
    for (const shift of [0, DIGIT_BITS]) {
      starts.fill(0);
      countDigits(half, shift, sorted, starts);
      if (starts.includes(sorted.length)) continue;
      for (let digit = 0; digit < DIGITS; digit++) {
        starts[digit + 1] = (starts[digit + 1] as number) + (starts[digit] as number);
      }
      distribute(half, shift, sorted, other, starts);
      [sorted, other] = [other, sorted];
    }
  }
  return sorted;
}

function countDigits(key: Uint32Array, shift: number, symbols: Uint32Array, counts: Uint32Array): void {
  for (let i = 0; i < symbols.length; i++) {
    const digit = ((key[symbols[i] as number] as number) >>> shift) & (DIGITS - 1);
    counts[digit + 1] = (counts[digit + 1] as number) + 1;
  }
}

function distribute(
  key: Uint32Array,
  shift: number,
  from: Uint32Array,
  to: Uint32Array,
  starts: Uint32Array,
): void {
  for (let i = 0; i < from.length; i++) {
    const symbol = from[i] as number;
    const digit = ((key[symbol] as number) >>> shift) & (DIGITS - 1);
    const place = starts[digit] as number;
    to[place] = symbol;
    starts[digit] = place + 1;
  }
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

/** The two hexadecimal digits of each byte, as they stand in memory. */
const HEX_PAIRS = Uint16Array.from({ length: 256 }, (_, byte) => {
  const digits = byte.toString(16).padStart(2, "0");
  return (digits.charCodeAt(0) << 8) | digits.charCodeAt(1);
});

function writeHex(view: DataView, at: number, value: number): void {
  view.setUint16(at, HEX_PAIRS[value >>> 24] as number);
  view.setUint16(at + 2, HEX_PAIRS[(value >>> 16) & 0xff] as number);
  view.setUint16(at + 4, HEX_PAIRS[(value >>> 8) & 0xff] as number);
  view.setUint16(at + 6, HEX_PAIRS[value & 0xff] as number);
}

/** Names are read and written four bytes at a time. */
const WORD_BYTES = 4;

/** A view of the strings that reaches a word past their end, where it reads zeros. */
function paddedView(strings: Buffer): DataView {
  const { buffer, byteOffset, length } = strings;
  return new DataView(buffer, byteOffset, length + WORD_BYTES);
}

/** The length of the string at an offset, read four bytes at a time. */
function stringLength(strings: DataView, start: number): number {
  let at = start;
  for (;;) {
    const word = strings.getUint32(at, true);
    // The lowest marked byte is the first zero (Hacker's Delight, section 6-1).
    const zeros = (word - 0x01010101) & ~word & 0x80808080;
    if (zeros !== 0) return at - start + ((31 - Math.clz32(zeros & -zeros)) >> 3);
    at += 4;
  }
}

/** Writes ` <letter> <name>\n`, four bytes at a time: up to three behind its end are written too. */
function writeName(
  text: DataView,
  at: number,
  letter: number,
  strings: DataView,
  start: number,
  length: number,
): void {
  text.setUint8(at, SPACE);
  text.setUint8(at + 1, letter);
  text.setUint8(at + 2, SPACE);
  const to = at + 3;
  for (let i = 0; i < length; i += 4) text.setUint32(to + i, strings.getUint32(start + i));
  text.setUint8(to + length, LINE_FEED);
}

/** @param undefinedCount how many symbols at the beginning of `order` have no address */
function listingText(elf: ElfFile, table: SymbolTable, order: Uint32Array, undefinedCount: number): Listing {
  const { name, valueHigh, valueLow } = table;
  const strings = paddedView(table.strings);
  const count = order.length;
  const columns = listingColumns(count);
  const { lineStart, nameStart, nameEnd, addressHigh, addressLow, type, defined } = columns;
  const letters = sectionTypeLetters(elf);
  // bfd extends the sign of 32-bit MIPS addresses (elf_backend_sign_extend_vma), and nm then prints all 16 digits.
  const signExtended = elf.machine === EM_MIPS && !elf.is64;

  // The names' lengths stand in the column of their ends until those are known.
  let bytes = count * ((elf.is64 ? 16 : 8) + 4);
  for (let i = 0; i < count; i++) {
    const symbol = order[i] as number;
    const length = stringLength(strings, name[symbol] as number);
    nameEnd[i] = length;
    bytes += length;
    if (i < undefinedCount) continue;
    defined[i] = 1;
    addressLow[i] = valueLow[symbol] as number;
    addressHigh[i] = valueHigh[symbol] as number;
    if (signExtended && (valueLow[symbol] as number) >= 0x80000000) {
      addressHigh[i] = 0xffffffff;
      bytes += 8;
    }
  }

  const view = new DataView(new ArrayBuffer(bytes + WORD_BYTES));
  const text = Buffer.from(view.buffer, 0, bytes);
  let at = 0;
  for (let i = 0; i < count; i++) {
    const symbol = order[i] as number;
    const length = nameEnd[i] as number;
    const digits = elf.is64 || addressHigh[i] !== 0 ? 16 : 8;
    type[i] = typeLetter(table, symbol, letters);
    lineStart[i] = at;
    if (i < undefinedCount) text.fill(SPACE, at, at + digits);
    else {
      if (digits === 16) writeHex(view, at, addressHigh[i] as number);
      writeHex(view, at + digits - 8, addressLow[i] as number);
    }
    at += digits;
    writeName(view, at, type[i] as number, strings, name[symbol] as number, length);
    nameStart[i] = at + 3;
    at += 3 + length;
    nameEnd[i] = at++;
  }
  return { source: elf.path, text, count, ...columns };
}
