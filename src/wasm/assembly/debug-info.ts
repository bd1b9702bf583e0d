// biome-ignore-all lint/correctness/noPrecisionLoss: AssemblyScript's u64 holds these

import {
  DW_AT_declaration,
  DW_AT_location,
  DW_AT_low_pc,
  DW_AT_ranges,
  DW_AT_sibling,
  DW_FORM_addr,
  DW_FORM_addrx,
  DW_FORM_addrx1,
  DW_FORM_addrx2,
  DW_FORM_addrx3,
  DW_FORM_addrx4,
  DW_FORM_block,
  DW_FORM_block1,
  DW_FORM_block2,
  DW_FORM_block4,
  DW_FORM_data1,
  DW_FORM_data2,
  DW_FORM_data4,
  DW_FORM_data8,
  DW_FORM_data16,
  DW_FORM_exprloc,
  DW_FORM_flag,
  DW_FORM_flag_present,
  DW_FORM_GNU_ref_alt,
  DW_FORM_GNU_strp_alt,
  DW_FORM_implicit_const,
  DW_FORM_indirect,
  DW_FORM_line_strp,
  DW_FORM_loclistx,
  DW_FORM_ref_addr,
  DW_FORM_ref_sig8,
  DW_FORM_ref_sup4,
  DW_FORM_ref_sup8,
  DW_FORM_ref_udata,
  DW_FORM_ref1,
  DW_FORM_ref2,
  DW_FORM_ref4,
  DW_FORM_ref8,
  DW_FORM_rnglistx,
  DW_FORM_sdata,
  DW_FORM_sec_offset,
  DW_FORM_string,
  DW_FORM_strp,
  DW_FORM_strp_sup,
  DW_FORM_strx,
  DW_FORM_strx1,
  DW_FORM_strx2,
  DW_FORM_strx3,
  DW_FORM_strx4,
  DW_FORM_udata,
  DW_OP_addr,
  DW_OP_addrx,
  DW_OP_piece,
  DW_OP_plus_uconst,
  DW_TAG_catch_block,
  DW_TAG_compile_unit,
  DW_TAG_inlined_subroutine,
  DW_TAG_lexical_block,
  DW_TAG_module,
  DW_TAG_namespace,
  DW_TAG_partial_unit,
  DW_TAG_subprogram,
  DW_TAG_try_block,
  DW_TAG_variable,
  DW_TAG_with_stmt,
} from "../../constants/dwarf.ts";
import {
  FOUND_ADDRESS,
  FOUND_BYTES,
  FOUND_SCOPE,
  MOST_MATCHES,
  MOST_SCOPES,
  SCAN_CODE_TOO_LARGE,
  SCAN_CUT_SHORT,
  SCAN_NO_FAULT,
  SCAN_PAST_THE_END,
  SCAN_SIBLING_BEFORE,
  SCAN_TOO_DEEP,
  SCAN_UNKNOWN_CODE,
  SCAN_UNKNOWN_FORM,
  SCOPE_BYTES,
  SCOPE_DIE,
  SEE_RANGES,
} from "../layout.ts";
import { next, readUleb } from "./leb128.ts";

// The DIEs of a unit (DWARF 5 sections 7.5.2 and 7.5.3): those that stand for wanted addresses are found, all others
// passed over. An abbreviation is made into a record of steps that pass over its attributes, as many as possible at once.

// An abbreviation's record: what its DIEs are, whether they have children, the bytes of their attributes where that is
// always the same, where the abbreviation stands, and the steps, 32 bits each.
const KIND = 0;
const CHILDREN = 1;
const FIXED_BYTES = 4;
const ABBREVIATION = 8;
const STEPS = 12;

const OTHER: u8 = 0;
/** What holds no variable and no function: its sibling comes next. */
const CLOSED: u8 = 1;
/** A function, or a copy of one, in which nothing is looked for but variables. */
const SCOPE: u8 = 2;
const VARIABLE: u8 = 3;
const FUNCTION: u8 = 4;
/** A function in several pieces. */
const FUNCTION_OF_RANGES: u8 = 5;

const NOT_FIXED: u32 = 0xffffffff;

