import { at } from "../checked-index.ts";
import type { ByteSource } from "../elf/byte-source.ts";
import { damaged, type Failure } from "../failure.ts";
import {
  FOUND_ADDRESS,
  FOUND_BYTES,
  FOUND_SCOPE,
  PADDING,
  RECORDS_MORE,
  RECORDS_SHARE,
  SCAN_BYTES,
  SCAN_CODE_TOO_LARGE,
  SCAN_CUT_SHORT,
  SCAN_NO_FAULT,
  SCAN_PAST_THE_END,
  SCAN_SIBLING_BEFORE,
  SCAN_TOO_DEEP,
  SCAN_UNKNOWN_CODE,
  SCAN_UNKNOWN_FORM,
  SEE_RANGES,
  WANTED_SLOTS_LIMIT,
} from "../wasm/layout.ts";
import { type WasmMemory, wasmMemory } from "../wasm/program.ts";
import type { DebugSections } from "./debug-sections.ts";
import { cursorAt } from "./forms.ts";
import type { UnitHeader } from "./unit-header.ts";

/** What kinds of DIEs are looked for. */
export interface WantedDies {
  /** Variables whose location is one of the wanted addresses. */
  readonly variables: boolean;
  /** Functions that begin at one of them, and all functions that are in several pieces. */
  readonly functions: boolean;
}

/** A DIE that the scan has found. */
export interface FoundDie {
  /** In .debug_info. */
  readonly offset: number;
  /** The function that holds it, or the copy of one; 0 outside of functions. */
  readonly scope: number;
  /** The index of the wanted address that it stands for; -1 for a function whose pieces are to be read first. */
  readonly address: number;
}

/**
 * The offset in .debug_abbrev of an abbreviation of a unit, undefined when it is not in memory any more.
 *
 * @throws Failure for a code that the unit does not have
 */
export type AbbreviationFinder = (code: number) => number | undefined;

/** Codes are numbered from 1 by every producer; a table of more codes would fill the memory. */
const CODE_LIMIT = 1 << 18;
/** How many DIEs the scan finds before it gives them out; at least MOST_MATCHES. */
const BATCH = 1 << 10;
const LARGEST_UNIT = 1 << 29;
const FIRST_ABBREVIATIONS = 1 << 14;

let memory: WasmMemory | undefined;
let afterCodes = 0;
/** Who uses the memory: the scanner that was made last, for the unit that it scanned last. */
let lease = 0;

function layOut(): WasmMemory {
  memory = wasmMemory();
  const codes = memory.room(CODE_LIMIT * 4);
  memory.program.describeRecords(codes, CODE_LIMIT);
  afterCodes = memory.room(0);
  return memory;
}

/**
 * Goes through the DIEs of units and finds those at wanted addresses. One unit at a time is in memory, with its abbreviations.
 * All scanners share one memory, since V8 frees shared memory lazily: the newest scanner has it, and an older one throws.
 */
export class DebugInfoScanner {
  /** .debug_info, of which the bytes of the unit at hand are in memory. */
  readonly info: ByteSource;

  readonly #sections: DebugSections;
  readonly #wants: WantedDies;
  readonly #memory = memory ?? layOut();
  #lease = ++lease;
  readonly #mark: number;
  readonly #scopes: number;
  readonly #events: number;
  #unitAt = 0;
  #unitBytes = 0;
  #abbreviationsAt = 0;
  #abbreviationBytes = 0;
  #recordsAt = 0;
  #tableAt = 0;
  #tableBytes = 0;
  #heldFrom = 0;
  #heldTo = 0;
  /** The table whose records are in memory, and the encoding they are for. */
  #recordsOf = "";
  #abbreviations = 0;

