// A unit's header and root DIE (DWARF 5 sections 7.5.1 and 3.1.1), in the common form that compilers nearly always write: a
// compilation unit of 32-bit DWARF without inline strings or blocks in its root DIE.

import {
  DW_AT_addr_base,
  DW_AT_comp_dir,
  DW_AT_dwo_name,
  DW_AT_GNU_dwo_name,
  DW_AT_high_pc,
  DW_AT_low_pc,
  DW_AT_name,
  DW_AT_ranges,
  DW_AT_rnglists_base,
  DW_AT_stmt_list,
  DW_AT_str_offsets_base,
  DW_FORM_addr,
  DW_FORM_addrx,
  DW_FORM_addrx1,
  DW_FORM_addrx2,
  DW_FORM_addrx4,
  DW_FORM_data1,
  DW_FORM_data2,
  DW_FORM_data4,
  DW_FORM_data8,
  DW_FORM_flag,
  DW_FORM_flag_present,
  DW_FORM_line_strp,
  DW_FORM_rnglistx,
  DW_FORM_sec_offset,
  DW_FORM_strp,
  DW_FORM_strx,
  DW_FORM_strx1,
  DW_FORM_strx2,
  DW_FORM_strx4,
  DW_FORM_udata,
  DW_TAG_compile_unit,
  DW_UT_compile,
} from "../../constants/dwarf.ts";
import {
  NOT_PLAIN,
  ROOT_ADDRESS_BASE,
  ROOT_ATTRIBUTE_BYTES,
  ROOT_ATTRIBUTES,
  ROOT_COMPILATION_DIRECTORY,
  ROOT_FORM,
  ROOT_HIGH_PC,
  ROOT_LINE_PROGRAM,
  ROOT_LOW_PC,
  ROOT_NAME,
  ROOT_RANGE_LISTS_BASE,
  ROOT_RANGES,
  ROOT_STRING_OFFSETS_BASE,
  ROOT_VALUE_HIGH,
  ROOT_VALUE_LOW,
} from "../layout.ts";
import { next, readUleb } from "./leb128.ts";

let littleEndian = true;
let unit: usize = 0;
let root: usize = 0;
let size: u64 = 0;
let unitVersion: u32 = 0;
let addressSize: u32 = 0;

/** The abbreviation code of the root DIE. */
export function rootCode(): f64 {
  return <f64>readUleb(root);
}

/** Size of the whole unit, in bytes. */
export function unitSize(): f64 {
  return <f64>size;
}

export function unitVersionNumber(): u32 {
  return unitVersion;
}

export function unitAddressSize(): u32 {
  return addressSize;
}

function word16(at: usize): u32 {
  const word = load<u16>(at);
  return littleEndian ? word : bswap<u16>(word);
}

function word32(at: usize): u32 {
  const word = load<u32>(at);
  return littleEndian ? word : bswap<u32>(word);
}

/**
 * Reads the header of a unit.
 *
 * @param start start of the unit's bytes, which are followed by PADDING zeros
 * @returns the offset of its abbreviations in .debug_abbrev; NOT_PLAIN for a unit of another form
 */
export function readUnitHeader(start: usize, isLittleEndian: bool): f64 {
  littleEndian = isLittleEndian;
  unit = start;
  const length = word32(start);
  if (length === 0 || length >= 0xfffffff0) return NOT_PLAIN;
  size = <u64>length + 4;
  unitVersion = word16(start + 4);
  if (unitVersion < 2 || unitVersion > 5) return NOT_PLAIN;
  const isNew = unitVersion >= 5;
  if (isNew && load<u8>(start + 6) !== DW_UT_compile) return NOT_PLAIN;
  addressSize = load<u8>(start + (isNew ? 7 : 10));
  if (addressSize !== 4 && addressSize !== 8) return NOT_PLAIN;
  root = start + (isNew ? 12 : 11);
  return <f64>word32(start + (isNew ? 8 : 6));
}

