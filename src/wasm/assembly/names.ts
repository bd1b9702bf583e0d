import { NO_SYMBOL, NOT_COUNTED, SLOT_BYTES, SLOT_SYMBOL } from "../layout.ts";

/** FNV's lower bits alone are not mixed well (MurmurHash3's finalizer). */
function mix(hash: u32): u32 {
  const product = (hash ^ (hash >>> 16)) * 0x85ebca6b;
  return product ^ (product >>> 13);
}

/**
 * Groups the symbols [from, to) by the hashes of their names; those from `to` on are grouped already. All columns have a word a
 * symbol.
 *
 * @param slots `mask + 1` slots, zeros at first, more than there are symbols
 * @param mask a power of two less one
 * @param first gets the first symbol with the same hash, NO_SYMBOL for those that are not counted
 * @param next gets the next symbol with the same hash, NO_SYMBOL after the last one; may take the place of the hashes
 * @param bearers gets, at the first symbol with a hash, how many there are; 0 at the others
 */
export function groupByHash(
  hashes: usize,
  from: u32,
  to: u32,
  slots: usize,
  mask: u32,
  first: usize,
  next: usize,
  bearers: usize,
): void {
  // Backwards, so that each becomes the first of its group.
  for (let symbol = to; symbol-- > from; ) {
    const hash = load<u32>(cell(hashes, symbol));
    let head: u32 = NO_SYMBOL;
    let total: u32 = 0;
    if (hash !== NOT_COUNTED) {
      total = 1;
      let index = mix(hash) & mask;
      let slot = slots + <usize>index * SLOT_BYTES;
      while (load<u32>(slot) !== hash && load<u32>(slot) !== 0) {
        index = (index + 1) & mask;
        slot = slots + <usize>index * SLOT_BYTES;
      }
      if (load<u32>(slot) !== 0) {
        head = load<u32>(slot, SLOT_SYMBOL);
        total += load<u32>(cell(bearers, head));
        store<u32>(cell(bearers, head), 0);
      }
      store<u32>(slot, hash);
      store<u32>(slot, symbol, SLOT_SYMBOL);
    }
    store<u32>(cell(first, symbol), hash === NOT_COUNTED ? NO_SYMBOL : symbol);
    store<u32>(cell(next, symbol), head);
    store<u32>(cell(bearers, symbol), total);
  }
}

/**
 * Finds the groups of two or more that `groupByHash` has made, and fills in `first` for all that are in them.
 *
 * @param duplicated gets the first symbol of each, ascending
 * @returns how many these are
 */
export function findGroups(count: u32, first: usize, next: usize, bearers: usize, duplicated: usize): u32 {
  let found: u32 = 0;
  for (let leader: u32 = 0; leader < count; leader++) {
    if (load<u32>(cell(bearers, leader)) < 2) continue;
    store<u32>(cell(duplicated, found++), leader);
    let symbol = load<u32>(cell(next, leader));
    for (; symbol !== NO_SYMBOL; symbol = load<u32>(cell(next, symbol)))
      store<u32>(cell(first, symbol), leader);
  }
  return found;
}

/** The place of a symbol's word in a column. */
function cell(column: usize, symbol: u32): usize {
  return column + ((<usize>symbol) << 2);
}
