import * as zlib from "node:zlib";
import type { ByteSource } from "./byte-source.ts";

/** What Node has since 22.15 and 23.8; it checks the checksums. The types for Node 20 do not declare it. */
interface NativeZstd {
  createZstdDecompress?: () => NodeJS.ReadWriteStream;
  zstdDecompressSync?: (packed: Uint8Array, options: { maxOutputLength: number }) => Uint8Array;
}

/** Node's decompressor for Zstandard data; without its functions in older versions. */
export const nativeZstd = zlib as NativeZstd;

interface Fallback {
  readonly Decompress: typeof import("fzstd").Decompress;
  readonly hashes: import("xxhash-wasm").XXHashAPI;
}

let fallback: Fallback | undefined;

/** Loads what `zstdBlocks` needs. This takes some milliseconds. */
export async function loadZstd(): Promise<void> {
  if (nativeZstd.zstdDecompressSync !== undefined || fallback !== undefined) return;
  // Imported on demand, since most runs do not need them.
  const [{ Decompress }, { default: xxhash }] = await Promise.all([import("fzstd"), import("xxhash-wasm")]);
  fallback = { Decompress, hashes: await xxhash() };
}

const MAGIC = 0xfd2fb528;
/** The magic number of a skippable frame, without its last four bits. */
const SKIPPABLE_MAGIC = 0x184d2a50;
/** The largest window that zstd(1) and Node accept by default. */
const WINDOW_LIMIT = 2 ** 27;
/** Maximum size of a decompressed block. */
const BLOCK_LIMIT = 1 << 17;
const RLE_BLOCK = 1;

/** The header of a frame (RFC 8878 section 3.1.1.1). */
interface FrameHeader {
  readonly length: number;
  readonly hasChecksum: boolean;
  /** The size of the content, undefined when it is not stated. */
  readonly contentSize: number | undefined;
}

/**
 * Decompresses Zstandard data (RFC 8878) block by block, for a Node without zstd. fzstd decodes the blocks, but would return all blocks
 * of a piece at once, and ignores checksums.
 *
 * @param start offset of the first frame
 * @throws Error for damaged data, a wrong checksum, or a window that needs too much memory
 */
export function* zstdBlocks(bytes: ByteSource, start: number): Generator<Uint8Array> {
  for (let at = start; at < bytes.size; ) {
    const magic = readNumber(bytes, at, 4);
    if ((magic & ~0xf) >>> 0 === SKIPPABLE_MAGIC) {
      at += 8 + readNumber(bytes, at + 4, 4);
      if (at > bytes.size) throw new Error("unexpected EOF");
    } else if (magic === MAGIC) at = yield* frameBlocks(bytes, at);
    else throw new Error("invalid zstd data");
  }
}

/** The decompressed blocks of the frame at an offset. @returns the offset of its end */
function* frameBlocks(bytes: ByteSource, start: number): Generator<Uint8Array, number> {
  if (fallback === undefined) throw new Error("loadZstd was not called");
  const header = readFrameHeader(bytes, start);
  const hash = fallback.hashes.create64();
  const ready: Uint8Array[] = [];
  const decoder = new fallback.Decompress((block) => ready.push(block));
  let size = 0;
  const decoded = () =>
    ready.splice(0).map((block) => {
      hash.update(block);
      size += block.length;
      return block;
    });
  decoder.push(readBytes(bytes, start, header.length));
  let at = start + header.length;
  for (let isLast = false; !isLast; ) {
    const word = readNumber(bytes, at, 3);
    isLast = (word & 1) === 1;
    const isRle = ((word >> 1) & 3) === RLE_BLOCK;
    if (word >> 3 > BLOCK_LIMIT) throw new Error("a block is too large");
    const length = 3 + (isRle ? 1 : word >> 3);
    decoder.push(readBytes(bytes, at, length));
    yield* decoded();
    at += length;
  }
  // The decoder only skips the checksum; it may have waited for more bytes.
  decoder.push(new Uint8Array(header.hasChecksum ? 4 : 0), true);
  yield* decoded();
  if (header.contentSize !== undefined && header.contentSize !== size) {
    throw new Error(`${size} bytes instead of the ${header.contentSize} that the frame states`);
  }
  if (!header.hasChecksum) return at;
  if (Number(hash.digest() & 0xffffffffn) !== readNumber(bytes, at, 4)) throw new Error("wrong checksum");
  return at + 4;
}

function readFrameHeader(bytes: ByteSource, start: number): FrameHeader {
  const descriptor = readNumber(bytes, start + 4, 1);
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const sizeCode = descriptor >> 6;
  const sizeBytes = sizeCode === 0 ? Number(isSingleSegment) : 1 << sizeCode;
  const sizeAt = start + (isSingleSegment ? 5 : 6);
  if ((descriptor & 3) !== 0) throw new Error("it needs a dictionary");
  const stated = readNumber(bytes, sizeAt, sizeBytes) + (sizeBytes === 2 ? 256 : 0);
  const window = isSingleSegment ? stated : windowSize(readNumber(bytes, start + 5, 1));
  if (window > WINDOW_LIMIT) {
    throw new Error(
      `its window of ${window} bytes is larger than ${WINDOW_LIMIT}; compress it without --long`,
    );
  }
  return {
    length: sizeAt + sizeBytes - start,
    hasChecksum: (descriptor & 4) !== 0,
    contentSize: sizeBytes === 0 ? undefined : stated,
  };
}

function windowSize(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >> 3));
  return base + (base / 8) * (descriptor & 7);
}

function readBytes(bytes: ByteSource, at: number, length: number): Uint8Array {
  if (at + length > bytes.size) throw new Error("unexpected EOF");
  return bytes.read(at, length, new Uint8Array(length));
}

/** A little-endian number of up to eight bytes; above 2^53 it is rounded. */
function readNumber(bytes: ByteSource, at: number, length: number): number {
  return readBytes(bytes, at, length).reduceRight((number, byte) => number * 256 + byte, 0);
}
