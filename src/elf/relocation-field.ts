import { ADD, SET, SIX_BITS, ULEB128 } from "./relocation-types.ts";

/** Length of the longest field, in bytes: a 64-bit ULEB128 number takes ten. */
export const LONGEST_FIELD = 10;

/**
 * Applies a value, given as two halves, to a field. A half may exceed 32 bits: the value is truncated to the field's size.
 *
 * @param limit end of the bytes
 * @param action SET, ADD or SUBTRACT
 * @param field size in bytes, or SIX_BITS or ULEB128
 * @returns false if the field reaches past `limit`
 */
export function changeField(
  bytes: DataView,
  at: number,
  limit: number,
  littleEndian: boolean,
  action: number,
  field: number,
  high: number,
  low: number,
): boolean {
  if (field === ULEB128) return changeUleb128(bytes, at, limit, action, high, low);
  if (at + (field === SIX_BITS ? 1 : field) > limit) return false;
  const sign = action === ADD ? 1 : -1;
  switch (field) {
    case 1:
      bytes.setUint8(at, action === SET ? low : bytes.getUint8(at) + sign * low);
      break;
    case 2:
      bytes.setUint16(
        at,
        action === SET ? low : bytes.getUint16(at, littleEndian) + sign * low,
        littleEndian,
      );
      break;
    case 4:
      bytes.setUint32(
        at,
        action === SET ? low : bytes.getUint32(at, littleEndian) + sign * low,
        littleEndian,
      );
      break;
    case 8: {
      const lowAt = littleEndian ? at : at + 4;
      const highAt = littleEndian ? at + 4 : at;
      const lowSum = action === SET ? low : bytes.getUint32(lowAt, littleEndian) + sign * (low >>> 0);
      const carry = action === SET ? 0 : Math.floor(lowSum / 2 ** 32);
      const highSum = action === SET ? high : bytes.getUint32(highAt, littleEndian) + sign * high + carry;
      bytes.setUint32(lowAt, lowSum, littleEndian);
      bytes.setUint32(highAt, highSum, littleEndian);
      break;
    }
    case SIX_BITS: {
      const byte = bytes.getUint8(at);
      const value = action === SET ? low : byte + sign * low;
      bytes.setUint8(at, (byte & 0xc0) | (value & 0x3f));
      break;
    }
  }
  return true;
}

/** Changes a ULEB128 number, seven bits per byte. Its length stays the same. */
function changeUleb128(
  bytes: DataView,
  at: number,
  limit: number,
  action: number,
  high: number,
  low: number,
): boolean {
  const sign = action === ADD ? 1 : -1;
  let carry = 0;
  for (let i = at, rest = low >>> 0, above = high >>> 0; i < Math.min(limit, at + LONGEST_FIELD); i++) {
    const byte = bytes.getUint8(i);
    const sum = action === SET ? rest & 0x7f : (byte & 0x7f) + sign * (rest & 0x7f) + carry;
    bytes.setUint8(i, (byte & 0x80) | (sum & 0x7f));
    if (byte < 0x80) return true;
    carry = sum >> 7;
    rest = (rest >>> 7) | (above << 25);
    above >>>= 7;
  }
  return false;
}
