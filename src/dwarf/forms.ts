import * as dw from "../constants/dwarf.ts";
import type { ByteSource } from "../elf/byte-source.ts";
import { Cursor } from "../elf/cursor.ts";
import type { DebugSections } from "./debug-sections.ts";

/** The properties of a unit that determine the size of some forms (DWARF 5 section 7.5.6). */
export interface Encoding {
  readonly version: number;
  /** In bytes. */
  readonly addressSize: number;
  /** 4 in 32-bit DWARF, 8 in 64-bit DWARF. */
  readonly offsetSize: number;
}

/** An attribute's value as encoded; indices and offsets are not resolved yet. */
export interface FormValue {
  readonly form: number;
  /** A constant, an offset, an index, the lower half of an address, or a block's length in bytes; 0 for unused forms. */
  readonly value: number;
  /** The upper half of an address. */
  readonly high: number;
  /** The text of DW_FORM_string. */
  readonly text?: string;
  /** Offset of a block's bytes in the section. */
  readonly start?: number;
}

/**
 * Reads an attribute's value.
 *
 * @returns undefined for a number of 2^53 or more, other than an address or 8 bytes of data: such as a discriminant of Rust
 * @throws Failure for a form that does not exist in DWARF 2 to 5
 */
// biome-ignore lint/complexity/noExcessiveLinesPerFunction: one case a form, in the order of DWARF 5 table 7.6
export function readForm(cursor: Cursor, givenForm: number, encoding: Encoding): FormValue | undefined {
  let value = 0;
  let high = 0;
  let form = givenForm;
  while (form === dw.DW_FORM_indirect) form = cursor.uleb();
  switch (form) {
    case dw.DW_FORM_addr:
      value = cursor.address(encoding.addressSize);
      high = cursor.addressHigh;
      break;
    case dw.DW_FORM_data1:
    case dw.DW_FORM_ref1:
    case dw.DW_FORM_flag:
    case dw.DW_FORM_strx1:
    case dw.DW_FORM_addrx1:
      value = cursor.u8();
      break;
    case dw.DW_FORM_data2:
    case dw.DW_FORM_ref2:
    case dw.DW_FORM_strx2:
    case dw.DW_FORM_addrx2:
      value = cursor.u16();
      break;
    case dw.DW_FORM_strx3:
    case dw.DW_FORM_addrx3:
      value = cursor.u24();
      break;
    case dw.DW_FORM_data4:
    case dw.DW_FORM_ref4:
    case dw.DW_FORM_strx4:
    case dw.DW_FORM_addrx4:
    case dw.DW_FORM_ref_sup4:
      value = cursor.u32();
      break;
    case dw.DW_FORM_data8:
    case dw.DW_FORM_ref8:
    case dw.DW_FORM_ref_sig8:
    case dw.DW_FORM_ref_sup8:
      value = cursor.address(8);
      high = cursor.addressHigh;
      break;
    case dw.DW_FORM_data16:
      cursor.skip(16);
      break;
    case dw.DW_FORM_udata:
    case dw.DW_FORM_ref_udata:
    case dw.DW_FORM_strx:
    case dw.DW_FORM_addrx:
    case dw.DW_FORM_loclistx:
    case dw.DW_FORM_rnglistx:
    case dw.DW_FORM_GNU_addr_index:
    case dw.DW_FORM_GNU_str_index:
      value = cursor.anyUleb();
      break;
    case dw.DW_FORM_sdata:
      cursor.skipLeb();
      break;
    case dw.DW_FORM_strp:
    case dw.DW_FORM_line_strp:
    case dw.DW_FORM_sec_offset:
    case dw.DW_FORM_strp_sup:
    case dw.DW_FORM_GNU_ref_alt:
    case dw.DW_FORM_GNU_strp_alt:
      value = readOffset(cursor, encoding.offsetSize);
      break;
    case dw.DW_FORM_ref_addr:
      // Has the size of an address in DWARF 2, of an offset since DWARF 3.
      value = readOffset(cursor, encoding.version === 2 ? encoding.addressSize : encoding.offsetSize);
      break;
    case dw.DW_FORM_string:
      return { form, value, high, text: cursor.string() };
    case dw.DW_FORM_block1:
      return readBlock(cursor, form, cursor.u8());
    case dw.DW_FORM_block2:
      return readBlock(cursor, form, cursor.u16());
    case dw.DW_FORM_block4:
      return readBlock(cursor, form, cursor.u32());
    case dw.DW_FORM_block:
    case dw.DW_FORM_exprloc:
      return readBlock(cursor, form, cursor.uleb());
    case dw.DW_FORM_flag_present:
      value = 1;
      break;
    case dw.DW_FORM_implicit_const:
      // The value is in the abbreviation.
      break;
    default:
      throw cursor.failure(`unknown form 0x${form.toString(16)}`);
  }
  return Number.isSafeInteger(value) ? { form, value, high } : undefined;
}

