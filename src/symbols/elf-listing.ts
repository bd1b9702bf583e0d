import { EM_AARCH64, EM_ARM, EM_MIPS, EM_RISCV } from "../constants/elf.ts";
import { formatAddress } from "../elf/address.ts";
import type { ElfFile } from "../elf/elf-file.ts";
import { readSymbolTable, type SymbolTable, symbolNameOffset, tableString } from "../elf/symbol-table.ts";
import { damaged } from "../failure.ts";
import { type WasmMemory, wasmMemory } from "../wasm/program.ts";
import type { Listing } from "./listing.ts";
import { sectionTypeLetters } from "./nm-type-letter.ts";
import { kindsOfLetters } from "./symbol-kind.ts";

/** The listing of an ELF file's symbols, and which entry of the symbol table each came from. */
export interface ElfListing extends Listing {
  readonly table: SymbolTable;
  /** Index in the symbol table, by symbol of the listing. */
  readonly tableIndex: Uint32Array;
}

/** What a symbol's key takes, what else is known of it, and the counts for sorting (wasm/assembly/listing.ts). */
const KEY_BYTES = 8;
const KNOWN_BYTES = 16;
const DIGITS = 3;
const COUNTS_BYTES = DIGITS * 4096 * 4;
/** Of the columns, six have 32 bits, one has eight. */
const COLUMN_BYTES = 6 * 4 + 1;
/** The listing's text is not kept: this much of it is made at a time. */
const TEXT_BYTES = 1 << 18;
/** In bytes; far above any kernel's. */
const NAMES_LIMIT = 1 << 30;
/** Symbols worked on at a time: the engine goes over to better code between two calls. */
const BATCH = 4096;

/**
 * Lists an ELF file's symbols as, byte for byte, GNU `nm -n` does in the C locale: no section, file or special symbols; the
 * undefined ones first, then by value, then by name; equals in the order of the table.
 *
 * @param bases the address of each section, for the values of a relocatable file, which are offsets in their sections
 *   (layOutSections); nm knows no such addresses
 * @param memory the room for the listing, which replaces an earlier one there
 * @returns undefined for a file without a symbol table
 * @throws Failure for a table that contradicts itself, and for names that overlap beyond measure
 */
export function elfListing(
  elf: ElfFile,
  bases?: Uint32Array,
  memory: WasmMemory = wasmMemory(),
): ElfListing | undefined {
  memory.release();
  const table = readSymbolTable(elf, (bytes) => {
    const start = memory.room(bytes);
    return new Uint8Array(memory.buffer(), start, bytes);
  });
  return table && listSymbols(elf, table, bases, memory);
}

