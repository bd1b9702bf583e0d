import { Failure } from "../failure.ts";
import { DAMAGED } from "./byte-source.ts";
import {
  SHN_COMMON,
  SHN_LORESERVE,
  SHN_XINDEX,
  SHT_STRTAB,
  SHT_SYMTAB,
  SHT_SYMTAB_SHNDX,
  STB_LOCAL,
  STT_FILE,
} from "./constants.ts";
import { type ElfFile, sectionBytes } from "./elf-file.ts";

/**
 * The symbols of an ELF file, indexed as in its `.symtab`; entry 0 is the null symbol. Names and values are in columns,
 * the rest is read from the entries when it is asked for.
 */
export interface SymbolTable {
  readonly count: number;
  /** Offset of the name in `strings`. */
  readonly name: Uint32Array;
  /** st_value; of a common symbol the size, as bfd has it, since its st_value is an alignment. */
  readonly valueHigh: Uint32Array;
  readonly valueLow: Uint32Array;
  /** The string table, which ends with a NUL; STRING_PADDING zeros follow it in the underlying buffer. */
  readonly strings: Buffer;
  /** The table as it stands in the file. */
  readonly entries: DataView;
  readonly is64: boolean;
  readonly littleEndian: boolean;
  /** The content of the SHT_SYMTAB_SHNDX section, if there is one. */
  readonly extendedIndices: DataView | undefined;
}

/** How many zeros follow a string table in memory. */
export const STRING_PADDING = 8;

const SYM_SIZE = { 32: 16, 64: 24 };

/** An index of SHN_LORESERVE or more that came from SHT_SYMTAB_SHNDX is marked with this bit: it is a section's. */
export const EXTENDED_INDEX = 0x80000000;

/**
 * Reads `.symtab`, or gives undefined for a file that has none.
 *
 * @throws Failure for a table that contradicts itself
 */
export function readSymbolTable(elf: ElfFile): SymbolTable | undefined {
  const section = elf.sections.find(({ type }) => type === SHT_SYMTAB);
  if (section === undefined) return undefined;
  const bits = elf.is64 ? 64 : 32;
  const entrySize = SYM_SIZE[bits];
  const fault = (problem: string) => new Failure(`${elf.path}: ${section.name}`, problem, DAMAGED);
  if (section.entrySize !== entrySize || section.size % entrySize !== 0) {
    throw fault(`${section.size} bytes are no table of ${entrySize}-byte symbols`);
  }
  const stringSection = elf.sections[section.link];
  if (stringSection?.type !== SHT_STRTAB) throw fault(`section ${section.link} is not its string table`);
  // Readers may take a word at a time, so the buffer goes on with zeros behind the table.
  const padded = new Uint8Array(stringSection.size + STRING_PADDING);
  sectionBytes(elf, stringSection).read(0, stringSection.size, padded);
  const strings = Buffer.from(padded.buffer, 0, stringSection.size);
  if (strings.length === 0 || strings[strings.length - 1] !== 0)
    throw fault("the string table does not end with NUL");

  const count = section.size / entrySize;
  const bytes = sectionBytes(elf, section).read(0, section.size);
  const entries = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const { is64, littleEndian } = elf;
  const name = new Uint32Array(count);
  const valueHigh = new Uint32Array(count);
  const valueLow = new Uint32Array(count);
  for (let symbol = 0, at = 0; symbol < count; symbol++, at += entrySize) {
    const offset = entries.getUint32(at, littleEndian);
    if (offset >= strings.length) throw fault(`the name of symbol ${symbol} lies outside the string table`);
    name[symbol] = offset;
    if (is64) {
      valueHigh[symbol] = entries.getUint32(at + (littleEndian ? 12 : 8), littleEndian);
      valueLow[symbol] = entries.getUint32(at + (littleEndian ? 8 : 12), littleEndian);
    } else valueLow[symbol] = entries.getUint32(at + 4, littleEndian);
  }
  const extended = extendedIndices(elf, section.index, count);
  const table = {
    count,
    name,
    valueHigh,
    valueLow,
    strings,
    entries,
    is64,
    littleEndian,
    extendedIndices: extended,
  };
  for (let symbol = 0; symbol < count; symbol++) {
    if (symbolSection(table, symbol) !== SHN_COMMON) continue;
    const size = symbolSize(table, symbol);
    valueHigh[symbol] = Math.floor(size / 2 ** 32);
    valueLow[symbol] = size;
  }
  return table;
}

// Elf64_Sym and Elf32_Sym order their members differently (gABI, "Symbol Table").

/** st_info: the binding in the upper four bits, the type in the lower. */
export function symbolInfo({ entries, is64 }: SymbolTable, symbol: number): number {
  return entries.getUint8(is64 ? symbol * 24 + 4 : symbol * 16 + 12);
}

/** st_size, in bytes. */
export function symbolSize({ entries, is64, littleEndian }: SymbolTable, symbol: number): number {
  if (!is64) return entries.getUint32(symbol * 16 + 8, littleEndian);
  const first = entries.getUint32(symbol * 24 + 16, littleEndian);
  const second = entries.getUint32(symbol * 24 + 20, littleEndian);
  return littleEndian ? second * 2 ** 32 + first : first * 2 ** 32 + second;
}

/** The index of a symbol's section; SHN_ABS and its like as they stand, extended indices with EXTENDED_INDEX set. */
export function symbolSection(table: SymbolTable, symbol: number): number {
  const { entries, is64, littleEndian, extendedIndices } = table;
  const index = entries.getUint16(is64 ? symbol * 24 + 6 : symbol * 16 + 14, littleEndian);
  if (index !== SHN_XINDEX || extendedIndices === undefined) return index;
  const extended = extendedIndices.getUint32(symbol * 4, littleEndian);
  return extended >= SHN_LORESERVE ? (extended | EXTENDED_INDEX) >>> 0 : extended;
}

/** The content of the symbol table's SHT_SYMTAB_SHNDX section, if it has one. */
function extendedIndices(elf: ElfFile, symtab: number, count: number): DataView | undefined {
  const section = elf.sections.find(({ type, link }) => type === SHT_SYMTAB_SHNDX && link === symtab);
  if (section === undefined || section.size < count * 4) return undefined;
  const bytes = sectionBytes(elf, section).read(0, section.size);
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** A string of the string table. */
export function tableString({ strings }: SymbolTable, offset: number): string {
  return strings.toString("utf8", offset, strings.indexOf(0, offset));
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
  for (let above = symbol - 1; above > 0; above--) {
    if ((symbolInfo(table, above) & 0xf) === STT_FILE) {
      return tableString(table, table.name[above] as number) || null;
    }
  }
  return null;
}
