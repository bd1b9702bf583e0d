import * as dw from "../constants/dwarf.ts";
import { NOT_LISTED, PADDING } from "../wasm/layout.ts";
import { type WasmMemory, wasmMemory } from "../wasm/program.ts";
import type { DebugSections } from "./debug-sections.ts";
import { cursorAt } from "./forms.ts";

/** The tag and attributes shared by all DIEs with one abbreviation code (DWARF 5 section 7.5.3). */
export interface Abbreviation {
  readonly tag: number;
  readonly hasChildren: boolean;
  readonly attributes: readonly AttributeForm[];
}

interface AttributeForm {
  readonly name: number;
  readonly form: number;
  /** The value of DW_FORM_implicit_const, 0 for other forms. */
  readonly constant: number;
}

/** Reads the abbreviation at an offset of .debug_abbrev. */
export function readAbbreviation(sections: DebugSections, offset: number): Abbreviation {
  const cursor = cursorAt(sections, sections.abbrev, offset);
  cursor.skipLeb(); // abbreviation code
  const tag = cursor.uleb();
  const hasChildren = cursor.u8() !== 0;
  const attributes: AttributeForm[] = [];
  for (;;) {
    const name = cursor.uleb();
    const form = cursor.uleb();
    if (name === 0 && form === 0) return { tag, hasChildren, attributes };
    attributes.push({ name, form, constant: form === dw.DW_FORM_implicit_const ? cursor.sleb() : 0 });
  }
}

/** Number of bytes of a table read at first: more than most tables of GCC have. */
const TABLE_BYTES = 1 << 13;

let memory: WasmMemory | undefined;

/**
 * Finds the abbreviation with a code. GCC orders a table by use, so the root DIE's abbreviation is near its end.
 *
 * @param table offset of the table in .debug_abbrev
 * @returns offset of the abbreviation in .debug_abbrev
 * @throws Failure if the table has no such code
 */
export function findCode(sections: DebugSections, table: number, wanted: number): number {
  const { abbrev } = sections;
  memory ??= wasmMemory();
  const { program, room, buffer, release } = memory;
  for (let size = TABLE_BYTES; ; size *= 4) {
    const length = Math.min(size, abbrev.size - table);
    // The table is outside the section: the caller's read reports it.
    if (length <= 0) return table;
    release();
    const start = room(length + PADDING);
    const bytes = new Uint8Array(buffer(), start, length + PADDING);
    abbrev.read(table, length, bytes);
    bytes.fill(0, length);
    const found = program.findAbbreviation(start, start + length, wanted);
    if (found >= 0) return table + found;
    if (found === NOT_LISTED || length < size) {
      const problem = `the abbreviation table at 0x${table.toString(16)} has no code ${wanted}`;
      throw cursorAt(sections, abbrev, table).failure(problem);
    }
  }
}