// A step: what to do in the lower 8 bits, and with how many bytes.
const END: u32 = 0;
const SKIP: u32 = 1;
const SKIP_LEB: u32 = 2;
const SKIP_STRING: u32 = 3;
const SKIP_INDIRECT: u32 = 4;
/** A block whose length has so many bytes, a LEB128 number for 0. */
const SKIP_BLOCK: u32 = 5;
const LOCATION: u32 = 6;
/** A reference of so many bytes, a LEB128 number for 0. */
const SIBLING: u32 = 7;
const ADDRESS: u32 = 8;
/** An index in .debug_addr, of so many bytes, a LEB128 number for 0. */
const ADDRESS_INDEX: u32 = 9;

let fault: u32 = SCAN_NO_FAULT;
/** The form or code at fault. */
let culprit: u32 = 0;

export function scanFault(): u32 {
  return fault;
}

export function scanCulprit(): u32 {
  return culprit;
}

let littleEndian = true;
let addressSize: u32 = 8;
let offsetSize: u32 = 4;
let referenceSize: u32 = 4;

/** @param version of DWARF, which the size of DW_FORM_ref_addr depends on */
export function describeUnit(isLittleEndian: bool, version: u32, addressBytes: u32, offsetBytes: u32): void {
  littleEndian = isLittleEndian;
  addressSize = addressBytes;
  offsetSize = offsetBytes;
  referenceSize = version === 2 ? addressBytes : offsetBytes;
}

/** A number of 1 to 8 bytes. */
function readNumber(at: usize, size: u32): u64 {
  if (size === 4) {
    const word = load<u32>(at);
    return littleEndian ? word : bswap<u32>(word);
  }
  if (size === 8) {
    const word = load<u64>(at);
    return littleEndian ? word : bswap<u64>(word);
  }
  let value: u64 = 0;
  for (let i: u32 = 0; i < size; i++) {
    const byte: u64 = load<u8>(at + i);
    value |= byte << ((littleEndian ? i : size - 1 - i) << 3);
  }
  return value;
}

/** The step that passes over a form, NOT_FIXED for one that is not known. */
function stepOf(form: u32): u32 {
  let size: u32 = 0;
  switch (form) {
    case DW_FORM_addr:
      size = addressSize;
      break;
    case DW_FORM_data1:
    case DW_FORM_ref1:
    case DW_FORM_flag:
    case DW_FORM_strx1:
    case DW_FORM_addrx1:
      size = 1;
      break;
    case DW_FORM_data2:
    case DW_FORM_ref2:
    case DW_FORM_strx2:
    case DW_FORM_addrx2:
      size = 2;
      break;
    case DW_FORM_strx3:
    case DW_FORM_addrx3:
      size = 3;
      break;
    case DW_FORM_data4:
    case DW_FORM_ref4:
    case DW_FORM_strx4:
    case DW_FORM_addrx4:
    case DW_FORM_ref_sup4:
      size = 4;
      break;
    case DW_FORM_data8:
    case DW_FORM_ref8:
    case DW_FORM_ref_sig8:
    case DW_FORM_ref_sup8:
      size = 8;
      break;
    case DW_FORM_data16:
      size = 16;
      break;
    case DW_FORM_strp:
    case DW_FORM_line_strp:
    case DW_FORM_sec_offset:
    case DW_FORM_strp_sup:
    case DW_FORM_GNU_ref_alt:
    case DW_FORM_GNU_strp_alt:
      size = offsetSize;
      break;
    case DW_FORM_ref_addr:
      size = referenceSize;
      break;
    case DW_FORM_flag_present:
    case DW_FORM_implicit_const:
      size = 0;
      break;
    case DW_FORM_udata:
    case DW_FORM_sdata:
    case DW_FORM_ref_udata:
    case DW_FORM_strx:
    case DW_FORM_addrx:
    case DW_FORM_loclistx:
    case DW_FORM_rnglistx:
      return SKIP_LEB;
    case DW_FORM_string:
      return SKIP_STRING;
    case DW_FORM_indirect:
      return SKIP_INDIRECT;
    case DW_FORM_block1:
      return SKIP_BLOCK | (1 << 8);
    case DW_FORM_block2:
      return SKIP_BLOCK | (2 << 8);
    case DW_FORM_block4:
      return SKIP_BLOCK | (4 << 8);
    case DW_FORM_block:
    case DW_FORM_exprloc:
      return SKIP_BLOCK;
    default:
      return NOT_FIXED;
  }
  return SKIP | (size << 8);
}

