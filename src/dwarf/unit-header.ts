import * as dw from "../constants/dwarf.ts";
import { formatAddress } from "../elf/address.ts";
import type { DebugSections } from "./debug-sections.ts";
import { cursorAt, type Encoding } from "./forms.ts";
import { readUnitLength } from "./unit-length.ts";

/** The header of a unit of any kind (DWARF 5 section 7.5.1). */
export interface UnitHeader extends Encoding {
  /** Start and end of the unit in .debug_info. */
  readonly offset: number;
  readonly end: number;
  /** DW_UT_…; before DWARF 5, only DW_UT_compile and, once its skeleton is known, DW_UT_split_compile. */
  readonly kind: number;
  /** Offset of its abbreviations in .debug_abbrev. */
  readonly abbreviations: number;
  /** Offset of the root DIE in .debug_info. */
  readonly root: number;
  /** The ID that a skeleton and its split unit have: 16 hexadecimal digits. Before DWARF 5, it is an attribute. */
  readonly splitId: string | undefined;
}

/** Reads a unit's header. @throws Failure for an unknown version or an unsupported address size */
export function readUnitHeader(sections: DebugSections, offset: number): UnitHeader {
  const cursor = cursorAt(sections, sections.info, offset);
  const { end, offsetSize } = readUnitLength(cursor, sections.info.size);
  const version = cursor.u16();
  if (version < 2 || version > 5) throw cursor.failure(`unit of unknown DWARF version ${version}`);
  let kind = dw.DW_UT_compile;
  let addressSize = 0;
  if (version >= 5) {
    kind = cursor.u8();
    addressSize = cursor.u8();
  }
  const abbreviations = cursor.offset(offsetSize);
  if (version < 5) addressSize = cursor.u8();
  if (addressSize !== 4 && addressSize !== 8)
    throw cursor.failure(`unit with unsupported address size ${addressSize}`);
  let splitId: string | undefined;
  if (kind === dw.DW_UT_skeleton || kind === dw.DW_UT_split_compile) {
    const low = cursor.address(8);
    splitId = formatAddress(cursor.addressHigh, low);
  }
  const root = cursor.position;
  return { version, addressSize, offsetSize, offset, end, kind, abbreviations, root, splitId };
}

/** Whether DIEs of a unit of this kind can have addresses. */
export function hasAddresses({ kind }: UnitHeader): boolean {
  return kind >= dw.DW_UT_compile && kind <= dw.DW_UT_split_compile && kind !== dw.DW_UT_type;
}
