import { at } from "../checked-index.ts";
import type { ByteSource } from "../elf/byte-source.ts";
import { damaged, type Failure } from "../failure.ts";
import {
  FOUND_ADDRESS,
  FOUND_BYTES,
  FOUND_SCOPE,
  IS_BEFORE,
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

/** The kinds of DIEs to search for. */
export interface WantedDies {
  /** Variables whose location is one of the wanted addresses. */
  readonly variables: boolean;
  /** Functions that begin at one of the wanted addresses, and all functions in several pieces (DW_AT_ranges). */
  readonly functions: boolean;
}

/** Addresses in columns, ascending, without duplicates. */
export interface WantedAddresses {
  readonly high: Uint32Array;
  readonly low: Uint32Array;
  /** For each address, the number of bytes from it on in which a function may begin instead: a symbol's, which may begin with NOPs. */
  readonly size: Float64Array;
}

/** A DIE that the scan found. */
export interface FoundDie {
  /** Offset in .debug_info. */
  readonly offset: number;
  /** Offset of the enclosing function (DW_TAG_subprogram or DW_TAG_inlined_subroutine); 0 outside functions. */
  readonly scope: number;
  /** Index of the wanted address; -1 for a function whose ranges must be read to find its addresses. */
  readonly address: number;
  /** Whether the DIE is at the address itself; otherwise, it is a function that begins within the address's size. */
  readonly isExact: boolean;
}

/**
 * Returns the offset in .debug_abbrev of a unit's abbreviation; undefined if it is no longer in memory.
 *
 * @throws Failure for a code that the unit does not have
 */
export type AbbreviationFinder = (code: number) => number | undefined;

/** Limit for abbreviation codes, since a table by code is kept in memory. All producers number codes from 1. */
const CODE_LIMIT = 1 << 18;
/** Number of found DIEs per batch; at least MOST_MATCHES. */
const BATCH = 1 << 10;
const LARGEST_UNIT = 1 << 29;
const FIRST_ABBREVIATIONS = 1 << 14;

let memory: WasmMemory | undefined;
let afterCodes = 0;
/** Current user of the memory: the scanner created last, for the unit that it scanned last. */
let lease = 0;

function layOut(): WasmMemory {
  memory = wasmMemory();
  const codes = memory.room(CODE_LIMIT * 4);
  memory.program.describeRecords(codes, CODE_LIMIT);
  afterCodes = memory.room(0);
  return memory;
}

/**
 * Scans the DIEs of units and finds those at wanted addresses. Only one unit and its abbreviations are in memory at a time.
 * All scanners share one memory, since V8 frees shared memory lazily. The newest scanner owns it; older ones throw.
 */
export class DebugInfoScanner {
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
  /** The part of .debug_addr in memory. */
  #tableFrom = 0;
  #tableTo = 0;
  #held: ByteSource | undefined;
  #heldFrom = 0;
  #heldTo = 0;
  /** Identifies the abbreviation table and the encoding of the records in memory. */
  #recordsOf = "";
  #recordsFrom: ByteSource | undefined;
  #abbreviations = 0;

  /** @throws RangeError for 2^23 addresses or more */
  constructor(wants: WantedDies, { high, low, size }: WantedAddresses) {
    this.#wants = wants;
    const { program } = this.#memory;
    this.#memory.release(afterCodes);
    const count = low.length;
    const slots = 2 ** Math.ceil(Math.log2(2 * count + 2));
    if (slots > WANTED_SLOTS_LIMIT) throw new RangeError(`${count} wanted addresses`);
    const addresses = this.#memory.room(count * 8);
    const sizes = this.#memory.room(count * 8);
    const slotRoom = this.#memory.room(slots * 4);
    this.#scopes = this.#memory.room(SCAN_BYTES);
    this.#events = this.#memory.room(BATCH * FOUND_BYTES);
    this.#mark = this.#memory.room(0);
    const words = new Uint32Array(this.#memory.buffer(), addresses, count * 2);
    const sizeWords = new Uint32Array(this.#memory.buffer(), sizes, count * 2);
    for (const [i, half] of low.entries()) {
      words[2 * i] = half;
      words[2 * i + 1] = at(high, i);
      sizeWords[2 * i] = at(size, i);
      sizeWords[2 * i + 1] = at(size, i) / 2 ** 32;
    }
    program.wantAddresses(addresses, sizes, count, slotRoom, slots - 1);
    this.#layOut(1 << 20, FIRST_ABBREVIATIONS, 1 << 12, ".debug_info");
  }

  /** The content of .debug_info; the bytes of the current unit are in memory. */
  infoOf({ info }: DebugSections): ByteSource {
    return {
      name: info.name,
      size: info.size,
      read: (offset, length, into) => {
        const isHeld =
          this.#lease === lease &&
          this.#held === info &&
          offset >= this.#heldFrom &&
          offset + length <= this.#heldTo;
        if (!isHeld) return info.read(offset, length, into);
        const bytes = new Uint8Array(this.#memory.buffer(), this.#unitAt + offset - this.#heldFrom, length);
        if (into === undefined) return bytes;
        into.set(bytes);
        return into;
      },
    };
  }

  #layOut(unitBytes: number, abbreviationBytes: number, tableBytes: number, name: string): void {
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
    this.#tableFrom = this.#tableTo = 0;
  }

  #load(source: ByteSource, offset: number, length: number, to: number): void {
    const bytes = new Uint8Array(this.#memory.buffer(), to, length + PADDING);
    source.read(offset, length, bytes.subarray(0, length));
    bytes.fill(0, length);
  }

  /** @throws Error if another scanner, or another scan of this one, has reused the memory since */
  #checkLease(held: number): void {
    if (held !== lease)
      throw new Error("another scan of debug information has reused the memory of this one");
  }

  /** A finder for the abbreviations of the current unit, valid until the next unit is scanned. */
  #abbreviationFinder({ info }: DebugSections, unit: number): AbbreviationFinder {
    const held = lease;
    const shift = this.#abbreviations - this.#abbreviationsAt;
    return (code) => {
      if (held !== lease) return undefined;
      const found = this.#memory.program.abbreviationOf(code);
      if (found === 0) throw scanFailure(info, `the unit has no abbreviation ${code}`, unit);
      return found + shift;
    };
  }

  /**
   * Scans a unit.
   *
   * @param sections those of the unit's file
   * @param addressBase offset of the unit's addresses in .debug_addr (DW_AT_addr_base)
   * @param take called for each found DIE, in the order of the unit; it may read DIEs of the unit
   * @throws Failure for a damaged unit
   * @throws Error if this is not the newest scanner, or if `take` starts another scan
   */
  scan(
    sections: DebugSections,
    header: UnitHeader,
    addressBase: number | undefined,
    take: (found: FoundDie, abbreviationAt: AbbreviationFinder) => void,
  ): void {
    this.#checkLease(this.#lease);
    this.#lease = ++lease;
    const held = lease;
    const { info } = sections;
    const { offset, end } = header;
    const size = end - offset;
    if (size > LARGEST_UNIT) throw scanFailure(info, `a unit of ${size} bytes is too large`, offset);
    const tableFrom = addressBase ?? 0;
    const tableTo = addressBase === undefined ? 0 : addressTableEnd(sections, header, addressBase);
    if (size > this.#unitBytes || tableTo - tableFrom > this.#tableBytes) {
      this.#layOut(
        size > this.#unitBytes ? Math.ceil(size * 1.25) : this.#unitBytes,
        this.#abbreviationBytes,
        Math.max(tableTo - tableFrom, this.#tableBytes),
        info.name,
      );
    }
    this.#readAbbreviations(sections, header);
    const { program } = this.#memory;
    this.#heldFrom = this.#heldTo = 0;
    this.#load(info, offset, size, this.#unitAt);
    this.#held = info;
    this.#heldFrom = offset;
    this.#heldTo = end;
    this.#readAddresses(sections, tableFrom, tableTo);
    const unit = this.#unitAt;
    program.beginUnit(unit, unit + header.root - offset, unit + size, this.#scopes);
    const abbreviationAt = this.#abbreviationFinder(sections, offset);
    while (!program.scanEnded()) {
      const count = program.scanUnit(this.#events, BATCH);
      if (program.scanFault() !== SCAN_NO_FAULT)
        throw scanFailure(info, this.#problem(), offset + program.scanPosition());
      for (const die of this.#found(count, offset)) {
        take(die, abbreviationAt);
        this.#checkLease(held);
      }
    }
  }

  /** Decodes the batch of DIEs found in the unit at offset `unit`. */
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
        address: address === SEE_RANGES ? -1 : address & ~IS_BEFORE,
        isExact: (address & IS_BEFORE) === 0,
      };
    });
  }

  /** Compiles a unit's abbreviations into records, unless these records are already in memory. */
  #readAbbreviations(sections: DebugSections, header: UnitHeader): void {
    const { abbrev, littleEndian } = sections;
    const { abbreviations, version, addressSize, offsetSize } = header;
    const wanted = `${abbreviations} ${version} ${addressSize} ${offsetSize}`;
    const { program } = this.#memory;
    program.describeUnit(littleEndian, version, addressSize, offsetSize);
    if (wanted === this.#recordsOf && abbrev === this.#recordsFrom) return;
    this.#recordsOf = "";
    this.#recordsFrom = abbrev;
    this.#abbreviations = abbreviations;
    // For a table outside the section, the cursor throws.
    const left = abbrev.size - cursorAt(sections, abbrev, abbreviations).position;
    for (;;) {
      const length = Math.min(this.#abbreviationBytes, left);
      const start = this.#abbreviationsAt;
      this.#load(abbrev, abbreviations, length, start);
      if (program.readAbbreviations(start, start + length, this.#recordsAt, this.#wants.functions)) break;
      if (program.scanFault() !== SCAN_CUT_SHORT || length === left) {
        const problem = `the abbreviations at 0x${abbreviations.toString(16)}: ${this.#problem()}`;
        throw damaged(abbrev.name, problem);
      }
      const bytes = Math.min(this.#abbreviationBytes * 4, left);
      this.#layOut(this.#unitBytes, bytes, this.#tableBytes, abbrev.name);
    }
    this.#recordsOf = wanted;
  }

  /** Reads a part of .debug_addr, unless it is in memory: before DWARF 5, all units have one table. */
  #readAddresses({ addr }: DebugSections, from: number, to: number): void {
    if (to > from && (from < this.#tableFrom || to > this.#tableTo)) {
      addr.read(from, to - from, new Uint8Array(this.#memory.buffer(), this.#tableAt, to - from));
      this.#tableFrom = from;
      this.#tableTo = to;
    }
    const start = this.#tableAt + from - this.#tableFrom;
    this.#memory.program.describeAddresses(start, start + to - from);
  }

  #problem(): string {
    const { program } = this.#memory;
    const culprit = program.scanCulprit();
    switch (program.scanFault()) {
      case SCAN_CUT_SHORT:
        return "the table does not end";
      case SCAN_UNKNOWN_FORM:
        return `unknown form 0x${culprit.toString(16)}`;
      case SCAN_CODE_TOO_LARGE:
        return "an abbreviation code is too large";
      case SCAN_UNKNOWN_CODE:
        return `the unit has no abbreviation ${culprit}`;
      case SCAN_PAST_THE_END:
        return "a DIE reaches past the end of its unit";
      case SCAN_SIBLING_BEFORE:
        return "DW_AT_sibling does not lead to a later DIE of the unit";
      case SCAN_TOO_DEEP:
        return "functions nested too deeply";
      default:
        throw new Error(`unknown scan fault ${program.scanFault()}`);
    }
  }
}

function scanFailure(info: ByteSource, problem: string, offset: number): Failure {
  return damaged(info.name, `at 0x${offset.toString(16)}: ${problem}`);
}

/** End offset of the table in .debug_addr whose addresses begin at `base` (DWARF 5 section 7.27). */
function addressTableEnd(sections: DebugSections, { version, offsetSize }: UnitHeader, base: number): number {
  const { addr } = sections;
  // Before DWARF 5, the table has no header.
  if (version < 5) return addr.size;
  const start = base - 4 - offsetSize - (offsetSize === 8 ? 4 : 0);
  const cursor = cursorAt(sections, addr, start);
  const initial = cursor.u32();
  const length = initial === 0xffffffff ? cursor.u64() : initial;
  return Math.max(base, Math.min(addr.size, cursor.position + length));
}
