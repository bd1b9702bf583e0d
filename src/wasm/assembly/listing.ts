// biome-ignore-all lint/correctness/noPrecisionLoss: AssemblyScript's u64 holds these

// From an ELF symbol table to what `nm -n` prints. A record stands for a symbol: its value (64 bits), the
// offset of its name and its index (32 bits each).

const SHN_COMMON: u32 = 0xfff2;
const SHN_LORESERVE: u32 = 0xff00;
const SHN_XINDEX: u32 = 0xffff;
const STB_LOCAL: u32 = 0;
const STB_GLOBAL: u32 = 1;
const STB_WEAK: u32 = 2;
const STB_GNU_UNIQUE: u32 = 10;
const STT_OBJECT: u32 = 1;
const STT_SECTION: u32 = 3;
const STT_FILE: u32 = 4;
const STT_COMMON: u32 = 5;
const STT_GNU_IFUNC: u32 = 10;

const VALUE = 0;
const NAME = 8;
const INDEX = 12;
const RECORD_SHIFT: usize = 4;
const RECORD: usize = 16;

// Where a symbol's members stand within its entry, in bytes, and what else is known of the table.
let entries: usize = 0;
let entrySize: usize = 0;
let infoAt: usize = 0;
let littleEndian = true;
let is64 = true;
let signExtended = false;
let extendedIndices: usize = 0;
let bases: usize = 0;
let sectionCount: u32 = 0;
let sectionLetters: usize = 0;
let strings: usize = 0;
let stringsSize: u32 = 0;

/**
 * Says where a symbol table stands, in 32-bit words of this machine's order, and its strings, with 8 zeros behind them.
 *
 * @param file bits: 1 for ELFCLASS64, 2 for ELFDATA2LSB, 4 for addresses whose sign is to be extended
 * @param extended the SHT_SYMTAB_SHNDX words, 0 for none
 * @param letters a type letter for each section
 * @param sectionBases what is to be added to the values of each section's symbols, in words; 0 for nothing
 */
