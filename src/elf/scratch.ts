import { closeSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import tmp from "tmp";
import { Failure, systemMessage } from "../failure.ts";
import { fileSource, type LoadableSource, memorySource } from "./byte-source.ts";

/** An open file, or what is as good as one. */
export interface Closable {
  close(): void;
}

/** Bytes that the content of one file may take in memory; the rest goes to a temporary file. */
const MEMORY_BYTES = 1 << 25;
/** Bytes that content which must be in memory may take in all. */
const MEMORY_LIMIT = 2 ** 29;

/**
 * Decompressed content of one file: in memory as long as it fits, then in a temporary file, one for all of it. The temporary file is
 * deleted as soon as it is open, so that nothing is left of a run that is killed.
 */
export class Scratch implements Closable {
  #inMemory = 0;
  #file: { readonly path: string; readonly fd: number; end: number } | undefined;

  /** Whether content of this size fits in memory. */
  hasRoom(bytes: number): boolean {
    return this.#inMemory + bytes <= MEMORY_BYTES;
  }

  /** Counts content that is in memory. @throws Failure if all of it takes too much memory */
  reserve(name: string, bytes: number): void {
    this.#inMemory += bytes;
    if (this.#inMemory <= MEMORY_LIMIT) return;
    const problem = `its decompressed sections take more than ${MEMORY_LIMIT} bytes`;
    throw new Failure("NO_MEMORY", name, problem, "use objcopy --decompress-debug-sections");
  }

  /**
   * Stores content.
   *
   * @param limit stop when there are more bytes than this; the result is then larger than `limit`
   * @throws Failure if the temporary file cannot be written, and what the pieces throw
   */
  async store(name: string, pieces: AsyncIterable<Uint8Array>, limit: number): Promise<LoadableSource> {
    const held: Uint8Array[] = [];
    let size = 0;
    let start: number | undefined;
    for await (const piece of pieces) {
      size += piece.length;
      if (start === undefined && this.hasRoom(size)) held.push(piece);
      else {
        start ??= this.#append(held.splice(0));
        this.#append([piece]);
      }
      if (size > limit) break;
    }
    const file = this.#file;
    if (start !== undefined && file !== undefined) return fileSource(name, file.fd, size, start);
    this.#inMemory += size;
    return memorySource(name, Buffer.concat(held));
  }

  /** Writes to the end of the temporary file. @returns where this begins */
  #append(pieces: readonly Uint8Array[]): number {
    this.#file ??= openTemporary();
    const { path, fd, end } = this.#file;
    try {
      for (const piece of pieces) {
        for (let done = 0; done < piece.length; ) {
          const written = writeSync(fd, piece, done, piece.length - done, this.#file.end);
          done += written;
          this.#file.end += written;
        }
      }
    } catch (error) {
      throw noTemporary(path, error);
    }
    return end;
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file.fd);
    this.#file = undefined;
  }
}

function openTemporary() {
  try {
    const { name: path, fd } = tmp.fileSync({ prefix: "kas-alias", detachDescriptor: true });
    rmSync(path, { force: true });
    return { path, fd, end: 0 };
  } catch (error) {
    throw noTemporary(tmpdir(), error);
  }
}

function noTemporary(path: string, error: unknown): Failure {
  const problem = `cannot hold temporary files: ${systemMessage(error)}`;
  return new Failure("CANNOT_WRITE", path, problem, "make room, or set TMPDIR to another directory");
}
