import { Failure } from "../failure.ts";
import { WASM } from "./binary.ts";

/** What the files in assembly/ export and explain; every number but counts is an offset in the memory, in bytes. */
export interface WasmProgram {
  describeSymbols(
    table: number,
    file: number,
    extended: number,
    letters: number,
    sections: number,
    strings: number,
    stringBytes: number,
    sectionBases: number,
    known: number,
  ): void;
  collectSymbols(first: number, end: number, special: number, keys: number, counts: number): number;
  undefinedSymbols(): number;
  namesLength(): number;
  placeDigit(digit: number, keys: number, count: number, counts: number): boolean;
  distribute(digit: number, start: number, end: number, to: number, counts: number): void;
  sortKeys(keys: number, count: number, spare: number): void;
  fillColumns(keys: number, first: number, end: number, columns: number, stride: number): void;
  rowsWritten(): number;
  writeLines(
    columns: number,
    stride: number,
    undefinedRows: number,
    first: number,
    end: number,
    text: number,
    room: number,
  ): number;
  seeHashes(hashes: number, from: number, to: number, seen: number, seenBytes: number): number;
  groupByHash(
    hashes: number,
    from: number,
    to: number,
    seen: number,
    seenBytes: number,
    slots: number,
    mask: number,
    first: number,
    next: number,
    bearers: number,
  ): void;
  findGroups(count: number, first: number, next: number, bearers: number, duplicated: number): number;
  findAbbreviation(start: number, end: number, wanted: number): number;
  findFile(tables: number, end: number, littleEndian: boolean, index: number, names: number): number;
  readUnitHeader(start: number, littleEndian: boolean): number;
  unitSize(): number;
  unitVersionNumber(): number;
  unitAddressSize(): number;
  rootCode(): number;
  readRoot(end: number, abbreviation: number, attributes: number): boolean;
  readAranges(section: number, sectionEnd: number, littleEndian: boolean, ranges: number): number;
  sortRanges(ranges: number, count: number, spare: number): number;
  findRange(ranges: number, count: number, high: number, low: number): number;
  describeProgram(
    programHeader: number,
    operands: number,
    opcodeBase: number,
    lineBase: number,
    lineRange: number,
    minimumLength: number,
    maximumOperations: number,
    littleEndian: boolean,
  ): void;
  startProgram(
    programHeader: number,
    start: number,
    end: number,
    rows: number,
    capacity: number,
    addresses: number,
    count: number,
    nextLines: boolean,
  ): void;
  runProgram(): number;
  growRows(capacity: number): void;
  rowCount(): number;
  rowsSorted(): void;
  instructionOffset(): number;
  operandsOffset(): number;
  scanFault(): number;
  scanCulprit(): number;
  describeUnit(littleEndian: boolean, version: number, addressBytes: number, offsetBytes: number): void;
  describeRecords(byCode: number, limit: number): void;
  abbreviationOf(code: number): number;
  readAbbreviations(start: number, end: number, records: number, wantsFunctions: boolean): number;
  wantAddresses(addresses: number, count: number, slots: number, mask: number): void;
  describeAddresses(start: number, end: number): void;
  beginUnit(start: number, root: number, end: number, room: number): void;
  scanPosition(): number;
  scanEnded(): number;
  scanUnit(found: number, capacity: number): number;
}

const PAGE_BYTES = 1 << 16;

/** The most that a memory of 32-bit offsets may hold here, in bytes. */
export const MEMORY_LIMIT = 2 ** 31;

/** Offset 0 stands for nothing. */
const FIRST_OFFSET = 16;

let module: WebAssembly.Module | undefined;

/**
 * A memory of its own, which `room` gives out piece by piece, and the program that works on it. One that is done with is freed
 * late, since its size does not make V8 collect garbage: what takes much and goes
 * through many files uses one for all.
 */
export interface WasmMemory {
  readonly program: WasmProgram;
  /** All that `room` has given out; when there is more of it another buffer, while views of this one stay good. */
  buffer(): SharedArrayBuffer;
  /**
   * The offset of so many bytes more, aligned to 16.
   *
   * @throws Failure beyond MEMORY_LIMIT, and where the system gives no more
   */
  room(bytes: number): number;
  /** Gives back all from an offset on, everything without one. */
  release(from?: number): void;
}

function allocated<T>(allocate: () => T): T {
  try {
    return allocate();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    // V8 reserves 10 GiB of address space for each memory.
    throw new Failure(
      "WebAssembly",
      "no memory is to be had",
      "raise the limit of the address space (ulimit -v)",
    );
  }
}

export function wasmMemory(): WasmMemory {
  let used = FIRST_OFFSET;
  let program: WasmProgram | undefined;
  // Shared by nobody: V8 counts other memories among what a collection might free, and collects for nothing.
  const descriptor = { initial: 0, maximum: MEMORY_LIMIT / PAGE_BYTES, shared: true } as const;
  const memory = allocated(() => new WebAssembly.Memory(descriptor));
  return {
    get program() {
      module ??= new WebAssembly.Module(Buffer.from(WASM, "base64"));
      program ??= new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as WasmProgram;
      return program;
    },
    buffer: () => memory.buffer,
    room(bytes) {
      const start = used;
      const end = start + Math.ceil(bytes / 16) * 16;
      if (end > MEMORY_LIMIT) {
        throw new Failure(`${end} bytes`, "are more than fit into memory", "give an intact file");
      }
      const missing = Math.ceil((end - memory.buffer.byteLength) / PAGE_BYTES);
      if (missing > 0) allocated(() => memory.grow(missing));
      used = end;
      return start;
    },
    release(from = FIRST_OFFSET) {
      used = from;
    },
  };
}
