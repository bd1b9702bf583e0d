import { addressDistance } from "../elf/address.ts";
import { memorySource } from "../elf/byte-source.ts";
import { Cursor } from "../elf/cursor.ts";
import { Failure } from "../failure.ts";
import * as dw from "./constants.ts";
import type { DebugSections } from "./debug-sections.ts";
import { cursorAt, type Encoding, type FormValue, formString, readForm } from "./forms.ts";
import { readUnitLength } from "./unit-length.ts";

/** A file of a line program: its name and the index of its directory. */
interface FileEntry {
  readonly name: FormValue;
  readonly directory: number;
}

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
  /** From index 0 since DWARF 5, from index 1 before. */
  readonly directories: readonly FormValue[];
  readonly files: FileEntry[];
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

  const { directories, files } = version >= 5 ? readEntries(cursor, encoding) : readOldEntries(cursor);
  if (cursor.position > start) throw cursor.failure("a line program's file table reaches past its header");
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
    directories,
    files,
  };
}

const text = (value: string): FormValue => ({ form: dw.DW_FORM_string, value: 0, high: 0, text: value });

/** The tables of DWARF 2 to 4: strings that an empty one ends, counted from 1. */
function readOldEntries(cursor: Cursor): { directories: FormValue[]; files: FileEntry[] } {
  const directories = [text("")];
  for (let name = cursor.string(); name !== ""; name = cursor.string()) directories.push(text(name));
  const files: FileEntry[] = [{ name: text(""), directory: 0 }];
  for (let name = cursor.string(); name !== ""; name = cursor.string()) files.push(readOldFile(cursor, name));
  return { directories, files };
}

function readOldFile(cursor: Cursor, name: string): FileEntry {
  const directory = cursor.uleb();
  cursor.skipLeb(); // time of last modification
  cursor.skipLeb(); // length in bytes
  return { name: text(name), directory };
}

/** The tables of DWARF 5, whose entries describe their own format (section 6.2.4.1). */
function readEntries(cursor: Cursor, encoding: Encoding): { directories: FormValue[]; files: FileEntry[] } {
  const table = () => {
    const format: { content: number; form: number }[] = [];
    const formats = cursor.u8();
    for (let i = 0; i < formats; i++) format.push({ content: cursor.uleb(), form: cursor.uleb() });
    const entries: FileEntry[] = [];
    const count = cursor.uleb();
    if (count > 0 && formats === 0) throw cursor.failure(`${count} file names without a format`);
    for (let i = 0; i < count; i++) {
      let name = text("");
      let directory = 0;
      for (const { content, form } of format) {
        const value = readForm(cursor, form, encoding);
        if (content === dw.DW_LNCT_path) name = value;
        else if (content === dw.DW_LNCT_directory_index) directory = value.value;
      }
      entries.push({ name, directory });
    }
    return entries;
  };
  const directories = table().map(({ name }) => name);
  return { directories, files: table() };
}

