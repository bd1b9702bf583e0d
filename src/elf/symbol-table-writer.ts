import { endianness } from "node:os";
import type { SymbolTable } from "./symbol-table.ts";

/** Whether two symbols are equal except for the name. */
export function differInNameOnly(
  { words, count, extendedIndices }: SymbolTable,
  a: number,
  b: number,
): boolean {
  const stride = words.length / count;
  // The first word is st_name.
  for (let word = 1; word < stride; word++) {
    if (words[a * stride + word] !== words[b * stride + word]) return false;
  }
  return extendedIndices?.[a] === extendedIndices?.[b];
}

/** A copy of an existing symbol with another name, to be added. */
export interface SymbolCopy {
  /** Index of the copied symbol. */
  readonly original: number;
  /** Index of the old symbol before which the copy is inserted. */
  readonly before: number;
  readonly name: string;
}

/** A symbol table with added copies, as the bytes of its sections. */
export interface GrownSymbolTable {
  readonly symbols: Uint8Array;
  /** The bytes to append to the old string table. */
  readonly names: Uint8Array;
  /** The content of SHT_SYMTAB_SHNDX, if that section exists. */
  readonly extendedIndices: Uint8Array | undefined;
  /** The new index of each old symbol; the last entry is the new symbol count. */
  readonly moved: Uint32Array;
}

/** Adds copies of symbols to a symbol table. @param copies sorted by `before` */
export function addSymbolCopies(table: SymbolTable, copies: readonly SymbolCopy[]): GrownSymbolTable {
  const stride = table.words.length / table.count;
  const words = repeated(table.words, stride, copies);
  let nameOffset = table.strings.length;
  copies.forEach(({ before, name }, copy) => {
    words[(before + copy) * stride] = nameOffset;
    nameOffset += Buffer.byteLength(name) + 1;
  });
  const extended = table.extendedIndices && repeated(table.extendedIndices, 1, copies);
  return {
    symbols: bytesOf(words, table.littleEndian),
    names: Buffer.from(copies.map(({ name }) => `${name}\0`).join("")),
    extendedIndices: extended && bytesOf(extended, table.littleEndian),
    moved: movedIndices(table.count, copies),
  };
}

/** A table of entries of `stride` words each, with the copies inserted. */
function repeated(words: Uint32Array, stride: number, copies: readonly SymbolCopy[]): Uint32Array {
  const result = new Uint32Array(words.length + copies.length * stride);
  let done = 0;
  copies.forEach(({ original, before }, copy) => {
    result.set(words.subarray(done * stride, before * stride), (done + copy) * stride);
    result.set(words.subarray(original * stride, (original + 1) * stride), (before + copy) * stride);
    done = before;
  });
  result.set(words.subarray(done * stride), (done + copies.length) * stride);
  return result;
}

function movedIndices(count: number, copies: readonly SymbolCopy[]): Uint32Array {
  const moved = new Uint32Array(count + 1);
  let passed = 0;
  let next = copies[passed];
  for (let symbol = 0; symbol <= count; symbol++) {
    while (next !== undefined && next.before <= symbol) next = copies[++passed];
    moved[symbol] = symbol + passed;
  }
  return moved;
}

/** Converts words from the machine's byte order to the file's, in place. Do not use the words afterwards. */
function bytesOf({ buffer }: Uint32Array, littleEndian: boolean): Buffer {
  const bytes = Buffer.from(buffer);
  return littleEndian === (endianness() === "LE") ? bytes : bytes.swap32();
}
