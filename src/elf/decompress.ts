import { pipeline } from "node:stream/promises";
import * as zlib from "node:zlib";
import { Failure } from "../failure.ts";
import type { ByteSource } from "./byte-source.ts";
import { loadZstd, nativeZstd, zstdBlocks } from "./zstd.ts";

/**
 * Decompresses the bytes of a source from an offset on.
 *
 * @throws Failure for a format that is not supported, and an Error for damaged data
 */
export type Decompressor = (bytes: ByteSource, start: number) => AsyncIterable<Uint8Array>;

const PIECE_BYTES = 1 << 18;

async function* pieces(bytes: ByteSource, start: number): AsyncIterable<Uint8Array> {
  for (let at = start; at < bytes.size; at += PIECE_BYTES) {
    // A stream may hold several pieces.
    const length = Math.min(PIECE_BYTES, bytes.size - at);
    yield bytes.read(at, length, new Uint8Array(length));
  }
}

/** zlib data (RFC 1950). */
export const inflate: Decompressor = (bytes, start) => through(bytes, start, zlib.createInflate());

/** A gzip file (RFC 1952). */
export const gunzip: Decompressor = (bytes, start) => through(bytes, start, zlib.createGunzip());

/** Zstandard data (RFC 8878). */
export async function* unzstd(bytes: ByteSource, start: number): AsyncIterable<Uint8Array> {
  if (nativeZstd.createZstdDecompress !== undefined) {
    yield* through(bytes, start, nativeZstd.createZstdDecompress());
    return;
  }
  await loadZstd();
  yield* zstdBlocks(bytes, start);
}

/**
 * Decompresses Zstandard data at once, up to `size` bytes. Needs `loadZstd`.
 *
 * @throws Error for damaged or longer data
 */
export function unzstdWhole(bytes: ByteSource, start: number, size: number): Uint8Array {
  const native = nativeZstd.zstdDecompressSync;
  if (native !== undefined) {
    return native(bytes.read(start, bytes.size - start), { maxOutputLength: Math.max(size, 1) });
  }
  const whole = new Uint8Array(size);
  let end = 0;
  for (const block of zstdBlocks(bytes, start)) {
    if (end + block.length > size) throw new Error("it is longer than its header states");
    whole.set(block, end);
    end += block.length;
  }
  return whole.subarray(0, end);
}

/** The byte of the stream header of an .xz file with the type of its checks, and the types that xz-decompress knows; larger ones are damage. */
const CHECK_AT = 7;
const LARGEST_CHECK = 0x0f;
const CHECKS = [0x00, 0x01, 0x04];
const SHA256 = 0x0a;

/** The errors of xz-decompress's `get_next_output` (enum xz_ret, linux/xz.h). */
const XZ_ERRORS: Readonly<Record<string, string>> = {
  3: "no memory",
  4: "its dictionary needs too much memory",
  5: "it is not an .xz file",
  6: "it has unsupported options",
  7: "it is damaged",
  8: "it is cut short",
};

/** An xz file. */
export async function* unxz(bytes: ByteSource, start: number): AsyncIterable<Uint8Array> {
  const check = bytes.size > start + CHECK_AT ? (bytes.read(start + CHECK_AT, 1)[0] ?? 0) : 0;
  if (check <= LARGEST_CHECK && !CHECKS.includes(check)) {
    const kind = check === SHA256 ? "SHA-256" : `type ${check}`;
    const problem = `its check, ${kind}, is not supported, only CRC32 and CRC64`;
    throw new Failure("UNSUPPORTED", bytes.name, problem, "compress it again with xz --check=crc32");
  }
  const { XzReadableStream } = await import("xz-decompress");
  const source = pieces(bytes, start)[Symbol.asyncIterator]();
  const packed = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await source.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
  });
  // On Node 20, this stream is not async iterable.
  const reader = new XzReadableStream(packed).getReader();
  try {
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) yield piece.value;
  } catch (error) {
    const code = /error code (\d+)$/.exec(String(error))?.[1] ?? "";
    throw XZ_ERRORS[code] === undefined ? error : new Error(XZ_ERRORS[code]);
  }
}

/** Pipes bytes through a Node stream and yields the output. */
async function* through(
  bytes: ByteSource,
  start: number,
  stream: NodeJS.ReadWriteStream,
): AsyncIterable<Uint8Array> {
  let fault: unknown;
  const fed = pipeline(pieces(bytes, start), stream).catch((error: unknown) => {
    fault = error;
  });
  try {
    for await (const piece of stream) yield piece as Buffer;
  } finally {
    await fed;
  }
  if (fault !== undefined) throw fault;
}
