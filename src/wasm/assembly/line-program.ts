// Line programs (DWARF 5 section 6.2): runs their instructions and looks up addresses in the rows.
// src/dwarf/line-state-machine.ts lays out the memory.

import {
  DW_LNE_define_file,
  DW_LNE_end_sequence,
  DW_LNE_set_address,
  DW_LNE_set_discriminator,
  DW_LNS_advance_line,
  DW_LNS_advance_pc,
  DW_LNS_const_add_pc,
  DW_LNS_copy,
  DW_LNS_fixed_advance_pc,
  DW_LNS_set_column,
  DW_LNS_set_file,
} from "../../constants/dwarf.ts";
import {
  FOUND_BY_ADDRESS,
  FOUND_BY_NEXT_LINE,
  FOUND_NONE,
  HEADER_LITTLE_ENDIAN,
  HEADER_MAXIMUM_OPERATIONS,
  HEADER_MINIMUM_LENGTH,
  HEADER_OPCODE_BASE,
  HEADER_SPECIAL_ADVANCE,
  HEADER_SPECIAL_LINE,
  HEADER_STANDARD_OPERANDS,
  PROGRAM_ADDRESS_SIZE,
  PROGRAM_CUT_SHORT,
  PROGRAM_ENDED,
  PROGRAM_FILE_DEFINED,
  PROGRAM_ROWS_DESCEND,
  PROGRAM_ROWS_FULL,
  ROW_BYTES,
  ROW_FILE,
  ROW_LINE,
  WANTED_BYTES,
  WANTED_FILE,
  WANTED_FOUND,
  WANTED_LINE,
  WANTED_REACH,
} from "../layout.ts";
import { next, readSleb, readUleb } from "./leb128.ts";

let header: usize = 0;
let programStart: usize = 0;
let programEnd: usize = 0;
let rowsStart: usize = 0;
let rowsLimit: usize = 0;
let wanted: usize = 0;
let wantedEnd: usize = 0;
let wantsNextLines: bool = false;
/** The first wanted address without a row so far. */
let firstMissing: usize = 0;

// The position in the program and the registers (section 6.2.2).
let at: usize = 0;
let address: u64 = 0;
let operation: u32 = 0;
let file: u32 = 1;
let line: u32 = 1;
/** Destination of the sequence's next row. */
let rowsEnd: usize = 0;
let descends: bool = false;
/** No row of the sequence after this address is needed. */
let limit: u64 = u64.MAX_VALUE;
/** Start of the operands of the current extended instruction. */
let operands: usize = 0;

function startSequence(): void {
  address = 0;
  operation = 0;
  file = 1;
  line = 1;
  rowsEnd = rowsStart;
  descends = false;
  limit = u64.MAX_VALUE;
}

/**
 * Describes a program's instructions (section 6.2.5.1).
 *
 * @param programHeader room for HEADER_BYTES
 * @param operands number of operands of each standard opcode, from opcode 1 on, a byte each
 */
export function describeProgram(
  programHeader: usize,
  operands: usize,
  opcodeBase: u32,
  lineBase: i32,
  lineRange: u32,
  minimumLength: u32,
  maximumOperations: u32,
  littleEndian: bool,
): void {
  store<u32>(programHeader, opcodeBase, HEADER_OPCODE_BASE);
  store<u32>(programHeader, minimumLength, HEADER_MINIMUM_LENGTH);
  store<u32>(programHeader, maximumOperations, HEADER_MAXIMUM_OPERATIONS);
  store<u32>(programHeader, <u32>littleEndian, HEADER_LITTLE_ENDIAN);
  memory.copy(programHeader + HEADER_STANDARD_OPERANDS + 1, operands, opcodeBase - 1);
  let advance: u32 = 0;
  let step: u32 = 0;
  for (let opcode = <usize>opcodeBase; opcode < 256; opcode++) {
    store<u8>(programHeader + opcode, advance, HEADER_SPECIAL_ADVANCE);
    store<i32>(programHeader + (opcode << 2), lineBase + <i32>step, HEADER_SPECIAL_LINE);
    if (++step === lineRange) {
      step = 0;
      advance++;
    }
  }
}

/**
 * Starts a program.
 *
 * @param programHeader the header (HEADER_…)
 * @param start start of the instructions, which are followed by PADDING zeros
 * @param rows room for `capacity` rows of one sequence
 * @param addresses `count` wanted addresses, ascending
 * @param nextLines search for the first row with a line within WANTED_REACH, instead of the last row at or before the address
 */
export function startProgram(
  programHeader: usize,
  start: usize,
  end: usize,
  rows: usize,
  capacity: u32,
  addresses: usize,
  count: u32,
  nextLines: bool,
): void {
  header = programHeader;
  programStart = start;
  programEnd = end;
  rowsStart = rows;
  growRows(capacity);
  wanted = firstMissing = addresses;
  wantedEnd = addresses + <usize>count * WANTED_BYTES;
  wantsNextLines = nextLines;
  at = start;
  startSequence();
}

