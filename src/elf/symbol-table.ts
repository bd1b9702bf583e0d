import { endianness } from "node:os";
import { lowerBound } from "../binary-search.ts";
import { at } from "../checked-index.ts";
import {
  EM_ARM,
  SHN_COMMON,
  SHN_LORESERVE,
  SHN_UNDEF,
  SHN_XINDEX,
  SHT_STRTAB,
  SHT_SYMTAB,
  SHT_SYMTAB_SHNDX,
  STB_LOCAL,
  STT_FILE,
  STT_FUNC,
  STT_GNU_IFUNC,
  STV_DEFAULT,
} from "../constants/elf.ts";
import { damaged, type Failure } from "../failure.ts";
import { STRING_PADDING } from "../wasm/layout.ts";
import { type ElfFile, type Section, sectionBytes } from "./elf-file.ts";
import { isLocalLabel } from "./local-label.ts";

/**
 * The symbols of an ELF file, indexed as in its `.symtab`; entry 0 is the null symbol. Members of an entry are decoded on
 * demand.
 */
export interface SymbolTable {
  readonly count: number;
  /** The entries as 32-bit words: four per symbol in 32-bit files, six in 64-bit files. */
  readonly words: Uint32Array;
  readonly is64: boolean;
  readonly littleEndian: boolean;
  /** The string table. It ends with a NUL; STRING_PADDING zeros follow it in the underlying buffer. */
  readonly strings: Buffer;
  /** Whether bit 0 of a function's st_value marks Thumb code and is not part of the address (ELF for the Arm Architecture, 5.5.3). */
  readonly marksThumb: boolean;
  /** The content of the SHT_SYMTAB_SHNDX section, if it exists. */
  readonly extendedIndices: Uint32Array | undefined;
  /** The index of each symbol in `.symtab`, if the table leaves some out. */
  readonly indices?: Uint32Array;
}

// Elf64_Sym and Elf32_Sym order their members differently (gABI, "Symbol Table"). In words of four bytes:
// - Elf64_Sym: st_name; st_info, st_other and st_shndx in one word; st_value and st_size in two words each.
// - Elf32_Sym: st_name; st_value; st_size; st_info, st_other and st_shndx in one word.
const WORDS_64 = 6;
const WORDS_32 = 4;

/** Marks an index from SHT_SYMTAB_SHNDX that is SHN_LORESERVE or more: it is a real section index, not a reserved one. */
const EXTENDED_INDEX = 0x80000000;

/** The sections that make up a symbol table. */
interface SymbolTableSections {
  readonly symbols: Section;
  readonly strings: Section;
  readonly extendedIndices: Section | undefined;
  /** Number of entries. */
  readonly count: number;
}

/**
 * Finds `.symtab` and its related sections; undefined for a file without `.symtab`.
 *
 * @throws Failure for an inconsistent table
 */
function findSymbolTable(elf: ElfFile): SymbolTableSections | undefined {
  const symbols = elf.sections.find(({ type }) => type === SHT_SYMTAB);
  if (symbols === undefined) return undefined;
  const entrySize = (elf.is64 ? WORDS_64 : WORDS_32) * 4;
  if (symbols.entrySize !== entrySize || symbols.size % entrySize !== 0) {
    throw damagedSection(elf, symbols, `${symbols.size} bytes are not a table of ${entrySize}-byte symbols`);
  }
  const strings = elf.sections[symbols.link];
  if (strings?.type !== SHT_STRTAB) {
    throw damagedSection(elf, symbols, `section ${symbols.link} is not its string table`);
  }
  const count = symbols.size / entrySize;
  const extendedIndices = elf.sections.find(
    ({ type, link, size }) => type === SHT_SYMTAB_SHNDX && link === symbols.index && size === count * 4,
  );
  return { symbols, strings, extendedIndices, count };
}

function damagedSection(elf: ElfFile, { name }: Section, problem: string): Failure {
  return damaged(`${elf.path}: ${name}`, problem);
}

/** Allocates memory, aligned to four bytes. */
type Room = (bytes: number) => Uint8Array;

const onHeap: Room = (bytes) => new Uint8Array(bytes);

/**
 * Reads `.symtab`; undefined for a file without one.
 *
 * @param room allocates the memory for the table
 * @throws Failure for an inconsistent table
 */
export function readSymbolTable(elf: ElfFile, room: Room = onHeap): SymbolTable | undefined {
  const unread = unreadSymbolTable(elf, room);
  for (const { section, bytes } of unread?.parts ?? [])
    sectionBytes(elf, section).read(0, section.size, bytes);
  return unread?.table();
}

/**
 * Reads `.symtab` on another thread while this one goes on. For a vmlinux this saves 3 % of a run, if a second processor is idle.
 *
 * @throws Failure for an inconsistent table
 */
