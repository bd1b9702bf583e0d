import { closeSync, fstatSync, openSync, read, readSync } from "node:fs";
import { cannotRead, damaged, Failure, systemMessage } from "../failure.ts";
import { regularInput } from "../files/read-file.ts";

/** A sequence of bytes that is read in pieces: a file, or a section of a file. */
export interface ByteSource {
  /** Name for messages, such as `vmlinux: .debug_line`. */
  readonly name: string;
  /** In bytes. */
  readonly size: number;
  /**
   * Reads the bytes [offset, offset + length).
   *
   * @param into buffer of at least `length` bytes; it is filled and returned. Without it, the result is read-only and valid
   *   until the next read
   * @throws Failure if the range is not within the source
   */
  read(offset: number, length: number, into?: Uint8Array): Uint8Array;
}

/** @throws Failure for a range outside [0, size) */
function checkRange(name: string, size: number, offset: number, length: number): void {
  if (offset >= 0 && length >= 0 && offset + length <= size) return;
  throw damaged(name, `${length} bytes at 0x${offset.toString(16)} lie outside its ${size} bytes`);
}

/** A source that can also be read on another thread. */
export interface LoadableSource extends ByteSource {
  /** Fills a buffer with the bytes from an offset on, on another thread. @throws Failure as `read` does */
  load(offset: number, into: Uint8Array): Promise<void>;
}

/** An open file. */
export interface FileSource extends LoadableSource {
  close(): void;
}

/** Opens a regular file. @throws Failure if it is missing, unreadable or not a regular file */
export function openFile(path: string): FileSource {
  try {
    regularInput(path);
    const fd = openSync(path, "r");
    return { ...fileSource(path, fd, fstatSync(fd).size, 0), close: () => closeSync(fd) };
  } catch (error) {
    throw error instanceof Failure ? error : cannotRead(path, error);
  }
}

/** The bytes [start, start + size) of an open file. */
export function fileSource(path: string, fd: number, size: number, start: number): LoadableSource {
  const failed = (error: unknown) =>
    new Failure("CANNOT_READ", path, `cannot be read: ${systemMessage(error)}`, "check the disk");
  const atEnd = () => damaged(path, "became shorter while being read");
  return {
    name: path,
    size,
    read(offset, length, into = Buffer.allocUnsafeSlow(length)) {
      checkRange(path, size, offset, length);
      for (let done = 0; done < length; ) {
        let count: number;
        try {
          count = readSync(fd, into, done, length - done, start + offset + done);
        } catch (error) {
          throw failed(error);
        }
        if (count === 0) throw atEnd();
        done += count;
      }
      return into;
    },
    async load(offset, into) {
      const { length } = into;
      checkRange(path, size, offset, length);
      for (let done = 0; done < length; ) {
        const count = await new Promise<number>((resolve, reject) => {
          read(fd, into, done, length - done, start + offset + done, (error, bytes) =>
            error ? reject(failed(error)) : resolve(bytes),
          );
        });
        if (count === 0) throw atEnd();
        done += count;
      }
    },
  };
}

/** The part [start, start + size) of another source. */
export function sourcePart(whole: ByteSource, name: string, start: number, size: number): ByteSource {
  checkRange(name, whole.size, start, size);
  return {
    name,
    size,
    read(offset, length, into) {
      checkRange(name, size, offset, length);
      return whole.read(start + offset, length, into);
    },
  };
}

/** Bytes in memory. */
export function memorySource(name: string, bytes: Uint8Array): LoadableSource {
  const read = (offset: number, length: number, into?: Uint8Array) => {
    checkRange(name, bytes.length, offset, length);
    return handOut(bytes.subarray(offset, offset + length), into);
  };
  return {
    name,
    size: bytes.length,
    read,
    async load(offset, into) {
      read(offset, into.length, into);
    },
  };
}

/** Size of the cache of a paged source. */
const HELD_BYTES = 1 << 20;

/**
 * A source with a cache of at most 1 MiB for the pages read last. Debug sections are read in many small pieces, and a system
 * call costs more than copying a page.
 *
 * @param pageBytes page size: a power of two up to 1 MiB
 */
export function pagedSource(source: ByteSource, pageBytes: number): ByteSource {
  const slots = HELD_BYTES / pageBytes;
  const pages: (Uint8Array | undefined)[] = new Array(slots).fill(undefined);
  const held = new Float64Array(slots).fill(-1);
  return {
    name: source.name,
    size: source.size,
    read(offset, length, into) {
      const page = Math.floor(offset / pageBytes);
      const start = page * pageBytes;
      if (offset < 0 || offset + length > Math.min(start + pageBytes, source.size)) {
        return source.read(offset, length, into);
      }
      const slot = page % slots;
      let bytes = pages[slot];
      if (bytes === undefined) {
        bytes = new Uint8Array(pageBytes);
        pages[slot] = bytes;
      }
      if (held[slot] !== page) {
        held[slot] = -1;
        source.read(start, Math.min(pageBytes, source.size - start), bytes);
        held[slot] = page;
      }
      return handOut(bytes.subarray(offset - start, offset - start + length), into);
    },
  };
}

function handOut(part: Uint8Array, into: Uint8Array | undefined): Uint8Array {
  if (into === undefined) return part;
  into.set(part);
  return into;
}
