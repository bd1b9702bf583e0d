/**
 * Groups symbols by the hashes of their names; 0 stands for a symbol that is passed over. All columns have a word a symbol.
 *
 * @param slots room for `mask + 1` words, more than there are symbols
 * @param mask a power of two less one
 * @param first gets the first symbol with the same hash, -1 for those passed over
 * @param next gets the next symbol with the same hash, -1 behind the last one
 * @param bearers gets, at the first symbol with a hash, how many there are; 0 at the others
 * @param duplicated gets the first symbols of those hashes that two or more have, ascending
 * @returns how many these are
 */
export function groupByHash(
  hashes: usize,
  count: u32,
  slots: usize,
  mask: u32,
  first: usize,
  next: usize,
  bearers: usize,
  duplicated: usize,
): u32 {
  memory.fill(slots, 0xff, (<usize>mask + 1) << 2);
  // Backwards, so that each becomes the first of its group.
  for (let symbol = count; symbol-- > 0; ) {
    const hash = load<u32>(cell(hashes, symbol));
    let head = NONE;
    let total: u32 = 0;
    if (hash !== 0) {
      // FNV's lower bits alone are not mixed well (MurmurHash3's finalizer).
      let slot = (hash ^ (hash >>> 16)) * 0x85ebca6b;
      slot = (slot ^ (slot >>> 13)) & mask;
      head = load<u32>(cell(slots, slot));
      while (head !== NONE && load<u32>(cell(hashes, head)) !== hash) {
        slot = (slot + 1) & mask;
        head = load<u32>(cell(slots, slot));
      }
      store<u32>(cell(slots, slot), symbol);
      total = 1;
      if (head !== NONE) {
        total += load<u32>(cell(bearers, head));
        store<u32>(cell(bearers, head), 0);
      }
    }
    store<u32>(cell(first, symbol), hash === 0 ? NONE : symbol);
    store<u32>(cell(next, symbol), head);
    store<u32>(cell(bearers, symbol), total);
  }
  let found: u32 = 0;
  for (let leader: u32 = 0; leader < count; leader++) {
    if (load<u32>(cell(bearers, leader)) < 2) continue;
    store<u32>(cell(duplicated, found++), leader);
    let symbol = load<u32>(cell(next, leader));
    for (; symbol !== NONE; symbol = load<u32>(cell(next, symbol))) store<u32>(cell(first, symbol), leader);
  }
  return found;
}

const NONE: u32 = 0xffffffff;

/** The place of a symbol's word in a column. */
function cell(column: usize, symbol: u32): usize {
  return column + ((<usize>symbol) << 2);
}