export async function loadSymbolTable(elf: ElfFile, room: Room): Promise<SymbolTable | undefined> {
  const unread = unreadSymbolTable(elf, room);
  await Promise.all(unread?.parts.map(({ section, bytes }) => elf.file.load(section.offset, bytes)) ?? []);
  return unread?.table();
}

/** The parts of a symbol table that must be read into memory, and a function that makes the table of them. */
function unreadSymbolTable(elf: ElfFile, room: Room) {
  const sections = findSymbolTable(elf);
  if (sections === undefined) return undefined;
  const { symbols, extendedIndices, count } = sections;
  const strings = unreadStrings(elf, sections, room);
  const part = (section: Section) => ({ section, bytes: room(section.size) });
  const symbolPart = part(symbols);
  const extendedPart = extendedIndices && part(extendedIndices);
  return {
    parts: [strings, symbolPart, ...(extendedPart ? [extendedPart] : [])],
    table: (): SymbolTable => ({
      count,
      words: wordsOf(elf, symbolPart.bytes),
      ...formOf(elf),
      strings: strings.text(),
      extendedIndices: extendedPart && wordsOf(elf, extendedPart.bytes),
    }),
  };
}

/** Maximum size of a string table, in bytes: V8 has no longer strings, and no kernel a tenth of it. */
const STRINGS_LIMIT = 2 ** 29 - 2 ** 10;

/** The string table of a symbol table, and a function that checks it once it has been read. */
function unreadStrings(elf: ElfFile, { symbols, strings: section }: SymbolTableSections, room: Room) {
  const { size } = section;
  if (size > STRINGS_LIMIT) throw damagedSection(elf, symbols, `its string table has ${size} bytes`);
  const padded = room(size + STRING_PADDING);
  return {
    section,
    bytes: padded.subarray(0, size),
    text(): Buffer {
      padded.fill(0, size);
      if (size === 0 || padded[size - 1] !== 0) {
        throw damagedSection(elf, symbols, "the string table does not end with NUL");
      }
      return Buffer.from(padded.buffer, padded.byteOffset, size);
    },
  };
}

/**
 * Reads the string table of `.symtab`, with the names of its symbols; undefined for a file without one.
 *
 * @throws Failure for an inconsistent table
 */
export function readSymbolNames(elf: ElfFile): Buffer | undefined {
  const sections = findSymbolTable(elf);
  return sections && readStrings(elf, sections, onHeap);
}

function readStrings(elf: ElfFile, sections: SymbolTableSections, room: Room): Buffer {
  const unread = unreadStrings(elf, sections, room);
  sectionBytes(elf, unread.section).read(0, unread.section.size, unread.bytes);
  return unread.text();
}

/** The words of a section, in the byte order of this machine. */
function wordsOf({ littleEndian }: ElfFile, { buffer, byteOffset, length }: Uint8Array): Uint32Array {
  if (littleEndian !== (endianness() === "LE")) Buffer.from(buffer, byteOffset, length).swap32();
  return new Uint32Array(buffer, byteOffset, length / 4);
}

function formOf({ is64, littleEndian, machine }: ElfFile) {
  return { is64, littleEndian, marksThumb: machine === EM_ARM };
}

/** Number of entries read at a time. */
const WINDOW_ENTRIES = 1 << 14;

/**
 * Reads `.symtab` without local labels and mapping symbols; undefined for a file without one. On LoongArch, modules have millions of
 * labels: 275 MB of them in amdgpu.ko.
 *
 * @param room allocates the memory for the table
 * @throws Failure for an inconsistent table
 */
export function readSymbolsWithoutLabels(elf: ElfFile, room: Room): SymbolTable | undefined {
  const sections = findSymbolTable(elf);
  if (sections === undefined) return undefined;
  const strings = readStrings(elf, sections, room);
  const { words, indices } =
    sections.count <= WINDOW_ENTRIES
      ? entriesWithoutLabels(elf, sections, 0, strings, room(sections.symbols.size))
      : joined([...windowsWithoutLabels(elf, sections, strings)], room);
  const { extendedIndices: section } = sections;
  const extended = section && readWords(elf, section, 0, new Uint8Array(section.size));
  return {
    count: indices.length,
    words,
    ...formOf(elf),
    strings,
    extendedIndices: extended && gathered([indices.map((index) => at(extended, index))], room),
    indices,
  };
}

function readWords(elf: ElfFile, section: Section, offset: number, into: Uint8Array): Uint32Array {
  return wordsOf(elf, sectionBytes(elf, section).read(offset, into.length, into));
}