  /**
   * @param high the upper halves of the wanted addresses, `low` their lower ones; none of them twice
   * @throws RangeError for more than 2^23 of them
   */
  constructor(sections: DebugSections, wants: WantedDies, high: Uint32Array, low: Uint32Array) {
    this.#sections = sections;
    this.#wants = wants;
    const { program } = this.#memory;
    this.#memory.release(afterCodes);
    const count = low.length;
    const slots = 2 ** Math.ceil(Math.log2(2 * count + 2));
    if (slots > WANTED_SLOTS_LIMIT) throw new RangeError(`${count} wanted addresses`);
    const addresses = this.#memory.room(count * 8);
    const slotRoom = this.#memory.room(slots * 4);
    this.#scopes = this.#memory.room(SCAN_BYTES);
    this.#events = this.#memory.room(BATCH * FOUND_BYTES);
    this.#mark = this.#memory.room(0);
    const words = new Uint32Array(this.#memory.buffer(), addresses, count * 2);
    for (const [i, half] of low.entries()) {
      words[2 * i] = half;
      words[2 * i + 1] = at(high, i);
    }
    program.wantAddresses(addresses, count, slotRoom, slots - 1);
    this.#layOut(1 << 20, FIRST_ABBREVIATIONS, 1 << 12);

    const { info } = sections;
    this.info = {
      name: info.name,
      size: info.size,
      read: (offset, length, into) => {
        const isHeld = this.#lease === lease && offset >= this.#heldFrom && offset + length <= this.#heldTo;
        if (!isHeld) return info.read(offset, length, into);
        const bytes = new Uint8Array(this.#memory.buffer(), this.#unitAt + offset - this.#heldFrom, length);
        if (into === undefined) return bytes;
        into.set(bytes);
        return into;
      },
    };
  }

  #layOut(unitBytes: number, abbreviationBytes: number, tableBytes: number): void {
    const { name } = this.#sections.info;
    this.#memory.release(this.#mark);
    this.#unitBytes = unitBytes;
    this.#abbreviationBytes = abbreviationBytes;
    this.#tableBytes = tableBytes;
    this.#abbreviationsAt = this.#memory.room(abbreviationBytes + PADDING, name);
    this.#recordsAt = this.#memory.room(abbreviationBytes * RECORDS_SHARE + RECORDS_MORE, name);
    this.#tableAt = this.#memory.room(tableBytes, name);
    this.#unitAt = this.#memory.room(unitBytes + PADDING, name);
    this.#recordsOf = "";
    this.#heldFrom = this.#heldTo = 0;
  }

  #load(source: ByteSource, offset: number, length: number, to: number): void {
    const bytes = new Uint8Array(this.#memory.buffer(), to, length + PADDING);
    source.read(offset, length, bytes.subarray(0, length));
    bytes.fill(0, length);
  }

  /** @throws Error when another scanner, or another scan of this one, has taken the memory since */
  #checkLease(held: number): void {
    if (held !== lease) throw new Error("another scan of debug information has taken the memory of this one");
  }

