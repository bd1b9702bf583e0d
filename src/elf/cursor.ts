import { damaged, type Failure } from "../failure.ts";
import type { ByteSource } from "./byte-source.ts";

/** Number of bytes fetched at a time: about the size of a unit header and its root DIE. */
const WINDOW_BYTES = 256;

/** In bytes; the names of Rust's symbols have thousands. */
const LONGEST_STRING = 1 << 20;

const NO_BYTES = Buffer.alloc(0);
const NOTHING = new DataView(new ArrayBuffer(0));

/**
 * The bounds-checked reader for all parsing outside WebAssembly.
 *
 * It reads the bytes of a source up to `end` and fetches one window at a time. Each method throws a Failure with the source
 * and the offset if the bytes end too early or a value is too large.
 */
export class Cursor {
  /** Upper half of the address that `address` read last. */
  addressHigh = 0;

  readonly #source: ByteSource;
  readonly #littleEndian: boolean;
  readonly #end: number;
  /** A copy of at most WINDOW_BYTES, since the source may reuse its buffers. */
  #bytes: Buffer = NO_BYTES;
  #window: DataView = NOTHING;
  #windowStart: number;
  #windowLength = 0;
  /** Position within the window. */
  #at = 0;

  constructor(source: ByteSource, position: number, end: number, littleEndian: boolean) {
    this.#source = source;
    this.#littleEndian = littleEndian;
    this.#end = end;
    this.#windowStart = position;
    if (position < 0 || position > end || end > source.size) this.#runOut(end - position);
  }

  get position(): number {
    return this.#windowStart + this.#at;
  }

  get atEnd(): boolean {
    return this.position >= this.#end;
  }

  /** Makes the next `length` bytes available. @returns their position in the window */
  #take(length: number): number {
    const at = this.#at;
    if (at + length > this.#windowLength) return this.#refill(length);
    this.#at = at + length;
    return at;
  }

  #refill(length: number): number {
    const position = this.position;
    const left = this.#end - position;
    if (length > left) this.#runOut(length);
    if (this.#window === NOTHING) {
      this.#bytes = Buffer.allocUnsafe(WINDOW_BYTES);
      this.#window = new DataView(this.#bytes.buffer, this.#bytes.byteOffset, WINDOW_BYTES);
    }
    this.#windowStart = position;
    this.#windowLength = Math.min(left, WINDOW_BYTES);
    this.#source.read(position, this.#windowLength, this.#bytes);
    this.#at = length;
    return 0;
  }

  #runOut(wanted: number): never {
    throw this.failure(`needs ${wanted} bytes, ${this.#end - this.position} are left`);
  }

  /** A Failure about the bytes at the current position. */
  failure(problem: string): Failure {
    return damaged(this.#source.name, `at 0x${this.position.toString(16)}: ${problem}`);
  }

  u8(): number {
    const at = this.#take(1);
    return this.#window.getUint8(at);
  }

  u16(): number {
    const at = this.#take(2);
    return this.#window.getUint16(at, this.#littleEndian);
  }

  u24(): number {
    const at = this.#take(3);
    const first = this.#window.getUint8(at);
    const middle = this.#window.getUint8(at + 1);
    const last = this.#window.getUint8(at + 2);
    return this.#littleEndian ? first | (middle << 8) | (last << 16) : (first << 16) | (middle << 8) | last;
  }

  u32(): number {
    const at = this.#take(4);
    return this.#window.getUint32(at, this.#littleEndian);
  }

  /** A 64-bit offset, size or count. 2^53 or more is an error: no file is that large. */
  u64(): number {
    const value = this.anyU64();
    if (!Number.isSafeInteger(value)) throw this.failure(`0x${value.toString(16)} is too large`);
    return value;
  }

  /** A 64-bit number, rounded if it is 2^53 or more. */
  anyU64(): number {
    const low = this.address(8);
    return this.addressHigh * 2 ** 32 + low;
  }

  /** An unsigned offset or length of 4 or 8 bytes. */
  offset(size: number): number {
    return size === 8 ? this.u64() : this.u32();
  }

  /** Reads an address of `size` bytes (1, 2, 4 or 8). @returns its lower half; the upper half is in `addressHigh` */
  address(size: number): number {
    this.addressHigh = 0;
    switch (size) {
      case 1:
        return this.u8();
      case 2:
        return this.u16();
      case 4:
        return this.u32();
      case 8: {
        const first = this.u32();
        const second = this.u32();
        this.addressHigh = this.#littleEndian ? second : first;
        return this.#littleEndian ? first : second;
      }
      default:
        throw this.failure(`unsupported address size ${size}`);
    }
  }

  /** An unsigned LEB128 number (DWARF 5 section 7.6) below 2^53. */
  uleb(): number {
    const value = this.anyUleb();
    if (!Number.isSafeInteger(value)) throw this.failure("a LEB128 number is too large");
    return value;
  }

  /** An unsigned LEB128 number, rounded if it is 2^53 or more. */
  anyUleb(): number {
    // Fast path: most numbers have one byte.
    if (this.#at < this.#windowLength) {
      const byte = this.#bytes[this.#at];
      if (byte !== undefined && byte < 0x80) {
        this.#at++;
        return byte;
      }
    }
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      // Padding with zeros is allowed, up to a limit.
      if (scale > 2 ** 128) throw this.failure("a LEB128 number does not end");
    }
  }

  /** A signed LEB128 number; 0 if it is not a safe integer. */
  sleb(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      if (byte >= 0x80) {
        if (scale > 2 ** 128) throw this.failure("a LEB128 number does not end");
        continue;
      }
      if ((byte & 0x40) !== 0) value -= scale * 128;
      return Number.isSafeInteger(value) ? value : 0;
    }
  }

  /** Skips a LEB128 number. */
  skipLeb(): void {
    while (this.u8() >= 0x80);
  }

  /** A copy of the next `length` bytes, at most 256. */
  bytes(length: number): Uint8Array {
    const at = this.#take(length);
    return new Uint8Array(this.#bytes.subarray(at, at + length));
  }

  /** A NUL-terminated string. */
  string(): string {
    const pieces: Buffer[] = [];
    for (;;) {
      if (this.#at >= this.#windowLength) {
        this.#refill(1);
        this.#at = 0;
      }
      const rest = this.#bytes.subarray(this.#at, this.#windowLength);
      const nul = rest.indexOf(0);
      if (nul !== -1) {
        this.#at += nul + 1;
        if (pieces.length === 0) return rest.toString("utf8", 0, nul);
        return Buffer.concat([...pieces, rest.subarray(0, nul)]).toString("utf8");
      }
      pieces.push(Buffer.from(rest));
      if (pieces.length * WINDOW_BYTES > LONGEST_STRING) {
        throw this.failure(`a string is longer than ${LONGEST_STRING} bytes`);
      }
      this.#at = this.#windowLength;
    }
  }

  /** Moves to a position of the source, forward or back. */
  moveTo(position: number): void {
    const at = position - this.#windowStart;
    if (at >= 0 && at <= this.#windowLength) {
      this.#at = at;
      return;
    }
    if (position < 0 || position > this.#end) this.#runOut(position - this.position);
    this.#windowStart = position;
    this.#windowLength = 0;
    this.#at = 0;
  }

  skip(length: number): void {
    if (this.#at + length <= this.#windowLength) {
      this.#at += length;
      return;
    }
    const position = this.position + length;
    if (position > this.#end) this.#runOut(length);
    this.#windowStart = position;
    this.#windowLength = 0;
    this.#at = 0;
  }
}