/** The words of all pieces, in the memory that `room` allocates. */
function gathered(pieces: readonly Uint32Array[], room: Room): Uint32Array {
  const { buffer, byteOffset, length } = room(
    pieces.reduce((bytes, { byteLength }) => bytes + byteLength, 0),
  );
  const words = new Uint32Array(buffer, byteOffset, length / 4);
  let end = 0;
  for (const piece of pieces) {
    words.set(piece, end);
    end += piece.length;
  }
  return words;
}

/** Entries of a symbol table, and their indices in it. */
interface Entries {
  readonly words: Uint32Array;
  readonly indices: Uint32Array;
}

function joined(windows: readonly Entries[], room: Room): Entries {
  return {
    words: gathered(
      windows.map(({ words }) => words),
      room,
    ),
    indices: gathered(
      windows.map(({ indices }) => indices),
      onHeap,
    ),
  };
}

function* windowsWithoutLabels(
  elf: ElfFile,
  sections: SymbolTableSections,
  strings: Buffer,
): Generator<Entries> {
  const entryBytes = sections.symbols.size / sections.count;
  const window = new Uint8Array(WINDOW_ENTRIES * entryBytes);
  for (let first = 0; first < sections.count; first += WINDOW_ENTRIES) {
    const into = window.subarray(0, Math.min(sections.count - first, WINDOW_ENTRIES) * entryBytes);
    const { words, indices } = entriesWithoutLabels(elf, sections, first, strings, into);
    yield { words: words.slice(), indices };
  }
}

/** Reads the entries from `first` on into memory, and keeps those that are no labels. */
function entriesWithoutLabels(
  elf: ElfFile,
  { symbols }: SymbolTableSections,
  first: number,
  strings: Buffer,
  into: Uint8Array,
): Entries {
  const stride = elf.is64 ? WORDS_64 : WORDS_32;
  const words = readWords(elf, symbols, first * stride * 4, into);
  const count = words.length / stride;
  const window: SymbolTable = { count, words, ...formOf(elf), strings, extendedIndices: undefined };
  const indices = new Uint32Array(count);
  let kept = 0;
  for (let symbol = 0; symbol < count; symbol++) {
    const isFile = (symbolInfo(window, symbol) & 0xf) === STT_FILE;
    if (!isFile && isLocalLabel(strings, symbolNameOffset(window, symbol))) continue;
    // Entries before the first label stay where they are.
    if (kept < symbol) words.copyWithin(kept * stride, symbol * stride, (symbol + 1) * stride);
    indices[kept++] = first + symbol;
  }
  return { words: words.subarray(0, kept * stride), indices: indices.slice(0, kept) };
}

/** The index of a symbol in `.symtab`. */
export function symtabIndex({ indices }: SymbolTable, symbol: number): number {
  return indices?.[symbol] ?? symbol;
}

/**
 * A word of a symbol's entry. It does not use the shared checked accessor: it runs for every symbol, and V8 generates faster
 * code for a function that sees arrays of one type only.
 *
 * @throws RangeError for a symbol index outside the table
 */
function entryWord({ words, is64 }: SymbolTable, symbol: number, word64: number, word32: number): number {
  const word = words[is64 ? symbol * WORDS_64 + word64 : symbol * WORDS_32 + word32];
  if (word === undefined) throw new RangeError(`no symbol ${symbol}`);
  return word;
}

/** st_name: the offset of the name in `strings`. */
export function symbolNameOffset(table: SymbolTable, symbol: number): number {
  return entryWord(table, symbol, 0, 0);
}

/** st_info: the binding in the upper four bits, the type in the lower four. */
export function symbolInfo(table: SymbolTable, symbol: number): number {
  const word = entryWord(table, symbol, 1, 3);
  return table.littleEndian ? word & 0xff : word >>> 24;
}

/** The visibility in st_other: STV_DEFAULT or another. */
function symbolVisibility(table: SymbolTable, symbol: number): number {
  const word = entryWord(table, symbol, 1, 3);
  return (table.littleEndian ? word >>> 8 : word >>> 16) & 3;
}

/**
 * The lower half of st_value, without the mark of Thumb code. For a common symbol, st_size instead, as in bfd, since its st_value is an
 * alignment.
 */
export function symbolValueLow(table: SymbolTable, symbol: number): number {
  const member = symbolSection(table, symbol) === SHN_COMMON ? 1 : 0;
  const value = entryWord(table, symbol, 2 + 2 * member + (table.littleEndian ? 0 : 1), 1 + member);
  if (!table.marksThumb) return value;
  const type = symbolInfo(table, symbol) & 0xf;
  return type === STT_FUNC || type === STT_GNU_IFUNC ? (value & ~1) >>> 0 : value;
}

