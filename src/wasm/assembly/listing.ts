// biome-ignore-all lint/correctness/noPrecisionLoss: AssemblyScript's u64 holds these

// Converts an ELF symbol table to the output of `nm -n`. Each symbol has a sort key of 64 bits: whether it is defined, whether the
// upper half of its value is set, the lower half, and its index.

import {
  SHN_ABS,
  SHN_COMMON,
  SHN_LORESERVE,
  SHN_UNDEF,
  SHN_XINDEX,
  STB_GLOBAL,
  STB_GNU_UNIQUE,
  STB_LOCAL,
  STB_WEAK,
  STT_COMMON,
  STT_FILE,
  STT_FUNC,
  STT_GNU_IFUNC,
  STT_NOTYPE,
  STT_OBJECT,
  STT_SECTION,
  STT_TLS,
} from "../../constants/elf.ts";
import { DOLLAR, DOT_L, L_0 } from "../../constants/local-labels.ts";
import {
  IS_GLOBAL,
  IS_LABEL,
  IS_THREAD_LOCAL,
  IS_WEAK,
  KIND_FUNCTION,
  KIND_MASK,
  KIND_OBJECT,
} from "../../constants/symbol-kind.ts";
import {
  COLUMN_ADDRESS_HIGH,
  COLUMN_ADDRESS_LOW,
  COLUMN_NAME_END,
  COLUMN_NAME_HASH,
  COLUMN_TABLE_INDEX,
  COLUMN_TYPE,
  DIGIT_VALUES,
  FILE_IS_64,
  FILE_IS_LITTLE_ENDIAN,
  FILE_MARKS_THUMB,
  KEY_BYTES,
  KEY_DIGITS,
  KNOWN_BYTES,
  KNOWN_KIND_SHIFT,
  KNOWN_LETTER,
  KNOWN_NAME_END,
  KNOWN_NAME_HASH,
  NAME_OUTSIDE_STRINGS,
  NOT_COUNTED,
} from "../layout.ts";

const IS_DEFINED: u64 = 1 << 63;
const UPPER_HALF: u64 = 1 << 62;
const LOWER_HALF: u64 = 30;
/** Mask of the index in a key. A table with more symbols does not fit in memory. */
const INDEX: u32 = (1 << 30) - 1;

// Properties of the symbol table; `infoAt` is the offset of the word with st_info in an entry, in bytes.
let entries: usize = 0;
let entrySize: usize = 0;
let infoAt: usize = 0;
let littleEndian = true;
let is64 = true;
let marksThumb = false;
let extendedIndices: usize = 0;
let bases: usize = 0;
let sectionCount: u32 = 0;
let sectionLetters: usize = 0;
let sectionKinds: usize = 0;
let processorCommon: u32 = 0;
let commonLetter: u32 = 0;
let strings: usize = 0;
let stringsSize: u32 = 0;
/** Cached data of each symbol that nm lists (KNOWN_…). */
let symbols: usize = 0;

/**
 * Sets the symbol table, in 32-bit words of this machine's byte order, and its strings, followed by STRING_PADDING zeros.
 *
 * @param file flags FILE_…
 * @param extended the SHT_SYMTAB_SHNDX words; 0 for none
 * @param letters a type letter for each section
 * @param kinds the kind of the symbols in each section that have no type themselves, a byte each
 * @param common the processor's own st_shndx of common symbols, SHN_COMMON for none, and their type letter
 * @param sectionBases a word for each section, to be added to the values of its symbols; 0 for none
 * @param known room for KNOWN_BYTES per symbol
 */