/** The step that reads an attribute, or passes over it. */
function stepFor(name: u64, form: u32, tag: u64, wantsFunctions: bool): u32 {
  const step = stepOf(form);
  if (name === DW_AT_sibling) {
    if (form === DW_FORM_ref_udata) return SIBLING;
    if (form === DW_FORM_ref1 || form === DW_FORM_ref2 || form === DW_FORM_ref4 || form === DW_FORM_ref8) {
      return SIBLING | (step & 0xffffff00);
    }
  }
  if (name === DW_AT_location && tag === DW_TAG_variable && (step & 0xff) === SKIP_BLOCK) {
    return LOCATION | (step & 0xffffff00);
  }
  if (name === DW_AT_low_pc && tag === DW_TAG_subprogram && wantsFunctions) {
    if (form === DW_FORM_addr) return ADDRESS;
    if (form === DW_FORM_addrx) return ADDRESS_INDEX;
    if (form >= <u32>DW_FORM_addrx1 && form <= <u32>DW_FORM_addrx4)
      return ADDRESS_INDEX | (step & 0xffffff00);
  }
  return step;
}

function isOpen(tag: u64): bool {
  return (
    tag === DW_TAG_compile_unit ||
    tag === DW_TAG_partial_unit ||
    tag === DW_TAG_subprogram ||
    tag === DW_TAG_inlined_subroutine ||
    tag === DW_TAG_lexical_block ||
    tag === DW_TAG_namespace ||
    tag === DW_TAG_module ||
    tag === DW_TAG_try_block ||
    tag === DW_TAG_catch_block ||
    tag === DW_TAG_with_stmt
  );
}

let recordByCode: usize = 0;
let codeLimit: u32 = 0;
let codeEnd: u32 = 0;

/** Says where the records' offsets go, by code; the room holds zeros. */
export function describeRecords(byCode: usize, limit: u32): void {
  recordByCode = byCode;
  codeLimit = limit;
  codeEnd = 0;
}

/** Where the abbreviation of a code begins, which the unit has. */
export function abbreviationOf(code: u32): usize {
  if (code >= codeEnd) return 0;
  const record = <usize>load<u32>(recordByCode + ((<usize>code) << 2));
  return record === 0 ? 0 : load<u32>(record, ABBREVIATION);
}

/**
 * Makes records of a table of abbreviations, in RECORDS_SHARE bytes for each of its bytes at most, and RECORDS_MORE.
 *
 * @param end of the bytes at hand, which PADDING zeros follow
 * @returns whether the table is whole; else `scanFault` tells what it lacks
 */
