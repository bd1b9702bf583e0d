import { at } from "../checked-index.ts";
import { EM_MIPS, SHT_RELA } from "../constants/elf.ts";
import { damaged, type Failure } from "../failure.ts";
import type { ByteSource } from "./byte-source.ts";
import { type ElfFile, type Section, sectionBytes } from "./elf-file.ts";

/** Number of entries read at a time. */
const WINDOW_ENTRIES = 256;

/** Number of interpolation steps before the search falls back to bisection. */
const GUESSES = 4;

/**
 * The entries of a relocation section (gABI, "Relocation"), ordered by offset; entries at the same offset keep their order.
 * Assemblers and linkers usually write sorted tables, so a search reads only a few windows of a table with millions of
 * entries. A table that turns out to be unsorted is then sorted.
 */
export class RelocationTable {
  /** The entry that `seek` read: r_offset, the symbol and type of r_info, and the halves of r_addend (0 in SHT_REL). */
  offset = 0;
  symbol = 0;
  type = 0;
  addendHigh = 0;
  addendLow = 0;

  readonly #source: ByteSource;
  readonly #elf: ElfFile;
  readonly #hasAddend: boolean;
  readonly #count: number;
  readonly #targetSize: number;
  readonly #entrySize: number;
  #windowEntries = WINDOW_ENTRIES;
  #window = new DataView(new ArrayBuffer(0));
  #windowFirst = 0;
  #windowEnd = 0;
  #firstOffset: number | undefined;
  #lastOffset: number | undefined;
  /** The sorted order of an unsorted table. */
  #order: Uint32Array | undefined;

  /**
   * @param targetSize size of the section that the relocations apply to, decompressed, in bytes
   * @throws Failure if the section's size is not a multiple of the entry size
   */
  constructor(elf: ElfFile, section: Section, targetSize: number) {
    this.#source = sectionBytes(elf, section);
    this.#elf = elf;
    this.#hasAddend = section.type === SHT_RELA;
    this.#targetSize = targetSize;
    this.#entrySize = (this.#hasAddend ? 3 : 2) * (elf.is64 ? 8 : 4);
    this.#count = section.size / this.#entrySize;
    if (!Number.isInteger(this.#count)) {
      throw this.failure(`${section.size} bytes are not a table of ${this.#entrySize}-byte relocations`);
    }
  }

  failure(problem: string): Failure {
    return damaged(this.#source.name, problem);
  }

  /**
   * The entries whose offsets are in [start, end), as a range of indices for `seek`.
   *
   * @throws Failure if the search meets an entry whose offset is outside the section
   */
  between(start: number, end: number): [from: number, to: number] {
    const found = this.#sortedBetween(start, end);
    if (found !== undefined) return found;
    this.#sort();
    return this.between(start, end);
  }

  /** The same; undefined if the search meets entries that are out of order. */
  #sortedBetween(start: number, end: number): [from: number, to: number] | undefined {
    const last = this.#count - 1;
    // Invariant: entries before `from` have offsets below `start`; entries from `to` on do not.
    let from = 0;
    let to = this.#count;
    this.#firstOffset ??= this.#offsetOf(0);
    this.#lastOffset ??= this.#offsetOf(last);
    let below = this.#firstOffset;
    let above = this.#lastOffset;
    if (below > above) return undefined;
    for (let probes = 0; from < to; probes++) {
      // Offsets are usually spread evenly: interpolate first.
      const share = probes < GUESSES ? (start - below) / (above - below + 1) : 0.5;
      const middle = from + Math.floor(Math.min(Math.max(share, 0), 1) * (to - from - 1));
      const offset = this.#offsetOf(middle);
      if (offset < below || offset > above) return undefined;
      if (offset < start) {
        from = middle + 1;
        below = offset;
      } else {
        to = middle;
        above = offset;
      }
    }
    // Also check two neighbours on each side: are these entries out of order?
    let previous = 0;
    for (let i = Math.max(0, from - 2); i <= last && i < to + 2; i++) {
      const offset = this.#offsetOf(i);
      if (offset < previous) return undefined;
      previous = offset;
      if (offset < end) to = Math.max(to, i + 1);
    }
    return [from, to];
  }

  #sort(): void {
    this.#windowEntries = this.#count;
    const offsets = new Float64Array(this.#count);
    for (let i = 0; i < offsets.length; i++) offsets[i] = this.#offsetOf(i);
    const order = new Uint32Array(this.#count).map((_, i) => i);
    order.sort((a, b) => at(offsets, a) - at(offsets, b) || a - b);
    this.#order = order;
    this.#firstOffset = undefined;
    this.#lastOffset = undefined;
  }

  #offsetOf(index: number): number {
    const offset = this.#offsetAt(this.#locate(index));
    if (offset >= this.#targetSize) {
      throw this.failure(
        `offset 0x${offset.toString(16)} is outside the section's ${this.#targetSize} bytes`,
      );
    }
    return offset;
  }

  #offsetAt(at: number): number {
    const { is64, littleEndian } = this.#elf;
    const first = this.#window.getUint32(at, littleEndian);
    if (!is64) return first;
    const second = this.#window.getUint32(at + 4, littleEndian);
    return littleEndian ? second * 2 ** 32 + first : first * 2 ** 32 + second;
  }

  /** Reads an entry found by `between` into `offset`, `symbol`, `type`, `addendHigh` and `addendLow`. */
  seek(index: number): void {
    const at = this.#locate(index);
    this.offset = this.#offsetAt(at);
    const window = this.#window;
    const { is64, littleEndian, machine } = this.#elf;
    if (!is64) {
      const info = window.getUint32(at + 4, littleEndian);
      this.symbol = info >>> 8;
      this.type = info & 0xff;
      if (this.#hasAddend) {
        this.addendLow = window.getUint32(at + 8, littleEndian);
        this.addendHigh = this.addendLow >= 0x80000000 ? 0xffffffff : 0;
      }
      return;
    }
    if (machine === EM_MIPS) {
      // r_sym, then four single bytes, the same in both byte orders: r_ssym, r_type3, r_type2, r_type (MIPS "64-bit ELF").
      this.symbol = window.getUint32(at + 8, littleEndian);
      this.type = window.getUint32(at + 12, false);
    } else {
      this.symbol = window.getUint32(at + (littleEndian ? 12 : 8), littleEndian);
      this.type = window.getUint32(at + (littleEndian ? 8 : 12), littleEndian);
    }
    if (this.#hasAddend) {
      this.addendLow = window.getUint32(at + (littleEndian ? 16 : 20), littleEndian);
      this.addendHigh = window.getUint32(at + (littleEndian ? 20 : 16), littleEndian);
    }
  }

  /** Moves the window to an entry. @returns the entry's position in the window */
  #locate(sortedIndex: number): number {
    const index = this.#order?.[sortedIndex] ?? sortedIndex;
    if (index < this.#windowFirst || index >= this.#windowEnd) {
      const first = index - (index % this.#windowEntries);
      const end = Math.min(first + this.#windowEntries, this.#count);
      const size = (end - first) * this.#entrySize;
      let { buffer } = this.#window;
      if (buffer.byteLength < size) buffer = new ArrayBuffer(size);
      // If the read fails, the window must be empty.
      this.#windowEnd = 0;
      this.#source.read(first * this.#entrySize, size, new Uint8Array(buffer));
      this.#window = new DataView(buffer);
      this.#windowFirst = first;
      this.#windowEnd = end;
    }
    return (index - this.#windowFirst) * this.#entrySize;
  }
}
