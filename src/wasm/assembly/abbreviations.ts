// Tables of abbreviations (DWARF 5 section 7.5.3).

const DW_FORM_implicit_const: u32 = 0x21;

const NOT_LISTED: i32 = -1;
const CUT_SHORT: i32 = -2;

/** Where the next entry's parts begin that are read. */
let at: usize = 0;

/** A LEB128 number's lower 64 bits. */
function readUleb(): u64 {
  let byte = load<u8>(at++);
  let value = <u64>(byte & 0x7f);
  for (let shift: u64 = 7; byte >= 0x80; shift += 7) {
    byte = load<u8>(at++);
    if (shift < 64) value |= (<u64>(byte & 0x7f)) << shift;
  }
  return value;
}

function skipLeb(): void {
  while (load<u8>(at++) >= 0x80) {}
}

/**
 * Finds the abbreviation of a code in a table, behind whose bytes stand zeros.
 *
 * @returns where it begins, from the start; -1 when the table lacks it, -2 when the bytes end before it does
 */
export function findAbbreviation(start: usize, end: usize, wanted: f64): i32 {
  const wantedCode = <u64>wanted;
  at = start;
  while (at < end) {
    const entry = at;
    const code = readUleb();
    if (code === 0) return at > end ? CUT_SHORT : NOT_LISTED;
    skipLeb(); // its tag
    at++; // DW_CHILDREN_…
    while (at < end) {
      const name = load<u8>(at);
      skipLeb();
      const form = <u32>load<u8>(at);
      skipLeb();
      if (form === DW_FORM_implicit_const) skipLeb();
      if (name === 0 && form === 0) break;
    }
    if (at > end) break;
    if (code === wantedCode) return <i32>(entry - start);
  }
  return CUT_SHORT;
}
