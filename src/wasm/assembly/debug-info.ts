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
  DW_FORM_GNU_addr_index,
  DW_FORM_GNU_ref_alt,
  DW_FORM_GNU_str_index,
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
  DW_OP_GNU_addr_index,
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
  IS_BEFORE,
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

// Finds the DIEs of a unit that are at wanted addresses (DWARF 5 sections 7.5.2 and 7.5.3).
//
// A kernel has tens of millions of DIEs; a few thousand of them are wanted. A DIE has no length field, so its end must be computed
// from its attributes to find the next DIE. An abbreviation lists the name and form of each attribute, and the DIEs of a unit share a
// few hundred abbreviations. So each abbreviation is compiled once into a record, and its names and forms are not read again:
// - The record has the kind of the DIE, and whether it has children.
// - If all forms have a fixed size, the record has the sum: skipping the DIE takes one addition.
// - Otherwise it has steps. A step is a word: an action in the lower 8 bits, a size in bytes above them. Consecutive attributes of
//   fixed size become one STEP_SKIP. A form of variable size has a step that reads only its length.
// - Four actions read an attribute's value: the location of a variable, the first address of a function (as an address, or as an index
//   in .debug_addr), and the sibling. All other attributes are skipped.
// - If a DIE cannot contain a variable or a function (a type, for example), DW_AT_sibling is used to skip its children too. Without
//   that attribute, the children are skipped one by one.
// A step may read up to PADDING bytes after the unit's end, which are zeros; the end is checked afterwards.

// An abbreviation's record: its kind, whether its DIEs have children, the size of their attributes or NOT_FIXED, the position of the
// abbreviation, and the steps (a word each).
const KIND = 0;
const CHILDREN = 1;
const FIXED_BYTES = 4;
const ABBREVIATION = 8;
const STEPS = 12;

const NOT_FIXED: u32 = 0xffffffff;

const KIND_OTHER: u8 = 0;
/** Has children, but no variables or functions among them: jump to DW_AT_sibling. */
const KIND_SKIP_SUBTREE: u8 = 1;
/** A function or an inlined copy whose own address is not looked up; variables inside it may be wanted. */
const KIND_SCOPE: u8 = 2;
const KIND_VARIABLE: u8 = 3;
const KIND_FUNCTION: u8 = 4;
/** A function in several pieces (DW_AT_ranges). */
const KIND_FUNCTION_OF_RANGES: u8 = 5;

/** End of the attributes. */
const STEP_END: u32 = 0;
/** Skip a number of bytes. */
const STEP_SKIP: u32 = 1;
/** Skip a LEB128 number. */
const STEP_SKIP_LEB: u32 = 2;
/** Skip a string and its NUL. */
const STEP_SKIP_STRING: u32 = 3;
/** Read a form, and skip a value of that form. */
const STEP_SKIP_INDIRECT: u32 = 4;
// The following steps first read a number; their size is the size of that number, or 0 for a LEB128 number.
/** Read a length, and skip that number of bytes. */
const STEP_SKIP_BLOCK: u32 = 5;
/** Read a length, then a location description of that length, and look up the addresses in it. */
const STEP_LOCATION: u32 = 6;
/** Read the sibling's offset; stop here if the kind is KIND_SKIP_SUBTREE. */
const STEP_SIBLING: u32 = 7;
/** Read an address and look it up. */
const STEP_ADDRESS: u32 = 8;
/** Read an index in .debug_addr and look up the address there. */
const STEP_ADDRESS_INDEX: u32 = 9;

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

/** Sets the properties of the unit. @param version DWARF version; the size of DW_FORM_ref_addr depends on it */
export function describeUnit(isLittleEndian: bool, version: u32, addressBytes: u32, offsetBytes: u32): void {
  littleEndian = isLittleEndian;
  addressSize = addressBytes;
  offsetSize = offsetBytes;
  referenceSize = version === 2 ? addressBytes : offsetBytes;
}

/** Reads a number of 1 to 8 bytes. */
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

/** Neither a size nor a step. */
const NONE: u32 = 0xffffffff;

