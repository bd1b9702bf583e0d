import { closeSync, openSync, readFileSync, readSync, statSync } from "node:fs";
import { cannotRead, Failure, isDirectory } from "../failure.ts";

/**
 * Reads a whole file.
 *
 * @param ifMissing the advice when there is no such file
 * @throws Failure for a directory, and for a file that cannot be read
 */
export function readWhole(path: string, ifMissing?: string): Buffer {
  try {
    if (statSync(path).isDirectory()) throw isDirectory(path);
    return readFileSync(path);
  } catch (error) {
    throw error instanceof Failure ? error : cannotRead(path, error, ifMissing);
  }
}

/** Reads the first bytes of a file, at most `length`. @throws Failure for a file that cannot be read */
export function readBeginning(path: string, length: number): Buffer {
  try {
    const bytes = Buffer.alloc(length);
    const fd = openSync(path, "r");
    try {
      return bytes.subarray(0, readSync(fd, bytes));
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    throw cannotRead(path, error);
  }
}
