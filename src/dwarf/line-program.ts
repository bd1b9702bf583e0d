import { addressDistance } from "../elf/address.ts";
import { DAMAGED, memorySource } from "../elf/byte-source.ts";
import { Cursor } from "../elf/cursor.ts";
import { Failure } from "../failure.ts";
import * as dw from "./constants.ts";
import type { DebugSections } from "./debug-sections.ts";
import { type FileTable, filePath, fileTable, plainEntry } from "./file-table.ts";
import type { LineProgram } from "./line-program-header.ts";
import { LineStateMachine } from "./line-state-machine.ts";

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

let machine: LineStateMachine | undefined;

/**
 * Runs a line program (DWARF 5 section 6.2.5).
 *
 * @throws Failure for a program that is cut short
 */
export function runLineProgram(sections: DebugSections, program: LineProgram, reader: SequenceReader): void {
  const { start } = program;
  const { littleEndian } = sections;
  const end = program.end - start;
  machine ??= new LineStateMachine();
  const state = machine;
  state.load(sections.line, program, littleEndian);
  const fault = (problem: string, at: number) =>
    new Failure(sections.line.name, `at 0x${(start + at).toString(16)}: ${problem}`, DAMAGED);

  let startHigh = 0;
  let startLow = 0;
  const endSequence = () => {
    const { rows, offset: length } = state;
    if (rows === 0) return;
    if (state.descends) sortRows(state);
    const { rowOffset: offset, rowFile: file, rowLine: line } = state;
    reader.take({ startHigh, startLow, length, rows, offset, file, line });
  };
  for (let at = state.run(0, end); at < end; ) {
    if (state.rows > 0 && state.offset > state.limit) {
      endSequence();
      return;
    }
    const { instructions } = state;
    let operands = at + 1;
    let length = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = instructions[operands++] as number;
      length += (byte & 0x7f) * scale;
      if (byte < 0x80) break;
    }
    const stop = operands + length;
    if (length === 0 || stop > end) throw fault("an extended instruction reaches past its program", at);
    const opcode = instructions[operands++];
    const operand = () =>
      new Cursor(memorySource(sections.line.name, instructions), operands, stop, littleEndian);
    switch (opcode) {
      case dw.DW_LNE_end_sequence:
        endSequence();
        state.reset();
        startHigh = startLow = 0;
        break;
      case dw.DW_LNE_set_address: {
        const address = operand();
        const low = address.address(stop - operands);
        const high = address.addressHigh;
        if (state.rows === 0) {
          startHigh = high;
          startLow = low;
          state.offset = 0;
          state.limit = reader.limit(high, low);
        } else state.offset = addressDistance(high, low, startHigh, startLow);
        break;
      }
      case dw.DW_LNE_define_file: {
        const file = operand();
        program.definedFiles.push(plainEntry(file, file.string()));
        break;
      }
    }
    at = state.run(stop, end);
    if (at > end) throw fault("an instruction reaches past its program", at);
  }
}

/** Sorts the rows by address, equal ones in their order; the standard wants them so, not every producer obeys. */
function sortRows({ rows, rowOffset, rowFile, rowLine }: LineStateMachine): void {
  const order = Array.from({ length: rows }, (_, row) => row);
  order.sort((a, b) => (rowOffset[a] as number) - (rowOffset[b] as number));
  for (const column of [rowOffset, rowFile, rowLine]) {
    const old = column.slice(0, rows);
    order.forEach((row, place) => {
      column[place] = old[row] as number;
    });
  }
}
