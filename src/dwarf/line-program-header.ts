import type { DebugSections } from "./debug-sections.ts";
import type { FileTable, plainEntry } from "./file-table.ts";
import { cursorAt, type Encoding } from "./forms.ts";
import { readUnitLength } from "./unit-length.ts";

/** A line program's header, and the position of its instructions (DWARF 5 section 6.2.4). */
export interface LineProgram extends Encoding {
  /** Offset in .debug_line. */
  readonly offset: number;
  /** The instructions are the bytes [start, end) of the section. */
  readonly start: number;
  readonly end: number;
  readonly minimumInstructionLength: number;
  readonly maximumOperations: number;
  readonly lineBase: number;
  readonly lineRange: number;
  readonly opcodeBase: number;
  /** Offset of the directory and file tables. They follow standard_opcode_lengths and end at `start`. */
  readonly tables: number;
  /** The tables; undefined until first used. */
  fileTable: FileTable | undefined;
  /** Files added by DW_LNE_define_file. */
  readonly definedFiles: ReturnType<typeof plainEntry>[];
}

/**
 * Reads the header of the line program at an offset of .debug_line, versions 2 to 5.
 *
 * @param addressSize the unit's address size, used before DWARF 5; since DWARF 5 the header has it
 * @throws Failure for an unknown version or an inconsistent header
 */
export function readLineProgram(sections: DebugSections, offset: number, addressSize: number): LineProgram {
  const cursor = cursorAt(sections, sections.line, offset);
  const { end, offsetSize } = readUnitLength(cursor, sections.line.size);
  const version = cursor.u16();
  if (version < 2 || version > 5) throw cursor.failure(`line program of unknown version ${version}`);
  let size = addressSize;
  if (version >= 5) {
    size = cursor.u8();
    cursor.skip(1); // segment_selector_size
  }
  const headerLength = cursor.offset(offsetSize);
  const start = cursor.position + headerLength;
  if (start > end) throw cursor.failure("a line program's header reaches past its end");
  const minimumInstructionLength = cursor.u8();
  const maximumOperations = version >= 4 ? cursor.u8() : 1;
  cursor.skip(1); // default_is_stmt
  const lineBase = (cursor.u8() << 24) >> 24;
  const lineRange = cursor.u8();
  const opcodeBase = cursor.u8();
  if (lineRange === 0 || opcodeBase === 0 || maximumOperations === 0) {
    throw cursor.failure("line_range, opcode_base or maximum_operations_per_instruction is 0");
  }
  cursor.skip(opcodeBase - 1); // standard_opcode_lengths
  if (cursor.position > start) throw cursor.failure("a line program's header reaches past its end");
  return {
    version,
    addressSize: size,
    offsetSize,
    offset,
    start,
    end,
    minimumInstructionLength,
    maximumOperations,
    lineBase,
    lineRange,
    opcodeBase,
    tables: cursor.position,
    fileTable: undefined,
    definedFiles: [],
  };
}
