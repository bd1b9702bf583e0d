import * as dw from "./constants.ts";
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