/** The size of a form's value in bytes; 0 for a LEB128 number, -1 for an unsupported form. */
function sizeOf(form: u64): i32 {
  if (form === DW_FORM_strp || form === DW_FORM_line_strp || form === DW_FORM_sec_offset) return 4;
  if (form === DW_FORM_addr) return addressSize;
  if (form === DW_FORM_data8) return 8;
  if (form === DW_FORM_data4 || form === DW_FORM_strx4 || form === DW_FORM_addrx4) return 4;
  if (form === DW_FORM_data2 || form === DW_FORM_strx2 || form === DW_FORM_addrx2) return 2;
  if (form === DW_FORM_data1 || form === DW_FORM_flag) return 1;
  if (form === DW_FORM_strx1 || form === DW_FORM_addrx1) return 1;
  if (form === DW_FORM_udata || form === DW_FORM_strx || form === DW_FORM_addrx) return 0;
  if (form === DW_FORM_rnglistx) return 0;
  return -1;
}

/** The index (ROOT_…) of an attribute that is read; -1 for any other attribute. */
function placeOf(name: u64): i32 {
  if (name === DW_AT_name) return ROOT_NAME;
  if (name === DW_AT_comp_dir) return ROOT_COMPILATION_DIRECTORY;
  if (name === DW_AT_stmt_list) return ROOT_LINE_PROGRAM;
  if (name === DW_AT_low_pc) return ROOT_LOW_PC;
  if (name === DW_AT_high_pc) return ROOT_HIGH_PC;
  if (name === DW_AT_ranges) return ROOT_RANGES;
  if (name === DW_AT_addr_base) return ROOT_ADDRESS_BASE;
  if (name === DW_AT_str_offsets_base) return ROOT_STRING_OFFSETS_BASE;
  return name === DW_AT_rnglists_base ? ROOT_RANGE_LISTS_BASE : -1;
}

/**
 * Reads the root DIE of the unit whose header was read last.
 *
 * @param end end of the available bytes of the unit
 * @param abbreviation the root DIE's abbreviation, in a table followed by PADDING zeros
 * @param attributes receives the attributes that are read
 * @returns whether the DIE has the common form
 */
export function readRoot(end: usize, abbreviation: usize, attributes: usize): bool {
  memory.fill(attributes, 0, ROOT_ATTRIBUTES * ROOT_ATTRIBUTE_BYTES);
  readUleb(root);
  let at = next;
  readUleb(abbreviation);
  if (readUleb(next) !== DW_TAG_compile_unit) return false;
  let item = next + 1; // DW_CHILDREN_…
  for (;;) {
    const name = readUleb(item);
    const form = readUleb(next);
    item = next;
    if (name === 0 && form === 0) break;
    if (name === DW_AT_dwo_name || name === DW_AT_GNU_dwo_name) return false;
    let value: u64 = 1;
    if (form !== DW_FORM_flag_present) {
      const bytes = sizeOf(form);
      if (bytes < 0) return false;
      if (bytes === 0) {
        value = readUleb(at);
        if (value > u32.MAX_VALUE) return false;
        at = next;
      } else {
        if (bytes === 1) value = load<u8>(at);
        else if (bytes === 2) value = word16(at);
        else if (bytes === 4) value = word32(at);
        else value = littleEndian ? load<u64>(at) : bswap<u64>(load<u64>(at));
        at += bytes;
      }
      if (at > end || at > unit + <usize>size) return false;
    }
    const place = placeOf(name);
    if (place < 0) continue;
    const slot = attributes + place * ROOT_ATTRIBUTE_BYTES;
    store<u32>(slot, <u32>form, ROOT_FORM);
    store<u32>(slot, <u32>value, ROOT_VALUE_LOW);
    store<u32>(slot, <u32>(value >> 32), ROOT_VALUE_HIGH);
  }
  return true;
}
