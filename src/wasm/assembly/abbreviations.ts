// Tables of abbreviations (DWARF 5 section 7.5.3).

import { DW_FORM_implicit_const } from "../../constants/dwarf.ts";
import { NOT_LISTED, TABLE_CUT_SHORT } from "../layout.ts";
import { next, readUleb } from "./leb128.ts";

/** Where the number ends that begins there. */
function behindLeb(at: usize): usize {
  while (load<u8>(at++) >= 0x80) {}
  return at;
}

/**
 * Finds the abbreviation of a code in a table, behind whose bytes stand zeros.
 *
 * @returns where it begins, from the start; NOT_LISTED when the table lacks it, TABLE_CUT_SHORT when the bytes end before the table does
 */
export function findAbbreviation(start: usize, end: usize, wanted: f64): i32 {
  const wantedCode = <u64>wanted;
  let at = start;
  while (at < end) {
    const entry = at;
    const code = readUleb(at);
    at = next;
    if (code === 0) return at > end ? TABLE_CUT_SHORT : NOT_LISTED;
    at = behindLeb(at); // its tag
    at++; // DW_CHILDREN_…
    while (at < end) {
      // Of most attributes the name and the form take a byte each.
      const pair = <u32>load<u16>(at);
      const isShort = (pair & 0x8080) === 0 && pair >>> 8 !== DW_FORM_implicit_const;
      if (isShort) at += 2;
      else {
        at = behindLeb(at);
        const form = <u32>load<u8>(at);
        at = behindLeb(at);
        if (form === DW_FORM_implicit_const) at = behindLeb(at);
      }
      if (pair === 0) break;
    }
    if (at > end) break;
    if (code === wantedCode) return <i32>(entry - start);
  }
  return TABLE_CUT_SHORT;
}