  /** Finds the abbreviations of the unit at hand, until the next one is scanned. */
  #abbreviationFinder(): AbbreviationFinder {
    const held = lease;
    const shift = this.#abbreviations - this.#abbreviationsAt;
    const unit = this.#heldFrom;
    return (code) => {
      if (held !== lease) return undefined;
      const found = this.#memory.program.abbreviationOf(code);
      if (found === 0) throw this.#failure(`the unit has no abbreviation ${code}`, unit);
      return found + shift;
    };
  }

  #failure(problem: string, offset: number): Failure {
    return damaged(this.info.name, `at 0x${offset.toString(16)}: ${problem}`);
  }

  /**
   * Scans a unit.
   *
   * @param addressBase where the unit's part of .debug_addr begins
   * @param take gets what is found, in the unit's order; it may read DIEs of the unit
   * @throws Failure for a unit that is damaged
   * @throws Error for a scanner that is not the newest one, and when `take` begins another scan
   */
  scan(
    header: UnitHeader,
    addressBase: number | undefined,
    take: (found: FoundDie, abbreviationAt: AbbreviationFinder) => void,
  ): void {
    this.#checkLease(this.#lease);
    this.#lease = ++lease;
    const held = lease;
    const { offset, end } = header;
    const size = end - offset;
    if (size > LARGEST_UNIT) throw this.#failure(`a unit of ${size} bytes is too large`, offset);
    const table =
      addressBase === undefined ? 0 : addressTableEnd(this.#sections, header, addressBase) - addressBase;
    if (size > this.#unitBytes || table > this.#tableBytes) {
      this.#layOut(
        size > this.#unitBytes ? Math.ceil(size * 1.25) : this.#unitBytes,
        this.#abbreviationBytes,
        Math.max(table, this.#tableBytes),
      );
    }
    this.#readAbbreviations(header);
    const { program } = this.#memory;
    this.#heldFrom = this.#heldTo = 0;
    this.#load(this.#sections.info, offset, size, this.#unitAt);
    this.#heldFrom = offset;
    this.#heldTo = end;
    if (addressBase !== undefined && table > 0) {
      const bytes = new Uint8Array(this.#memory.buffer(), this.#tableAt, table);
      this.#sections.addr.read(addressBase, table, bytes);
    }
    program.describeAddresses(this.#tableAt, this.#tableAt + table);
    const unit = this.#unitAt;
    program.beginUnit(unit, unit + header.root - offset, unit + size, this.#scopes);
    const abbreviationAt = this.#abbreviationFinder();
    while (!program.scanEnded()) {
      const count = program.scanUnit(this.#events, BATCH);
      if (program.scanFault() !== SCAN_NO_FAULT)
        throw this.#failure(this.#problem(), offset + program.scanPosition());
      for (const die of this.#found(count, offset)) {
        take(die, abbreviationAt);
        this.#checkLease(held);
      }
    }
  }

  /** The DIEs that the program has found in the unit at an offset. */
  #found(count: number, unit: number): FoundDie[] {
    const view = new DataView(this.#memory.buffer(), this.#events, count * FOUND_BYTES);
    const word = (at: number) => view.getUint32(at, true);
    return Array.from({ length: count }, (_, i) => {
      const die = i * FOUND_BYTES;
      const scope = word(die + FOUND_SCOPE);
      const address = word(die + FOUND_ADDRESS);
      return {
        offset: unit + word(die),
        scope: scope === 0 ? 0 : unit + scope,
        address: address === SEE_RANGES ? -1 : address,
      };
    });
  }

  /** Makes the records of a unit's abbreviations, if those in memory are not the ones. */
  #readAbbreviations(header: UnitHeader): void {
    const { abbrev, littleEndian } = this.#sections;
    const { abbreviations, version, addressSize, offsetSize } = header;
    const wanted = `${abbreviations} ${version} ${addressSize} ${offsetSize}`;
    const { program } = this.#memory;
    program.describeUnit(littleEndian, version, addressSize, offsetSize);
    if (wanted === this.#recordsOf) return;
    this.#recordsOf = "";
    this.#abbreviations = abbreviations;
    // The cursor says what is wrong with a table outside the section.
    const left = abbrev.size - cursorAt(this.#sections, abbrev, abbreviations).position;
    for (;;) {
      const length = Math.min(this.#abbreviationBytes, left);
      const start = this.#abbreviationsAt;
      this.#load(abbrev, abbreviations, length, start);
      if (program.readAbbreviations(start, start + length, this.#recordsAt, this.#wants.functions)) break;
      if (program.scanFault() !== SCAN_CUT_SHORT || length === left) {
        const problem = `the abbreviations at 0x${abbreviations.toString(16)}: ${this.#problem()}`;
        throw damaged(abbrev.name, problem);
      }
      this.#layOut(this.#unitBytes, Math.min(this.#abbreviationBytes * 4, left), this.#tableBytes);
    }
    this.#recordsOf = wanted;
  }

  #problem(): string {
    const { program } = this.#memory;
    const culprit = program.scanCulprit();
    switch (program.scanFault()) {
      case SCAN_CUT_SHORT:
        return "they do not end";
      case SCAN_UNKNOWN_FORM:
        return `unknown form 0x${culprit.toString(16)}`;
      case SCAN_CODE_TOO_LARGE:
        return "a code that is too large";
      case SCAN_UNKNOWN_CODE:
        return `the unit has no abbreviation ${culprit}`;
      case SCAN_PAST_THE_END:
        return "a DIE reaches past its unit";
      case SCAN_SIBLING_BEFORE:
        return "a sibling that does not follow";
      case SCAN_TOO_DEEP:
        return "functions in functions without end";
      default:
        throw new Error(`fault ${program.scanFault()} of a scan has no name`);
    }
  }
}

/** Where the part of .debug_addr ends whose addresses begin at an offset (DWARF 5 section 7.27). */
function addressTableEnd(sections: DebugSections, { version, offsetSize }: UnitHeader, base: number): number {
  const { addr } = sections;
  // Before DWARF 5 there was no header.
  if (version < 5) return addr.size;
  const start = base - 4 - offsetSize - (offsetSize === 8 ? 4 : 0);
  const cursor = cursorAt(sections, addr, start);
  const initial = cursor.u32();
  const length = initial === 0xffffffff ? cursor.u64() : initial;
  return Math.max(base, Math.min(addr.size, cursor.position + length));
}
