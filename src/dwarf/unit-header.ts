import * as dw from "../constants/dwarf.ts";
import type { DebugSections } from "./debug-sections.ts";
import { cursorAt, type Encoding } from "./forms.ts";
import { splitDwarf } from "./unit.ts";
import { readUnitLength } from "./unit-length.ts";

/** The header of a unit of any kind (DWARF 5 section 7.5.1). */
export interface UnitHeader extends Encoding {
  /** Where the unit begins and ends in .debug_info. */
  readonly offset: number;
  readonly end: number;
  /** DW_UT_…; before DWARF 5 all units of .debug_info are DW_UT_compile. */
  readonly kind: number;
  /** The offset of its abbreviations in .debug_abbrev. */
  readonly abbreviations: number;
  /** Where the root DIE begins. */
  readonly root: number;
}

/** Reads a unit's header. @throws Failure for split DWARF, an unknown version, or an unknown size of addresses */
export function readUnitHeader(sections: DebugSections, offset: number): UnitHeader {
  const cursor = cursorAt(sections, sections.info, offset);
  const { end, offsetSize } = readUnitLength(cursor, sections.info.size);
  const version = cursor.u16();
  if (version < 2 || version > 5) throw cursor.failure(`a unit of the unknown DWARF version ${version}`);
  let kind = dw.DW_UT_compile;
  let addressSize = 0;
  if (version >= 5) {
    kind = cursor.u8();
    addressSize = cursor.u8();
    if (kind === dw.DW_UT_skeleton || kind === dw.DW_UT_split_compile) throw splitDwarf(sections);
  }
  const abbreviations = cursor.offset(offsetSize);
  if (version < 5) addressSize = cursor.u8();
  if (addressSize !== 4 && addressSize !== 8) throw cursor.failure(`a unit of ${addressSize}-byte addresses`);
  return { version, addressSize, offsetSize, offset, end, kind, abbreviations, root: cursor.position };
}

/** Whether a unit's DIEs may stand for something that has an address. */
export function hasAddresses({ kind }: UnitHeader): boolean {
  return kind === dw.DW_UT_compile || kind === dw.DW_UT_partial;
}
