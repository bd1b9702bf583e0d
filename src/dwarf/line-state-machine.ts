import { DAMAGED, memorySource } from "../elf/byte-source.ts";
import { Cursor } from "../elf/cursor.ts";
import { Failure } from "../failure.ts";
import { wasmMemory } from "../wasm/program.ts";
import type { DebugSections } from "./debug-sections.ts";
import { plainEntry } from "./file-table.ts";
import type { LineProgram } from "./line-program-header.ts";

// Why a program stops (wasm/assembly/line-program.ts).
const ENDED = 0;
const ROWS_FULL = 1;
const ROWS_DESCEND = 2;
const FILE_DEFINED = 3;
const NO_ADDRESS = 5;

// What a program's header says, by offsets in bytes.
const OPCODE_BASE = 0;
const MINIMUM_LENGTH = 4;
const MAXIMUM_OPERATIONS = 8;
const LITTLE_ENDIAN = 12;
const STANDARD_OPERANDS = 16;
const SPECIAL_ADVANCE = 272;
const SPECIAL_LINE = 528;
const HEADER_BYTES = 1552;

/** The words of 32 bits of a row, and of an address that is looked up. */
const ROW_WORDS = 4;
export const WANTED_WORDS = 8;
/** What is known of an address that is looked up, by offsets in words. */
export const WANTED_LOW = 0;
export const WANTED_HIGH = 1;
export const WANTED_REACH_LOW = 2;
export const WANTED_REACH_HIGH = 3;
export const WANTED_FILE = 4;
export const WANTED_LINE = 5;
export const WANTED_FOUND = 6;

/** Zeros behind the instructions: as many bytes as one that reaches past the end can read before it meets one below 0x80. */
const PADDING = 16;

/**
 * The state machine that runs line programs (DWARF 5 section 6.2.2), with what it works on: a program's instructions, the
 * addresses that are looked up, and the rows of the sequence at hand.
 */
export class LineStateMachine {
  /** The addresses that are looked up, ascending, WANTED_WORDS each. */
  wanted = new Uint32Array();

  readonly #memory = wasmMemory();
  readonly #headerAt = this.#memory.room(HEADER_BYTES);
  #headerOf: LineProgram | undefined;
  #wantedAt = 0;
  #instructionsAt = 0;
  #rowsAt = 0;
  /** How many rows there is room for, behind all else. */
  #capacity = 1 << 12;