/**
 * The path of a file of a line program, joined to its directory.
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
  const fault = (what: string) =>
    new Failure(sections.line.name, `the line program at 0x${program.offset.toString(16)} has no ${what}`);
  const string = (value: FormValue) => formString(sections, value, program, program.offsetSize * 2) ?? "";
  const entry = program.files[file];
  if (entry === undefined || (program.version < 5 && file === 0)) throw fault(`file ${file}`);
  const directory = program.directories[entry.directory];
  if (directory === undefined) throw fault(`directory ${entry.directory}`);
  const first = program.version >= 5 ? program.directories[0] : undefined;
  const base = first === undefined ? (compilationDirectory ?? "") : string(first);
  const inner = entry.directory === 0 ? "" : string(directory);
  return joinPaths(base, joinPaths(inner, string(entry.name)));
}

/** Joins a path to the directory that it is relative to. */
export function joinPaths(directory: string, path: string): string {
  if (directory === "" || path.startsWith("/")) return path;
  return directory.endsWith("/") ? directory + path : `${directory}/${path}`;
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

let programBytes = new Uint8Array(1 << 16);
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

/**
 * Runs a line program (DWARF 5 section 6.2.5) and hands over each sequence with at least one row.
 *
 * This is the program's hot path: the bytes are read in one piece, and a number that reaches past them reads zeros until
 * the check behind each instruction finds that out.
 *
 * @throws Failure for a program that is cut short
 */
export function runLineProgram(
  sections: DebugSections,
  program: LineProgram,
  onSequence: (sequence: Sequence) => void,
): void {
  const { start, minimumInstructionLength, maximumOperations, lineBase, lineRange, opcodeBase } = program;
  const end = program.end - start;
  if (programBytes.length < end) programBytes = new Uint8Array(end * 2);
  const bytes = sections.line.read(start, end, programBytes).subarray(0, end);
  const view = new DataView(bytes.buffer, bytes.byteOffset, end);
  const little = sections.littleEndian;
  const fault = (problem: string, at: number) =>
    new Failure(
      sections.line.name,
      `at 0x${(start + at).toString(16)}: ${problem}`,
      "the file is damaged or cut short: copy or build it again",
    );

  let baseHigh = 0;
  let baseLow = 0;
  let offset = 0;
  let operation = 0;
  let file = 1;
  let line = 1;
  let rows = 0;
  let ordered = true;

  const advance = (operations: number) => {
    if (maximumOperations === 1) offset += minimumInstructionLength * operations;
    else {
      const sum = operation + operations;
      offset += minimumInstructionLength * Math.floor(sum / maximumOperations);
      operation = sum % maximumOperations;
    }
  };
  const addRow = () => {
    if (rows === rowOffset.length) growRows();
    if (rows > 0 && offset < (rowOffset[rows - 1] as number)) ordered = false;
    rowOffset[rows] = offset;
    rowFile[rows] = file;
    rowLine[rows] = line;
    rows++;
  };

  let at = 0;
  while (at < end) {
    const opcode = bytes[at++] as number;
    if (opcode >= opcodeBase) {
      const adjusted = opcode - opcodeBase;
      advance((adjusted / lineRange) | 0);
      line += lineBase + (adjusted % lineRange);
      addRow();
      continue;
    }
    switch (opcode) {
      case 0: {
        const length = readUleb(bytes, at);
        const operands = next + 1;
        const stop = next + length;
        if (length === 0 || stop > end) throw fault("an extended instruction reaches past its program", at);
        switch (bytes[operands - 1]) {
          case dw.DW_LNE_end_sequence:
            if (rows > 0) {
              if (!ordered) sortRows(rows);
              onSequence({
                startHigh: baseHigh,
                startLow: baseLow,
                length: offset,
                rows,
                offset: rowOffset,
                file: rowFile,
                line: rowLine,
              });
            }
            baseHigh = baseLow = offset = operation = rows = 0;
            file = line = 1;
            ordered = true;
            break;
          case dw.DW_LNE_set_address: {
            const cursor = new Cursor(memorySource(sections.line.name, bytes), operands, stop, little);
            const low = cursor.address(stop - operands);
            if (rows === 0) {
              baseHigh = cursor.addressHigh;
              baseLow = low;
              offset = 0;
            } else offset = addressDistance(cursor.addressHigh, low, baseHigh, baseLow);
            operation = 0;
            break;
          }
          case dw.DW_LNE_define_file: {
            const cursor = new Cursor(memorySource(sections.line.name, bytes), operands, stop, little);
            program.files.push(readOldFile(cursor, cursor.string()));
            break;
          }
        }
        at = stop;
        break;
      }
      case dw.DW_LNS_copy:
        addRow();
        break;
      case dw.DW_LNS_advance_pc:
        advance(readUleb(bytes, at));
        at = next;
        break;
      case dw.DW_LNS_advance_line:
        line += readSleb(bytes, at);
        at = next;
        break;
      case dw.DW_LNS_set_file:
        file = readUleb(bytes, at);
        at = next;
        break;
      case dw.DW_LNS_const_add_pc:
        advance(((255 - opcodeBase) / lineRange) | 0);
        break;
      case dw.DW_LNS_fixed_advance_pc:
        if (at + 2 > end) throw fault("an instruction reaches past its program", at);
        offset += view.getUint16(at, little);
        operation = 0;
        at += 2;
        break;
      default:
        // Columns, flags, ISAs, and what later versions may add: only their operands are passed over.
        for (let operand = program.standardOperands[opcode] as number; operand > 0; operand--) {
          readUleb(bytes, at);
          at = next;
        }
    }
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