/** The size of a form's values, in bytes; NONE if it is not fixed. */
function fixedSize(form: u32): u32 {
  switch (form) {
    case DW_FORM_addr:
      return addressSize;
    case DW_FORM_data1:
    case DW_FORM_ref1:
    case DW_FORM_flag:
    case DW_FORM_strx1:
    case DW_FORM_addrx1:
      return 1;
    case DW_FORM_data2:
    case DW_FORM_ref2:
    case DW_FORM_strx2:
    case DW_FORM_addrx2:
      return 2;
    case DW_FORM_strx3:
    case DW_FORM_addrx3:
      return 3;
    case DW_FORM_data4:
    case DW_FORM_ref4:
    case DW_FORM_strx4:
    case DW_FORM_addrx4:
    case DW_FORM_ref_sup4:
      return 4;
    case DW_FORM_data8:
    case DW_FORM_ref8:
    case DW_FORM_ref_sig8:
    case DW_FORM_ref_sup8:
      return 8;
    case DW_FORM_data16:
      return 16;
    case DW_FORM_strp:
    case DW_FORM_line_strp:
    case DW_FORM_sec_offset:
    case DW_FORM_strp_sup:
    case DW_FORM_GNU_ref_alt:
    case DW_FORM_GNU_strp_alt:
      return offsetSize;
    case DW_FORM_ref_addr:
      return referenceSize;
    case DW_FORM_flag_present:
    case DW_FORM_implicit_const:
      return 0;
    default:
      return NONE;
  }
}

/** The step that skips a value of a form; NONE for an unknown form. */
function stepOf(form: u32): u32 {
  const size = fixedSize(form);
  if (size !== NONE) return STEP_SKIP | (size << 8);
  switch (form) {
    case DW_FORM_udata:
    case DW_FORM_sdata:
    case DW_FORM_ref_udata:
    case DW_FORM_strx:
    case DW_FORM_addrx:
    case DW_FORM_loclistx:
    case DW_FORM_rnglistx:
    case DW_FORM_GNU_addr_index:
    case DW_FORM_GNU_str_index:
      return STEP_SKIP_LEB;
    case DW_FORM_string:
      return STEP_SKIP_STRING;
    case DW_FORM_indirect:
      return STEP_SKIP_INDIRECT;
    case DW_FORM_block1:
      return STEP_SKIP_BLOCK | (1 << 8);
    case DW_FORM_block2:
      return STEP_SKIP_BLOCK | (2 << 8);
    case DW_FORM_block4:
      return STEP_SKIP_BLOCK | (4 << 8);
    case DW_FORM_block:
    case DW_FORM_exprloc:
      return STEP_SKIP_BLOCK;
    default:
      return NONE;
  }
}

/** The step that reads or skips an attribute. */
function stepFor(name: u64, form: u32, tag: u64, wantsFunctions: bool): u32 {
  const step = stepOf(form);
  if (name === DW_AT_sibling) {
    if (form === DW_FORM_ref_udata) return STEP_SIBLING;
    if (form === DW_FORM_ref1 || form === DW_FORM_ref2 || form === DW_FORM_ref4 || form === DW_FORM_ref8) {
      return STEP_SIBLING | (step & 0xffffff00);
    }
  }
  if (name === DW_AT_location && tag === DW_TAG_variable && (step & 0xff) === STEP_SKIP_BLOCK) {
    return STEP_LOCATION | (step & 0xffffff00);
  }
  if (name === DW_AT_low_pc && tag === DW_TAG_subprogram && wantsFunctions) {
    if (form === DW_FORM_addr) return STEP_ADDRESS;
    if (form === DW_FORM_addrx || form === DW_FORM_GNU_addr_index) return STEP_ADDRESS_INDEX;
    if (form >= <u32>DW_FORM_addrx1 && form <= <u32>DW_FORM_addrx4)
      return STEP_ADDRESS_INDEX | (step & 0xffffff00);
  }
  return step;
}

/** Whether a DIE with this tag may have variables or functions among its children. */
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

/** Sets the table of record offsets by code, filled with zeros. */
export function describeRecords(byCode: usize, limit: u32): void {
  recordByCode = byCode;
  codeLimit = limit;
  codeEnd = 0;
}

/** The position of the abbreviation with a code; 0 if the unit has no such code. */
export function abbreviationOf(code: u32): usize {
  if (code >= codeEnd) return 0;
  const record = <usize>load<u32>(recordByCode + ((<usize>code) << 2));
  return record === 0 ? 0 : load<u32>(record, ABBREVIATION);
}

