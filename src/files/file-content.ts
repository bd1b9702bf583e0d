import { closeSync, fstatSync, openSync, readSync, statSync } from "node:fs";
import { cannotRead, errorCode, Failure } from "../failure.ts";

/**
 * Whether a file already has this content: rewriting it would make `make` rebuild its dependents.
 *
 * @param pieces the content, read up to the first difference
 * @param unreadable the result for a file that exists but cannot be read: different, if it will be replaced anyway, or an error
 * @returns false for a file that does not exist, for a pipe and for a device
 * @throws Failure for a file that cannot be read, if that is an error, and whatever reading the pieces throws
 */
export function hasContent(
  path: string,
  pieces: Iterable<Uint8Array>,
  unreadable: "differs" | "fails",
): boolean {
  let fd: number | undefined;
  try {
    const status = statSync(path, { throwIfNoEntry: false });
    if (status !== undefined && !status.isFile() && !status.isDirectory()) return false;
    fd = openSync(path, "r");
    let held = Buffer.alloc(0);
    let at = 0;
    for (const piece of pieces) {
      if (held.length < piece.length) held = Buffer.allocUnsafe(piece.length);
      const read = readSync(fd, held, 0, piece.length, at);
      if (read < piece.length || held.compare(piece, 0, piece.length, 0, read) !== 0) return false;
      at += read;
    }
    return at === fstatSync(fd).size;
  } catch (error) {
    if (error instanceof Failure || errorCode(error) === undefined) throw error;
    if (unreadable === "differs" || errorCode(error) === "ENOENT") return false;
    throw cannotRead(path, error);
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}
