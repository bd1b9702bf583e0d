import { DAMAGED } from "../elf/byte-source.ts";
import { EM_AARCH64, EM_ARM, EM_MIPS, EM_RISCV } from "../elf/constants.ts";
import type { ElfFile } from "../elf/elf-file.ts";
import { type SymbolTable, symbolNameOffset, tableString } from "../elf/symbol-table.ts";
import { Failure } from "../failure.ts";
import { type WasmMemory, wasmMemory } from "../wasm/program.ts";
import type { Listing } from "./listing.ts";
import { sectionTypeLetters } from "./nm-type-letter.ts";

/** The listing of an ELF file's symbols, and which entry of the symbol table each came from. */
export interface ElfListing extends Listing {
  readonly table: SymbolTable;
  /** Index in the symbol table, by symbol of the listing. */
  readonly tableIndex: Uint32Array;
}

/** Zeros behind the strings, which are read eight bytes at a time. */
const STRING_PADDING = 8;
/** The size of a symbol's record, in bytes, and of the counts that sorting takes (wasm/assembly/listing.ts). */
const RECORD_BYTES = 16;
const COUNTS_BYTES = 2048 * 4;
/** How many of the columns have 32 bits. */
const WORD_COLUMNS = 7;
const BYTE_COLUMNS = 2;
/** In bytes; far above any kernel's listing. */
const TEXT_LIMIT = 1 << 30;
/** Lines written at a time: the engine goes over to better code between two calls. */
const BATCH = 4096;

/**
 * Makes of a symbol table, byte for byte, what GNU `nm -n` prints in the C locale: no section, file or
 * special symbols; the undefined ones first, then by value, then by name; equals in the order of the table.
 *
 * @param bases the address of each section, for the values of a relocatable file, which are offsets in their sections
 *   (layOutSections); nm knows no such addresses
 * @param memory the room for the listing, which replaces an earlier one there
 * @throws Failure for names that overlap so much that their lines fill the memory
 */
export function elfListing(
  elf: ElfFile,
  table: SymbolTable,
  bases?: Uint32Array,
  memory: WasmMemory = wasmMemory(),
): ElfListing {
  memory.release();
  const { program } = memory;
  const place = (bytes: Uint8Array | Uint32Array, padding = 0) => {
    const at = memory.room(bytes.byteLength + padding);
    const room = new Uint8Array(memory.buffer(), at, bytes.byteLength + padding);
    room.set(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    room.fill(0, bytes.byteLength);
    return at;
  };
  const strings = place(table.strings, STRING_PADDING);
  const letters = sectionTypeLetters(elf);
  // bfd extends the sign of 32-bit MIPS addresses (elf_backend_sign_extend_vma), and nm then prints all 16 digits.
  const signExtended = elf.machine === EM_MIPS && !elf.is64;
  program.describeSymbols(
    place(table.words),
    Number(table.is64) | (Number(table.littleEndian) << 1) | (Number(signExtended) << 2),
    table.extendedIndices === undefined ? 0 : place(table.extendedIndices),
    place(letters),
    letters.length,
    strings,
    table.strings.length,
    bases === undefined ? 0 : place(bases),
  );
  const special = specialSymbols(elf, table);
  const left = special === undefined ? 0 : place(special);

  const counts = memory.room(COUNTS_BYTES);
  const undefinedRecords = memory.room(table.count * RECORD_BYTES);
  const spare = memory.room(table.count * RECORD_BYTES);
  const definedRecords = program.collectSymbols(table.count, true, left, undefinedRecords);
  const end = program.collectSymbols(table.count, false, left, definedRecords);
  if (definedRecords === 0 || end === 0) {
    throw new Failure(elf.path, "a symbol's name lies outside the string table", DAMAGED);
  }
  const undefinedCount = (definedRecords - undefinedRecords) / RECORD_BYTES;
  const definedCount = (end - definedRecords) / RECORD_BYTES;
  const count = undefinedCount + definedCount;
  program.sortByName(undefinedRecords, undefinedCount, spare);
  const sorted = program.sortByValue(definedRecords, definedCount, spare, counts);
  program.sortByName(sorted, definedCount, sorted === spare ? definedRecords : spare);

  const textSize =
    program.listingSize(undefinedRecords, undefinedCount) + program.listingSize(sorted, definedCount);
  if (textSize > TEXT_LIMIT)
    throw new Failure(elf.path, "its symbols' names overlap beyond measure", DAMAGED);
  const columns = memory.room(count * (WORD_COLUMNS * 4 + BYTE_COLUMNS));
  const types = columns + count * WORD_COLUMNS * 4;
  const text = memory.room(textSize + STRING_PADDING);
  let written = 0;
  const write = (records: number, from: number, to: number) => {
    for (let row = from; row < to; row += BATCH) {
      const stop = Math.min(to, row + BATCH);
      written = program.writeListing(records, row, stop, text, written, columns, count * 4, types);
    }
  };
  write(undefinedRecords, 0, undefinedCount);
  write(sorted - undefinedCount * RECORD_BYTES, undefinedCount, count);

  const buffer = memory.buffer();
  const words = (column: number) => new Uint32Array(buffer, columns + column * count * 4, count);
  return {
    table,
    source: elf.path,
    text: Buffer.from(buffer, text, written),
    count,
    lineStart: words(0),
    nameStart: words(1),
    nameEnd: words(2),
    addressHigh: words(3),
    addressLow: words(4),
    nameHash: words(5),
    tableIndex: words(6),
    type: new Uint8Array(buffer, types, count),
    defined: new Uint8Array(buffer, types + count, count),
  };
}

/**
 * The names that nm leaves out without --special-syms: bfd's is_target_special_symbol. Mapping and tagging symbols, on
 * RISC-V the assembler's local labels and nameless symbols too.
 */
const SPECIAL_SYMBOLS: Readonly<Record<number, RegExp>> = {
  [EM_ARM]: /^\$[a-z](\.|$)/,
  [EM_AARCH64]: /^\$[xdmfp](\.|$)/,
  // biome-ignore lint/suspicious/noControlCharactersInRegex: gas ends the labels it makes up with ^A or ^B
  [EM_RISCV]: /^($|\$[xd]|\.L|\.\.|_\.L_|L[0-9]+[\x01\x02])/,
};

/** 1 for each special symbol, undefined on architectures that have none. */
function specialSymbols(elf: ElfFile, table: SymbolTable): Uint8Array | undefined {
  const special = SPECIAL_SYMBOLS[elf.machine];
  if (special === undefined) return undefined;
  return Uint8Array.from({ length: table.count }, (_, symbol) =>
    Number(special.test(tableString(table, symbolNameOffset(table, symbol)))),
  );
}