export function readAbbreviations(start: usize, end: usize, records: usize, wantsFunctions: bool): bool {
  memory.fill(recordByCode, 0, (<usize>codeEnd) << 2);
  codeEnd = 0;
  fault = SCAN_NO_FAULT;
  let record = records;
  for (let at = start; at < end; ) {
    const abbreviation = at;
    const code = readUleb(at);
    if (code === 0) return true;
    const tag = readUleb(next);
    at = next;
    const hasChildren = load<u8>(at++) !== 0;
    let kind = hasChildren && !isOpen(tag) ? CLOSED : OTHER;
    if (tag === DW_TAG_subprogram || tag === DW_TAG_inlined_subroutine) kind = SCOPE;
    let isDeclaration = false;
    let hasRanges = false;
    let step = record + STEPS;
    let fixed: u32 = 0;
    let isFixed = true;
    for (;;) {
      const name = readUleb(at);
      const form = <u32>readUleb(next);
      at = next;
      if (form === DW_FORM_implicit_const) {
        readUleb(at);
        at = next;
      }
      if (at > end) {
        fault = SCAN_CUT_SHORT;
        return false;
      }
      if (name === 0 && form === 0) break;
      const found = stepFor(name, form, tag, wantsFunctions);
      if (found === NOT_FIXED) {
        fault = SCAN_UNKNOWN_FORM;
        culprit = form;
        return false;
      }
      const action = found & 0xff;
      if (action === LOCATION) kind = VARIABLE;
      if (name === DW_AT_declaration) isDeclaration = true;
      if (wantsFunctions && tag === DW_TAG_subprogram) {
        if (action === ADDRESS || action === ADDRESS_INDEX) kind = kind === SCOPE ? FUNCTION : kind;
        if (name === DW_AT_ranges) hasRanges = true;
      }
      if (action === SKIP) {
        fixed += found >> 8;
        continue;
      }
      // A variable's children, if it has any, are of no interest; others' siblings are where they are closed.
      if (fixed > 0) {
        store<u32>(step, SKIP | (fixed << 8));
        step += 4;
        fixed = 0;
      }
      isFixed = false;
      store<u32>(step, found);
      step += 4;
    }
    if (kind === SCOPE && isDeclaration) kind = CLOSED;
    if (hasRanges && (kind === SCOPE || kind === FUNCTION)) kind = FUNCTION_OF_RANGES;
    if (fixed > 0) {
      store<u32>(step, SKIP | (fixed << 8));
      step += 4;
    }
    store<u32>(step, END);
    if (code >= <u64>codeLimit) {
      fault = SCAN_CODE_TOO_LARGE;
      return false;
    }
    store<u8>(record, kind, KIND);
    store<u8>(record, hasChildren ? 1 : 0, CHILDREN);
    store<u32>(record, isFixed ? fixed : NOT_FIXED, FIXED_BYTES);
    store<u32>(record, <u32>abbreviation, ABBREVIATION);
    const cell = recordByCode + ((<usize>code) << 2);
    // The bytes behind the last code that was used are zeros still.
    if (load<u32>(cell) === 0) store<u32>(cell, <u32>record);
    if (<u32>code >= codeEnd) codeEnd = <u32>code + 1;
    record = step + 4;
  }
  fault = SCAN_CUT_SHORT;
  return false;
}

let wanted: usize = 0;
let wantedSlots: usize = 0;
let wantedMask: u32 = 0;

const EMPTY: u32 = 0xffffffff;

function slotOf(address: u64): u32 {
  return <u32>((address * 0x9e3779b97f4a7c15) >> 40) & wantedMask;
}

/**
 * Says which addresses are wanted.
 *
 * @param addresses 64 bits each, in this machine's order, none of them twice
 * @param slots room for `mask + 1` words
 * @param mask a power of two less one, from `count` to WANTED_SLOTS_LIMIT - 1
 */
export function wantAddresses(addresses: usize, count: u32, slots: usize, mask: u32): void {
  wanted = addresses;
  wantedSlots = slots;
  wantedMask = mask;
  memory.fill(slots, 0xff, (<usize>mask + 1) << 2);
  for (let i: u32 = 0; i < count; i++) {
    let slot = slotOf(load<u64>(addresses + ((<usize>i) << 3)));
    while (load<u32>(slots + ((<usize>slot) << 2)) !== EMPTY) slot = (slot + 1) & mask;
    store<u32>(slots + ((<usize>slot) << 2), i);
  }
}

function findWanted(address: u64): u32 {
  let slot = slotOf(address);
  let index = load<u32>(wantedSlots + ((<usize>slot) << 2));
  while (index !== EMPTY && load<u64>(wanted + ((<usize>index) << 3)) !== address) {
    slot = (slot + 1) & wantedMask;
    index = load<u32>(wantedSlots + ((<usize>slot) << 2));
  }
  return index;
}

function addMatch(match: u32): void {
  if (matchCount === MOST_MATCHES) return;
  store<u32>(matches + ((<usize>matchCount) << 2), match);
  matchCount++;
}

function readMatch(address: u64): void {
  const match = findWanted(address);
  if (match !== EMPTY) addMatch(match);
}

let addressTable: usize = 0;
let addressTableEnd: usize = 0;

/** Says where the unit's part of .debug_addr is (section 7.27). */
export function describeAddresses(start: usize, end: usize): void {
  addressTable = start;
  addressTableEnd = end;
}