function listSymbols(
  elf: ElfFile,
  table: SymbolTable,
  bases: Uint32Array | undefined,
  memory: WasmMemory,
): ElfListing {
  const { count } = table;
  const special = SPECIAL_SYMBOLS[elf.machine];
  const sectionLetters = sectionTypeLetters(elf);
  const place = ({ buffer, byteOffset, byteLength }: Uint8Array | Uint32Array) => {
    const copy = memory.room(byteLength);
    new Uint8Array(memory.buffer(), copy, byteLength).set(new Uint8Array(buffer, byteOffset, byteLength));
    return copy;
  };
  const { program } = memory;
  const columns = memory.room(count * COLUMN_BYTES);
  const text = memory.room(TEXT_BYTES);
  // What follows is of no use when the columns are filled.
  const spare = memory.room(0);
  // bfd extends the sign of 32-bit MIPS addresses (elf_backend_sign_extend_vma), and nm then prints all 16 digits.
  const signExtended = elf.machine === EM_MIPS && !elf.is64;
  program.describeSymbols(
    table.words.byteOffset,
    Number(table.is64) | (Number(table.littleEndian) << 1) | (Number(signExtended) << 2),
    table.extendedIndices?.byteOffset ?? 0,
    place(sectionLetters),
    sectionLetters.length,
    table.strings.byteOffset,
    table.strings.length,
    bases === undefined ? 0 : place(bases),
    memory.room(count * KNOWN_BYTES),
  );
  const left = special === undefined ? 0 : place(matchingNames(table, special));
  const counts = memory.room(COUNTS_BYTES);
  new Uint8Array(memory.buffer(), counts, COUNTS_BYTES).fill(0);
  const keys = memory.room(count * KEY_BYTES);
  let keysEnd = keys;
  for (let symbol = 1; symbol < count; symbol += BATCH) {
    keysEnd = program.collectSymbols(symbol, Math.min(count, symbol + BATCH), left, keysEnd, counts);
    if (keysEnd === 0) throw damaged(elf.path, "a symbol's name lies outside the string table");
    if (program.namesLength() > NAMES_LIMIT)
      throw damaged(elf.path, "its symbols' names overlap beyond measure");
  }
  const listed = (keysEnd - keys) / KEY_BYTES;
  const undefinedCount = program.undefinedSymbols();
  // Sorting needs the room of the columns first.
  sortKeys(memory, { keys, keysEnd, spare: columns, counts });
  const stride = listed * 4;
  for (let row = 0; row < listed; row += BATCH) {
    program.fillColumns(keys, row, Math.min(listed, row + BATCH), columns, stride);
  }
  memory.release(spare);
  const words = (column: number) => new Uint32Array(memory.buffer(), columns + column * stride, listed);
  const letters = new Uint8Array(memory.buffer(), columns + 6 * stride, listed);
  const listing = {
    table,
    source: elf.path,
    text: table.strings,
    count: listed,
    nameStart: words(0),
    nameEnd: words(1),
    addressHigh: words(2),
    addressLow: words(3),
    nameHash: words(4),
    tableIndex: words(5),
    type: letters,
    kind: kindsOfLetters(letters),
  };
  const beforeName = (symbol: number) => {
    const high = listing.addressHigh[symbol] as number;
    const low = listing.addressLow[symbol] as number;
    const digits = formatAddress(high, low).slice(elf.is64 || high !== 0 ? 0 : 8);
    const address = symbol < undefinedCount ? " ".repeat(digits.length) : digits;
    return `${address} ${String.fromCharCode(listing.type[symbol] as number)} `;
  };
  return {
    ...listing,
    *lines(added = []) {
      const room = Buffer.from(memory.buffer(), text, TEXT_BYTES);
      let used = 0;
      let row = 0;
      for (const [symbol, name] of [...added, [listed - 1] as const]) {
        const end = symbol + 1;
        while (row < end) {
          const left = TEXT_BYTES - used;
          used += program.writeLines(columns, stride, undefinedCount, row, end, text + used, left);
          row = program.rowsWritten();
          if (row === end) break;
          if (used > 0) yield room.subarray(0, used);
          else {
            // A name that is longer than the room.
            yield Buffer.from(beforeName(row));
            yield table.strings.subarray(listing.nameStart[row], listing.nameEnd[row++]);
            yield Buffer.from("\n");
          }
          used = 0;
        }
        if (name === undefined) break;
        const line = `${beforeName(symbol)}${name}\n`;
        // A character takes three bytes at most.
        if (used + line.length * 3 > TEXT_BYTES) {
          yield room.subarray(0, used);
          used = 0;
        }
        if (line.length * 3 > TEXT_BYTES) yield Buffer.from(line);
        else used += room.write(line, used);
      }
      yield room.subarray(0, used);
    },
  };
}

/** Sorts keys that have been counted, where they are. */
function sortKeys(
  { program, buffer }: WasmMemory,
  { keys, keysEnd, spare, counts }: Record<"keys" | "keysEnd" | "spare" | "counts", number>,
): void {
  const bytes = keysEnd - keys;
  const step = BATCH * KEY_BYTES;
  let from = keys;
  let to = spare;
  for (let digit = 0; digit < DIGITS; digit++) {
    if (!program.placeDigit(digit, from, bytes / KEY_BYTES, counts)) continue;
    for (let done = 0; done < bytes; done += step) {
      program.distribute(digit, from + done, from + Math.min(bytes, done + step), to, counts);
    }
    [from, to] = [to, from];
  }
  if (from === spare) new Uint8Array(buffer()).copyWithin(keys, spare, spare + bytes);
  program.sortKeys(keys, bytes / KEY_BYTES, spare);
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

/** 1 for each symbol whose name matches. */
function matchingNames(table: SymbolTable, pattern: RegExp): Uint8Array {
  return Uint8Array.from({ length: table.count }, (_, symbol) =>
    Number(pattern.test(tableString(table, symbolNameOffset(table, symbol)))),
  );
}
