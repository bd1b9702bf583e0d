import { closeSync, rmSync, writeSync } from "node:fs";
import { pipeline } from "node:stream/promises";
import * as zlib from "node:zlib";
import tmp from "tmp";
import { Failure, systemMessage } from "../failure.ts";
import { undoneBySignals } from "../files/undo-on-signal.ts";
import { type ByteSource, type FileSource, openedFile } from "./byte-source.ts";

/** Decompresses a stream. It throws an Error if that is damaged. */
export type Decompressor = (pieces: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>;

const PIECE_BYTES = 1 << 18;

/**
 * Decompresses bytes to a temporary file, to save memory.
 *
 * @param start offset of the first compressed byte
 * @param limit stop when more than this number of bytes are decompressed; the result is then larger than `limit`
 * @returns the open file; it is deleted when it is closed
 * @throws Failure if the temporary file cannot be written, and what the decompressor throws
 */
export async function decompress(
  bytes: ByteSource,
  start: number,
  limit: number,
  decompressor: Decompressor,
): Promise<FileSource> {
  const { name, fd } = await deletedFile();
  try {
    let written = 0;
    for await (const piece of decompressor(pieces(bytes, start))) {
      for (let done = 0; done < piece.length; ) done += writeOut(name, fd, piece, done);
      written += piece.length;
      if (written > limit) break;
    }
    return openedFile(name, fd, written);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** A temporary file that exists only through its descriptor, so that it vanishes with the process. */
async function deletedFile(): Promise<{ name: string; fd: number }> {
  let name: string | undefined;
  const remove = () => {
    if (name !== undefined) rmSync(name, { force: true });
  };
  return undoneBySignals(remove, async () => {
    const file = tmp.fileSync({ prefix: "kas-alias", detachDescriptor: true });
    name = file.name;
    remove();
    return file;
  });
}

function writeOut(path: string, fd: number, piece: Uint8Array, from: number): number {
  try {
    return writeSync(fd, piece, from);
  } catch (error) {
    throw new Failure(
      "CANNOT_WRITE",
      path,
      `cannot be written: ${systemMessage(error)}`,
      "make room, or set TMPDIR",
    );
  }
}

async function* pieces(bytes: ByteSource, start: number): AsyncIterable<Uint8Array> {
  for (let at = start; at < bytes.size; at += PIECE_BYTES) {
    yield bytes.read(at, Math.min(PIECE_BYTES, bytes.size - at));
  }
}

/** zlib data (RFC 1950). */
export async function* inflate(input: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  yield* through(input, zlib.createInflate());
}

/** A gzip file (RFC 1952). */
export async function* gunzip(input: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  yield* through(input, zlib.createGunzip());
}

/** What Node has since 22.15 and 23.8. The types for Node 20 do not declare it. */
interface NativeZstd {
  createZstdDecompress?: () => NodeJS.ReadWriteStream;
  zstdDecompressSync?: (packed: Uint8Array, options: { maxOutputLength: number }) => Uint8Array;
}
const nativeZstd = zlib as NativeZstd;

/** Zstandard data (RFC 8878). */
export async function* unzstd(input: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  if (nativeZstd.createZstdDecompress !== undefined) {
    yield* through(input, nativeZstd.createZstdDecompress());
    return;
  }
  // Imported on demand, since most runs do not need it.
  const { Decompress } = await import("fzstd");
  const ready: Uint8Array[] = [];
  const stream = new Decompress((piece) => {
    ready.push(piece);
  });
  for await (const piece of input) {
    stream.push(piece);
    yield* ready.splice(0);
  }
  stream.push(new Uint8Array(0), true);
  yield* ready;
}

let loadedUnzstd: typeof import("fzstd").decompress | undefined;

/** Loads what `unzstdWhole` needs. This takes some milliseconds on a Node without zstd. */
export async function loadUnzstdWhole(): Promise<void> {
  if (nativeZstd.zstdDecompressSync === undefined) loadedUnzstd = (await import("fzstd")).decompress;
}

/**
 * Decompresses Zstandard data at once, up to `size` bytes.
 *
 * @throws Error for damaged or longer data
 */
export function unzstdWhole(packed: Uint8Array, size: number): Uint8Array {
  const native = nativeZstd.zstdDecompressSync;
  if (native !== undefined) return native(packed, { maxOutputLength: Math.max(size, 1) });
  if (loadedUnzstd === undefined) throw new Error("loadUnzstdWhole was not called");
  return loadedUnzstd(packed, new Uint8Array(size));
}

/** An xz file. */
export async function* unxz(input: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  const { XzReadableStream } = await import("xz-decompress");
  const source = input[Symbol.asyncIterator]();
  const packed = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await source.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
  });
  // On Node 20, this stream is not async iterable.
  const reader = new XzReadableStream(packed).getReader();
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) yield piece.value;
}

/** Pipes the input through a Node stream and yields the output. */
async function* through(
  input: AsyncIterable<Uint8Array>,
  stream: NodeJS.ReadWriteStream,
): AsyncIterable<Uint8Array> {
  let fault: unknown;
  const fed = pipeline(input, stream).catch((error: unknown) => {
    fault = error;
  });
  try {
    for await (const piece of stream) yield piece as Buffer;
  } finally {
    await fed;
  }
  if (fault !== undefined) throw fault;
}
