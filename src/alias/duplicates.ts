import { type Listing, moduleName } from "../symbols/listing.ts";
import { isData, LLVM_SUFFIX, stemFinder } from "../symbols/name-anatomy.ts";

/** Which symbols of a listing bear the same name. Columns are indexed by symbol. */
export interface Namesakes {
  /** The first symbol in the listing that has this symbol's stem; -1 for a symbol that is not counted. */
  readonly first: Int32Array;
  /** How many counted symbols have the stem; filled in at the first of them. */
  readonly bearers: Uint32Array;
  /** 1 where the stem is shorter than the name, so that the name itself changes from build to build. */
  readonly unstable: Uint8Array;
}

/**
 * Groups the symbols of a listing by the stem of their names, whatever their types, since the kernel's look-up by name
 * does not care about types. Undefined and nameless symbols bear no name, and those in `ignored` are passed over.
 *
 * Works on the bytes of the listing's text: no string is made for a symbol.
 *
 * @param withData whether the unstable suffixes of data symbols are dropped too
 * @param ignored 1 for each symbol that is not to be counted, such as an alias already in the listing
 */
export function findNamesakes(listing: Listing, withData: boolean, ignored?: Uint8Array): Namesakes {
  const { text, count, nameStart, nameEnd, type, defined } = listing;
  const first = new Int32Array(count).fill(-1);
  const bearers = new Uint32Array(count);
  const unstable = new Uint8Array(count);

  // A power of two at least a third above the count.
  const slots = 2 ** Math.ceil(Math.log2(count * 1.35 + 1));
  const slotSymbol = new Int32Array(slots).fill(-1);
  const hashes = new Uint32Array(count);

  const stemEnd = stemFinder(text);
  const allStable = !withData && !text.includes(LLVM_SUFFIX);
  const endOf = (symbol: number) =>
    stemEnd(
      nameStart[symbol] as number,
      nameEnd[symbol] as number,
      withData && isData(type[symbol] as number),
    );
  const view = new DataView(text.buffer, text.byteOffset, text.length);

  for (let symbol = 0; symbol < count; symbol++) {
    if (defined[symbol] === 0 || ignored?.[symbol] === 1) continue;
    const start = nameStart[symbol] as number;
    if (start === nameEnd[symbol]) continue;
    // Only /proc/kallsyms writes a tab behind a name, in front of the module, which is another object.
    if (text[nameEnd[symbol] as number] === 0x09 && moduleName(listing, symbol) !== "") continue;
    const end = allStable ? (nameEnd[symbol] as number) : endOf(symbol);
    if (end !== nameEnd[symbol]) unstable[symbol] = 1;

    const hash = hashBytes(view, start, end);
    hashes[symbol] = hash;

    let slot = hash & (slots - 1);
    for (;;) {
      const other = slotSymbol[slot] as number;
      if (other === -1) {
        slotSymbol[slot] = symbol;
        first[symbol] = symbol;
        bearers[symbol] = 1;
        break;
      }
      if (hashes[other] === hash && sameBytes(text, start, end, nameStart[other] as number, endOf(other))) {
        first[symbol] = other;
        bearers[other] = (bearers[other] as number) + 1;
        break;
      }
      slot = (slot + 1) & (slots - 1);
    }
  }
  return { first, bearers, unstable };
}

/** FNV-1a's way over words of four bytes, mixed once more at the end (MurmurHash3's finalizer). */
function hashBytes(view: DataView, start: number, end: number): number {
  let hash = 0x811c9dc5;
  let at = start;
  for (; at + 4 <= end; at += 4) {
    hash = Math.imul(hash ^ view.getUint32(at), 0x01000193);
    hash ^= hash >>> 15;
  }
  for (; at < end; at++) hash = Math.imul(hash ^ view.getUint8(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function sameBytes(text: Uint8Array, startA: number, endA: number, startB: number, endB: number): boolean {
  if (endA - startA !== endB - startB) return false;
  for (let a = startA, b = startB; a < endA; a++, b++) if (text[a] !== text[b]) return false;
  return true;
}