/** Sets a larger capacity for rows; the room after the current rows must be free. */
export function growRows(capacity: u32): void {
  rowsLimit = rowsStart + <usize>capacity * ROW_BYTES;
}

/** Number of rows of the current sequence. */
export function rowCount(): u32 {
  return <u32>((rowsEnd - rowsStart) / <usize>ROW_BYTES);
}

/** Call it after sorting the rows by address. */
export function rowsSorted(): void {
  descends = false;
}

/** Offset in the program of the instruction at which it stopped. */
export function instructionOffset(): usize {
  return at - programStart;
}

/** Offset in the program of the operands of the preceding extended instruction. */
export function operandsOffset(): usize {
  return operands - programStart;
}

/** Reads an address of 1, 2, 4 or 8 bytes. */
function readAddress(from: usize, size: usize): u64 {
  const swapped = load<u32>(header, HEADER_LITTLE_ENDIAN) === 0;
  if (size === 8) return swapped ? bswap<u64>(load<u64>(from)) : load<u64>(from);
  if (size === 4) return swapped ? bswap<u32>(load<u32>(from)) : load<u32>(from);
  if (size === 2) return swapped ? bswap<u16>(load<u16>(from)) : load<u16>(from);
  return load<u8>(from);
}

/** Continues the program until it stops. Bytes past the end are zeros, which end every number. @returns PROGRAM_… */
export function runProgram(): u32 {
  while (true) {
    runStandard();
    if (at > programEnd) return PROGRAM_CUT_SHORT;
    if (rowsEnd > rowsStart && load<u64>(rowsEnd - ROW_BYTES) > limit) {
      if (descends) return PROGRAM_ROWS_DESCEND;
      // The sequence goes on, past its last row here.
      address = u64.MAX_VALUE;
      endSequence();
      return PROGRAM_ENDED;
    }
    if (at === programEnd) return PROGRAM_ENDED;
    if (rowsEnd === rowsLimit) return PROGRAM_ROWS_FULL;

    const length = readUleb(at + 1);
    if (length === 0 || next > programEnd || length > <u64>(programEnd - next)) return PROGRAM_CUT_SHORT;
    const opcode = <u32>load<u8>(next);
    const stop = next + <usize>length;
    operands = next + 1;
    if (opcode === DW_LNE_end_sequence) {
      if (descends) return PROGRAM_ROWS_DESCEND;
      endSequence();
      startSequence();
    } else if (opcode === DW_LNE_set_address) {
      const size = stop - operands;
      if (size !== 8 && size !== 4 && size !== 2 && size !== 1) return PROGRAM_ADDRESS_SIZE;
      address = readAddress(operands, size);
      operation = 0;
      if (rowsEnd === rowsStart && !wantsNextLines) {
        if (firstMissing === wantedEnd) return PROGRAM_ENDED;
        limit = load<u64>(firstMissing) < address ? u64.MAX_VALUE : load<u64>(wantedEnd - WANTED_BYTES);
      }
    }
    at = stop;
    if (opcode === DW_LNE_define_file) return PROGRAM_FILE_DEFINED;
  }
}

