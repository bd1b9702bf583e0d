import { Failure } from "../failure.ts";
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
  readonly rangeListsBase: number;
}

/** The DW_AT_name of a unit with the code of several, which GCC's LTO creates (gcc/dwarf2out.cc). */
export const ARTIFICIAL_UNIT = "<artificial>";

export function splitDwarf(sections: DebugSections): Failure {
  return new Failure(
    "UNSUPPORTED",
    sections.path,
    "split DWARF (.dwo files) is not supported",
    "build without CONFIG_DEBUG_INFO_SPLIT",
  );
}

/** The offsets of all units in .debug_info. */
export function* unitOffsets(sections: DebugSections): Generator<number> {
  for (let offset = 0; offset < sections.info.size; ) {
    yield offset;
    offset = readUnitLength(cursorAt(sections, sections.info, offset), sections.info.size).end;
  }
}