/** Where an address stands in .debug_addr; 0 for one that is not there, as whoever reads the DIE will notice. */
function addressPlace(index: u64): usize {
  if (index > 0xffffffff) return 0;
  const at = <u64>addressTable + index * addressSize;
  return at + addressSize > <u64>addressTableEnd ? 0 : <usize>at;
}

/** The wanted addresses of a variable: several where it has been split up. */
let matches: usize = 0;
let matchCount: u32 = 0;

/**
 * Reads a location description (section 2.6) that is an address, one that a number is added to, or pieces of a variable
 * at such addresses; any other is of something that has no symbol.
 */
function readLocation(at: usize, end: usize): void {
  matchCount = 0;
  while (at < end) {
    const operation: u32 = load<u8>(at++);
    if (operation === DW_OP_piece) {
      readUleb(at);
      at = next;
      continue;
    }
    let address: u64 = 0;
    if (operation === DW_OP_addr) {
      address = readNumber(at, addressSize);
      at += addressSize;
    } else if (operation === DW_OP_addrx) {
      const index = readUleb(at);
      at = next;
      const place = addressPlace(index);
      if (place === 0) break;
      address = readNumber(place, addressSize);
    } else break;
    if (at < end && load<u8>(at) === DW_OP_plus_uconst) {
      address += readUleb(at + 1);
      at = next;
    }
    if (at < end && load<u8>(at) !== DW_OP_piece) break;
    const match = findWanted(address);
    if (match !== EMPTY) addMatch(match);
  }
  if (at !== end) matchCount = 0;
}

// Where a scan is.
let position: usize = 0;
let unitStart: usize = 0;
let unitEnd: usize = 0;
let depth: u32 = 0;
let scopes: usize = 0;
let scope: usize = 0;

/**
 * Begins with the root DIE of a unit.
 *
 * @param start of the unit, which offsets are counted from
 * @param end which PADDING zeros follow
 * @param room for SCAN_BYTES
 */
export function beginUnit(start: usize, root: usize, end: usize, room: usize): void {
  unitStart = start;
  position = root;
  unitEnd = end;
  depth = 0;
  matches = room;
  scopes = room + MOST_MATCHES * 4;
  scope = scopes;
  fault = SCAN_NO_FAULT;
}

export function scanEnded(): bool {
  return position >= unitEnd;
}

/** Where the scan is, from the unit's start. */
export function scanPosition(): usize {
  return position - unitStart;
}

function fail(what: u32, at: usize): u32 {
  fault = what;
  position = at;
  return 0;
}

/**
 * Goes on through the unit's DIEs. Of each that stands for a wanted address it writes three words: where it is, where the
 * function is that holds it (0 for none), both from the unit's start, and which of the wanted addresses it stands for; of a
 * function in several pieces always, since the scan does not read these.
 *
 * @returns how many were found, `capacity` at most; `scanEnded` tells whether there may be more
 */
