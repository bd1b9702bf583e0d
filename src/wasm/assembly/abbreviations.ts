// Abbreviation tables (DWARF 5 section 7.5.3).

import { DW_FORM_implicit_const } from "../../constants/dwarf.ts";
import { NOT_LISTED, TABLE_CUT_SHORT } from "../layout.ts";
import { next, readUleb } from "./leb128.ts";

/** Returns the end of a LEB128 number. */
function afterLeb(at: usize): usize {
  while (load<u8>(at++) >= 0x80) {}
  return at;
}

/**
 * Finds the abbreviation of a code in a table. PADDING zeros follow the table's bytes.
 *
 * @returns its offset from `start`; NOT_LISTED if the table has no such code, TABLE_CUT_SHORT if the bytes end before the table
 */
export function findAbbreviation(start: usize, end: usize, wanted: f64): i32 {
  const wantedCode = <u64>wanted;
  let at = start;
  while (at < end) {
    const entry = at;
    const code = readUleb(at);
    at = next;
    if (code === 0) return at > end ? TABLE_CUT_SHORT : NOT_LISTED;
    at = afterLeb(at); // tag
    at++; // DW_CHILDREN_…
    while (at < end) {
      // For most attributes, name and form have one byte each.
      const pair = <u32>load<u16>(at);
      const isShort = (pair & 0x8080) === 0 && pair >>> 8 !== DW_FORM_implicit_const;
      if (isShort) at += 2;
      else {
        at = afterLeb(at);
        const form = <u32>load<u8>(at);
        at = afterLeb(at);
        if (form === DW_FORM_implicit_const) at = afterLeb(at);
      }
      if (pair === 0) break;
    }
    if (at > end) break;
    if (code === wantedCode) return <i32>(entry - start);
  }
  return TABLE_CUT_SHORT;
}
