import { endianness } from "node:os";
import { at } from "../checked-index.ts";
import {
  SHN_COMMON,
  SHN_LORESERVE,
  SHN_UNDEF,
  SHN_XINDEX,
  SHT_STRTAB,
  SHT_SYMTAB,
  SHT_SYMTAB_SHNDX,
  STB_LOCAL,
  STT_FILE,
} from "../constants/elf.ts";
import { damaged, type Failure } from "../failure.ts";
import { STRING_PADDING } from "../wasm/layout.ts";
import { type ElfFile, type Section, sectionBytes } from "./elf-file.ts";

/**
 * The symbols of an ELF file, indexed as in its `.symtab`; entry 0 is the null symbol. A member of an entry is read when
 * it is asked for.
 */
export interface SymbolTable {
  readonly count: number;
  /** The entries as 32-bit words: four or six of them a symbol. */
  readonly words: Uint32Array;
  readonly is64: boolean;
  readonly littleEndian: boolean;
  /** The string table, which ends with a NUL; STRING_PADDING zeros follow it in the underlying buffer. */
  readonly strings: Buffer;
  /** The content of the SHT_SYMTAB_SHNDX section, if there is one. */
  readonly extendedIndices: Uint32Array | undefined;
}

// Elf64_Sym and Elf32_Sym order their members differently (gABI, "Symbol Table"), in words of four bytes:
// st_name; st_info, st_other and st_shndx; st_value; st_size of two words each, and st_name; st_value; st_size; the rest.
const WORDS_64 = 6;
const WORDS_32 = 4;

/** An index of SHN_LORESERVE or more that came from SHT_SYMTAB_SHNDX is marked with this bit: it is a section's. */
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
 * Finds `.symtab` and what belongs to it; undefined for a file that has none.
 *
 * @throws Failure for a table that contradicts itself
 */