  /** Reads a program's instructions, and makes room for a number of addresses, all zero. */
  load({ line, littleEndian }: DebugSections, program: LineProgram, addresses: number): void {
    const memory = this.#memory;
    const length = program.end - program.start;
    memory.release(this.#headerAt + HEADER_BYTES);
    this.#wantedAt = memory.room(addresses * WANTED_WORDS * 4);
    this.#instructionsAt = memory.room(length + PADDING);
    this.#rowsAt = memory.room(this.#capacity * ROW_WORDS * 4);
    this.wanted = new Uint32Array(memory.buffer(), this.#wantedAt, addresses * WANTED_WORDS).fill(0);
    const instructions = new Uint8Array(memory.buffer(), this.#instructionsAt, length + PADDING);
    line.read(program.start, length, instructions);
    instructions.fill(0, length);
    const header = new DataView(memory.buffer(), this.#headerAt, HEADER_BYTES);
    header.setUint32(LITTLE_ENDIAN, Number(littleEndian), true);
    if (!meansTheSame(program, this.#headerOf)) describe(program, header);
    this.#headerOf = program;
  }

  /**
   * Runs the program that was loaded, and looks the addresses up in its rows.
   *
   * @param nextLines whether the first row with a line is looked for that lies in the REACH bytes from an address on, instead
   *   of the last row at or before it
   * @returns `wanted`, with what was found
   * @throws Failure for a program that is cut short
   */
  run({ line, littleEndian }: DebugSections, program: LineProgram, nextLines: boolean): Uint32Array {
    const memory = this.#memory;
    const { startProgram, runProgram, growRows, rowsSorted, instructionOffset, operandsOffset } =
      memory.program;
    const start = this.#instructionsAt;
    const end = start + program.end - program.start;
    const addresses = this.wanted.length / WANTED_WORDS;
    startProgram(
      this.#headerAt,
      start,
      end,
      this.#rowsAt,
      this.#capacity,
      this.#wantedAt,
      addresses,
      nextLines,
    );
    for (let stop = runProgram(); stop !== ENDED; stop = runProgram()) {
      if (stop === ROWS_FULL) {
        memory.room(this.#capacity * ROW_WORDS * 4);
        this.#capacity *= 2;
        growRows(this.#capacity);
        this.wanted = new Uint32Array(memory.buffer(), this.#wantedAt, addresses * WANTED_WORDS);
      } else if (stop === ROWS_DESCEND) {
        this.#sortRows();
        rowsSorted();
      } else if (stop === FILE_DEFINED) {
        const instructions = memorySource(line.name, new Uint8Array(memory.buffer(), start, end - start));
        const file = new Cursor(instructions, operandsOffset(), instructionOffset(), littleEndian);
        program.definedFiles.push(plainEntry(file, file.string()));
      } else {
        const where = `at 0x${(program.start + instructionOffset()).toString(16)}`;
        const problem =
          stop === NO_ADDRESS ? "an address of no known size" : "an instruction reaches past its program";
        throw new Failure(line.name, `${where}: ${problem}`, DAMAGED);
      }
    }
    return this.wanted;
  }

  /** Sorts the rows by address, equal ones in their order; the standard wants them so, not every producer obeys. */
  #sortRows(): void {
    const words = this.#memory.program.rowCount() * ROW_WORDS;
    const rows = new Uint32Array(this.#memory.buffer(), this.#rowsAt, words);
    const old = rows.slice();
    const address = new BigUint64Array(old.buffer);
    const order = Array.from({ length: words / ROW_WORDS }, (_, row) => row);
    const of = (row: number) => address[(row * ROW_WORDS) / 2] as bigint;
    order.sort((a, b) => (of(a) < of(b) ? -1 : Number(of(a) > of(b))));
    order.forEach((row, place) => {
      rows.set(old.subarray(row * ROW_WORDS, (row + 1) * ROW_WORDS), place * ROW_WORDS);
    });
  }
}

/** What each special opcode adds (section 6.2.5.1), and the rest. */
function describe(program: LineProgram, header: DataView): void {
  const { opcodeBase, lineBase, lineRange, standardOperands } = program;
  header.setUint32(OPCODE_BASE, opcodeBase, true);
  header.setUint32(MINIMUM_LENGTH, program.minimumInstructionLength, true);
  header.setUint32(MAXIMUM_OPERATIONS, program.maximumOperations, true);
  standardOperands.forEach((operands, opcode) => {
    header.setUint8(STANDARD_OPERANDS + opcode, operands);
  });
  for (let opcode = opcodeBase; opcode < 256; opcode++) {
    header.setUint8(SPECIAL_ADVANCE + opcode, Math.floor((opcode - opcodeBase) / lineRange));
    header.setInt32(SPECIAL_LINE + 4 * opcode, lineBase + ((opcode - opcodeBase) % lineRange), true);
  }
}

/** Whether two programs' instructions mean the same, as those of one compiler mostly do. */
function meansTheSame(program: LineProgram, other: LineProgram | undefined): boolean {
  return (
    other !== undefined &&
    program.opcodeBase === other.opcodeBase &&
    program.lineBase === other.lineBase &&
    program.lineRange === other.lineRange &&
    program.minimumInstructionLength === other.minimumInstructionLength &&
    program.maximumOperations === other.maximumOperations &&
    program.standardOperands.every((operands, opcode) => operands === other.standardOperands[opcode])
  );
}
