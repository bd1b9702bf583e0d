import { at } from "../checked-index.ts";
import { compareAt } from "../elf/address.ts";
import { isLocalLabel } from "../elf/local-label.ts";
import { Failure } from "../failure.ts";
import type { WasmMemory } from "../wasm/program.ts";
import { asObject, isFunction, kindOfLetter } from "./symbol-kind.ts";

/**
 * A symbol listing: the lines that `nm -n` prints.
 *
 * Columns are indexed by symbol, in the order of the lines, with `count` entries each. Addresses are 64 bits wide and
 * kept as two unsigned halves, since a double cannot hold them.
 */
export interface Listing {
  /** The file that the listing was read from, for messages. */
  readonly source: string;
  /** The buffer that contains all names. */
  readonly text: Buffer;
  readonly count: number;
  /** Offset in `text` of the name, and of the first byte after the name. */
  readonly nameStart: Uint32Array;
  readonly nameEnd: Uint32Array;
  readonly addressHigh: Uint32Array;
  readonly addressLow: Uint32Array;
  /** nm's letter, in ASCII, as printed. */
  readonly type: Uint8Array;
  /** The symbol's kind (symbol-kind.ts). */
  readonly kind: Uint8Array;
  /** The name's hash (nameHashOf); 0 for an undefined or nameless symbol, a local label, or a symbol of a module. */
  readonly nameHash: Uint32Array;
  /** The memory that the listing is in, with room for what is worked out about its symbols. */
  readonly memory?: WasmMemory;
  /**
   * The lines of all symbols, in pieces, each valid until the next is requested.
   *
   * @param added symbols, ascending, and names: the line of each symbol is followed by a copy with that name
   */
  lines(added?: Iterable<readonly [symbol: number, name: string]>): Iterable<Uint8Array>;
}

/** Empty columns for a listing of at most `capacity` symbols. */
function listingColumns(capacity: number) {
  return {
    nameStart: new Uint32Array(capacity),
    nameEnd: new Uint32Array(capacity),
    addressHigh: new Uint32Array(capacity),
    addressLow: new Uint32Array(capacity),
    type: new Uint8Array(capacity),
    kind: new Uint8Array(capacity),
    nameHash: new Uint32Array(capacity),
  };
}

/**
 * The hash of the name, or part of one, at [start, end) of a listing's text: FNV-1a over little-endian words of four
 * bytes, the last one padded with zeros; a shift mixes the upper bits in. Never 0.
 */
export function nameHashOf(text: Buffer, start: number, end: number): number {
  let hash = 0x811c9dc5;
  const step = (word: number) => {
    hash = Math.imul(hash ^ word, 0x01000193);
    hash ^= hash >>> 15;
  };
  let next = start;
  for (; next + 4 <= end; next += 4) step(text.readInt32LE(next));
  step(next < end ? text.readUIntLE(next, end - next) : 0);
  return hash >>> 0 || 1;
}

/** The columns with the names. */
type Names = Pick<Listing, "text" | "nameStart" | "nameEnd" | "nameHash">;

export function symbolName(listing: Names, symbol: number): string {
  return listing.text.toString("utf8", listing.nameStart[symbol], listing.nameEnd[symbol]);
}

/** The failure for a name that would forge lines of a file with a name a line. */
export function unlistable(source: string, name: string): Failure {
  return new Failure("UNSUPPORTED", source, `the name ${name} cannot be in this list`, "rename the symbol");
}

/** The first defined symbol of vmlinux with this name, undefined when there is none. */
export function findSymbol(listing: Names, name: string): number | undefined {
  const bytes = Buffer.from(name);
  const hash = nameHashOf(bytes, 0, bytes.length);
  const { nameHash } = listing;
  for (let symbol = nameHash.indexOf(hash); symbol !== -1; symbol = nameHash.indexOf(hash, symbol + 1)) {
    if (symbolName(listing, symbol) === name) return symbol;
  }
  return undefined;
}