export function scanUnit(found: usize, capacity: u32): u32 {
  let at = position;
  let count: u32 = 0;
  const end = unitEnd;
  while (at < end && count + <u32>MOST_MATCHES <= capacity) {
    const die = at;
    let code: u32 = load<u8>(at++);
    if (code >= 0x80) {
      const long = readUleb(die);
      at = next;
      if (long >= <u64>codeEnd) {
        culprit = <u32>long;
        return fail(SCAN_UNKNOWN_CODE, die);
      }
      code = <u32>long;
    }
    if (code === 0) {
      if (depth <= 1) {
        at = end;
        break;
      }
      depth--;
      if (scope > scopes && load<u32>(scope - SCOPE_BYTES) === depth) scope -= SCOPE_BYTES;
      continue;
    }
    const record = code < codeEnd ? <usize>load<u32>(recordByCode + ((<usize>code) << 2)) : 0;
    if (record === 0) {
      culprit = code;
      return fail(SCAN_UNKNOWN_CODE, die);
    }
    const kind = load<u8>(record, KIND);
    const fixed = load<u32>(record, FIXED_BYTES);
    matchCount = 0;
    let sibling: usize = 0;
    if (fixed !== NOT_FIXED) at += fixed;
    else {
      for (let step = record + STEPS; ; step += 4) {
        const what = load<u32>(step);
        const action = what & 0xff;
        if (action === END) break;
        const size = what >> 8;
        if (action === SKIP) at += size;
        else if (action === SKIP_LEB) {
          while (load<u8>(at++) >= 0x80) {}
        } else if (action === SKIP_STRING) {
          while (load<u8>(at++) !== 0) {}
        } else if (action === SKIP_BLOCK || action === LOCATION) {
          let length: u64 = 0;
          if (size === 0) {
            length = readUleb(at);
            at = next;
          } else {
            length = readNumber(at, size);
            at += size;
          }
          if (at > end || length > <u64>(end - at)) return fail(SCAN_PAST_THE_END, die);
          if (action === LOCATION) readLocation(at, at + <usize>length);
          at += <usize>length;
        } else if (action === SIBLING) {
          let offset: u64 = 0;
          if (size === 0) {
            offset = readUleb(at);
            at = next;
          } else {
            offset = readNumber(at, size);
            at += size;
          }
          // Only what is passed over needs a sibling that can be relied on.
          if (kind === CLOSED) {
            if (offset <= <u64>(die - unitStart) || offset > <u64>(end - unitStart)) {
              return fail(SCAN_SIBLING_BEFORE, die);
            }
            sibling = unitStart + <usize>offset;
            break;
          }
        } else if (action === ADDRESS) {
          if (at + addressSize <= end) readMatch(readNumber(at, addressSize));
          at += addressSize;
        } else if (action === ADDRESS_INDEX) {
          let index: u64 = 0;
          if (size === 0) {
            index = readUleb(at);
            at = next;
          } else {
            index = readNumber(at, size);
            at += size;
          }
          const place = addressPlace(index);
          if (place !== 0) readMatch(readNumber(place, addressSize));
        } else {
          let form: u32 = 0;
          do {
            form = <u32>readUleb(at);
            at = next;
          } while (form === DW_FORM_indirect && at < end);
          const real = stepOf(form);
          if (real === NOT_FIXED || form === DW_FORM_implicit_const) {
            culprit = form;
            return fail(SCAN_UNKNOWN_FORM, die);
          }
          const rest = real & 0xff;
          if (rest === SKIP) at += real >> 8;
          else if (rest === SKIP_LEB) {
            while (load<u8>(at++) >= 0x80) {}
          } else if (rest === SKIP_STRING) {
            while (load<u8>(at++) !== 0) {}
          } else if (rest === SKIP_BLOCK) {
            let length: u64 = 0;
            if (real >> 8 === 0) {
              length = readUleb(at);
              at = next;
            } else {
              length = readNumber(at, real >> 8);
              at += real >> 8;
            }
            if (at > end || length > <u64>(end - at)) return fail(SCAN_PAST_THE_END, die);
            at += <usize>length;
          }
        }
        if (at > end) return fail(SCAN_PAST_THE_END, die);
      }
    }
    if (at > end) return fail(SCAN_PAST_THE_END, die);
    if (kind === FUNCTION_OF_RANGES && matchCount === 0) addMatch(<u32>SEE_RANGES);
    for (let i: u32 = 0; i < matchCount; i++) {
      store<u32>(found, <u32>(die - unitStart));
      store<u32>(found, scope > scopes ? load<u32>(scope - SCOPE_BYTES, SCOPE_DIE) : 0, FOUND_SCOPE);
      store<u32>(found, load<u32>(matches + ((<usize>i) << 2)), FOUND_ADDRESS);
      found += FOUND_BYTES;
      count++;
    }
    if (sibling !== 0) {
      at = sibling;
    } else if (load<u8>(record, CHILDREN) !== 0) {
      if (kind === SCOPE || kind === FUNCTION || kind === FUNCTION_OF_RANGES) {
        if (scope === scopes + <usize>MOST_SCOPES * SCOPE_BYTES) return fail(SCAN_TOO_DEEP, die);
        store<u32>(scope, depth);
        store<u32>(scope, <u32>(die - unitStart), SCOPE_DIE);
        scope += SCOPE_BYTES;
      }
      depth++;
    } else if (depth === 0) {
      at = end;
    }
  }
  position = at;
  return count;
}
