import type { ByteSource } from "../elf/byte-source.ts";
import { wasmMemory } from "../wasm/program.ts";
import type { LineProgram } from "./line-program-header.ts";

// The machine in memory, by the offsets of its members in words of four bytes (wasm/assembly/line-program.ts).
const OFFSET = 0;
const LIMIT = 2;
const OPERATION = 4;
const FILE = 5;
const LINE = 6;
const ROWS = 7;
const DESCENDS = 8;
const OPCODE_BASE = 9;
const MINIMUM_LENGTH = 10;
const MAXIMUM_OPERATIONS = 11;
const LITTLE_ENDIAN = 12;
const STANDARD_OPERANDS = 16;
const SPECIAL_ADVANCE = 80;
const SPECIAL_LINE = 144;
const MACHINE_BYTES = 4 * 400;

/** Zeros behind the instructions: as many bytes as one that reaches past the end can read before it meets one below 0x80. */
const PADDING = 16;

/**
 * The state machine that runs line programs (DWARF 5 section 6.2.2), with its instructions and the rows of the sequence at
 * hand, which every program uses again.
 */
export class LineStateMachine {
  /** The instructions, from the program's first one on. */
  instructions = new Uint8Array();
  /** The rows' columns: bytes from the sequence's start, file index, line. */
  rowOffset = new Float64Array();
  rowFile = new Uint32Array();
  rowLine = new Uint32Array();

  readonly #memory = wasmMemory();
  readonly #machine = this.#memory.room(MACHINE_BYTES);
  #instructionsAt = 0;
  #rowsAt = 0;
  #numbers = new Float64Array();
  #words = new Uint32Array();
  #meaningOf: LineProgram | undefined;

  constructor() {
    this.#layOut(1 << 16, 1 << 12);
  }

  #layOut(instructionBytes: number, rows: number): void {
    this.#memory.release(this.#machine + MACHINE_BYTES);
    this.#instructionsAt = this.#memory.room(instructionBytes);
    this.#rowsAt = this.#memory.room(rows * 16);
    const buffer = this.#memory.buffer();
    this.#numbers = new Float64Array(buffer, this.#machine, 2);
    this.#words = new Uint32Array(buffer, this.#machine, MACHINE_BYTES / 4);
    this.instructions = new Uint8Array(buffer, this.#instructionsAt, instructionBytes);
    this.rowOffset = new Float64Array(buffer, this.#rowsAt, rows);
    this.rowFile = new Uint32Array(buffer, this.#rowsAt + rows * 8, rows);
    this.rowLine = new Uint32Array(buffer, this.#rowsAt + rows * 12, rows);
  }

  /** Reads a program's instructions, and what they mean. */
  load(line: ByteSource, program: LineProgram, littleEndian: boolean): void {
    const length = program.end - program.start;
    if (length + PADDING > this.instructions.length)
      this.#layOut((length + PADDING) * 2, this.rowOffset.length);
    line.read(program.start, length, this.instructions);
    this.instructions.fill(0, length, length + PADDING);
    if (!meansTheSame(program, this.#meaningOf)) this.#describe(program);
    this.#words[LITTLE_ENDIAN] = Number(littleEndian);
    this.reset();
  }

  /** What each special opcode adds (section 6.2.5.1), and the rest. */
  #describe(program: LineProgram): void {
    const { opcodeBase, lineBase, lineRange, standardOperands } = program;
    const words = this.#words;
    words[OPCODE_BASE] = opcodeBase;
    words[MINIMUM_LENGTH] = program.minimumInstructionLength;
    words[MAXIMUM_OPERATIONS] = program.maximumOperations;
    const bytes = new Uint8Array(words.buffer, words.byteOffset);
    bytes.set(standardOperands, STANDARD_OPERANDS * 4);
    for (let opcode = opcodeBase; opcode < 256; opcode++) {
      bytes[SPECIAL_ADVANCE * 4 + opcode] = Math.floor((opcode - opcodeBase) / lineRange);
      words[SPECIAL_LINE + opcode] = lineBase + ((opcode - opcodeBase) % lineRange);
    }
    this.#meaningOf = program;
  }

  /** Sets the registers as at the start of a sequence. */
  reset(): void {
    const words = this.#words;
    this.offset = 0;
    this.limit = Number.POSITIVE_INFINITY;
    words[OPERATION] = words[ROWS] = words[DESCENDS] = 0;
    words[FILE] = words[LINE] = 1;
  }

  /** Bytes from the sequence's start to the register `address`. */
  get offset(): number {
    return this.#numbers[OFFSET] as number;
  }

  set offset(bytes: number) {
    this.#numbers[OFFSET] = bytes;
    this.#words[OPERATION] = 0;
  }

  /** Nothing is asked for behind this offset. */
  get limit(): number {
    return this.#numbers[LIMIT / 2] as number;
  }

  set limit(bytes: number) {
    this.#numbers[LIMIT / 2] = bytes;
  }

  /** The number of rows so far. */
  get rows(): number {
    return this.#words[ROWS] as number;
  }

  /** Whether a row lies below the one before it. */
  get descends(): boolean {
    return this.#words[DESCENDS] === 1;
  }

  /**
   * Runs instructions up to the next extended one, or to the first row behind the limit.
   *
   * @param start of the next instruction, in `instructions`
   * @returns where the next one begins; `end` and more at the program's end
   */
  run(start: number, end: number): number {
    for (let at = start; ; ) {
      const base = this.#instructionsAt;
      const capacity = this.rowOffset.length;
      const files = this.#rowsAt + capacity * 8;
      const lines = files + capacity * 4;
      const { advanceProgram } = this.#memory.program;
      at = advanceProgram(this.#machine, base + at, base + end, this.#rowsAt, files, lines, capacity) - base;
      if (this.rows < capacity) return at;
      this.#growRows();
    }
  }

  #growRows(): void {
    const columns = [this.rowOffset.slice(), this.rowFile.slice(), this.rowLine.slice()] as const;
    this.#layOut(this.instructions.length, this.rowOffset.length * 2);
    this.rowOffset.set(columns[0]);
    this.rowFile.set(columns[1]);
    this.rowLine.set(columns[2]);
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