/** Runs instructions until the next extended one other than DW_LNE_set_discriminator, the first row after the limit, or full rows. */
// biome-ignore lint/complexity/noExcessiveLinesPerFunction: the registers are local variables; as globals they cost a load and a store an instruction
function runStandard(): void {
  const opcodeBase = <usize>load<u32>(header, HEADER_OPCODE_BASE);
  const minimumLength = <u64>load<u32>(header, HEADER_MINIMUM_LENGTH);
  const maximumOperations = <u64>load<u32>(header, HEADER_MAXIMUM_OPERATIONS);
  const end = programEnd;
  const rowsFull = rowsLimit;
  const lastNeeded = limit;
  let current = address;
  let currentFile = file;
  let currentLine = line;
  let row = rowsEnd;
  let last = row === rowsStart ? 0 : load<u64>(row - ROW_BYTES);
  let to = at;
  while (to < end && row < rowsFull) {
    const opcode: usize = load<u8>(to);
    if (opcode === 0) {
      const length = readUleb(to + 1);
      if (next >= end || length === 0 || length > <u64>(end - next)) break;
      if (load<u8>(next) !== DW_LNE_set_discriminator) break;
      to = next + <usize>length;
      continue;
    }
    to++;
    let advance: u64 = 0;
    let addsRow = true;
    if (opcode >= opcodeBase) {
      advance = load<u8>(header + opcode, HEADER_SPECIAL_ADVANCE);
      currentLine += load<u32>(header + (opcode << 2), HEADER_SPECIAL_LINE);
    } else if (opcode !== DW_LNS_copy) {
      if (opcode === DW_LNS_set_column) {
        while (load<u8>(to++) >= 0x80) {}
        continue;
      }
      if (opcode === DW_LNS_advance_line) {
        currentLine += <u32>readSleb(to);
        to = next;
        continue;
      }
      if (opcode === DW_LNS_set_file) {
        currentFile = <u32>readUleb(to);
        to = next;
        continue;
      }
      if (opcode === DW_LNS_fixed_advance_pc) {
        current += readAddress(to, 2);
        operation = 0;
        to += 2;
        continue;
      }
      if (opcode === DW_LNS_advance_pc) {
        advance = readUleb(to);
        to = next;
      } else if (opcode === DW_LNS_const_add_pc) {
        advance = load<u8>(header + 255, HEADER_SPECIAL_ADVANCE);
      } else {
        // Flags, ISA and unknown opcodes: skip their operands.
        for (let operand = load<u8>(header + opcode, HEADER_STANDARD_OPERANDS); operand > 0; operand--) {
          while (load<u8>(to++) >= 0x80) {}
        }
        continue;
      }
      addsRow = false;
    }
    if (maximumOperations === 1) current += minimumLength * advance;
    else {
      const sum = <u64>operation + advance;
      current += minimumLength * (sum / maximumOperations);
      operation = <u32>(sum % maximumOperations);
    }
    if (addsRow) {
      if (current < last) descends = true;
      store<u64>(row, current);
      store<u32>(row, currentFile, ROW_FILE);
      store<u32>(row, currentLine, ROW_LINE);
      last = current;
      row += ROW_BYTES;
      if (current > lastNeeded) break;
    }
  }
  at = to;
  address = current;
  file = currentFile;
  line = currentLine;
  rowsEnd = row;
}

/** Looks up addresses in the rows of a sequence, which ends at the register `address`. */
function endSequence(): void {
  if (rowsEnd === rowsStart) return;
  if (wantsNextLines) nextLines();
  else {
    let row = rowsStart;
    for (let item = firstNotBelow(load<u64>(row)); item < wantedEnd; item += WANTED_BYTES) {
      const sought = load<u64>(item);
      if (sought >= address) break;
      if (load<u32>(item, WANTED_FOUND) !== FOUND_NONE) continue;
      while (row + ROW_BYTES < rowsEnd && load<u64>(row + ROW_BYTES) <= sought) row += ROW_BYTES;
      // A row that begins before a symbol is of the function before it, if the symbol has rows of its own.
      const isOwn = load<u64>(row) === sought;
      if (!isOwn && nextLine(item, row + ROW_BYTES)) store<u64>(item, 0, WANTED_REACH);
      else {
        found(item, row, FOUND_BY_ADDRESS);
        if (isOwn && load<u32>(row, ROW_LINE) !== 0) store<u64>(item, 0, WANTED_REACH);
      }
    }
    while (firstMissing < wantedEnd && load<u32>(firstMissing, WANTED_FOUND) !== FOUND_NONE)
      firstMissing += WANTED_BYTES;
  }
}

/** For each address with a reach, finds the first row with a line at or after it that is nearer than any row found before. */
function nextLines(): void {
  for (let item = wanted; item < wantedEnd; item += WANTED_BYTES) {
    if (load<u64>(item, WANTED_REACH) !== 0) nextLine(item, rowsStart);
  }
}

/** Finds that row among the rows from `from` on. @returns whether there is one */
function nextLine(item: usize, from: usize): bool {
  const sought = load<u64>(item);
  const reach = load<u64>(item, WANTED_REACH);
  for (let row = from; row < rowsEnd; row += ROW_BYTES) {
    const rowAddress = load<u64>(row);
    if (rowAddress < sought) continue;
    if (rowAddress >= address || rowAddress - sought >= reach) return false;
    if (load<u32>(row, ROW_LINE) === 0) continue;
    found(item, row, FOUND_BY_NEXT_LINE);
    store<u64>(item, rowAddress - sought, WANTED_REACH);
    return true;
  }
  return false;
}

function found(item: usize, row: usize, how: u32): void {
  store<u32>(item, load<u32>(row, ROW_FILE), WANTED_FILE);
  store<u32>(item, load<u32>(row, ROW_LINE), WANTED_LINE);
  store<u32>(item, how, WANTED_FOUND);
}

/** The first wanted address that is not below another address. */
function firstNotBelow(other: u64): usize {
  let from: usize = 0;
  let to = (wantedEnd - wanted) / <usize>WANTED_BYTES;
  while (from < to) {
    const middle = (from + to) >> 1;
    if (load<u64>(wanted + middle * WANTED_BYTES) < other) from = middle + 1;
    else to = middle;
  }
  return wanted + from * WANTED_BYTES;
}
