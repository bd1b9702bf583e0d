import { DAMAGED, memorySource } from "../elf/byte-source.ts";
import { Cursor } from "../elf/cursor.ts";
import { Failure } from "../failure.ts";
import { wasmMemory } from "../wasm/program.ts";
import type { DebugSections } from "./debug-sections.ts";
import { joinPaths, plainEntry } from "./file-table.ts";
import { formString } from "./forms.ts";
import type { LineProgram } from "./line-program-header.ts";

// Why a program stops (wasm/assembly/line-program.ts).
const ENDED = 0;
const ROWS_FULL = 1;
const ROWS_DESCEND = 2;
const FILE_DEFINED = 3;
const NO_ADDRESS = 5;

/** What a program's header says, in the form in which its instructions need it. */
const HEADER_BYTES = 1552;

// The names that findFile gives, each a form and an offset (wasm/assembly/file-table.ts).
const NAME_WORDS = 2;
const FILE_NAME = 0;
const DIRECTORY_NAME = 1;
const BASE_NAME = 2;
const NAMES_BYTES = 3 * NAME_WORDS * 4;

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

/** Zeros behind the program: as many bytes as one that reaches past the end can read before it meets one below 0x80. */
const PADDING = 16;

/**
 * The state machine that runs line programs (DWARF 5 section 6.2.2), with what it works on: a program's instructions, the
 * addresses that are looked up, and the rows of the sequence at hand.
 */
export class LineStateMachine {
  /** The addresses that are looked up, ascending, WANTED_WORDS each, and what `run` has found. */
  wanted: Uint32Array = new Uint32Array();

  readonly #memory = wasmMemory();
  readonly #headerAt = this.#memory.room(HEADER_BYTES);
  readonly #namesAt = this.#memory.room(NAMES_BYTES);
  #loaded: LineProgram | undefined;
  #wantedAt = 0;
  #tablesAt = 0;
  #instructionsAt = 0;
  #rowsAt = 0;
  /** How many rows there is room for, behind all else. */
  #capacity = 1 << 12;

  /** Reads a program's tables and instructions, and makes room for a number of addresses, all zero. */
  load({ line, littleEndian }: DebugSections, program: LineProgram, addresses: number): void {
    const memory = this.#memory;
    const operands = program.opcodeBase - 1;
    const from = program.tables - operands;
    const length = program.end - from;
    this.#loaded = undefined;
    memory.release(this.#namesAt + NAMES_BYTES);
    this.#wantedAt = memory.room(addresses * WANTED_WORDS * 4);
    const at = memory.room(length + PADDING);
    this.#tablesAt = at + operands;
    this.#instructionsAt = at + program.start - from;
    this.#rowsAt = memory.room(this.#capacity * ROW_WORDS * 4);
    this.wanted = new Uint32Array(memory.buffer(), this.#wantedAt, addresses * WANTED_WORDS).fill(0);
    const bytes = new Uint8Array(memory.buffer(), at, length + PADDING);
    line.read(from, length, bytes);
    bytes.fill(0, length);
    const { opcodeBase, lineBase, lineRange, minimumInstructionLength, maximumOperations } = program;
    memory.program.describeProgram(
      this.#headerAt,
      at,
      opcodeBase,
      lineBase,
      lineRange,
      minimumInstructionLength,
      maximumOperations,
      littleEndian,
    );
    this.#loaded = program;
  }

  /**
   * The path of a file of the program that was loaded, if its tables have the form in which compilers of DWARF 5 write them.
   *
   * @returns undefined for tables in another form, which may be good ones all the same, and for a file that they do not list
   */
  path(sections: DebugSections, program: LineProgram, file: number): string | undefined {
    if (this.#loaded !== program || program.version < 5 || program.offsetSize !== 4) return undefined;
    const memory = this.#memory;
    const directory = memory.program.findFile(
      this.#tablesAt,
      this.#instructionsAt,
      sections.littleEndian,
      file,
      this.#namesAt,
    );
    if (directory < 0) return undefined;
    const words = new Uint32Array(memory.buffer(), this.#namesAt, NAMES_BYTES / 4);
    const string = (name: number) => {
      const [form = 0, value = 0] = words.subarray(name * NAME_WORDS);
      return formString(sections, { form, value, high: 0 }, program, 0) ?? "";
    };
    const inner = directory === 0 ? "" : string(DIRECTORY_NAME);
    return joinPaths(string(BASE_NAME), joinPaths(inner, string(FILE_NAME)));
  }

  /**
   * Runs the program that was loaded, and looks the addresses up in its rows.
   *
   * @param nextLines whether the first row with a line is looked for that lies in the REACH bytes from an address on, instead
   *   of the last row at or before it
   * @throws Failure for a program that is cut short
   */
  run({ line, littleEndian }: DebugSections, program: LineProgram, nextLines: boolean): void {
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