/**
 * Compiles an abbreviation table into records. They need at most RECORDS_SHARE bytes for each byte of the table, plus RECORDS_MORE.
 *
 * @param end end of the available bytes, followed by PADDING zeros
 * @returns whether the table is complete and valid; otherwise `scanFault` has the reason
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
    const hasChildren = load<u8>(next) !== 0;
    at = makeSteps(next + 1, end, tag, wantsFunctions, record + STEPS);
    if (at === 0) return false;
    if (code >= <u64>codeLimit) {
      fault = SCAN_CODE_TOO_LARGE;
      return false;
    }
    store<u8>(record, kindOf(tag, hasChildren), KIND);
    store<u8>(record, hasChildren ? 1 : 0, CHILDREN);
    store<u32>(record, isFixed ? skipped : NOT_FIXED, FIXED_BYTES);
    store<u32>(record, <u32>abbreviation, ABBREVIATION);
    const cell = recordByCode + ((<usize>code) << 2);
    // Bytes after the last used code are still zero.
    if (load<u32>(cell) === 0) store<u32>(cell, <u32>record);
    if (<u32>code >= codeEnd) codeEnd = <u32>code + 1;
    record = stepsEnd;
  }
  fault = SCAN_CUT_SHORT;
  return false;
}

// Results of makeSteps: the end of the steps, whether all forms have a fixed size, the size of the attributes after the last step
// that is not STEP_SKIP, and which attributes exist.
let stepsEnd: usize = 0;
let isFixed = true;
let skipped: u32 = 0;
let hasLocation = false;
let hasAddress = false;
let hasRanges = false;
let isDeclaration = false;

/**
 * Compiles the attributes of an abbreviation into steps.
 *
 * @param from start of its attributes
 * @param steps destination of the steps
 * @returns end of the attributes; 0 on a fault, see `scanFault`
 */
function makeSteps(from: usize, end: usize, tag: u64, wantsFunctions: bool, steps: usize): usize {
  stepsEnd = steps;
  isFixed = true;
  skipped = 0;
  hasLocation = hasAddress = hasRanges = isDeclaration = false;
  let at = from;
  while (true) {
    const name = readUleb(at);
    const form = <u32>readUleb(next);
    at = next;
    if (form === DW_FORM_implicit_const) {
      readUleb(at);
      at = next;
    }
    if (at > end) {
      fault = SCAN_CUT_SHORT;
      return 0;
    }
    if (name === 0 && form === 0) {
      addSkip();
      addStep(STEP_END);
      return at;
    }
    const step = stepFor(name, form, tag, wantsFunctions);
    if (step === NONE) {
      fault = SCAN_UNKNOWN_FORM;
      culprit = form;
      return 0;
    }
    const action = step & 0xff;
    if (action === STEP_LOCATION) hasLocation = true;
    if (action === STEP_ADDRESS || action === STEP_ADDRESS_INDEX) hasAddress = true;
    if (name === DW_AT_ranges && tag === DW_TAG_subprogram && wantsFunctions) hasRanges = true;
    if (name === DW_AT_declaration) isDeclaration = true;
    if (action === STEP_SKIP) skipped += step >> 8;
    else {
      addSkip();
      skipped = 0;
      isFixed = false;
      addStep(step);
    }
  }
}

function addSkip(): void {
  if (skipped > 0) addStep(STEP_SKIP | (skipped << 8));
}

function addStep(step: u32): void {
  store<u32>(stepsEnd, step);
  stepsEnd += 4;
}

/** The kind of DIEs of the abbreviation that makeSteps compiled last. */
function kindOf(tag: u64, hasChildren: bool): u8 {
  if (hasLocation) return KIND_VARIABLE;
  if (tag !== DW_TAG_subprogram && tag !== DW_TAG_inlined_subroutine) {
    return hasChildren && !isOpen(tag) ? KIND_SKIP_SUBTREE : KIND_OTHER;
  }
  if (isDeclaration && !hasAddress) return KIND_SKIP_SUBTREE;
  if (hasRanges) return KIND_FUNCTION_OF_RANGES;
  return hasAddress ? KIND_FUNCTION : KIND_SCOPE;
}

let wanted: usize = 0;
let wantedSizes: usize = 0;
let wantedCount: u32 = 0;
let wantedSlots: usize = 0;
let wantedMask: u32 = 0;

const EMPTY: u32 = 0xffffffff;

function slotOf(address: u64): u32 {
  return <u32>((address * 0x9e3779b97f4a7c15) >> 40) & wantedMask;
}

/**
 * Sets the wanted addresses.
 *
 * @param addresses 64 bits each, in this machine's byte order, ascending, without duplicates
 * @param sizes for each address, the number of bytes from it on in which a function may begin instead; 64 bits each
 * @param slots room for `mask + 1` words
 * @param mask a power of two minus one, from `count` to WANTED_SLOTS_LIMIT - 1
 */