export function describeSymbols(
  table: usize,
  file: u32,
  extended: usize,
  letters: usize,
  kinds: usize,
  sections: u32,
  common: u32,
  letterOfCommon: u32,
  stringTable: usize,
  stringBytes: u32,
  sectionBases: usize,
  known: usize,
): void {
  entries = table;
  is64 = (file & FILE_IS_64) !== 0;
  littleEndian = (file & FILE_IS_LITTLE_ENDIAN) !== 0;
  marksThumb = (file & FILE_MARKS_THUMB) !== 0;
  entrySize = is64 ? 24 : 16;
  infoAt = is64 ? 4 : 12;
  extendedIndices = extended;
  sectionLetters = letters;
  sectionKinds = kinds;
  sectionCount = sections;
  processorCommon = common;
  commonLetter = letterOfCommon;
  strings = stringTable;
  stringsSize = stringBytes;
  bases = sectionBases;
  symbols = known;
  upperHalf = 0;
  hasUpperHalves = false;
  undefinedCount = 0;
  nameBytes = 0;
}

function entryOf(symbol: u32): usize {
  return entries + <usize>symbol * entrySize;
}

function infoOf(symbol: u32): u32 {
  const word = load<u32>(entryOf(symbol) + infoAt);
  return littleEndian ? word & 0xff : word >>> 24;
}

function sectionOf(symbol: u32): u32 {
  const word = load<u32>(entryOf(symbol) + infoAt);
  return littleEndian ? word >>> 16 : word & 0xffff;
}

function wordsOf(entry: usize): u64 {
  const word = load<u64>(entry);
  return littleEndian ? word : rotl<u64>(word, 32);
}

function isCommon(section: u32): bool {
  return section === SHN_COMMON || section === processorCommon;
}

/** st_value; for a common symbol st_size, as in bfd, since its st_value is an alignment; 0 for an undefined symbol. */
function symbolValue(symbol: u32): u64 {
  const entry = entryOf(symbol);
  const section = sectionOf(symbol);
  if (section === SHN_UNDEF) return 0;
  if (isCommon(section)) return is64 ? wordsOf(entry + 16) : <u64>load<u32>(entry + 8);
  let value: u64 = is64 ? wordsOf(entry + 8) : <u64>load<u32>(entry + 4);
  if (marksThumb) {
    const type = infoOf(symbol) & 0xf;
    if (type === STT_FUNC || type === STT_GNU_IFUNC) value &= ~1;
  }
  const index = sectionIndex(symbol, section);
  return bases !== 0 && index < sectionCount ? value + <u64>load<u32>(bases + ((<usize>index) << 2)) : value;
}

/** Whether st_size is 0. */
function isSizeless(symbol: u32): bool {
  const entry = entryOf(symbol);
  return is64 ? load<u64>(entry + 16) === 0 : load<u32>(entry + 8) === 0;
}

/** The index of a symbol's section; the number of sections if it is in none. */
function sectionIndex(symbol: u32, section: u32): u32 {
  if (section === SHN_XINDEX && extendedIndices !== 0) {
    return min(load<u32>(extendedIndices + ((<usize>symbol) << 2)), sectionCount);
  }
  return section < <u32>SHN_LORESERVE ? min(section, sectionCount) : sectionCount;
}

/** The upper half of all values whose upper half is not 0. */
let upperHalf: u64 = 0;
/** Whether values have different upper halves, which does not happen in a kernel. */
let hasUpperHalves = false;

let undefinedCount: u32 = 0;

/** Number of keys of undefined symbols. */
export function undefinedSymbols(): u32 {
  return undefinedCount;
}

let nameBytes: f64 = 0;

/** Total length of all names, in bytes. */
export function namesLength(): f64 {
  return nameBytes;
}

/**
 * Makes a key for each of the symbols [first, end) that nm lists. It also reads their names, since they are still in memory order.
 *
 * @param special a byte per symbol: 1 for symbols that nm omits on this architecture; 0 if there are none
 * @param counts counters of the values of each digit, DIGIT_COUNTS_BYTES, initially zero
 * @returns the end of the keys; NAME_OUTSIDE_STRINGS if a name is outside the string table
 */
