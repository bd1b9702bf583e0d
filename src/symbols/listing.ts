import { at } from "../checked-index.ts";
import { Failure } from "../failure.ts";
import { kindOfLetter } from "./symbol-kind.ts";

/**
 * A symbol listing: the lines that `nm -n` prints.
 *
 * Columns are indexed by symbol, in the order of the lines, with `count` entries each. Addresses are 64 bits wide and
 * kept as two unsigned halves, since a double cannot hold them.
 */
export interface Listing {
  /** What the listing was read from, for messages. */
  readonly source: string;
  /** What the names stand in, each of them somewhere. */
  readonly text: Buffer;
  readonly count: number;
  /** Offset in `text` of the name, and of the first byte after the name. */
  readonly nameStart: Uint32Array;
  readonly nameEnd: Uint32Array;
  readonly addressHigh: Uint32Array;
  readonly addressLow: Uint32Array;
  /** nm's letter, in ASCII: what is printed. */
  readonly type: Uint8Array;
  /** What the symbol is (symbol-kind.ts). */
  readonly kind: Uint8Array;
  /** The name's hash (nameHashOf); 0 for an undefined or nameless symbol, or one of a module. */
  readonly nameHash: Uint32Array;
  /**
   * The lines of all symbols, in pieces each valid until the next is asked for.
   *
   * @param added symbols, ascending, and names: behind each one's line stands one like it with that name
   */
  lines(added?: Iterable<readonly [symbol: number, name: string]>): Iterable<Uint8Array>;
}

/** The columns of a listing of at most `capacity` symbols, to be filled by a reader. */
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
 * The hash of the name, or part of one, that stands at [start, end) of a listing's text: FNV-1a over little-endian words
 * of four bytes, the last one filled up with zeros; a shift mixes the upper bits in. Never 0.
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

export function symbolName(listing: Listing, symbol: number): string {
  return listing.text.toString("utf8", listing.nameStart[symbol], listing.nameEnd[symbol]);
}

/** The first defined symbol of vmlinux that bears a name, undefined when there is none. */
export function findSymbol(listing: Listing, name: string): number | undefined {
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

/** What /proc/kallsyms writes between a name and `[module]`. */
const TAB = 0x09;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;
const OPENING_BRACKET = 0x5b;
const CLOSING_BRACKET = 0x5d;

const NO_DIGIT = 255;

/** The value of a hexadecimal digit, NO_DIGIT for any other byte. */
const HEX_VALUE = new Uint8Array(256).fill(NO_DIGIT);
for (let digit = 0; digit < 16; digit++) {
  HEX_VALUE["0123456789abcdef".charCodeAt(digit)] = digit;
  HEX_VALUE["0123456789ABCDEF".charCodeAt(digit)] = digit;
}

/**
 * Reads the text of `nm -n`, System.map or /proc/kallsyms: lines `<hex address> <type letter> <name>`, the address
 * left out for undefined symbols, `\t[module]` behind the name allowed. A name reaches to the end of its line.
 *
 * @param source what `text` was read from, for messages
 * @throws Failure for a line of another shape, an empty listing, or one whose addresses were all hidden by the kernel
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
          `line ${line} is no symbol: "${shown}"`,
          "give what `nm -n` prints",
        );
      }
      lineStart[count] = start;
      anyAddress ||= columns.addressHigh[count] !== 0 || columns.addressLow[count] !== 0;
      count++;
    }
    start = next;
  }
  if (count === 0)
    throw new Failure("WRONG_KIND", source, "the listing is empty", "give what `nm -n` prints");
  if (count > 1 && !anyAddress) {
    throw new Failure(
      "WRONG_KIND",
      source,
      "every address is zero, hidden by kptr_restrict",
      "read it as root",
    );
  }
  const { nameStart, nameEnd } = columns;
  return {
    source,
    text,
    count,
    ...columns,
    *lines(added = []) {
      let written = 0;
      for (const [symbol, name] of added) {
        const newline = text.indexOf(LINE_FEED, nameEnd[symbol]);
        const end = newline === -1 ? text.length : newline + 1;
        yield text.subarray(written, end);
        // A last line without a newline stays the last one without.
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

/**
 * Reads the line [start, end) of a listing into the columns.
 *
 * @returns whether it is the line of a symbol
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
  const digits = position - start;
  const digitsEnd = position;
  if (digits === 0) while (position < end && text[position] === SPACE) position++;
  else if (text[position] === SPACE) position++;
  const letter = text[position] ?? 0;
  const hasLetter =
    position > digitsEnd && position + 2 <= end && letter > SPACE && text[position + 1] === SPACE;
  if (digits > 16 || !hasLetter) return false;

  const name = position + 2;
  const nameEnd = endOfName(text, name, end);
  const hasName = digits > 0 && nameEnd > name && (text[nameEnd] !== TAB || nameEnd === end);
  columns.nameStart[symbol] = name;
  columns.nameEnd[symbol] = nameEnd;
  if (hasName) columns.nameHash[symbol] = nameHashOf(text, name, nameEnd);
  columns.addressHigh[symbol] = high;
  columns.addressLow[symbol] = low;
  columns.type[symbol] = letter;
  columns.kind[symbol] = kindOfLetter(letter);
  return true;
}

/** Where a name ends: before `\t[module]` if that closes the line, else with the line. */
function endOfName(text: Buffer, start: number, lineEnd: number): number {
  if (text[lineEnd - 1] !== CLOSING_BRACKET) return lineEnd;
  for (let at = lineEnd - 2; at > start; at--) {
    if (text[at] === OPENING_BRACKET && text[at - 1] === TAB) return at - 1;
  }
  return lineEnd;
}