function findSymbolTable(elf: ElfFile): SymbolTableSections | undefined {
  const symbols = elf.sections.find(({ type }) => type === SHT_SYMTAB);
  if (symbols === undefined) return undefined;
  const entrySize = (elf.is64 ? WORDS_64 : WORDS_32) * 4;
  if (symbols.entrySize !== entrySize || symbols.size % entrySize !== 0) {
    throw damagedSection(elf, symbols, `${symbols.size} bytes are no table of ${entrySize}-byte symbols`);
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

/** Gives out memory, aligned to four bytes. */
type Room = (bytes: number) => Uint8Array;

/**
 * Reads `.symtab`, or gives undefined for a file that has none.
 *
 * @param room the memory that the table is read to
 * @throws Failure for a table that contradicts itself
 */
export function readSymbolTable(
  elf: ElfFile,
  room: Room = (bytes) => new Uint8Array(bytes),
): SymbolTable | undefined {
  const sections = findSymbolTable(elf);
  if (sections === undefined) return undefined;
  const { symbols, strings, extendedIndices, count } = sections;
  const read = (section: Section, bytes: Uint8Array) => {
    sectionBytes(elf, section).read(0, section.size, bytes);
    return bytes;
  };
  const readWords = (section: Section) => {
    const { buffer, byteOffset, length } = read(section, room(section.size));
    if (elf.littleEndian !== (endianness() === "LE")) Buffer.from(buffer, byteOffset, length).swap32();
    return new Uint32Array(buffer, byteOffset, length / 4);
  };
  const padded = room(strings.size + STRING_PADDING);
  read(strings, padded.subarray(0, strings.size));
  padded.fill(0, strings.size);
  if (strings.size === 0 || padded[strings.size - 1] !== 0) {
    throw damagedSection(elf, symbols, "the string table does not end with NUL");
  }
  return {
    count,
    words: readWords(symbols),
    is64: elf.is64,
    littleEndian: elf.littleEndian,
    strings: Buffer.from(padded.buffer, padded.byteOffset, strings.size),
    extendedIndices: extendedIndices && readWords(extendedIndices),
  };
}

/**
 * A word of a symbol's entry. A function of its own instead of the shared one: it is called for every symbol, and V8 makes fast code
 * of a function that sees arrays of one type.
 *
 * @throws RangeError for a symbol that the table does not have
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

/** st_info: the binding in the upper four bits, the type in the lower. */
export function symbolInfo(table: SymbolTable, symbol: number): number {
  const word = entryWord(table, symbol, 1, 3);
  return table.littleEndian ? word & 0xff : word >>> 24;
}

/** The lower half of st_value; of a common symbol the size, as bfd has it, since its st_value is an alignment. */
export function symbolValueLow(table: SymbolTable, symbol: number): number {
  const member = symbolSection(table, symbol) === SHN_COMMON ? 1 : 0;
  return entryWord(table, symbol, 2 + 2 * member + (table.littleEndian ? 0 : 1), 1 + member);
}

/** The upper half of what `symbolValueLow` gives the lower half of. */
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

/** The index of a symbol's section; SHN_ABS and its like as they stand, extended indices with EXTENDED_INDEX set. */
export function symbolSection(table: SymbolTable, symbol: number): number {
  const { littleEndian, extendedIndices } = table;
  const word = entryWord(table, symbol, 1, 3);
  const index = littleEndian ? word >>> 16 : word & 0xffff;
  if (index !== SHN_XINDEX || extendedIndices === undefined) return index;
  const extended = at(extendedIndices, symbol);
  return extended >= SHN_LORESERVE ? (extended | EXTENDED_INDEX) >>> 0 : extended;
}

/** The index of a symbol's section among those of its file; 0 for one that lies in none, such as an absolute one. */
export function sectionIndexOf(table: SymbolTable, symbol: number): number {
  const index = symbolSection(table, symbol);
  if (index >= EXTENDED_INDEX) return index - EXTENDED_INDEX;
  return index < SHN_LORESERVE ? index : 0;
}

/** A string of the string table. */
export function tableString({ strings }: SymbolTable, offset: number): string {
  return strings.toString("utf8", offset, strings.indexOf(0, offset));
}

/** The first defined symbol of a name, undefined when there is none. */
export function findEntry(table: SymbolTable, name: string): number | undefined {
  const bytes = Buffer.from(`${name}\0`);
  for (let at = table.strings.indexOf(bytes); at !== -1; at = table.strings.indexOf(bytes, at + 1)) {
    for (let symbol = 1; symbol < table.count; symbol++) {
      if (symbolNameOffset(table, symbol) === at && symbolSection(table, symbol) !== SHN_UNDEF) return symbol;
    }
  }
  return undefined;
}

/** The name of the section that a symbol lies in, null for an absolute one. */
export function sectionName(elf: ElfFile, index: number): string | null {
  if (index >= SHN_LORESERVE && index < EXTENDED_INDEX) return null;
  return elf.sections[index & ~EXTENDED_INDEX]?.name ?? null;
}

/**
 * The name of the source file that a local symbol's STT_FILE symbol gives (gABI, "Symbol Table"): the nearest one above
 * it. null for a global symbol, or where the linker has marked its own symbols with an empty name.
 */
export function fileSymbolOf(table: SymbolTable, symbol: number): string | null {
  if (symbolInfo(table, symbol) >> 4 !== STB_LOCAL) return null;
  // A quarter of a run with --data goes into this loop, so it looks at one word of an entry.
  const { words, is64, littleEndian } = table;
  const stride = is64 ? WORDS_64 : WORDS_32;
  const shift = littleEndian ? 0 : 24;
  for (let info = (symbol - 1) * stride + (is64 ? 1 : 3); info > stride; info -= stride) {
    const word = words[info];
    if (word === undefined || ((word >>> shift) & 0xf) !== STT_FILE) continue;
    return tableString(table, symbolNameOffset(table, Math.floor(info / stride))) || null;
  }
  return null;
}
