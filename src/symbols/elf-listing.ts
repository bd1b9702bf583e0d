import { at } from "../checked-index.ts";
import {
  EM_AARCH64,
  EM_ARM,
  EM_MIPS,
  EM_RISCV,
  EM_X86_64,
  SHN_COMMON,
  SHN_MIPS_SCOMMON,
  SHN_X86_64_LCOMMON,
} from "../constants/elf.ts";
import { formatAddress } from "../elf/address.ts";
import type { ElfFile } from "../elf/elf-file.ts";
import {
  loadSymbolTable,
  readSymbolsWithoutLabels,
  readSymbolTable,
  type SymbolTable,
  symbolNameOffset,
  tableString,
} from "../elf/symbol-table.ts";
import { damaged } from "../failure.ts";
import {
  COLUMN_ADDRESS_HIGH,
  COLUMN_ADDRESS_LOW,
  COLUMN_NAME_END,
  COLUMN_NAME_HASH,
  COLUMN_NAME_START,
  COLUMN_TABLE_INDEX,
  COLUMN_TYPE,
  COLUMNS_BYTES,
  DIGIT_COUNTS_BYTES,
  FILE_IS_64,
  FILE_IS_LITTLE_ENDIAN,
  FILE_MARKS_THUMB,
  KEY_BYTES,
  KEY_DIGITS,
  KNOWN_BYTES,
  NAME_OUTSIDE_STRINGS,
} from "../wasm/layout.ts";
import { type WasmMemory, wasmMemory } from "../wasm/program.ts";
import { type Listing, unlistable } from "./listing.ts";
import { sectionTypeLetters } from "./nm-type-letter.ts";
import { kindOfSection } from "./symbol-kind.ts";

/**
 * The listing of an ELF file's symbols, with the symbol table index of each. It stays in the memory in which it was created:
 * once that memory has another listing, all members but `source` and `count` throw.
 */
export interface ElfListing extends Listing {
  readonly table: SymbolTable;
  /** Index in `table`, by symbol of the listing. */
  readonly tableIndex: Uint32Array;
}

/** The listing's text is not stored: it is generated in chunks of this many bytes. */
const TEXT_BYTES = 1 << 18;
/** In bytes; far above any kernel's. */
const NAMES_LIMIT = 1 << 30;
/** Symbols per call: the engine can switch to better code only between two calls. */
const BATCH = 4096;

/**
 * Lists an ELF file's symbols, byte for byte as GNU `nm -n` does in the C locale: no section, file or special symbols;
 * undefined symbols first, then sorted by value, then by name; equal ones in the order of the table.
 *
 * @param bases the address of each section, for the values of a relocatable file, which are offsets in their sections
 *   (layOutSections); nm does not use such addresses
 * @param memory the memory for the listing; invalidates an earlier listing there
 * @returns undefined for a file without a symbol table
 * @throws Failure for a table that contradicts itself, and for names that overlap too much
 */
export function elfListing(
  elf: ElfFile,
  bases?: Uint32Array,
  memory: WasmMemory = wasmMemory(),
): ElfListing | undefined {
  const table = readSymbolTable(elf, listingRoom(elf, memory));
  return table && listSymbols(elf, table, bases, memory);
}

/** Lists an ELF file's symbols as elfListing does, without local labels and mapping symbols, which are in no kallsyms. */
export function listingWithoutLabels(
  elf: ElfFile,
  bases: Uint32Array,
  memory: WasmMemory,
): ElfListing | undefined {
  const table = readSymbolsWithoutLabels(elf, listingRoom(elf, memory));
  return table && listSymbols(elf, table, bases, memory);
}

/** Lists an ELF file's symbols as elfListing does; another thread reads them while this one goes on. */
export async function loadElfListing(elf: ElfFile, bases: Uint32Array): Promise<ElfListing | undefined> {
  const memory = wasmMemory();
  const table = await loadSymbolTable(elf, listingRoom(elf, memory));
  return table && listSymbols(elf, table, bases, memory);
}

