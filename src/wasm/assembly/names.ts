import { NO_SYMBOL, NOT_COUNTED, SLOT_BYTES, SLOT_SYMBOL } from "../layout.ts";

/** Mixes a hash like MurmurHash3's finalizer: the lower bits of FNV are not mixed well enough. */
function mix(hash: u32): u32 {
  const product = (hash ^ (hash >>> 16)) * 0x85ebca6b;
  return product ^ (product >>> 13);
}

/**
 * Groups the symbols [from, to) by the hashes of their names; symbols from `to` on are already grouped. All columns have one word
 * per symbol.
 *
 * @param slots `mask + 1` slots, more than there are symbols, initially zero
 * @param mask a power of two minus one
 * @param first receives the first symbol with the same hash; NO_SYMBOL for symbols that are not counted
 * @param next receives the next symbol with the same hash, NO_SYMBOL after the last one; may be the column of hashes
 * @param groupSize receives the number of symbols with a hash at the first of them; 0 at the others
 */
export function groupByHash(
  hashes: usize,
  from: u32,
  to: u32,
  slots: usize,
  mask: u32,
  first: usize,
  next: usize,
  groupSize: usize,
): void {
  // Backwards, so that the lowest symbol ends up first in its group.
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
        total += load<u32>(cell(groupSize, head));
        store<u32>(cell(groupSize, head), 0);
      }
      store<u32>(slot, hash);
      store<u32>(slot, symbol, SLOT_SYMBOL);
    }
    store<u32>(cell(first, symbol), hash === NOT_COUNTED ? NO_SYMBOL : symbol);
    store<u32>(cell(next, symbol), head);
    store<u32>(cell(groupSize, symbol), total);
  }
}

/**
 * Finds the groups of `groupByHash` with two or more symbols, and sets `first` for all their symbols.
 *
 * @param duplicated receives the first symbol of each group, ascending
 * @returns number of these groups
 */
export function findGroups(count: u32, first: usize, next: usize, groupSize: usize, duplicated: usize): u32 {
  let found: u32 = 0;
  for (let leader: u32 = 0; leader < count; leader++) {
    if (load<u32>(cell(groupSize, leader)) < 2) continue;
    store<u32>(cell(duplicated, found++), leader);
    let symbol = load<u32>(cell(next, leader));
    for (; symbol !== NO_SYMBOL; symbol = load<u32>(cell(next, symbol)))
      store<u32>(cell(first, symbol), leader);
  }
  return found;
}

/** The position of a symbol's word in a column. */
function cell(column: usize, symbol: u32): usize {
  return column + ((<usize>symbol) << 2);
}