export function wantAddresses(addresses: usize, sizes: usize, count: u32, slots: usize, mask: u32): void {
  wanted = addresses;
  wantedSizes = sizes;
  wantedCount = count;
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

/** Looks up the first address of a function. */
function readMatch(address: u64): void {
  let match = findWanted(address);
  if (match === EMPTY) match = findBefore(address);
  if (match !== EMPTY) addMatch(match);
}

/** The wanted address within whose size a function begins, with IS_BEFORE set; EMPTY if there is none. */
function findBefore(address: u64): u32 {
  let from: u32 = 0;
  let to = wantedCount;
  while (from < to) {
    const middle = (from + to) >> 1;
    if (load<u64>(wanted + ((<usize>middle) << 3)) < address) from = middle + 1;
    else to = middle;
  }
  if (from === 0) return EMPTY;
  const before = (<usize>(from - 1)) << 3;
  return address - load<u64>(wanted + before) < load<u64>(wantedSizes + before)
    ? (from - 1) | IS_BEFORE
    : EMPTY;
}

let addressTable: usize = 0;
let addressTableEnd: usize = 0;

/** Sets the unit's part of .debug_addr (section 7.27). */
export function describeAddresses(start: usize, end: usize): void {
  addressTable = start;
  addressTableEnd = end;
}

/** The position of an address of .debug_addr; 0 if the index is out of range, which the reader of the DIE reports. */
function addressPlace(index: u64): usize {
  if (index > 0xffffffff) return 0;
  const at = <u64>addressTable + index * addressSize;
  return at + addressSize > <u64>addressTableEnd ? 0 : <usize>at;
}

/** The wanted addresses of the current DIE: several for a variable in pieces. */
let matches: usize = 0;
let matchCount: u32 = 0;

/**
 * Reads a location description (section 2.6) and looks up its addresses. It accepts an address, an address plus a constant, and
 * pieces of a variable at such addresses. Variables with any other description have no symbol.
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
    } else if (operation === DW_OP_addrx || operation === DW_OP_GNU_addr_index) {
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

// State of a scan.
let position: usize = 0;
let unitStart: usize = 0;
let unitEnd: usize = 0;
let depth: u32 = 0;
let scopes: usize = 0;
let scope: usize = 0;

/**
 * Begins a scan at the root DIE of a unit.
 *
 * @param start start of the unit; offsets are relative to it
 * @param end end of the unit, followed by PADDING zeros
 * @param room memory of SCAN_BYTES
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

/** The position of the scan, from the unit's start. */
export function scanPosition(): usize {
  return position - unitStart;
}

function fail(what: u32, at: usize): u32 {
  fault = what;
  position = at;
  return 0;
}

/** @param which the form or code at fault */
function failOf(what: u32, which: u32, at: usize): u32 {
  culprit = which;
  return fail(what, at);
}

/**
 * Continues the scan. It writes an entry (FOUND_…) for each wanted address of a DIE. A function in several pieces gets at least one
 * entry, since the scan does not read ranges.
 *
 * @returns number of entries, at most `capacity`; there may be more until `scanEnded` is true
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
      if (long >= <u64>codeEnd) return failOf(SCAN_UNKNOWN_CODE, <u32>long, die);
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
    if (record === 0) return failOf(SCAN_UNKNOWN_CODE, code, die);
    const kind = load<u8>(record, KIND);
    const fixed = load<u32>(record, FIXED_BYTES);
    matchCount = 0;
    sibling = 0;
    if (fixed !== NOT_FIXED) at += fixed;
    else {
      at = runSteps(record, kind, at, die, end);
      if (at === 0) return 0;
    }
    if (at > end) return fail(SCAN_PAST_THE_END, die);
    if (kind === KIND_FUNCTION_OF_RANGES && matchCount === 0) addMatch(<u32>SEE_RANGES);
    for (let i: u32 = 0; i < matchCount; i++) {
      store<u32>(found, <u32>(die - unitStart));
      store<u32>(found, scope > scopes ? load<u32>(scope - SCOPE_BYTES, SCOPE_DIE) : 0, FOUND_SCOPE);
      store<u32>(found, load<u32>(matches + ((<usize>i) << 2)), FOUND_ADDRESS);
      found += FOUND_BYTES;
      count++;
    }
    if (sibling !== 0) at = sibling;
    else if (load<u8>(record, CHILDREN) !== 0) {
      if (kind === KIND_SCOPE || kind === KIND_FUNCTION || kind === KIND_FUNCTION_OF_RANGES) {
        if (!enterScope(die)) return fail(SCAN_TOO_DEEP, die);
      }
      depth++;
    } else if (depth === 0) at = end;
  }
  position = at;
  return count;
}

/** Enters the function whose children come next. @returns whether there was room */
function enterScope(die: usize): bool {
  if (scope === scopes + <usize>MOST_SCOPES * SCOPE_BYTES) return false;
  store<u32>(scope, depth);
  store<u32>(scope, <u32>(die - unitStart), SCOPE_DIE);
  scope += SCOPE_BYTES;
  return true;
}

/** The sibling's position, if the steps that ran last belong to KIND_SKIP_SUBTREE; otherwise 0. */
let sibling: usize = 0;

/**
 * Runs the steps of a record.
 *
 * @param at start of the attributes
 * @returns end of the attributes, or a position in them if `sibling` is set; 0 on a fault, see `scanFault`
 */
function runSteps(record: usize, kind: u8, at: usize, die: usize, end: usize): usize {
  let step = record + STEPS;
  while (true) {
    const what = load<u32>(step);
    step += 4;
    const action = what & 0xff;
    const size = what >> 8;
    if (action === STEP_END) return at;
    // The most frequent actions first.
    if (action === STEP_SKIP) at += size;
    else if (action === STEP_SKIP_LEB) {
      while (load<u8>(at++) >= 0x80) {}
    } else if (action === STEP_SKIP_STRING) {
      while (load<u8>(at++) !== 0) {}
    } else if (action === STEP_SKIP_BLOCK || action === STEP_LOCATION) {
      const length = readSized(at, size);
      at = sizedEnd;
      if (at > end || length > <u64>(end - at)) return fail(SCAN_PAST_THE_END, die);
      if (action === STEP_LOCATION) readLocation(at, at + <usize>length);
      at += <usize>length;
    } else if (action === STEP_SIBLING) {
      const offset = readSized(at, size);
      at = sizedEnd;
      // The offset is checked only if it is used.
      if (kind === KIND_SKIP_SUBTREE) {
        if (offset <= <u64>(die - unitStart) || offset > <u64>(end - unitStart)) {
          return fail(SCAN_SIBLING_BEFORE, die);
        }
        sibling = unitStart + <usize>offset;
        return at;
      }
    } else if (action === STEP_ADDRESS) {
      if (at + addressSize <= end) readMatch(readNumber(at, addressSize));
      at += addressSize;
    } else if (action === STEP_ADDRESS_INDEX) {
      const place = addressPlace(readSized(at, size));
      at = sizedEnd;
      if (place !== 0) readMatch(readNumber(place, addressSize));
    } else {
      at = skipIndirect(at, end, die);
      if (at === 0) return 0;
    }
    if (at > end) return fail(SCAN_PAST_THE_END, die);
  }
}

/** Skips a form and a value of that form. @returns end of the value; 0 on a fault, see `scanFault` */
function skipIndirect(at: usize, end: usize, die: usize): usize {
  let form: u32 = 0;
  do {
    form = <u32>readUleb(at);
    at = next;
  } while (form === DW_FORM_indirect && at < end);
  const step = stepOf(form);
  if (step === NONE || form === DW_FORM_implicit_const) return failOf(SCAN_UNKNOWN_FORM, form, die);
  const action = step & 0xff;
  const size = step >> 8;
  if (action === STEP_SKIP) at += size;
  else if (action === STEP_SKIP_LEB) {
    while (load<u8>(at++) >= 0x80) {}
  } else if (action === STEP_SKIP_STRING) {
    while (load<u8>(at++) !== 0) {}
  } else if (action === STEP_SKIP_BLOCK) {
    const length = readSized(at, size);
    at = sizedEnd;
    if (at > end || length > <u64>(end - at)) return fail(SCAN_PAST_THE_END, die);
    at += <usize>length;
  }
  return at;
}

/** End of the number that `readSized` read last. */
let sizedEnd: usize = 0;

/** Reads a number of `size` bytes; for 0, a LEB128 number. */
function readSized(at: usize, size: u32): u64 {
  if (size === 0) {
    const value = readUleb(at);
    sizedEnd = next;
    return value;
  }
  sizedEnd = at + size;
  return readNumber(at, size);
}