export function collectSymbols(first: u32, end: u32, special: usize, keys: usize, counts: usize): usize {
  let out = keys;
  for (let symbol = first; symbol < end; symbol++) {
    const name = load<u32>(entryOf(symbol));
    if (name >= stringsSize) return NAME_OUTSIDE_STRINGS;
    const info = infoOf(symbol);
    const kind = info & 0xf;
    if (kind === STT_SECTION || kind === STT_FILE) continue;
    if (special !== 0 && load<u8>(special + symbol) !== 0) continue;
    const section = sectionOf(symbol);
    const isDefined = section !== SHN_UNDEF;
    readName(symbol, name, isDefined);
    const index = sectionIndex(symbol, section);
    const isInSection = index < sectionCount;
    // bfd treats symbols in an unknown section as absolute.
    const sectionLetter = isInSection ? <u32>load<u8>(sectionLetters + index) : LETTER_ABSOLUTE;
    const sectionKind = isInSection ? <u32>load<u8>(sectionKinds + index) : 0;
    const letter = typeLetter(info, section, sectionLetter);
    const what = letter | (symbolKind(symbol, info, section, sectionKind) << KNOWN_KIND_SHIFT);
    store<u32>(symbols + <usize>symbol * KNOWN_BYTES, what, KNOWN_LETTER);
    const value = symbolValue(symbol);
    const upper = value >> 32;
    if (upper !== 0 && upper !== upperHalf) {
      if (upperHalf !== 0) hasUpperHalves = true;
      upperHalf = upper;
    }
    let key = ((value & 0xffffffff) << LOWER_HALF) | <u64>symbol;
    if (upper !== 0) key |= UPPER_HALF;
    if (isDefined) key |= IS_DEFINED;
    else undefinedCount++;
    store<u64>(out, key);
    out += KEY_BYTES;
    for (let digit: usize = 0; digit < <usize>KEY_DIGITS; digit++) {
      const slot = counts + slotOf(key, digit);
      store<u32>(slot, load<u32>(slot) + 1);
    }
  }
  return out;
}

function isLocalLabel(name: usize): bool {
  const begin = <u32>load<u16>(name);
  return begin === DOT_L || begin === L_0 || (begin & 0xff) === DOLLAR;
}

/**
 * Finds the end and the hash of a symbol's name; the hash is NOT_COUNTED for undefined symbols, symbols without a name and local labels.
 */
function readName(symbol: u32, name: u32, isDefined: bool): void {
  let from = strings + name;
  let hash: u32 = 0x811c9dc5;
  let word = load<u64>(from);
  let zero = zeroByte(word);
  for (; zero === 0; zero = zeroByte(word)) {
    hash = hashStep(hashStep(hash, <u32>word), <u32>(word >> 32));
    from += 8;
    word = load<u64>(from);
  }
  const length = ctz(zero) >> 3;
  word &= ((<u64>1) << (length << 3)) - 1;
  if (length >= 4) hash = hashStep(hash, <u32>word);
  hash = hashStep(hash, length >= 4 ? <u32>(word >> 32) : <u32>word);
  const nameEnd = <u32>(from - strings) + <u32>length;
  if (hash === NOT_COUNTED) hash = 1;
  if (nameEnd === name || !isDefined || isLocalLabel(strings + name)) hash = NOT_COUNTED;
  const at = symbols + <usize>symbol * KNOWN_BYTES;
  store<u32>(at, name);
  store<u32>(at, nameEnd, KNOWN_NAME_END);
  store<u32>(at, hash, KNOWN_NAME_HASH);
  nameBytes += <f64>(nameEnd - name);
}

/** Size of a key's digit; the lowest digit is above the index. */
const DIGIT_BITS: u64 = 12;

/**
 * Converts the counts of a digit to positions of the keys.
 *
 * @param keys the counted keys
 * @returns whether keys differ in this digit
 */
export function placeDigit(digit: usize, keys: usize, count: u32, counts: usize): bool {
  if (count === 0 || load<u32>(counts + slotOf(load<u64>(keys), digit)) === count) return false;
  const slots = counts + ((digit * DIGIT_VALUES) << 2);
  let sum: u32 = 0;
  for (let slot = slots; slot < slots + (DIGIT_VALUES << 2); slot += 4) {
    const size = load<u32>(slot);
    store<u32>(slot, sum);
    sum += size;
  }
  return true;
}

