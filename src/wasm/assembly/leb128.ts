// LEB128 numbers (DWARF 5 section 7.6). The zeros after the parsed bytes end a truncated number.

/** End of the number that was read last. */
export let next: usize = 0;

/** The lower 64 bits of an unsigned number. */
export function readUleb(from: usize): u64 {
  let byte = load<u8>(from++);
  let value = <u64>(byte & 0x7f);
  for (let shift: u64 = 7; byte >= 0x80; shift += 7) {
    byte = load<u8>(from++);
    if (shift < 64) value |= (<u64>(byte & 0x7f)) << shift;
  }
  next = from;
  return value;
}

/** The lower 64 bits of a signed number. */
export function readSleb(from: usize): i64 {
  let byte = load<u8>(from++);
  let value = <i64>(byte & 0x7f);
  let shift: i64 = 7;
  for (; byte >= 0x80; shift += 7) {
    byte = load<u8>(from++);
    if (shift < 64) value |= (<i64>(byte & 0x7f)) << shift;
  }
  next = from;
  return (byte & 0x40) !== 0 && shift < 64 ? value | ((<i64>-1) << shift) : value;
}