/** The upper half of the value whose lower half `symbolValueLow` returns. */
export function symbolValueHigh(table: SymbolTable, symbol: number): number {
  if (!table.is64) return 0;
  const member = symbolSection(table, symbol) === SHN_COMMON ? 1 : 0;
  return entryWord(table, symbol, 2 + 2 * member + (table.littleEndian ? 1 : 0), 0);
}

/** st_size, in bytes. */
export function symbolSize(table: SymbolTable, symbol: number): number {
  const first = entryWord(table, symbol, 4, 2);
  if (!table.is64) return first;
  const second = entryWord(table, symbol, 5, 2);
  return table.littleEndian ? second * 2 ** 32 + first : first * 2 ** 32 + second;
}

/** The index of a symbol's section: reserved indices such as SHN_ABS unchanged, extended ones with EXTENDED_INDEX set. */
export function symbolSection(table: SymbolTable, symbol: number): number {
  const { littleEndian, extendedIndices } = table;
  const word = entryWord(table, symbol, 1, 3);
  const index = littleEndian ? word >>> 16 : word & 0xffff;
  if (index !== SHN_XINDEX || extendedIndices === undefined) return index;
  const extended = at(extendedIndices, symbol);
  return extended >= SHN_LORESERVE ? (extended | EXTENDED_INDEX) >>> 0 : extended;
}

/** The index of a symbol's section in the file's section table; 0 for a symbol without a section, such as an absolute one. */
export function sectionIndexOf(table: SymbolTable, symbol: number): number {
  const index = symbolSection(table, symbol);
  if (index >= EXTENDED_INDEX) return index - EXTENDED_INDEX;
  return index < SHN_LORESERVE ? index : 0;
}

/** A string of the string table. */
export function tableString({ strings }: SymbolTable, offset: number): string {
  return strings.toString("utf8", offset, strings.indexOf(0, offset));
}

/** The first defined symbol with a name; undefined if there is none. */
export function findEntry(table: SymbolTable, name: string): number | undefined {
  const bytes = Buffer.from(`${name}\0`);
  const offsets = new Set<number>();
  for (let at = table.strings.indexOf(bytes); at !== -1; at = table.strings.indexOf(bytes, at + bytes.length))
    offsets.add(at);
  if (offsets.size === 0) return undefined;
  for (let symbol = 1; symbol < table.count; symbol++) {
    const isNamed = offsets.has(symbolNameOffset(table, symbol));
    if (isNamed && symbolSection(table, symbol) !== SHN_UNDEF) return symbol;
  }
  return undefined;
}

/** The name of a symbol's section; null for an absolute symbol. */
export function sectionName(elf: ElfFile, index: number): string | null {
  if (index >= SHN_LORESERVE && index < EXTENDED_INDEX) return null;
  return elf.sections[index & ~EXTENDED_INDEX]?.name ?? null;
}

/**
 * The source file name of a local symbol, from the nearest STT_FILE symbol before it (gABI, "Symbol Table"). null if there is none:
 * for a global symbol, also one that is hidden and therefore local in a linked image, where lld puts it after the last file's; for an
 * empty name, with which linkers mark their own symbols; and for that of an object, which GNU ld gives to symbols without a file
 * (`vmlinux.o`), and LLVM's LTO to its own code (`ld-temp.o`).
 */
export function fileSymbolOf(table: SymbolTable, symbol: number): string | null {
  if (symbolInfo(table, symbol) >> 4 !== STB_LOCAL || symbolVisibility(table, symbol) !== STV_DEFAULT)
    return null;
  const files = fileSymbolsOf(table);
  const after = lowerBound(files.length, (i) => at(files, i) < symbol);
  if (after === 0) return null;
  const name = tableString(table, symbolNameOffset(table, at(files, after - 1)));
  return name === "" || name.endsWith(".o") ? null : name;
}

/** The indices of each table's STT_FILE symbols, ascending: looking for the one before a symbol takes too long for all symbols. */
const fileSymbols = new WeakMap<SymbolTable, Uint32Array>();

function fileSymbolsOf(table: SymbolTable): Uint32Array {
  const known = fileSymbols.get(table);
  if (known !== undefined) return known;
  const { words, is64, littleEndian, count } = table;
  const stride = is64 ? WORDS_64 : WORDS_32;
  const shift = littleEndian ? 0 : 24;
  const found: number[] = [];
  for (let symbol = 1, info = stride + (is64 ? 1 : 3); symbol < count; symbol++, info += stride) {
    const word = words[info];
    if (word !== undefined && ((word >>> shift) & 0xf) === STT_FILE) found.push(symbol);
  }
  const indices = Uint32Array.from(found);
  fileSymbols.set(table, indices);
  return indices;
}
