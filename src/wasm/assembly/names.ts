/**
 * Groups symbols by the hashes of their names; 0 stands for a symbol that is passed over. All columns have a word a symbol.
 *
 * @param slots room for `mask + 1` words, more than there are symbols
 * @param mask a power of two less one
 * @param first gets the first symbol with the same hash, -1 for those passed over
 * @param next gets the next symbol with the same hash, -1 behind the last one
 * @param bearers gets, at the first symbol with a hash, how many there are
 * @param last room for the last symbol of each hash
 * @param duplicated gets the first symbols of those hashes that two or more have
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
  last: usize,
  duplicated: usize,
): u32 {
  memory.fill(slots, 0xff, (<usize>mask + 1) << 2);
  memory.fill(first, 0xff, (<usize>count) << 2);
  memory.fill(next, 0xff, (<usize>count) << 2);
  memory.fill(bearers, 0, (<usize>count) << 2);
  let found: u32 = 0;
  for (let symbol: u32 = 0; symbol < count; symbol++) {
    const hash = load<u32>(cell(hashes, symbol));
    if (hash === 0) continue;
    // FNV's lower bits alone are not mixed well (MurmurHash3's finalizer).
    let slot = (hash ^ (hash >>> 16)) * 0x85ebca6b;
    slot = (slot ^ (slot >>> 13)) & mask;
    let leader = load<u32>(cell(slots, slot));
    while (leader !== NONE && load<u32>(cell(hashes, leader)) !== hash) {
      slot = (slot + 1) & mask;
      leader = load<u32>(cell(slots, slot));
    }
    if (leader === NONE) {
      leader = symbol;
      store<u32>(cell(slots, slot), symbol);
    } else store<u32>(cell(next, load<u32>(cell(last, leader))), symbol);
    store<u32>(cell(first, symbol), leader);
    store<u32>(cell(last, leader), symbol);
    const total = load<u32>(cell(bearers, leader)) + 1;
    store<u32>(cell(bearers, leader), total);
    if (total === 2) store<u32>(cell(duplicated, found++), leader);
  }
  return found;
}

const NONE: u32 = 0xffffffff;

/** The place of a symbol's word in a column. */
function cell(column: usize, symbol: u32): usize {
  return column + ((<usize>symbol) << 2);
}