/** Moves the keys [start, end) to the next positions of their digits: a step of a stable radix sort. */
export function distribute(digit: usize, start: usize, end: usize, to: usize, counts: usize): void {
  for (let at = start; at < end; at += KEY_BYTES) {
    const key = load<u64>(at);
    const slot = counts + slotOf(key, digit);
    const place = load<u32>(slot);
    store<u32>(slot, place + 1);
    store<u64>(to + <usize>place * KEY_BYTES, key);
  }
}

/**
 * Sorts keys, already sorted by their digits, in nm's order: undefined symbols first, then by value, by name and by index.
 *
 * @param spare room for as many keys
 */
export function sortKeys(keys: usize, count: u32, spare: usize): void {
  const end = keys + <usize>count * KEY_BYTES;
  if (hasUpperHalves) {
    sortRun(keys, end, spare);
    return;
  }
  for (let first = keys; first < end; ) {
    const value = load<u64>(first) >> LOWER_HALF;
    let next = first + KEY_BYTES;
    while (next < end && load<u64>(next) >> LOWER_HALF === value) next += KEY_BYTES;
    if (next - first > <usize>KEY_BYTES) sortRun(first, next, spare);
    first = next;
  }
}

/** Offset of the counter of a key's digit. */
function slotOf(key: u64, digit: usize): usize {
  const value = (key >> (LOWER_HALF + <u64>digit * DIGIT_BITS)) & (DIGIT_VALUES - 1);
  return (digit * DIGIT_VALUES + <usize>value) << 2;
}

/** Whether a key belongs after another one. Names compare as in strcmp, nm's order in the C locale. */
function isAbove(key: u64, other: u64): bool {
  if (hasUpperHalves) {
    if ((key ^ other) >> 63 !== 0) return key > other;
    const value = symbolValue(<u32>key & INDEX);
    const otherValue = symbolValue(<u32>other & INDEX);
    if (value !== otherValue) return value > otherValue;
  }
  let a = strings + load<u32>(symbols + <usize>(<u32>key & INDEX) * KNOWN_BYTES);
  let b = strings + load<u32>(symbols + <usize>(<u32>other & INDEX) * KNOWN_BYTES);
  while (true) {
    const word = load<u64>(a);
    const otherWord = load<u64>(b);
    const zero = zeroByte(word);
    const difference = word ^ otherWord;
    if (difference !== 0) {
      // Bytes after the end of a name belong to another name.
      const first = ctz(difference) & ~7;
      if (zero !== 0 && ctz(zero) < first) return false;
      return ((word >> first) & 0xff) > ((otherWord >> first) & 0xff);
    }
    if (zero !== 0) return false;
    a += 8;
    b += 8;
  }
}

const INSERTION_LIMIT: usize = 12 * KEY_BYTES;

/** Merge sort; insertion sort for short runs, which are the most frequent. */
function sortRun(start: usize, end: usize, spare: usize): void {
  if (end - start <= INSERTION_LIMIT) {
    for (let next = start + KEY_BYTES; next < end; next += KEY_BYTES) {
      const key = load<u64>(next);
      let at = next;
      for (; at > start && isAbove(load<u64>(at - KEY_BYTES), key); at -= KEY_BYTES)
        store<u64>(at, load<u64>(at - KEY_BYTES));
      store<u64>(at, key);
    }
    return;
  }
  const middle = start + ((end - start) / (2 * <usize>KEY_BYTES)) * KEY_BYTES;
  sortRun(start, middle, spare);
  sortRun(middle, end, spare);
  memory.copy(spare, start, middle - start);
  let left = spare;
  const leftEnd = spare + (middle - start);
  let right = middle;
  for (let to = start; left < leftEnd; to += KEY_BYTES) {
    if (right < end && isAbove(load<u64>(left), load<u64>(right))) {
      store<u64>(to, load<u64>(right));
      right += KEY_BYTES;
    } else {
      store<u64>(to, load<u64>(left));
      left += KEY_BYTES;
    }
  }
}