/** Allocates from the start of the memory. */
function listingRoom({ path }: ElfFile, memory: WasmMemory) {
  memory.release();
  return (bytes: number) => {
    const start = memory.room(bytes, path);
    return new Uint8Array(memory.buffer(), start, bytes);
  };
}

function listSymbols(
  elf: ElfFile,
  table: SymbolTable,
  bases: Uint32Array | undefined,
  memory: WasmMemory,
): ElfListing {
  const { program } = memory;
  const columns = memory.room(table.count * COLUMNS_BYTES, elf.path);
  const text = memory.room(TEXT_BYTES);
  // The memory allocated after this is not needed once the columns are filled.
  const spare = memory.room(0);
  describeSymbols(elf, table, bases, memory);
  const keys = collectKeys(elf, table, memory);
  // Sorting uses the columns' memory first.
  sortKeys(memory, keys, columns);
  const count = keys.bytes / KEY_BYTES;
  const stride = count * 4;
  for (let row = 0; row < count; row += BATCH) {
    program.fillColumns(keys.start, row, Math.min(count, row + BATCH), columns, stride);
  }
  memory.release(spare);
  const words = (column: number) => new Uint32Array(memory.buffer(), columns + column * stride, count);
  const letters = new Uint8Array(memory.buffer(), columns + COLUMN_TYPE * stride, count);
  const listed: ListedColumns = {
    source: elf.path,
    count,
    table,
    memory,
    text: table.strings,
    nameStart: words(COLUMN_NAME_START),
    nameEnd: words(COLUMN_NAME_END),
    addressHigh: words(COLUMN_ADDRESS_HIGH),
    addressLow: words(COLUMN_ADDRESS_LOW),
    nameHash: words(COLUMN_NAME_HASH),
    tableIndex: words(COLUMN_TABLE_INDEX),
    type: letters,
    kind: new Uint8Array(memory.buffer(), letters.byteOffset + count, count),
  };
  const room = Buffer.from(memory.buffer(), text, TEXT_BYTES);
  const undefinedCount = program.undefinedSymbols();
  const write: LineWriter = (row, end, used) => {
    const start = text + used;
    const bytes = program.writeLines(columns, stride, undefinedCount, row, end, start, TEXT_BYTES - used);
    return { bytes, row: program.rowsWritten() };
  };
  return whileHeld(listed, memory.hold(), (added) => lines(listed, undefinedCount, room, write, added));
}

type ListedColumns = Omit<ElfListing, "lines"> & { readonly memory: WasmMemory };

/** A listing whose members check that it is still in its memory. */
function whileHeld(listed: ListedColumns, check: () => void, makeLines: Listing["lines"]): ElfListing {
  const checked = <T>(value: T): T => {
    check();
    return value;
  };
  return {
    source: listed.source,
    count: listed.count,
    memory: listed.memory,
    get table() {
      return checked(listed.table);
    },
    get text() {
      return checked(listed.text);
    },
    get nameStart() {
      return checked(listed.nameStart);
    },
    get nameEnd() {
      return checked(listed.nameEnd);
    },
    get addressHigh() {
      return checked(listed.addressHigh);
    },
    get addressLow() {
      return checked(listed.addressLow);
    },
    get nameHash() {
      return checked(listed.nameHash);
    },
    get tableIndex() {
      return checked(listed.tableIndex);
    },
    get type() {
      return checked(listed.type);
    },
    get kind() {
      return checked(listed.kind);
    },
    *lines(added) {
      check();
      for (const piece of makeLines(added)) {
        yield piece;
        check();
      }
    },
  };
}