function readOffset(cursor: Cursor, size: number): number {
  return size === 8 ? cursor.anyU64() : cursor.u32();
}

function readBlock(cursor: Cursor, form: number, length: number): FormValue {
  const start = cursor.position;
  cursor.skip(length);
  return { form, value: length, high: 0, start };
}

/**
 * The text of a string attribute.
 *
 * @param stringOffsetsBase the unit's DW_AT_str_offsets_base
 * @returns null for a string of a supplementary file that is missing
 */
export function formString(
  sections: DebugSections,
  { form, value, text }: FormValue,
  encoding: Encoding,
  stringOffsetsBase: number,
): string | null {
  switch (form) {
    case dw.DW_FORM_string:
      return text ?? null;
    case dw.DW_FORM_strp:
      return stringAt(sections, sections.str, value);
    case dw.DW_FORM_line_strp:
      return stringAt(sections, sections.lineStr, value);
    case dw.DW_FORM_strx:
    case dw.DW_FORM_strx1:
    case dw.DW_FORM_strx2:
    case dw.DW_FORM_strx3:
    case dw.DW_FORM_strx4:
    case dw.DW_FORM_GNU_str_index: {
      const at = stringOffsetsBase + value * encoding.offsetSize;
      return stringAt(
        sections,
        sections.str,
        cursorAt(sections, sections.strOffsets, at).offset(encoding.offsetSize),
      );
    }
    case dw.DW_FORM_GNU_strp_alt:
    case dw.DW_FORM_strp_sup: {
      const other = sections.supplementary();
      return other === undefined ? null : stringAt(other, other.str, value);
    }
    default:
      return null;
  }
}

/** A cursor from an offset of a section to its end. @throws Failure for an offset outside it */
export function cursorAt({ littleEndian }: DebugSections, section: ByteSource, offset: number): Cursor {
  return new Cursor(section, offset, section.size, littleEndian);
}

const SHORT_BYTES = 128;

/** Reads a string of less than SHORT_BYTES; undefined for a longer one. */
function shortString(section: ByteSource, offset: number): string | undefined {
  const length = Math.min(SHORT_BYTES, section.size - offset);
  if (length <= 0) return undefined;
  const { buffer, byteOffset } = section.read(offset, length);
  const bytes = Buffer.from(buffer, byteOffset, length);
  const end = bytes.indexOf(0);
  return end === -1 ? undefined : bytes.toString("utf8", 0, end);
}

/** Cache of strings read, by section: the units of one build share most strings. */
const readStrings = new WeakMap<ByteSource, Map<number, string>>();

function stringAt(sections: DebugSections, section: ByteSource, offset: number): string {
  let strings = readStrings.get(section);
  if (strings === undefined) {
    strings = new Map();
    readStrings.set(section, strings);
  }
  let string = strings.get(offset);
  if (string === undefined) {
    string = shortString(section, offset) ?? cursorAt(sections, section, offset).string();
    strings.set(offset, string);
  }
  return string;
}
