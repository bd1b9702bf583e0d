import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { cannotRead, errorCode, Failure } from "../failure.ts";

/**
 * Whether a file has a content already: writing it again would make `make` do what depends on it again.
 *
 * @param pieces the content, taken until a difference is found
 * @param unreadable what a file is that is there but cannot be read: different where it is to be replaced, or an error
 * @returns false for a file that is not there
 * @throws Failure for a file that cannot be read, if that is an error, and what taking the pieces throws
 */
export function hasContent(
  path: string,
  pieces: Iterable<Uint8Array>,
  unreadable: "differs" | "fails",
): boolean {
  let fd: number | undefined;
  try {
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