const ONES: u64 = 0x0101010101010101;
const TOP_BITS: u64 = 0x8080808080808080;

/** Marks the first zero byte of a word, and maybe bytes after it (Hacker's Delight, section 6-1); 0 if there is none. */
function zeroByte(word: u64): u64 {
  return (word - ONES) & ~word & TOP_BITS;
}

/** The eight hexadecimal digits of a number, in memory order. */
function hexDigits(value: u32): u64 {
  // Spread to one digit per byte, the most significant digit first in memory.
  let digits: u64 = bswap<u32>(value);
  digits = ((digits << 16) | digits) & 0x0000ffff0000ffff;
  digits = ((digits << 8) | digits) & 0x00ff00ff00ff00ff;
  digits = ((digits << 8) | (digits >> 4)) & 0x0f0f0f0f0f0f0f0f;
  const isLetter = ((digits + 0x0606060606060606) >> 4) & ONES;
  return digits + 0x3030303030303030 + isLetter * (0x61 - 0x3a);
}

const SPACES: u64 = 0x2020202020202020;
const LINE_FEED: u32 = 0x0a;
const LETTER_BETWEEN_SPACES: u32 = 0x200020;
const UPPER: u32 = 0x20;
const LETTER_ABSOLUTE: u32 = 0x61; // a
const LETTER_COMMON: u32 = 0x43; // C
const LETTER_IFUNC: u32 = 0x69; // i
const LETTER_UNDEFINED: u32 = 0x55; // U
const LETTER_UNIQUE: u32 = 0x75; // u
const LETTER_UNKNOWN: u32 = 0x3f; // ?
const LETTER_WEAK: u32 = 0x77; // w
const LETTER_WEAK_OBJECT: u32 = 0x76; // v

/** The letter that GNU nm prints for a symbol: bfd_decode_symclass of bfd/syms.c. */
function typeLetter(info: u32, section: u32, sectionLetter: u32): u32 {
  const binding = info >>> 4;
  const kind = info & 0xf;
  const weakLetter = kind === STT_OBJECT || kind === STT_COMMON ? LETTER_WEAK_OBJECT : LETTER_WEAK;
  if (isCommon(section)) return section === SHN_COMMON ? LETTER_COMMON : commonLetter;
  if (section === SHN_UNDEF) return binding === STB_WEAK ? weakLetter : LETTER_UNDEFINED;
  if (kind === STT_GNU_IFUNC) return LETTER_IFUNC;
  if (binding === STB_WEAK) return weakLetter - UPPER;
  if (binding === STB_GNU_UNIQUE) return LETTER_UNIQUE;
  if (binding !== STB_LOCAL && binding !== STB_GLOBAL) return LETTER_UNKNOWN;
  return binding === STB_GLOBAL && sectionLetter >= LETTER_ABSOLUTE ? sectionLetter - UPPER : sectionLetter;
}

/**
 * What a symbol is (constants/symbol-kind.ts). Its ELF type decides; for a symbol without one, such as a label in assembly, the
 * section. nm's letter is not enough: from Linux 7.2 on, x86's .data is executable.
 */
function symbolKind(symbol: u32, info: u32, section: u32, sectionKind: u32): u32 {
  const binding = info >>> 4;
  const type = info & 0xf;
  let kind = sectionKind;
  if (section !== SHN_UNDEF && section !== SHN_ABS) {
    const isFunction = type === STT_FUNC || type === STT_GNU_IFUNC;
    const isObject = type === STT_OBJECT || type === STT_COMMON || type === STT_TLS;
    if (isFunction || isObject) kind = (kind & ~KIND_MASK) | (isFunction ? KIND_FUNCTION : KIND_OBJECT);
  }
  if (type === STT_TLS) kind |= IS_THREAD_LOCAL;
  if (type === STT_NOTYPE && isSizeless(symbol)) kind |= IS_LABEL;
  if (binding === STB_WEAK) kind |= IS_WEAK;
  else if (binding === STB_GLOBAL || binding === STB_GNU_UNIQUE) kind |= IS_GLOBAL;
  return kind;
}