/** The module in `/proc/kallsyms`' `\t[module]`, or "" for a symbol of vmlinux. */
export function moduleName(listing: Listing, symbol: number): string {
  const { text, nameEnd } = listing;
  const start = at(nameEnd, symbol);
  if (text[start] !== TAB) return "";
  return text.toString("latin1", start + 2, text.indexOf(CLOSING_BRACKET, start));
}

/** The separator between a name and `[module]` in /proc/kallsyms. */
const TAB = 0x09;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;
const DELETE = 0x7f;
const OPENING_BRACKET = 0x5b;
const CLOSING_BRACKET = 0x5d;

/** Address 0, as kernels around 4.15 print it. */
const NULL_ADDRESS = Buffer.from("(null)");

const NO_DIGIT = 255;

/** The value of a hexadecimal digit, NO_DIGIT for any other byte. */
const HEX_VALUE = new Uint8Array(256).fill(NO_DIGIT);
for (let digit = 0; digit < 16; digit++) {
  HEX_VALUE["0123456789abcdef".charCodeAt(digit)] = digit;
  HEX_VALUE["0123456789ABCDEF".charCodeAt(digit)] = digit;
}

/**
 * Reads the text of `nm -n`, System.map or /proc/kallsyms: lines `<hex address> <type letter> <name>`, with `(null)` for a zero
 * address on some kernels, and without an address for undefined symbols; `\t[module]` may follow the name. A name extends to the end of its line.
 *
 * @param source the file that `text` was read from, for messages
 * @throws Failure for a line of another form, an empty listing, or one in which the kernel has hidden all addresses
 * @example
 * const listing = readListing(Buffer.from("ffffffff81000000 T _text\n"), "System.map");
 * console.log(listing.count);
 */
export function readListing(text: Buffer, source: string): Listing {
  let capacity = 1;
  for (let end = text.indexOf(LINE_FEED); end !== -1; end = text.indexOf(LINE_FEED, end + 1)) capacity++;
  const columns = listingColumns(capacity);
  const lineStart = new Uint32Array(capacity);
  let count = 0;
  let line = 0;
  let anyAddress = false;
  for (let start = 0; start < text.length; ) {
    line++;
    const newline = text.indexOf(LINE_FEED, start);
    const next = newline === -1 ? text.length : newline + 1;
    let end = newline === -1 ? text.length : newline;
    if (end > start && text[end - 1] === CARRIAGE_RETURN) end--;
    if (end > start) {
      if (!readLine(text, start, end, columns, count)) {
        const shown = text.toString("utf8", start, Math.min(end, start + 60));
        throw new Failure(
          "WRONG_KIND",
          source,
          `line ${line} is not a symbol: "${shown}"`,
          "give the output of `nm -n`",
        );
      }
      lineStart[count] = start;
      anyAddress ||= columns.addressHigh[count] !== 0 || columns.addressLow[count] !== 0;
      count++;
    }
    start = next;
  }
  if (count === 0) throw new Failure("WRONG_KIND", source, "is empty", "give the output of `nm -n`");
  if (count > 1 && !anyAddress) {
    throw new Failure(
      "WRONG_KIND",
      source,
      "every address is zero, hidden by kptr_restrict",
      "read it as root",
    );
  }
  const { nameStart, nameEnd } = columns;
  const symbols = { source, text, count, ...columns };
  correctKinds(symbols);
  return {
    ...symbols,
    *lines(added = []) {
      let written = 0;
      for (const [symbol, name] of added) {
        const newline = text.indexOf(LINE_FEED, nameEnd[symbol]);
        const end = newline === -1 ? text.length : newline + 1;
        yield text.subarray(written, end);
        // A last line without a newline stays the last line without one.
        if (text[end - 1] !== LINE_FEED) yield Buffer.from("\n");
        yield text.subarray(lineStart[symbol], nameStart[symbol]);
        yield Buffer.from(name);
        yield text.subarray(nameEnd[symbol], end);
        written = end;
      }
      yield text.subarray(written);
    },
  };
}

