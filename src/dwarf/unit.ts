import type { DebugSections } from "./debug-sections.ts";
import { cursorAt, type Encoding, type FormValue } from "./forms.ts";
import { readUnitLength } from "./unit-length.ts";

/** A unit of .debug_info: data from its header and root DIE (DWARF 5 sections 3.1 and 7.5.1). */
export interface Unit extends Encoding {
  /** Start and end of the unit in .debug_info. */
  readonly offset: number;
  readonly end: number;
  /** DW_AT_name: the primary source file. */
  readonly name: string | null;
  /** DW_AT_comp_dir. */
  readonly compilationDirectory: string | null;
  /** DW_AT_stmt_list: offset of its line program in .debug_line. */
  readonly lineProgram: number | null;
  readonly lowPc: FormValue | undefined;
  readonly highPc: FormValue | undefined;
  readonly ranges: FormValue | undefined;
  readonly addressBase: number;
  /** Base of DW_FORM_rnglistx; before DWARF 5, of all offsets in .debug_ranges, which is 0 except in split DWARF. */
  readonly rangeListsBase: number;
  /** The reference to the split unit with the DIEs, if this unit is a skeleton (DWARF 5 section 3.1.2). */
  readonly split: SplitReference | undefined;
}

/** The DW_AT_name of a unit with the code of several, which GCC's LTO creates (gcc/dwarf2out.cc). */
export const ARTIFICIAL_UNIT = "<artificial>";

/** What identifies the source of a unit. */
export type NamedUnit = Pick<Unit, "name" | "compilationDirectory">;

/** The reference of a skeleton to its split unit. */
export interface SplitReference {
  /** DW_AT_dwo_name or DW_AT_GNU_dwo_name: the path of the file, relative to the compilation directory. */
  readonly file: string;
  /** The ID that both units have: 16 hexadecimal digits. */
  readonly id: string;
  /** DW_AT_GNU_ranges_base: before DWARF 5, base of the split unit's offsets in .debug_ranges. */
  readonly rangesBase: number;
}

/** The offsets of all units in .debug_info. */
export function* unitOffsets(sections: DebugSections): Generator<number> {
  for (let offset = 0; offset < sections.info.size; ) {
    yield offset;
    offset = readUnitLength(cursorAt(sections, sections.info, offset), sections.info.size).end;
  }
}