/** Passes the program the location of the symbol table, and the file's properties that it needs. */
function describeSymbols(
  elf: ElfFile,
  table: SymbolTable,
  bases: Uint32Array | undefined,
  memory: WasmMemory,
): void {
  const letters = sectionTypeLetters(elf);
  const kinds = Uint8Array.from(elf.sections, (section, i) => kindOfSection(section, at(letters, i)));
  const [commonIndex, commonLetter] = PROCESSOR_COMMON[elf.machine] ?? [SHN_COMMON, "C"];
  memory.program.describeSymbols(
    table.words.byteOffset,
    (table.is64 ? FILE_IS_64 : 0) |
      (table.littleEndian ? FILE_IS_LITTLE_ENDIAN : 0) |
      (table.marksThumb ? FILE_MARKS_THUMB : 0),
    table.extendedIndices?.byteOffset ?? 0,
    place(memory, letters),
    place(memory, kinds),
    letters.length,
    commonIndex,
    commonLetter.charCodeAt(0),
    table.strings.byteOffset,
    table.strings.length,
    bases === undefined ? 0 : place(memory, bases),
    memory.room(table.count * KNOWN_BYTES, elf.path),
  );
}

/** Copies bytes into a memory; returns their offset. */
function place(memory: WasmMemory, { buffer, byteOffset, byteLength }: Uint8Array | Uint32Array): number {
  const copy = memory.room(byteLength);
  new Uint8Array(memory.buffer(), copy, byteLength).set(new Uint8Array(buffer, byteOffset, byteLength));
  return copy;
}

/** The keys of symbols, and the number of keys with each value of each digit. */
interface Keys {
  readonly start: number;
  readonly bytes: number;
  readonly counts: number;
}

/** Creates the keys of the symbols that nm lists. */
function collectKeys(elf: ElfFile, table: SymbolTable, memory: WasmMemory): Keys {
  const { count } = table;
  const { program } = memory;
  const special = SPECIAL_SYMBOLS[elf.machine];
  const left = special === undefined ? 0 : place(memory, matchingNames(table, special));
  const counts = memory.room(DIGIT_COUNTS_BYTES);
  new Uint8Array(memory.buffer(), counts, DIGIT_COUNTS_BYTES).fill(0);
  const start = memory.room(count * KEY_BYTES, elf.path);
  let end = start;
  for (let symbol = 1; symbol < count; symbol += BATCH) {
    end = program.collectSymbols(symbol, Math.min(count, symbol + BATCH), left, end, counts);
    if (end === NAME_OUTSIDE_STRINGS) throw damaged(elf.path, "a symbol's name is outside the string table");
    if (program.namesLength() > NAMES_LIMIT) throw damaged(elf.path, "its symbol names overlap too much");
  }
  return { start, bytes: end - start, counts };
}

/** Writes the lines of rows [row, end) after the `used` bytes of the room, as many as fit; returns the row after the last one. */
type LineWriter = (row: number, end: number, used: number) => { bytes: number; row: number };

/** The lines of a listing, in pieces in the room, each valid until the next is requested. */
function* lines(
  { text, nameStart, nameEnd, count, ...listed }: ListedColumns,
  undefinedCount: number,
  room: Buffer,
  write: LineWriter,
  added: Iterable<readonly [symbol: number, name: string]> = [],
): Generator<Uint8Array> {
  if (text.includes(LINE_FEED)) checkLines({ source: listed.source, text, nameStart, nameEnd, count });
  const beforeName = (symbol: number) => lineStart(listed, symbol, symbol < undefinedCount);
  let used = 0;
  let row = 0;
  const rest: readonly [number, undefined] = [count - 1, undefined];
  for (const [symbol, name] of [...added, rest]) {
    const end = symbol + 1;
    while (row < end) {
      const written = write(row, end, used);
      used += written.bytes;
      row = written.row;
      if (row === end) break;
      if (used > 0) yield room.subarray(0, used);
      else {
        // A line longer than the room.
        yield Buffer.from(beforeName(row));
        yield text.subarray(nameStart[row], nameEnd[row++]);
        yield Buffer.from("\n");
      }
      used = 0;
    }
    if (name === undefined) break;
    const line = `${beforeName(symbol)}${name}\n`;
    // A character takes three bytes at most.
    if (used + line.length * 3 > room.length) {
      yield room.subarray(0, used);
      used = 0;
    }
    if (line.length * 3 > room.length) yield Buffer.from(line);
    else used += room.write(line, used);
  }
  yield room.subarray(0, used);
}

