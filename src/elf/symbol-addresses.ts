import { at } from "../checked-index.ts";
import {
  SHN_ABS,
  SHN_LORESERVE,
  SHN_UNDEF,
  SHN_XINDEX,
  SHT_SYMTAB,
  SHT_SYMTAB_SHNDX,
} from "../constants/elf.ts";
import { damaged } from "../failure.ts";
import { type ByteSource, pagedSource } from "./byte-source.ts";
import { type ElfFile, type Section, sectionBytes } from "./elf-file.ts";

/** Size of the cache of symbols: most relocations refer to the same few sections. */
const KEPT_SYMBOLS = 64;

const SYMBOL_PAGE = 1 << 14;

/** The addresses of the symbols that a relocation section refers to, read on demand. */
export class SymbolAddresses {
  /** The address that `seek` found, in halves. */
  high = 0;
  low = 0;

  readonly #elf: ElfFile;
  readonly #bases: Uint32Array;
  readonly #source: ByteSource;
  readonly #extended: ByteSource | undefined;
  readonly #entrySize: number;
  readonly #kept = new Int32Array(KEPT_SYMBOLS).fill(-1);
  readonly #keptHigh = new Uint32Array(KEPT_SYMBOLS);
  readonly #keptLow = new Uint32Array(KEPT_SYMBOLS);

  /** @throws Failure if the sh_link of the relocation section is not a symbol table */
  constructor(elf: ElfFile, relocations: Section, bases: Uint32Array) {
    this.#elf = elf;
    this.#bases = bases;
    const section = elf.sections[relocations.link];
    if (section?.type !== SHT_SYMTAB) {
      const { name } = sectionBytes(elf, relocations);
      throw damaged(name, `section ${relocations.link} is not its symbol table`);
    }
    const extended = elf.sections.find(
      ({ type, link }) => type === SHT_SYMTAB_SHNDX && link === section.index,
    );
    this.#source = pagedSource(sectionBytes(elf, section), SYMBOL_PAGE);
    this.#extended = extended && sectionBytes(elf, extended);
    this.#entrySize = elf.is64 ? 24 : 16;
  }

  /** Finds the address of a symbol: its section's address plus its st_value; 0 for an undefined or common symbol. */
  seek(symbol: number): void {
    const slot = symbol % KEPT_SYMBOLS;
    if (this.#kept[slot] !== symbol) {
      this.#read(symbol, slot);
      this.#kept[slot] = symbol;
    }
    this.high = at(this.#keptHigh, slot);
    this.low = at(this.#keptLow, slot);
  }

  #read(symbol: number, slot: number): void {
    const { is64, littleEndian } = this.#elf;
    const entry = this.#source.read(symbol * this.#entrySize, this.#entrySize);
    const view = new DataView(entry.buffer, entry.byteOffset, entry.length);
    const index = view.getUint16(is64 ? 6 : 14, littleEndian);
    const high = is64 ? view.getUint32(littleEndian ? 12 : 8, littleEndian) : 0;
    const low = view.getUint32(is64 ? (littleEndian ? 8 : 12) : 4, littleEndian);
    const base = index === SHN_ABS ? 0 : this.#baseOf(symbol, index);
    // The symbol is in no section.
    const nowhere = base === undefined;
    this.#keptHigh[slot] = nowhere ? 0 : high + (low + base >= 2 ** 32 ? 1 : 0);
    this.#keptLow[slot] = nowhere ? 0 : low + base;
  }

  /** The address of a symbol's section; undefined if the symbol is in no section. */
  #baseOf(symbol: number, givenIndex: number): number | undefined {
    const { path, littleEndian } = this.#elf;
    let index = givenIndex;
    if (index === SHN_XINDEX && this.#extended !== undefined) {
      const bytes = this.#extended.read(symbol * 4, 4);
      index = new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, littleEndian);
    } else if (index === SHN_UNDEF || (index >= SHN_LORESERVE && index !== SHN_XINDEX)) return undefined;
    const base = this.#bases[index];
    if (base === undefined) {
      throw damaged(path, `symbol ${symbol} is in section ${index}, which does not exist`);
    }
    return base;
  }
}
