import { addressDistance } from "../elf/address.ts";
import { DAMAGED, memorySource } from "../elf/byte-source.ts";
import { Cursor } from "../elf/cursor.ts";
import { Failure } from "../failure.ts";
import * as dw from "./constants.ts";
import type { DebugSections } from "./debug-sections.ts";
import { type FileTable, filePath, fileTable, plainEntry } from "./file-table.ts";
import { cursorAt, type Encoding } from "./forms.ts";
import { readUnitLength } from "./unit-length.ts";

/** A line program's header, and where its instructions stand (DWARF 5 section 6.2.4). */
export interface LineProgram extends Encoding {
  /** Its offset in .debug_line. */
  readonly offset: number;
  /** Its instructions are the bytes [start, end) of the section. */
  readonly start: number;
  readonly end: number;
  readonly minimumInstructionLength: number;
  readonly maximumOperations: number;
  readonly lineBase: number;
  readonly lineRange: number;
  readonly opcodeBase: number;
  /** The number of operands by standard opcode; entry 0 is not used. */
  readonly standardOperands: Uint8Array;
  /** Where the tables of directories and files begin, which end at `start`. */
  readonly tables: number;
  /** The tables, once they were asked for. */
  fileTable?: FileTable;
  /** What DW_LNE_define_file has added to them. */
  readonly definedFiles: ReturnType<typeof plainEntry>[];
}

/**
 * Reads the header of the line program at an offset of .debug_line, versions 2 to 5.
 *
 * @param addressSize of the unit, which the header has only since DWARF 5
 * @throws Failure for an unknown version or a header that contradicts itself
 */
export function readLineProgram(sections: DebugSections, offset: number, addressSize: number): LineProgram {
  const cursor = cursorAt(sections, sections.line, offset);
  const { end, offsetSize } = readUnitLength(cursor, sections.line.size);
  const version = cursor.u16();
  if (version < 2 || version > 5) throw cursor.failure(`a line program of the unknown version ${version}`);
  let size = addressSize;
  if (version >= 5) {
    size = cursor.u8();
    cursor.skip(1); // segment_selector_size
  }
  const encoding = { version, addressSize: size, offsetSize };
  const headerLength = cursor.offset(offsetSize);
  const start = cursor.position + headerLength;
  if (start > end) throw cursor.failure("a line program's header reaches past its end");
  const minimumInstructionLength = cursor.u8();
  const maximumOperations = version >= 4 ? cursor.u8() : 1;
  cursor.skip(1); // default_is_stmt
  const lineBase = (cursor.u8() << 24) >> 24;
  const lineRange = cursor.u8();
  const opcodeBase = cursor.u8();
  if (lineRange === 0 || opcodeBase === 0 || maximumOperations === 0) {
    throw cursor.failure("a line program with a line_range, opcode_base or operation count of zero");
  }
  const standardOperands = new Uint8Array(opcodeBase);
  for (let opcode = 1; opcode < opcodeBase; opcode++) standardOperands[opcode] = cursor.u8();

  if (cursor.position > start) throw cursor.failure("a line program's header reaches past its end");
  return {
    ...encoding,
    offset,
    start,
    end,
    minimumInstructionLength,
    maximumOperations,
    lineBase,
    lineRange,
    opcodeBase,
    standardOperands,
    tables: cursor.position,
    definedFiles: [],
  };
}

/**
 * The path of a file of a line program that has run, joined to its directory.
 *
 * @param compilationDirectory of the unit, where DWARF 2 to 4 have the program's own
 * @throws Failure for a file or directory that the program does not list
 */
export function linePath(
  sections: DebugSections,
  program: LineProgram,
  file: number,
  compilationDirectory: string | null,
): string {
  program.fileTable ??= fileTable(sections, program, program.tables, program.start);
  const table = program.fileTable;
  const entry = table.file(file) ?? definedFile(program, table, file);
  if (entry === undefined) {
    const where = `the line program at 0x${program.offset.toString(16)}`;
    throw new Failure(sections.line.name, `${where} has no file ${file}`, DAMAGED);
  }
  return filePath(sections, program, table, entry, compilationDirectory);
}

/** Files that the instructions define are numbered on from those of the table. */
function definedFile({ definedFiles }: LineProgram, table: FileTable, file: number) {
  if (definedFiles.length === 0) return undefined;
  let listed = 1;
  while (table.file(listed) !== undefined) listed++;
  return definedFiles[file - listed];
}

// The rows of the sequence at hand, in columns that every program uses again.
let rowOffset = new Float64Array(4096);
let rowFile = new Uint32Array(4096);
let rowLine = new Uint32Array(4096);

/** A sequence's rows: code from `start` on, ended by its end_sequence row (DWARF 5 section 6.2.2). */
export interface Sequence {
  readonly startHigh: number;
  readonly startLow: number;
  /** Bytes from the start to the address of the end_sequence row. */
  readonly length: number;
  /** Number of rows, the end_sequence row left out. */
  readonly rows: number;
  /** Bytes from the start, ascending; file index; line. Valid until the next sequence. */
  readonly offset: Float64Array;
  readonly file: Uint32Array;
  readonly line: Uint32Array;
}