/** FNV-1a's step (nameHashStep of src/symbols/listing.ts). */
function hashStep(hash: u32, word: u32): u32 {
  const product = (hash ^ word) * 0x01000193;
  return product ^ (product >>> 15);
}

/** Fills the rows [first, end) of the columns from their keys. `stride` bytes is the size of a column of words. */
export function fillColumns(keys: usize, first: u32, end: u32, columns: usize, stride: usize): void {
  for (let row = first; row < end; row++) {
    const key = load<u64>(keys + <usize>row * KEY_BYTES);
    const symbol = <u32>key & INDEX;
    const known = symbols + <usize>symbol * KNOWN_BYTES;
    const upper = hasUpperHalves ? symbolValue(symbol) >> 32 : (key & UPPER_HALF) !== 0 ? upperHalf : 0;
    const cell = columns + ((<usize>row) << 2);
    store<u32>(cell, load<u32>(known));
    store<u32>(cell + stride * COLUMN_NAME_END, load<u32>(known, KNOWN_NAME_END));
    store<u32>(cell + stride * COLUMN_ADDRESS_HIGH, <u32>upper);
    store<u32>(cell + stride * COLUMN_ADDRESS_LOW, <u32>(key >> LOWER_HALF));
    store<u32>(cell + stride * COLUMN_NAME_HASH, load<u32>(known, KNOWN_NAME_HASH));
    store<u32>(cell + stride * COLUMN_TABLE_INDEX, symbol);
    const what = load<u32>(known, KNOWN_LETTER);
    const letters = columns + stride * COLUMN_TYPE + row;
    store<u8>(letters, <u8>what);
    store<u8>(letters + (stride >> 2), <u8>(what >> KNOWN_KIND_SHIFT));
  }
}

/** Maximum size of a line without the name: 16 digits, the letter, two spaces, the line feed, and up to 8 bytes overwritten later. */
const LINE_BYTES: usize = 28;

/** The row after the last written one. */
let writtenEnd: u32 = 0;

export function rowsWritten(): u32 {
  return writtenEnd;
}

/**
 * Writes the lines of the rows [first, end), as many as fit.
 *
 * @param undefinedRows number of rows of undefined symbols, which are the first rows
 * @returns the number of bytes written
 */
export function writeLines(
  columns: usize,
  stride: usize,
  undefinedRows: u32,
  first: u32,
  end: u32,
  text: usize,
  room: usize,
): usize {
  const limit = text + room;
  let to = text;
  let row = first;
  for (; row < end; row++) {
    const cell = columns + ((<usize>row) << 2);
    let from = strings + load<u32>(cell);
    const nameEnd = strings + load<u32>(cell + stride * COLUMN_NAME_END);
    if (to + (nameEnd - from) + LINE_BYTES > limit) break;
    const isUndefined = row < undefinedRows;
    const high = load<u32>(cell + stride * COLUMN_ADDRESS_HIGH);
    if (is64 || high !== 0) {
      store<u64>(to, isUndefined ? SPACES : hexDigits(high));
      to += 8;
    }
    store<u64>(to, isUndefined ? SPACES : hexDigits(load<u32>(cell + stride * COLUMN_ADDRESS_LOW)));
    const letter = <u32>load<u8>(columns + stride * COLUMN_TYPE + row);
    store<u32>(to, LETTER_BETWEEN_SPACES | (letter << 8), 8);
    to += 11;
    const lineEnd = to + (nameEnd - from);
    for (; to < lineEnd; to += 8, from += 8) store<u64>(to, load<u64>(from));
    to = lineEnd;
    store<u8>(to++, LINE_FEED);
  }
  writtenEnd = row;
  return to - text;
}
