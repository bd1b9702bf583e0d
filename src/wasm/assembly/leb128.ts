// LEB128 numbers (DWARF 5 section 7.6), which the zeros behind all bytes end.

/** Where the number ends that was read last. */
export let next: usize = 0;

/** An unsigned number's lower 64 bits. */
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

/** A signed number's lower 64 bits. */
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