/** The ends of a kernel's data (include/asm-generic/sections.h), by the symbols of the linker script. */
const DATA_BOUNDS = [
  ["_sdata", "_edata"],
  ["__bss_start", "__bss_stop"],
] as const;

/**
 * Corrects the kinds that the letters of vmlinux's symbols imply: nm says `t` for data in an executable section, such as x86's .data from
 * Linux 7.2 on. Some architectures have .init sections within the bounds of the data.
 */
function correctKinds(listing: Omit<Listing, "lines">): void {
  const bounds = (start: string, end: string) => {
    const [from, to] = [findSymbol(listing, start), findSymbol(listing, end)];
    return (symbol: number) =>
      from !== undefined &&
      to !== undefined &&
      compareAt(listing, from, symbol) <= 0 &&
      compareAt(listing, symbol, to) < 0;
  };
  const isInit = bounds("_sinittext", "_einittext");
  for (const [start, end] of DATA_BOUNDS) {
    const isInside = bounds(start, end);
    for (let symbol = 0; symbol < listing.count; symbol++) {
      const own = at(listing.kind, symbol);
      if (isFunction(own) && listing.nameHash[symbol] !== 0 && isInside(symbol) && !isInit(symbol)) {
        listing.kind[symbol] = asObject(own);
      }
    }
  }
}

/**
 * Reads the line [start, end) of a listing into the columns.
 *
 * @returns whether the line is that of a symbol
 */
function readLine(
  text: Buffer,
  start: number,
  end: number,
  columns: ReturnType<typeof listingColumns>,
  symbol: number,
): boolean {
  let position = start;
  let high = 0;
  let low = 0;
  for (; position < end; position++) {
    const digit = HEX_VALUE[text[position] ?? 0] ?? NO_DIGIT;
    if (digit === NO_DIGIT) break;
    high = ((high << 4) | (low >>> 28)) >>> 0;
    low = ((low << 4) | digit) >>> 0;
  }
  let digits = position - start;
  if (digits === 0) {
    while (position < end && text[position] === SPACE) position++;
    if (text.subarray(position, position + NULL_ADDRESS.length).equals(NULL_ADDRESS)) {
      digits = NULL_ADDRESS.length;
      position += digits;
    }
  }
  if (digits > 0 && text[position] === SPACE) position++;
  const letter = text[position] ?? 0;
  const isAfterSpace = position > start && text[position - 1] === SPACE;
  const hasLetter =
    isAfterSpace && position + 2 <= end && letter > SPACE && letter < DELETE && text[position + 1] === SPACE;
  if (digits > 16 || !hasLetter) return false;

  const name = position + 2;
  const nameEnd = endOfName(text, name, end);
  const hasName = digits > 0 && nameEnd > name && (text[nameEnd] !== TAB || nameEnd === end);
  columns.nameStart[symbol] = name;
  columns.nameEnd[symbol] = nameEnd;
  if (hasName && !isLocalLabel(text, name)) columns.nameHash[symbol] = nameHashOf(text, name, nameEnd);
  columns.addressHigh[symbol] = high;
  columns.addressLow[symbol] = low;
  columns.type[symbol] = letter;
  columns.kind[symbol] = kindOfLetter(letter);
  return true;
}

/** The end of a name: before `\t[module]` if that ends the line, otherwise the end of the line. */
function endOfName(text: Buffer, start: number, lineEnd: number): number {
  if (text[lineEnd - 1] !== CLOSING_BRACKET) return lineEnd;
  for (let at = lineEnd - 2; at > start; at--) {
    if (text[at] === OPENING_BRACKET && text[at - 1] === TAB) return at - 1;
  }
  return lineEnd;
}
