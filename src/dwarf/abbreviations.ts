import * as dw from "../constants/dwarf.ts";
import { NOT_LISTED, PADDING } from "../wasm/layout.ts";
import { type WasmMemory, wasmMemory } from "../wasm/program.ts";
import type { DebugSections } from "./debug-sections.ts";
import { cursorAt } from "./forms.ts";

/** What the DIEs of one abbreviation code are (DWARF 5 section 7.5.3). */
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
  cursor.skipLeb(); // its code
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

/** How much of a table is read at first: more than GCC mostly writes. */
const TABLE_BYTES = 1 << 13;

let memory: WasmMemory | undefined;

/** Where the abbreviation of a code begins in .debug_abbrev. GCC orders a table by use, so the root DIE's stands near its end. */
export function findCode(sections: DebugSections, table: number, wanted: number): number {
  const { abbrev } = sections;
  memory ??= wasmMemory();
  const { program, room, buffer, release } = memory;
  for (let size = TABLE_BYTES; ; size *= 4) {
    const length = Math.min(size, abbrev.size - table);
    // Reading says what is wrong with a table outside the section.
    if (length <= 0) return table;
    release();
    const start = room(length + PADDING);
    const bytes = new Uint8Array(buffer(), start, length + PADDING);
    abbrev.read(table, length, bytes);
    bytes.fill(0, length);
    const found = program.findAbbreviation(start, start + length, wanted);
    if (found >= 0) return table + found;
    if (found === NOT_LISTED || length < size) {
      const problem = `the abbreviations at 0x${table.toString(16)} lack number ${wanted}`;
      throw cursorAt(sections, abbrev, table).failure(problem);
    }
  }
}