/** The instructions of the program at hand, with zeros behind them. */
let programBytes = new Uint8Array(1 << 16);
/** As many bytes as an instruction that reaches past the end can read before it meets a byte below 0x80. */
const PADDING = 16;
/** Where the number that `readUleb` or `readSleb` read ends. */
let next = 0;

function readUleb(bytes: Uint8Array, at: number): number {
  let byte = bytes[at++] as number;
  let value = byte & 0x7f;
  for (let scale = 128; byte >= 0x80; scale *= 128) {
    byte = bytes[at++] as number;
    value += (byte & 0x7f) * scale;
  }
  next = at;
  return value;
}

function readSleb(bytes: Uint8Array, at: number): number {
  let byte = bytes[at++] as number;
  let value = byte & 0x7f;
  let scale = 128;
  while (byte >= 0x80) {
    byte = bytes[at++] as number;
    value += (byte & 0x7f) * scale;
    scale *= 128;
  }
  next = at;
  return (byte & 0x40) !== 0 ? value - scale : value;
}

function growRows(): void {
  const grow = <T extends Float64Array | Uint32Array>(from: T, to: T): T => {
    to.set(from);
    return to;
  };
  const size = rowOffset.length * 2;
  rowOffset = grow(rowOffset, new Float64Array(size));
  rowFile = grow(rowFile, new Uint32Array(size));
  rowLine = grow(rowLine, new Uint32Array(size));
}

/** The state machine's registers (section 6.2.2) and its rows so far. */
interface Registers {
  /** Bytes from the sequence's start to `address`. */
  offset: number;
  operation: number;
  file: number;
  line: number;
  rows: number;
  /** Whether the rows ascend. */
  ordered: boolean;
  /** Nothing is asked for behind this offset. */
  limit: number;
}

/** What the instructions of one program mean: what each special opcode adds (section 6.2.5.1), and the rest. */
interface Instructions {
  readonly opcodeBase: number;
  readonly minimumLength: number;
  readonly maximumOperations: number;
  readonly specialAdvance: Uint8Array;
  readonly specialLine: Int16Array;
  readonly standardOperands: Uint8Array;
  readonly littleEndian: boolean;
}

let lastProgram: LineProgram | undefined;
let lastMeaning: Instructions | undefined;

/** The meaning of a program's instructions. One compiler's programs hardly differ in it, so the last one is kept. */
function meaning(program: LineProgram, littleEndian: boolean): Instructions {
  const { opcodeBase, lineBase, lineRange, standardOperands } = program;
  if (
    lastProgram !== undefined &&
    lastMeaning?.littleEndian === littleEndian &&
    lastProgram.opcodeBase === opcodeBase &&
    lastProgram.lineBase === lineBase &&
    lastProgram.lineRange === lineRange &&
    lastProgram.minimumInstructionLength === program.minimumInstructionLength &&
    lastProgram.maximumOperations === program.maximumOperations &&
    standardOperands.every((operands, opcode) => operands === lastProgram?.standardOperands[opcode])
  ) {
    return lastMeaning;
  }
  const specialAdvance = new Uint8Array(256);
  const specialLine = new Int16Array(256);
  for (let opcode = opcodeBase; opcode < 256; opcode++) {
    specialAdvance[opcode] = Math.floor((opcode - opcodeBase) / lineRange);
    specialLine[opcode] = lineBase + ((opcode - opcodeBase) % lineRange);
  }
  lastProgram = program;
  lastMeaning = {
    opcodeBase,
    minimumLength: program.minimumInstructionLength,
    maximumOperations: program.maximumOperations,
    specialAdvance,
    specialLine,
    standardOperands,
    littleEndian,
  };
  return lastMeaning;
}

/**
 * Runs instructions up to the next extended one, or to the first row behind the limit.
 *
 * This is the program's hot path: plain numbers in local variables, and no bounds check but the one in the loop's head,
 * since what an instruction reads past the end is zeros.
 *
 * @returns where the next instruction begins; `end` and more at the program's end
 */
