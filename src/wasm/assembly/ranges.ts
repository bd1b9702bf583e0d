// Address ranges and the units that own them.

import { BAD_RANGES, NO_RANGE, RANGE_BYTES, RANGE_END, RANGE_OWNER, RANGE_REACH } from "../layout.ts";

let swapped = false;

function word16(at: usize): u32 {
  return swapped ? <u32>bswap<u16>(load<u16>(at)) : <u32>load<u16>(at);
}

function word32(at: usize): u64 {
  return swapped ? <u64>bswap<u32>(load<u32>(at)) : <u64>load<u32>(at);
}

function word64(at: usize): u64 {
  return swapped ? bswap<u64>(load<u64>(at)) : load<u64>(at);
}

/**
 * Reads .debug_aranges (DWARF 5 section 6.1.2), followed by PADDING zeros.
 *
 * @param ranges receives the ranges; it has room for one range per ARANGE_TUPLE_BYTES of the section
 * @returns the number of ranges; BAD_RANGES if a set is not valid, or does not end where its ranges do
 */
export function readAranges(section: usize, sectionEnd: usize, littleEndian: bool, ranges: usize): i32 {
  swapped = !littleEndian;
  let range = ranges;
  for (let set = section; set < sectionEnd; ) {
    let at = set + 4;
    let length = word32(set);
    const isWide = length === 0xffffffff;
    if (isWide) {
      length = word64(at);
      at += 8;
    }
    const offsetSize: usize = isWide ? 8 : 4;
    const header: usize = 2 + offsetSize + 2;
    if ((!isWide && length >= 0xfffffff0) || at > sectionEnd || length > <u64>(sectionEnd - at))
      return BAD_RANGES;
    const end = at + <usize>length;
    const owner = isWide ? word64(at + 2) : word32(at + 2);
    const addressSize = <usize>load<u8>(at + 2 + offsetSize);
    const segmentSize = load<u8>(at + 3 + offsetSize);
    const isKnown = word16(at) === 2 && segmentSize === 0 && (addressSize === 4 || addressSize === 8);
    if (length < header || !isKnown) return BAD_RANGES;
    // The first tuple is aligned to its own size, from the start of the set.
    const tuple: usize = 2 * addressSize;
    at = set + ((at + header - set + tuple - 1) / tuple) * tuple;
    let isTerminated = false;
    for (; at + tuple <= end; at += tuple) {
      const start = addressSize === 8 ? word64(at) : word32(at);
      const bytes = addressSize === 8 ? word64(at + 8) : word32(at + 4);
      if (start === 0 && bytes === 0) {
        isTerminated = true;
        continue;
      }
      // The length of the set is wrong: it has ranges of the next one.
      if (isTerminated) return BAD_RANGES;
      if (bytes === 0) continue;
      store<u64>(range, start);
      store<u64>(range, start + bytes < start ? u64.MAX_VALUE : start + bytes, RANGE_END);
      store<u64>(range, owner, RANGE_OWNER);
      range += RANGE_BYTES;
    }
    if (!isTerminated) return BAD_RANGES;
    set = end;
  }
  return <i32>((range - ranges) / <usize>RANGE_BYTES);
}

/**
 * Sorts ranges by start, stably, and sets their RANGE_REACH.
 *
 * @param spare room for as many ranges
 * @returns the position of the sorted ranges: `ranges` or `spare`
 */
export function sortRanges(ranges: usize, count: u32, spare: usize): usize {
  const bytes = <usize>count * RANGE_BYTES;
  let from = ranges;
  let to = spare;
  for (let run: usize = RANGE_BYTES; run < bytes; run *= 2) {
    for (let start: usize = 0; start < bytes; start += 2 * run) {
      let left = from + start;
      const middle = from + min(start + run, bytes);
      const end = from + min(start + 2 * run, bytes);
      let right = middle;
      for (let out = to + start; left < middle || right < end; out += RANGE_BYTES) {
        const takesLeft = right === end || (left < middle && load<u64>(left) <= load<u64>(right));
        memory.copy(out, takesLeft ? left : right, RANGE_BYTES);
        if (takesLeft) left += RANGE_BYTES;
        else right += RANGE_BYTES;
      }
    }
    const other = from;
    from = to;
    to = other;
  }
  let reach: u64 = 0;
  for (let range = from; range < from + bytes; range += RANGE_BYTES) {
    reach = max(reach, load<u64>(range, RANGE_END));
    store<u64>(range, reach, RANGE_REACH);
  }
  return from;
}

/** The range that contains an address; if several do, the one that starts last; NO_RANGE if none does. */
export function findRange(ranges: usize, count: u32, high: u32, low: u32): usize {
  const address = ((<u64>high) << 32) | <u64>low;
  for (let range = firstAfter(ranges, count, address); range > ranges; ) {
    range -= RANGE_BYTES;
    if (load<u64>(range, RANGE_REACH) <= address) return NO_RANGE;
    if (load<u64>(range, RANGE_END) > address) return range;
  }
  return NO_RANGE;
}

/** The first range that starts after an address, less than `size` bytes after it; NO_RANGE if none does. */
export function nextRange(ranges: usize, count: u32, high: u32, low: u32, size: f64): usize {
  const address = ((<u64>high) << 32) | <u64>low;
  const range = firstAfter(ranges, count, address);
  const isNear = range < ranges + <usize>count * RANGE_BYTES && <f64>(load<u64>(range) - address) < size;
  return isNear ? range : NO_RANGE;
}

/** The first range that starts after an address; the end of the ranges if none does. */
function firstAfter(ranges: usize, count: u32, address: u64): usize {
  let from: usize = 0;
  let to = <usize>count;
  while (from < to) {
    const middle = (from + to) >> 1;
    if (load<u64>(ranges + middle * RANGE_BYTES) <= address) from = middle + 1;
    else to = middle;
  }
  return ranges + from * RANGE_BYTES;
}
