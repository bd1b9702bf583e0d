import { SHT_REL, SHT_RELA } from "../constants/elf.ts";
import type { ByteSource } from "../elf/byte-source.ts";
import { Cursor } from "../elf/cursor.ts";
import { type ElfFile, type Section, sectionBytes } from "../elf/elf-file.ts";
import { RelocationTable } from "../elf/relocation-table.ts";
import {
  type SymbolTable,
  sectionIndexOf,
  symbolNameOffset,
  symbolValueLow,
  tableString,
} from "../elf/symbol-table.ts";

/** A pointer in the data of a relocatable file, and its target. */
export interface Pointer {
  /** Offset of the pointer in its section, in bytes. */
  readonly at: number;
  /** The name of the symbol in its relocation; empty for a section symbol. */
  readonly symbol: string;
  /** The target section, undefined for a symbol without a section, and the offset in it. */
  readonly section: Section | undefined;
  readonly offset: number;
}

/** The pointers in each section of a relocatable file, found through their relocations. */
export type Pointers = ReadonlyMap<Section, ReadonlyMap<number, Pointer>>;

/**
 * Reads the relocations of some sections.
 *
 * @param wanted whether to read the relocations that apply to a section
 */
export function readPointers(
  elf: ElfFile,
  table: SymbolTable,
  wanted: (section: Section) => boolean,
): Pointers {
  const pointers = new Map<Section, Map<number, Pointer>>();
  for (const relocations of elf.sections) {
    const section = elf.sections[relocations.info];
    const isTable = relocations.type === SHT_REL || relocations.type === SHT_RELA;
    if (!isTable || relocations.size === 0 || section === undefined || !wanted(section)) continue;
    const found = pointers.get(section) ?? new Map<number, Pointer>();
    for (const { at, symbol, addend } of relocationsOf(elf, relocations, section)) {
      if (symbol >= table.count) continue;
      const target = elf.sections[sectionIndexOf(table, symbol)];
      const isNowhere = target === undefined || target.index === 0;
      found.set(at, {
        at,
        symbol: tableString(table, symbolNameOffset(table, symbol)),
        section: isNowhere ? undefined : target,
        offset: symbolValueLow(table, symbol) + addend,
      });
    }
    pointers.set(section, found);
  }
  return pointers;
}

/** A relocation: its offset in its section, its symbol's index, and its addend if it has one (SHT_RELA). */
export interface Relocation {
  readonly at: number;
  readonly symbol: number;
  readonly addend: number;
}

/** The relocations in a relocation section, sorted by offset; addends of SHT_REL are read as 32-bit words. */
export function* relocationsOf(elf: ElfFile, relocations: Section, target: Section): Generator<Relocation> {
  if (relocations.size === 0) return;
  const entries = new RelocationTable(elf, relocations, target.size);
  const hasAddend = relocations.type === SHT_RELA;
  const content = sectionBytes(elf, target);
  const [from, to] = entries.between(0, target.size);
  for (let i = from; i < to; i++) {
    entries.seek(i);
    const { offset: at, symbol, addendHigh, addendLow } = entries;
    const addend = hasAddend ? (addendHigh | 0) * 2 ** 32 + addendLow : wordAt(elf, content, at);
    yield { at, symbol, addend };
  }
}

function wordAt({ littleEndian }: ElfFile, content: ByteSource, at: number): number {
  return at + 4 <= content.size ? new Cursor(content, at, at + 4, littleEndian).u32() | 0 : 0;
}