function runInstructions(
  bytes: Uint8Array,
  start: number,
  end: number,
  instructions: Instructions,
  registers: Registers,
): number {
  const { opcodeBase, minimumLength, maximumOperations, specialAdvance, specialLine } = instructions;
  const { limit } = registers;
  let { offset, operation, file, line, rows } = registers;
  let last = rows === 0 ? offset : (rowOffset[rows - 1] as number);
  let at = start;
  while (at < end) {
    const opcode = bytes[at] as number;
    if (opcode === 0) break;
    at++;
    let advance = 0;
    let addsRow = false;
    if (opcode >= opcodeBase) {
      advance = specialAdvance[opcode] as number;
      line += specialLine[opcode] as number;
      addsRow = true;
    } else if (opcode === dw.DW_LNS_copy) {
      addsRow = true;
    } else if (opcode === dw.DW_LNS_set_column) {
      while ((bytes[at++] as number) >= 0x80);
    } else if (opcode === dw.DW_LNS_advance_line) {
      line += readSleb(bytes, at);
      at = next;
    } else if (opcode === dw.DW_LNS_advance_pc) {
      advance = readUleb(bytes, at);
      at = next;
    } else if (opcode === dw.DW_LNS_set_file) {
      file = readUleb(bytes, at);
      at = next;
    } else if (opcode === dw.DW_LNS_const_add_pc) {
      advance = specialAdvance[255] as number;
    } else if (opcode === dw.DW_LNS_fixed_advance_pc) {
      const [first, second] = [bytes[at] as number, bytes[at + 1] as number];
      offset += instructions.littleEndian ? first | (second << 8) : (first << 8) | second;
      operation = 0;
      at += 2;
    } else {
      // Flags, ISAs, and what later versions may add: only their operands are passed over.
      for (let operand = instructions.standardOperands[opcode] as number; operand > 0; operand--) {
        while ((bytes[at++] as number) >= 0x80);
      }
    }
    if (maximumOperations === 1) offset += minimumLength * advance;
    else {
      const sum = operation + advance;
      offset += minimumLength * Math.floor(sum / maximumOperations);
      operation = sum % maximumOperations;
    }
    if (addsRow) {
      if (rows === rowOffset.length) growRows();
      if (offset < last) registers.ordered = false;
      rowOffset[rows] = offset;
      rowFile[rows] = file;
      rowLine[rows] = line;
      last = offset;
      rows++;
      if (offset > limit) break;
    }
  }
  registers.offset = offset;
  registers.operation = operation;
  registers.file = file;
  registers.line = line;
  registers.rows = rows;
  return at;
}

/** What a line program is run for. */
export interface SequenceReader {
  /**
   * Told the start of each sequence, gives the offset from it behind which no row of the whole program is of interest any
   * more; Infinity when that cannot be said.
   */
  limit(startHigh: number, startLow: number): number;
  /** Gets each sequence with at least one row, the last one perhaps only up to the limit. */
  take(sequence: Sequence): void;
}

/**
 * Runs a line program (DWARF 5 section 6.2.5).
 *
 * @throws Failure for a program that is cut short
 */
export function runLineProgram(sections: DebugSections, program: LineProgram, reader: SequenceReader): void {
  const { start } = program;
  const { littleEndian } = sections;
  const end = program.end - start;
  if (programBytes.length < end + PADDING) programBytes = new Uint8Array((end + PADDING) * 2);
  const bytes = programBytes;
  sections.line.read(start, end, bytes);
  bytes.fill(0, end, end + PADDING);
  const fault = (problem: string, at: number) =>
    new Failure(sections.line.name, `at 0x${(start + at).toString(16)}: ${problem}`, DAMAGED);

  const instructions = meaning(program, littleEndian);
  const initial = { offset: 0, operation: 0, file: 1, line: 1, rows: 0, ordered: true };
  const registers: Registers = { ...initial, limit: Number.POSITIVE_INFINITY };
  let startHigh = 0;
  let startLow = 0;
  const endSequence = () => {
    const { rows, ordered, offset } = registers;
    if (rows === 0) return;
    if (!ordered) sortRows(rows);
    const columns = { offset: rowOffset, file: rowFile, line: rowLine };
    reader.take({ startHigh, startLow, length: offset, rows, ...columns });
  };
  for (let at = runInstructions(bytes, 0, end, instructions, registers); at < end; ) {
    if (registers.rows > 0 && registers.offset > registers.limit) {
      endSequence();
      return;
    }
    const length = readUleb(bytes, at + 1);
    const operands = next + 1;
    const stop = next + length;
    if (length === 0 || stop > end) throw fault("an extended instruction reaches past its program", at);
    const cursor = () => new Cursor(memorySource(sections.line.name, bytes), operands, stop, littleEndian);
    switch (bytes[operands - 1]) {
      case dw.DW_LNE_end_sequence:
        endSequence();
        Object.assign(registers, initial, { limit: Number.POSITIVE_INFINITY });
        startHigh = startLow = 0;
        break;
      case dw.DW_LNE_set_address: {
        const operand = cursor();
        const low = operand.address(stop - operands);
        const high = operand.addressHigh;
        if (registers.rows === 0) {
          startHigh = high;
          startLow = low;
          registers.offset = 0;
          registers.limit = reader.limit(high, low);
        } else registers.offset = addressDistance(high, low, startHigh, startLow);
        registers.operation = 0;
        break;
      }
      case dw.DW_LNE_define_file: {
        const operand = cursor();
        program.definedFiles.push(plainEntry(operand, operand.string()));
        break;
      }
    }
    at = runInstructions(bytes, stop, end, instructions, registers);
    if (at > end) throw fault("an instruction reaches past its program", at);
  }
}

/** Sorts the rows by address, equal ones in their order; the standard wants them so, not every producer obeys. */
function sortRows(rows: number): void {
  const order = Array.from({ length: rows }, (_, row) => row);
  order.sort((a, b) => (rowOffset[a] as number) - (rowOffset[b] as number));
  for (const column of [rowOffset, rowFile, rowLine]) {
    const old = column.slice(0, rows);
    order.forEach((row, place) => {
      column[place] = old[row] as number;
    });
  }
}
