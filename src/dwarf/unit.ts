import { memorySource } from "../elf/byte-source.ts";
import { Cursor } from "../elf/cursor.ts";
import { Failure } from "../failure.ts";
import { type WasmMemory, wasmMemory } from "../wasm/program.ts";
import * as dw from "./constants.ts";
import type { DebugSections } from "./debug-sections.ts";
import { cursorAt, type Encoding, type FormValue, formString, readForm } from "./forms.ts";
import { readUnitLength } from "./unit-length.ts";

/** A unit of .debug_info, as far as its header and root DIE tell (DWARF 5 sections 3.1 and 7.5.1). */
export interface Unit extends Encoding {
  /** Where the unit begins and ends in .debug_info. */
  readonly offset: number;
  readonly end: number;
  /** DW_AT_name: the primary source file. */
  readonly name: string | null;
  /** DW_AT_comp_dir. */
  readonly compilationDirectory: string | null;
  /** DW_AT_stmt_list: the offset of its line program in .debug_line. */
  readonly lineProgram: number | null;
  readonly lowPc: FormValue | undefined;
  readonly highPc: FormValue | undefined;
  readonly ranges: FormValue | undefined;
  readonly addressBase: number;
  readonly rangeListsBase: number;
}

/**
 * Reads a unit's header and root DIE.
 *
 * @param offset of the unit in .debug_info
 * @returns null for a unit that holds no code of its own: a type unit, or one of dwz's partial units
 * @throws Failure for split DWARF, an unknown version, or a unit that contradicts itself
 */
export function readUnit(sections: DebugSections, offset: number): { end: number; unit: Unit | null } {
  const cursor = cursorAt(sections, sections.info, offset);
  const { end, offsetSize } = readUnitLength(cursor, sections.info.size);
  const version = cursor.u16();
  if (version < 2 || version > 5) throw cursor.failure(`a unit of the unknown DWARF version ${version}`);
  let kind = dw.DW_UT_compile;
  let abbreviations: number;
  let addressSize: number;
  if (version >= 5) {
    kind = cursor.u8();
    addressSize = cursor.u8();
    abbreviations = cursor.offset(offsetSize);
    if (kind === dw.DW_UT_skeleton || kind === dw.DW_UT_split_compile) throw splitDwarf(sections);
  } else {
    abbreviations = cursor.offset(offsetSize);
    addressSize = cursor.u8();
  }
  if (kind !== dw.DW_UT_compile && kind !== dw.DW_UT_partial) return { end, unit: null };

  const encoding = { version, addressSize, offsetSize };
  const code = cursor.uleb();
  if (code === 0) return { end, unit: null };
  const { tag, attributes } = findAbbreviation(sections, abbreviations, code);
  if (tag !== dw.DW_TAG_compile_unit) return { end, unit: null };

  const found = new Map<number, FormValue>();
  for (const { name, form } of attributes) found.set(name, readForm(cursor, form, encoding));
  if (cursor.position > end) throw cursor.failure("the root DIE reaches past its unit");
  if (found.has(dw.DW_AT_GNU_dwo_name) || found.has(dw.DW_AT_dwo_name)) throw splitDwarf(sections);

  const base = (attribute: number, fallback: number) => found.get(attribute)?.value ?? fallback;
  // Without the attribute the only table begins behind its header (DWARF 5 section 7.26).
  const stringOffsetsBase = base(dw.DW_AT_str_offsets_base, offsetSize * 2);
  const string = (attribute: number) => {
    const value = found.get(attribute);
    return value === undefined ? null : formString(sections, value, encoding, stringOffsetsBase);
  };
  // Spelt out: the engine takes long over what is added to a spread object.
  const unit: Unit = {
    version,
    addressSize,
    offsetSize,
    offset,
    end,
    name: string(dw.DW_AT_name),
    compilationDirectory: string(dw.DW_AT_comp_dir),
    lineProgram: found.get(dw.DW_AT_stmt_list)?.value ?? null,
    lowPc: found.get(dw.DW_AT_low_pc),
    highPc: found.get(dw.DW_AT_high_pc),
    ranges: found.get(dw.DW_AT_ranges),
    addressBase: base(dw.DW_AT_addr_base, offsetSize * 2),
    rangeListsBase: base(dw.DW_AT_rnglists_base, 0),
  };
  return { end, unit };
}

export function splitDwarf(sections: DebugSections): Failure {
  return new Failure(
    sections.path,
    "split DWARF (.dwo files) is not read",
    "build without CONFIG_DEBUG_INFO_SPLIT",
  );
}

interface Abbreviation {
  readonly tag: number;
  readonly attributes: readonly { name: number; form: number }[];
}

/** Finds one abbreviation of the table at an offset (DWARF 5 section 7.5.3). */
function findAbbreviation(sections: DebugSections, table: number, wanted: number): Abbreviation {
  const cursor = abbreviationAt(sections, table, wanted);
  cursor.uleb(); // its code
  const tag = cursor.uleb();
  cursor.u8(); // DW_CHILDREN_…
  const attributes: { name: number; form: number }[] = [];
  for (;;) {
    const name = cursor.uleb();
    const form = cursor.uleb();
    if (form === dw.DW_FORM_implicit_const) cursor.skipLeb();
    if (name === 0 && form === 0) return { tag, attributes };
    attributes.push({ name, form });
  }
}

/** How much of a table is read at first: more than GCC mostly writes. */
const TABLE_BYTES = 1 << 13;
/** Zeros behind the bytes, which end what they cut short. */
const PADDING = 16;
/** What the search gives when a table ends without the code; when its bytes end, a smaller number. */
const NOT_LISTED = -1;

/** Where the abbreviation of a code begins in .debug_abbrev. */
export function findCode(sections: DebugSections, table: number, wanted: number): number {
  return table + abbreviationAt(sections, table, wanted).position;
}

let tableMemory: WasmMemory | undefined;

/** A cursor at the abbreviation of a code. GCC orders a table by use, so the root DIE's stands near its end. */
function abbreviationAt({ abbrev, littleEndian }: DebugSections, table: number, wanted: number): Cursor {
  tableMemory ??= wasmMemory();
  const { program, room, buffer, release } = tableMemory;
  for (let size = TABLE_BYTES; ; size *= 4) {
    const length = Math.min(size, abbrev.size - table);
    // The cursor says what is wrong with a table outside the section.
    if (length <= 0) return new Cursor(abbrev, table, abbrev.size, littleEndian);
    release();
    const start = room(length + PADDING);
    const bytes = new Uint8Array(buffer(), start, length + PADDING);
    abbrev.read(table, length, bytes);
    bytes.fill(0, length);
    const found = program.findAbbreviation(start, start + length, wanted);
    if (found >= 0) {
      const source = memorySource(abbrev.name, bytes);
      return new Cursor(source, found, length, littleEndian);
    }
    if (found === NOT_LISTED || length < size) {
      const problem = `the abbreviations at 0x${table.toString(16)} lack number ${wanted}`;
      throw new Cursor(abbrev, table, abbrev.size, littleEndian).failure(problem);
    }
  }
}

/** The offsets of all units. */
export function* unitOffsets(sections: DebugSections): Generator<number> {
  for (let offset = 0; offset < sections.info.size; ) {
    yield offset;
    offset = readUnitLength(cursorAt(sections, sections.info, offset), sections.info.size).end;
  }
}
