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
import { dirname, join, resolve } from "node:path";
import { errorCode, Failure, faultAdvice, systemMessage } from "../failure.ts";
import { sweepTemporaries, temporaryName } from "./sweep.ts";
import { letSignalsThrough, undoneBySignals } from "./undo-on-signal.ts";

/** A file to write: its path, and its content in pieces. */
export interface FileOutput {
  readonly target: string;
  readonly pieces: Iterable<Uint8Array>;
}

/** A temporary file beside its target, whose links are followed in `path`. */
interface Replacement {
  readonly temporary: string;
  readonly path: string;
  readonly target: string;
}

/**
 * Writes files: first regular files, each to a temporary file next to its target, all renamed into place at the end, so that a
 * failure or a signal leaves every old file unchanged; then pipes, terminals and devices, directly.
 *
 * @throws Failure with the target that cannot be written, and whatever reading the pieces throws
 * @example
 * await writeFiles([{ target: "words.txt", pieces: [Buffer.from("two "), Buffer.from("words\n")] }]);
 */
export async function writeFiles(outputs: readonly FileOutput[]): Promise<void> {
  const regular: (Replacement & FileOutput)[] = [];
  const devices: FileOutput[] = [];
  for (const output of outputs) {
    const { target } = output;
    const path = replaceablePath(target);
    if (path === undefined) devices.push(output);
    else if (regular.some((other) => other.path === path)) throw namedTwice(target);
    else regular.push({ ...output, path, temporary: temporaryBeside(path) });
  }
  await replaceFiles(regular);
  for (const { target, pieces } of devices) await writeDevice(target, pieces);
}

/** The failure for a target of two outputs. */
export function namedTwice(target: string): Failure {
  return new Failure("WRONG_USAGE", target, "is named for two outputs", "name another file for one of them");
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
  try {
    let path = resolve(target);
    const status = statSync(path, { throwIfNoEntry: false });
    if (status?.isDirectory()) throw new Failure("WRONG_USAGE", target, "is a directory", "name a file");
    // The links of /dev/fd to pipes do not resolve to a path.
    if (status !== undefined && !status.isFile()) return undefined;
    while (isLink(path)) path = resolve(dirname(path), readlinkSync(path));
    return path;
  } catch (error) {
    throw cannotWrite(target, error);
  }
}

function isLink(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
}

function temporaryBeside(path: string): string {
  const directory = dirname(path);
  sweepTemporaries(directory);
  return join(directory, temporaryName());
}

async function replaceFiles([first, ...others]: readonly (Replacement & FileOutput)[]): Promise<void> {
  if (first === undefined) return;
  // A first piece may take long, and until there is a temporary file, a signal needs no handler.
  const outputs = [{ ...first, pieces: begun(first.pieces) }, ...others];
  const made: string[] = [];
  const removeTemporaries = () => {
    for (const temporary of made) rmSync(temporary, { force: true });
  };
  await undoneBySignals(removeTemporaries, async () => {
    try {
      for (const output of outputs) await writeTemporary(output, made);
      for (const { temporary, path, target } of outputs) {
        try {
          renameSync(temporary, path);
        } catch (error) {
          throw cannotWrite(target, error);
        }
      }
    } finally {
      removeTemporaries();
    }
  });
}

/** The same pieces, the first of which is made at once. */
function begun(pieces: Iterable<Uint8Array>): Iterable<Uint8Array> {
  const iterator = pieces[Symbol.iterator]();
  const first = iterator.next();
  return (function* () {
    try {
      for (let piece = first; !piece.done; piece = iterator.next()) yield piece.value;
    } finally {
      iterator.return?.();
    }
  })();
}

async function writeTemporary(
  { temporary, path, target, pieces }: Replacement & FileOutput,
  made: string[],
): Promise<void> {
  try {
    const fd = openSync(temporary, "wx", 0o600);
    made.push(temporary);
    try {
      await writeAll(fd, pieces);
      const old = statSync(path, { throwIfNoEntry: false });
      fchmodSync(fd, old ? old.mode & 0o7777 : 0o666 & ~process.umask());
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    throw cannotWrite(target, error);
  }
}

async function writeDevice(target: string, pieces: Iterable<Uint8Array>): Promise<void> {
  try {
    const fd = openSync(target, "w");
    try {
      await writeAll(fd, pieces);
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

/** Writes pieces to an open descriptor, all of them: a full disk or a limit may take only part of a write. */
export async function writeAll(fd: number, pieces: Iterable<Uint8Array>): Promise<void> {
  for (const chunk of gathered(pieces)) {
    for (let written = 0; written < chunk.length; ) {
      try {
        written += writeSync(fd, chunk, written);
      } catch (error) {
        // Another process made the pipe or terminal non-blocking.
        if (errorCode(error) !== "EAGAIN") throw error;
        await new Promise((wait) => setTimeout(wait, EAGAIN_DELAY));
      }
    }
    await letSignalsThrough();
  }
}

/** In milliseconds. */
const EAGAIN_DELAY = 5;

/** The failure for a file, or a stream, that cannot be written. @throws the error itself, if it is not the system's */
export function cannotWrite(target: string, error: unknown): Failure {
  const code = errorCode(error);
  if (error instanceof Failure || code === undefined) throw error;
  const problem = `cannot be written: ${systemMessage(error)}`;
  return new Failure(
    "CANNOT_WRITE",
    target,
    problem,
    faultAdvice(code) ?? WRITE_ADVICE[code] ?? "name another file",
  );
}

const WRITE_ADVICE: Partial<Record<string, string>> = {
  ENOSPC: "make room",
  EDQUOT: "make room",
  EFBIG: "raise the limit of the size of files (ulimit -f)",
  ENOENT: "make its directory",
};