/** @throws Failure for a name that has a line feed, and would forge a line */
function checkLines({
  source,
  text,
  nameStart,
  nameEnd,
  count,
}: Pick<ListedColumns, "source" | "text" | "nameStart" | "nameEnd" | "count">): void {
  for (let symbol = 0; symbol < count; symbol++) {
    const name = text.subarray(nameStart[symbol], nameEnd[symbol]);
    if (name.includes(LINE_FEED)) throw unlistable(source, name.toString());
  }
}

const LINE_FEED = 0x0a;

/** The part of a line before the name. */
function lineStart(
  {
    table,
    addressHigh,
    addressLow,
    type,
  }: Pick<ListedColumns, "table" | "addressHigh" | "addressLow" | "type">,
  symbol: number,
  isUndefined: boolean,
): string {
  const high = at(addressHigh, symbol);
  const digits = formatAddress(high, at(addressLow, symbol)).slice(table.is64 || high !== 0 ? 0 : 8);
  const address = isUndefined ? " ".repeat(digits.length) : digits;
  return `${address} ${String.fromCharCode(at(type, symbol))} `;
}

/** Sorts keys in place. */
function sortKeys({ program, buffer }: WasmMemory, { start, bytes, counts }: Keys, spare: number): void {
  const step = BATCH * KEY_BYTES;
  let from = start;
  let to = spare;
  for (let digit = 0; digit < KEY_DIGITS; digit++) {
    if (!program.placeDigit(digit, from, bytes / KEY_BYTES, counts)) continue;
    for (let done = 0; done < bytes; done += step) {
      program.distribute(digit, from + done, from + Math.min(bytes, done + step), to, counts);
    }
    [from, to] = [to, from];
  }
  if (from === spare) new Uint8Array(buffer()).copyWithin(start, spare, spare + bytes);
  program.sortKeys(start, bytes / KEY_BYTES, spare);
}

/** The processor's own index of common symbols, and nm's letter for it (elf_backend_symbol_processing of bfd). */
const PROCESSOR_COMMON: Readonly<Record<number, readonly [index: number, letter: string]>> = {
  [EM_MIPS]: [SHN_MIPS_SCOMMON, "c"],
  [EM_X86_64]: [SHN_X86_64_LCOMMON, "C"],
};

/**
 * The names that nm omits without --special-syms (bfd's is_target_special_symbol): mapping and tagging symbols; on MIPS and
 * RISC-V the assembler's local labels (_bfd_elf_is_local_label_name); on RISC-V also nameless symbols.
 */
const SPECIAL_SYMBOLS: Readonly<Record<number, RegExp>> = {
  [EM_ARM]: /^\$[a-z](\.|$)/,
  [EM_AARCH64]: /^\$[xdmfp](\.|$)/,
  // biome-ignore lint/suspicious/noControlCharactersInRegex: gas puts ^A into the labels it generates
  [EM_MIPS]: /^(\.L|\.\.|_\.L_|L[0-9]\x01)/,
  // biome-ignore lint/suspicious/noControlCharactersInRegex: gas puts ^A into the labels it generates
  [EM_RISCV]: /^($|\$[xd]$|\$xrv|\.L|\.\.|_\.L_|L[0-9]\x01)/,
};

/** 1 for each symbol whose name matches. */
function matchingNames(table: SymbolTable, pattern: RegExp): Uint8Array {
  return Uint8Array.from({ length: table.count }, (_, symbol) =>
    Number(pattern.test(tableString(table, symbolNameOffset(table, symbol)))),
  );
}
