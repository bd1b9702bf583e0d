import {
  closeSync,
  fchmodSync,
  lstatSync,
  openSync,
  readlinkSync,
  renameSync,
  statSync,
  writeSync,
} from "node:fs";
import { dirname, resolve } from "node:path";
import tmp, { type FileResult } from "tmp";
import { errorCode, Failure, systemMessage } from "../failure.ts";

tmp.setGracefulCleanup();

/** The shell's status of a process that SIGPIPE ended: 128 + 13. */
export const CLOSED_STDOUT_STATUS = 141;

/** An output of a run: its target, "-" for standard output, and its content in pieces. */
export interface Output {
  readonly target: string;
  readonly pieces: Iterable<Uint8Array>;
}

/**
 * Writes the outputs of a run: regular files first, each beside its target and all renamed into place at the end, so
 * that a failure leaves every old file as it was; then what goes to pipes, terminals and devices, as it is.
 *
 * @returns false when standard output was closed before everything was written
 * @throws Failure naming the target that cannot be written
 */
export async function writeOutputs(outputs: readonly Output[]): Promise<boolean> {
  const streams: Output[] = [];
  const finished: { temporary: FileResult; path: string; target: string }[] = [];
  try {
    for (const output of outputs) {
      const { target } = output;
      const path = isStdout(target) ? undefined : replaceablePath(target);
      if (path === undefined) streams.push(output);
      else if (finished.some((other) => other.path === path)) {
        throw new Failure(target, "is named for two outputs", "name another file for one of them");
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
  let open = true;
  for (const { target, pieces } of streams) {
    if (isStdout(target)) open = await writeStdout(pieces);
    else writeDevice(target, pieces);
  }
  return open;
}

/** Whether a target is standard output, which may be a file that others append to. */
function isStdout(target: string): boolean {
  return ["-", "/dev/stdout", "/dev/fd/1"].includes(target);
}

/** The regular file that a target stands for, symbolic links followed; undefined for a device, pipe or terminal. */
function replaceablePath(target: string): string | undefined {
  let path = resolve(target);
  try {
    const status = statSync(path, { throwIfNoEntry: false });
    if (status?.isDirectory()) throw new Failure(target, "is a directory", "name a file");
    // The links of /dev/fd to pipes lead to no path.
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

function writeBeside(path: string, { target, pieces }: Output): FileResult {
  try {
    const temporary = tmp.fileSync({
      tmpdir: dirname(path),
      // For names of its own tmp loads all of node:crypto.
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

/** Pieces are gathered, since each write is a system call. */
const GATHERED_BYTES = 1 << 18;

/** Texts in pieces large enough to be written one by one. */
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

/** Gathers small pieces into larger ones, each of which is valid until the next is asked for. */
function* gathered(pieces: Iterable<Uint8Array>): Generator<Uint8Array> {
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

function writeStdout(pieces: Iterable<Uint8Array>): Promise<boolean> {
  const { stdout } = process;
  return new Promise((resolve, reject) => {
    stdout.on("error", (error) => {
      if (errorCode(error) === "EPIPE") resolve(false);
      else reject(cannotWrite("standard output", error));
    });
    const chunks = gathered(pieces);
    const writeNext = () => {
      const chunk = chunks.next();
      if (chunk.done) resolve(true);
      else stdout.write(chunk.value, (error) => (error ? undefined : writeNext()));
    };
    writeNext();
  });
}

function cannotWrite(target: string, error: unknown): Failure {
  const advice: Record<string, string> = { ENOSPC: "make room", ENOENT: "make its directory" };
  const code = errorCode(error) ?? "";
  return new Failure(
    target,
    `cannot be written: ${systemMessage(error)}`,
    advice[code] ?? "name another file",
  );
}