export function describeSymbols(
  table: usize,
  file: u32,
  extended: usize,
  letters: usize,
  sections: u32,
  stringTable: usize,
  stringBytes: u32,
  sectionBases: usize,
): void {
  entries = table;
  is64 = (file & 1) !== 0;
  littleEndian = (file & 2) !== 0;
  signExtended = (file & 4) !== 0;
  entrySize = is64 ? 24 : 16;
  infoAt = is64 ? 4 : 12;
  extendedIndices = extended;
  sectionLetters = letters;
  sectionCount = sections;
  strings = stringTable;
  stringsSize = stringBytes;
  bases = sectionBases;
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

/** st_value; of a common symbol the size, as bfd has it, since its st_value is an alignment. */
function symbolValue(symbol: u32): u64 {
  const entry = entryOf(symbol);
  const section = sectionOf(symbol);
  if (section === SHN_COMMON) return is64 ? wordsOf(entry + 16) : <u64>load<u32>(entry + 8);
  let value: u64 = is64 ? wordsOf(entry + 8) : <u64>load<u32>(entry + 4);
  if (signExtended) value = <u64>(<i64>(<i32>value));
  const index = sectionIndex(symbol, section);
  return bases !== 0 && index < sectionCount ? value + <u64>load<u32>(bases + ((<usize>index) << 2)) : value;
}

/** The index of a symbol's section, the count of sections for one that lies in none. */
function sectionIndex(symbol: u32, section: u32): u32 {
  if (section === SHN_XINDEX && extendedIndices !== 0) {
    return min(load<u32>(extendedIndices + ((<usize>symbol) << 2)), sectionCount);
  }
  return section < SHN_LORESERVE ? min(section, sectionCount) : sectionCount;
}

/** How many symbols were passed over because they are undefined, or because they are not. */
let passedOver: u32 = 0;

export function symbolsPassedOver(): u32 {
  return passedOver;
}

/**
 * Makes a record of each symbol that nm lists, the undefined ones or the defined ones, in the table's order.
 *
 * @param special 1 for each symbol that nm leaves out on this architecture; 0 where there are none
 * @returns the end of the records, 0 when a name lies outside the strings
 */
export function collectSymbols(count: u32, wantUndefined: bool, special: usize, records: usize): usize {
  let out = records;
  passedOver = 0;
  for (let symbol: u32 = 1; symbol < count; symbol++) {
    const name = load<u32>(entryOf(symbol));
    if (name >= stringsSize) return 0;
    const kind = infoOf(symbol) & 0xf;
    if (kind === STT_SECTION || kind === STT_FILE) continue;
    if ((sectionOf(symbol) === 0) !== wantUndefined) {
      passedOver++;
      continue;
    }
    if (special !== 0 && load<u8>(special + symbol) !== 0) continue;
    store<u64>(out, wantUndefined ? 0 : symbolValue(symbol), VALUE);
    store<u32>(out, name, NAME);
    store<u32>(out, symbol, INDEX);
    out += RECORD;
  }
  return out;
}

const DIGITS: usize = 2048;
const DIGIT_MASK: u64 = 2047;
const DIGIT_BITS: u64 = 11;

/**
 * A stable radix sort of records by value; digits that are the same in all are passed over.
 *
 * @param spare room for as many records
 * @param counts room for three times 2048 words
 * @returns where the sorted records are: `records` or `spare`
 */
export function sortByValue(records: usize, count: u32, spare: usize, counts: usize): usize {
  if (count === 0) return records;
  let lowest = u64.MAX_VALUE;
  let highest: u64 = 0;
  const end = records + ((<usize>count) << RECORD_SHIFT);
  for (let at = records; at < end; at += RECORD) {
    lowest = min(lowest, load<u64>(at, VALUE) >> 32);
    highest = max(highest, load<u64>(at, VALUE) >> 32);
  }
  // In a kernel the upper half is that of the kernel's addresses, or that of constants and per-CPU offsets: a single bit.
  let halves = 1;
  for (let at = records; at < end && halves === 1; at += RECORD) {
    const high = load<u64>(at, VALUE) >> 32;
    if (high !== lowest && high !== highest) halves = 2;
  }
  if (halves === 1) return sortByDigits(records, count, spare, counts, 0, highest);
  const sorted = sortByDigits(records, count, spare, counts, 0, u64.MAX_VALUE);
  return sortByDigits(sorted, count, sorted === records ? spare : records, counts, 32, u64.MAX_VALUE);
}

/** Sorts by 33 bits: the 32 from `shift` on, and above them whether the upper half is `set`. */
function sortByDigits(records: usize, count: u32, spare: usize, counts: usize, shift: u64, set: u64): usize {
  memory.fill(counts, 0, (3 * DIGITS) << 2);
  const bytes = (<usize>count) << RECORD_SHIFT;
  for (let at = records; at < records + bytes; at += RECORD) {
    const key = sortKey(at, shift, set);
    for (let digit: usize = 0; digit < 3; digit++) {
      const slot = counts + slotOf(key, digit);
      store<u32>(slot, load<u32>(slot) + 1);
    }
  }
  let from = records;
  let to = spare;
  for (let digit: usize = 0; digit < 3; digit++) {
    if (load<u32>(counts + slotOf(sortKey(from, shift, set), digit)) === count) continue;
    const slots = counts + slotOf(0, digit);
    let sum: u32 = 0;
    for (let slot = slots; slot < slots + (DIGITS << 2); slot += 4) {
      const size = load<u32>(slot);
      store<u32>(slot, sum);
      sum += size;
    }
    for (let at = from; at < from + bytes; at += RECORD) {
      const slot = counts + slotOf(sortKey(at, shift, set), digit);
      const place = load<u32>(slot);
      store<u32>(slot, place + 1);
      copyRecord(to + ((<usize>place) << RECORD_SHIFT), at);
    }
    const other = from;
    from = to;
    to = other;
  }
  return from;
}

function sortKey(record: usize, shift: u64, set: u64): u64 {
  const value = load<u64>(record, VALUE);
  return ((value >> shift) & 0xffffffff) | ((<u64>(value >> 32 === set)) << 32);
}

/** Where the count of a key's digit stands. */
function slotOf(key: u64, digit: usize): usize {
  return (digit * DIGITS + <usize>((key >> (<u64>digit * DIGIT_BITS)) & DIGIT_MASK)) << 2;
}

function copyRecord(to: usize, from: usize): void {
  store<u64>(to, load<u64>(from));
  store<u64>(to, load<u64>(from, 8), 8);
}

/** strcmp: nm's order in the C locale. */
function isNameAbove(record: usize, other: usize): bool {
  let a = strings + load<u32>(record, NAME);
  let b = strings + load<u32>(other, NAME);
  while (load<u8>(a) === load<u8>(b) && load<u8>(a) !== 0) {
    a++;
    b++;
  }
  return load<u8>(a) > load<u8>(b);
}

/** Sorts runs of records of one value by name, stably. */
export function sortByName(records: usize, count: u32, spare: usize): void {
  const end = records + ((<usize>count) << RECORD_SHIFT);
  for (let first = records; first < end; ) {
    let next = first + RECORD;
    while (next < end && load<u64>(next, VALUE) === load<u64>(first, VALUE)) next += RECORD;
    if (next - first > RECORD) sortRun(first, next, spare);
    first = next;
  }
}

const INSERTION_LIMIT: usize = 12 * RECORD;

/** Merge sort; insertion sort for the short runs that most are. */
function sortRun(start: usize, end: usize, spare: usize): void {
  if (end - start <= INSERTION_LIMIT) {
    for (let next = start + RECORD; next < end; next += RECORD) {
      copyRecord(spare, next);
      let at = next;
      for (; at > start && isNameAbove(at - RECORD, spare); at -= RECORD) copyRecord(at, at - RECORD);
      copyRecord(at, spare);
    }
    return;
  }
  const middle = start + (((end - start) >> (RECORD_SHIFT + 1)) << RECORD_SHIFT);
  sortRun(start, middle, spare);
  sortRun(middle, end, spare);
  memory.copy(spare, start, middle - start);
  let left = spare;
  const leftEnd = spare + (middle - start);
  let right = middle;
  for (let to = start; left < leftEnd; to += RECORD) {
    if (right < end && isNameAbove(left, right)) {
      copyRecord(to, right);
      right += RECORD;
    } else {
      copyRecord(to, left);
      left += RECORD;
    }
  }
}

const ONES: u64 = 0x0101010101010101;
const TOP_BITS: u64 = 0x8080808080808080;

/** Marks the first zero byte of a word, perhaps some behind it (Hacker's Delight, section 6-1); 0 where there is none. */
function zeroByte(word: u64): u64 {
  return (word - ONES) & ~word & TOP_BITS;
}

/** The eight hexadecimal digits of a number as they stand in memory. */
function hexDigits(value: u32): u64 {
  // A digit to each byte, the upper one of the first byte first.
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
function typeLetter(symbol: u32): u32 {
  const info = infoOf(symbol);
  const binding = info >>> 4;
  const kind = info & 0xf;
  const section = sectionOf(symbol);
  const weakLetter = kind === STT_OBJECT || kind === STT_COMMON ? LETTER_WEAK_OBJECT : LETTER_WEAK;
  if (section === SHN_COMMON) return LETTER_COMMON;
  if (section === 0) return binding === STB_WEAK ? weakLetter : LETTER_UNDEFINED;
  if (kind === STT_GNU_IFUNC) return LETTER_IFUNC;
  if (binding === STB_WEAK) return weakLetter - UPPER;
  if (binding === STB_GNU_UNIQUE) return LETTER_UNIQUE;
  if (binding !== STB_LOCAL && binding !== STB_GLOBAL) return LETTER_UNKNOWN;
  // bfd makes symbols of a section that it does not know absolute.
  const index = sectionIndex(symbol, section);
  const letter = index < sectionCount ? <u32>load<u8>(sectionLetters + index) : LETTER_ABSOLUTE;
  return binding === STB_GLOBAL && letter >= LETTER_ABSOLUTE ? letter - UPPER : letter;
}

/** FNV-1a's step (nameHashStep of src/symbols/listing.ts). */
function hashStep(hash: u32, word: u32): u32 {
  const product = (hash ^ word) * 0x01000193;
  return product ^ (product >>> 15);
}

// The columns of a listing, `stride` bytes each: of a name the offset in the strings and its end, of the address the upper and
// the lower half, the name's hash, the symbol's index (32 bits each), the type letter (a byte each).
const NAME_END: usize = 1;
const ADDRESS_HIGH: usize = 2;
const ADDRESS_LOW: usize = 3;
const NAME_HASH: usize = 4;
const TABLE_INDEX: usize = 5;
const TYPE: usize = 6;

/**
 * Fills in the rows [first, end) of the columns.
 *
 * @param records of these rows
 * @returns the length of their names
 */
export function fillColumns(records: usize, first: u32, end: u32, columns: usize, stride: usize): f64 {
  let nameBytes: f64 = 0;
  let record = records;
  for (let row = first; row < end; row++, record += RECORD) {
    const symbol = load<u32>(record, INDEX);
    const name = load<u32>(record, NAME);
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
    // 0 is kept for symbols that bear no name.
    if (hash === 0) hash = 1;
    if (nameEnd === name || sectionOf(symbol) === 0) hash = 0;

    const cell = columns + ((<usize>row) << 2);
    store<u32>(cell, name);
    store<u32>(cell + NAME_END * stride, nameEnd);
    store<u32>(cell + ADDRESS_HIGH * stride, load<u32>(record, VALUE + 4));
    store<u32>(cell + ADDRESS_LOW * stride, load<u32>(record, VALUE));
    store<u32>(cell + NAME_HASH * stride, hash);
    store<u32>(cell + TABLE_INDEX * stride, symbol);
    store<u8>(columns + TYPE * stride + row, typeLetter(symbol));
    nameBytes += <f64>(nameEnd - name);
  }
  return nameBytes;
}

/** What a line holds besides the name, at most: 16 digits, the letter, two spaces and the line feed; and what is overwritten. */
const LINE_BYTES: usize = 28;

/** The row behind the last one that was written. */
let writtenEnd: u32 = 0;

export function rowsWritten(): u32 {
  return writtenEnd;
}

/**
 * Writes the lines of the rows [first, end), as many as there is room for.
 *
 * @param undefinedRows how many rows stand for undefined symbols, before all others
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
    const nameEnd = strings + load<u32>(cell + NAME_END * stride);
    if (to + (nameEnd - from) + LINE_BYTES > limit) break;
    const isUndefined = row < undefinedRows;
    const high = load<u32>(cell + ADDRESS_HIGH * stride);
    if (is64 || high !== 0) {
      store<u64>(to, isUndefined ? SPACES : hexDigits(high));
      to += 8;
    }
    store<u64>(to, isUndefined ? SPACES : hexDigits(load<u32>(cell + ADDRESS_LOW * stride)));
    const letter = <u32>load<u8>(columns + TYPE * stride + row);
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
