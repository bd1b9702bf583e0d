import * as dw from "../constants/dwarf.ts";
import type { DebugSections } from "./debug-sections.ts";
import { cursorAt, type Encoding } from "./forms.ts";
import { splitDwarf } from "./unit.ts";
import { readUnitLength } from "./unit-length.ts";

/** The header of a unit of any kind (DWARF 5 section 7.5.1). */
export interface UnitHeader extends Encoding {
  /** Start and end of the unit in .debug_info. */
  readonly offset: number;
  readonly end: number;
  /** DW_UT_…; DW_UT_compile for all units before DWARF 5. */
  readonly kind: number;
  /** Offset of its abbreviations in .debug_abbrev. */
  readonly abbreviations: number;
  /** Offset of the root DIE in .debug_info. */
  readonly root: number;
}

/** Reads a unit's header. @throws Failure for split DWARF, an unknown version or an unsupported address size */
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
    if (kind === dw.DW_UT_skeleton || kind === dw.DW_UT_split_compile) throw splitDwarf(sections);
  }
  const abbreviations = cursor.offset(offsetSize);
  if (version < 5) addressSize = cursor.u8();
  if (addressSize !== 4 && addressSize !== 8)
    throw cursor.failure(`unit with unsupported address size ${addressSize}`);
  return { version, addressSize, offsetSize, offset, end, kind, abbreviations, root: cursor.position };
}

/** Whether DIEs of a unit of this kind can have addresses. */
export function hasAddresses({ kind }: UnitHeader): boolean {
  return kind === dw.DW_UT_compile || kind === dw.DW_UT_partial;
}
