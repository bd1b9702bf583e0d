import {
  closeSync,
  fchmodSync,
  lstatSync,
  openSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { dirname, resolve } from "node:path";
import tmp, { type FileResult } from "tmp";
import { errorCode, Failure, systemMessage } from "../failure.ts";

tmp.setGracefulCleanup();

/** A file to write: its path, and its content in pieces. */
export interface FileOutput {
  readonly target: string;
  readonly pieces: Iterable<Uint8Array>;
}

/**
 * Writes files: first regular files, each to a temporary file next to its target, all renamed into place at the end, so that a
 * failure leaves every old file unchanged; then pipes, terminals and devices, directly.
 *
 * @throws Failure with the target that cannot be written
 * @example
 * writeFiles([{ target: "words.txt", pieces: [Buffer.from("two "), Buffer.from("words\n")] }]);
 */
export function writeFiles(outputs: readonly FileOutput[]): void {
  const devices: FileOutput[] = [];
  const finished: { temporary: FileResult; path: string; target: string }[] = [];
  try {
    for (const output of outputs) {
      const { target } = output;
      const path = replaceablePath(target);
      if (path === undefined) devices.push(output);
      else if (finished.some((other) => other.path === path)) {
        throw new Failure(
          "WRONG_USAGE",
          target,
          "is named for two outputs",
          "name another file for one of them",
        );
      } else finished.push({ temporary: writeBeside(path, output), path, target });
    }
    for (const { temporary, path, target } of finished) {
      try {
        renameSync(temporary.name, path);
      } catch (error) {
        throw cannotWrite(target, error);
      }
    }
  } finally {
    for (const { temporary } of finished) temporary.removeCallback();
  }
  for (const { target, pieces } of devices) writeDevice(target, pieces);
}

/** Deletes a file, if it exists. @throws Failure for one that cannot be deleted */
export function deleteFile(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch (error) {
    throw new Failure("CANNOT_WRITE", path, `cannot be deleted: ${systemMessage(error)}`, "delete it");
  }
}

/** The regular file that a target refers to, with symbolic links followed; undefined for a device, pipe or terminal. */
function replaceablePath(target: string): string | undefined {
  let path = resolve(target);
  try {
    const status = statSync(path, { throwIfNoEntry: false });
    if (status?.isDirectory()) throw new Failure("CANNOT_WRITE", target, "is a directory", "name a file");
    // The links of /dev/fd to pipes do not resolve to a path.
    if (status !== undefined && !status.isFile()) return undefined;
    while (isLink(path)) path = resolve(dirname(path), readlinkSync(path));
    return path;
  } catch (error) {
    throw error instanceof Failure ? error : cannotWrite(target, error);
  }
}

function isLink(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
}

let temporaries = 0;

function writeBeside(path: string, { target, pieces }: FileOutput): FileResult {
  try {
    const temporary = tmp.fileSync({
      tmpdir: dirname(path),
      // Without a given name, tmp loads all of node:crypto.
      name: `.kas-alias-${process.pid}-${Date.now()}-${temporaries++}`,
      detachDescriptor: true,
    });
    const { fd } = temporary;
    try {
      writeAll(fd, pieces);
      const old = statSync(path, { throwIfNoEntry: false });
      fchmodSync(fd, old ? old.mode & 0o7777 : 0o666 & ~process.umask());
    } finally {
      closeSync(fd);
    }
    return temporary;
  } catch (error) {
    throw cannotWrite(target, error);
  }
}

function writeDevice(target: string, pieces: Iterable<Uint8Array>): void {
  try {
    const fd = openSync(target, "w");
    try {
      writeAll(fd, pieces);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    throw cannotWrite(target, error);
  }
}

/** Pieces are combined up to this size, since each write is a system call. */
const GATHERED_BYTES = 1 << 18;

/** Combines texts into pieces large enough to write one by one. */
export function* bytes(texts: Iterable<string>): Generator<Buffer> {
  let gathered = "";
  for (const text of texts) {
    gathered += text;
    if (gathered.length < 1 << 16) continue;
    yield Buffer.from(gathered);
    gathered = "";
  }
  yield Buffer.from(gathered);
}

/** Combines small pieces into larger ones, each valid until the next is requested. */
export function* gathered(pieces: Iterable<Uint8Array>): Generator<Uint8Array> {
  const buffer = new Uint8Array(GATHERED_BYTES);
  let filled = 0;
  for (const piece of pieces) {
    const isLarge = piece.length > GATHERED_BYTES / 2;
    if (filled > 0 && (isLarge || filled + piece.length > GATHERED_BYTES)) {
      yield buffer.subarray(0, filled);
      filled = 0;
    }
    if (isLarge) yield piece;
    else {
      buffer.set(piece, filled);
      filled += piece.length;
    }
  }
  if (filled > 0) yield buffer.subarray(0, filled);
}

function writeAll(fd: number, pieces: Iterable<Uint8Array>): void {
  for (const chunk of gathered(pieces)) {
    for (let written = 0; written < chunk.length; ) written += writeSync(fd, chunk, written);
  }
}

/** The failure for a file, or a stream, that cannot be written. */
export function cannotWrite(target: string, error: unknown): Failure {
  const advice: Record<string, string> = { ENOSPC: "make room", ENOENT: "make its directory" };
  const code = errorCode(error) ?? "";
  return new Failure(
    "CANNOT_WRITE",
    target,
    `cannot be written: ${systemMessage(error)}`,
    advice[code] ?? "name another file",
  );
}
