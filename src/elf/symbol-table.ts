import { Failure } from "../failure.ts";
import { DAMAGED } from "./byte-source.ts";
import {
  SHN_LORESERVE,
  SHN_XINDEX,
  SHT_STRTAB,
  SHT_SYMTAB,
  SHT_SYMTAB_SHNDX,
  STB_LOCAL,
  STT_FILE,
} from "./constants.ts";
import { type ElfFile, sectionBytes } from "./elf-file.ts";

/** The symbols of an ELF file in columns, indexed as in its `.symtab`; entry 0 is the null symbol. */
export interface SymbolTable {
  readonly count: number;
  /** Offset of the name in `strings`. */
  readonly name: Uint32Array;
  readonly valueHigh: Uint32Array;
  readonly valueLow: Uint32Array;
  /** In bytes. */
  readonly size: Float64Array;
  /** st_info: binding in the upper four bits, type in the lower. */
  readonly info: Uint8Array;
  /** Index of the section, extended indices resolved; SHN_ABS and its like as they stand. */
  readonly section: Uint32Array;
  /** The string table, which ends with a NUL; STRING_PADDING zeros follow it in the underlying buffer. */
  readonly strings: Buffer;
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
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const little = elf.littleEndian;
  const extended = extendedIndices(elf, section.index, count);
  const table = {
    count,
    name: new Uint32Array(count),
    valueHigh: new Uint32Array(count),
    valueLow: new Uint32Array(count),
    size: new Float64Array(count),
    info: new Uint8Array(count),
    section: new Uint32Array(count),
    strings,
  };
  // Elf64_Sym and Elf32_Sym order their members differently (gABI, "Symbol Table").
  for (let symbol = 0, at = 0; symbol < count; symbol++, at += entrySize) {
    const name = view.getUint32(at, little);
    if (name >= strings.length) throw fault(`the name of symbol ${symbol} lies outside the string table`);
    table.name[symbol] = name;
    let index: number;
    if (elf.is64) {
      table.info[symbol] = view.getUint8(at + 4);
      index = view.getUint16(at + 6, little);
      const first = view.getUint32(at + 8, little);
      const second = view.getUint32(at + 12, little);
      table.valueHigh[symbol] = little ? second : first;
      table.valueLow[symbol] = little ? first : second;
      const sizeFirst = view.getUint32(at + 16, little);
      const sizeSecond = view.getUint32(at + 20, little);
      table.size[symbol] = little ? sizeSecond * 2 ** 32 + sizeFirst : sizeFirst * 2 ** 32 + sizeSecond;
    } else {
      table.valueLow[symbol] = view.getUint32(at + 4, little);
      table.size[symbol] = view.getUint32(at + 8, little);
      table.info[symbol] = view.getUint8(at + 12);
      index = view.getUint16(at + 14, little);
    }
    if (index === SHN_XINDEX && extended !== undefined) {
      index = extended.getUint32(symbol * 4, little);
      if (index >= SHN_LORESERVE) index = (index | EXTENDED_INDEX) >>> 0;
    }
    table.section[symbol] = index;
  }
  return table;
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
  if ((table.info[symbol] as number) >> 4 !== STB_LOCAL) return null;
  for (let above = symbol - 1; above > 0; above--) {
    if (((table.info[above] as number) & 0xf) === STT_FILE) {
      return tableString(table, table.name[above] as number) || null;
    }
  }
  return null;
}
