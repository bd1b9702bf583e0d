import { closeSync, openSync, readFileSync, readSync, type Stats, statSync } from "node:fs";
import { cannotRead, Failure, isDirectory } from "../failure.ts";
import { noteInput } from "./inputs.ts";

/**
 * The status of an input, before it is opened: to open a pipe may wait forever, and to open a device may do something.
 *
 * @throws Failure for a directory; the system's error for a file that does not exist
 */
export function inputStatus(path: string): Stats {
  const status = statSync(path);
  if (status.isDirectory()) throw isDirectory(path);
  noteInput(status);
  return status;
}

/** The status of a file; undefined if there is none or it cannot be known, which reading or writing the file reports. */
export function statusOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

/** Whether a path is that of a regular file. */
export function isRegularFile(path: string): boolean {
  return statusOf(path)?.isFile() === true;
}

/** The status of an input that cannot be a pipe or a device. @throws Failure for anything but a regular file */
export function regularInput(path: string): Stats {
  const status = inputStatus(path);
  if (status.isFile()) return status;
  throw new Failure("CANNOT_READ", path, "is not a regular file", "copy it to a regular file first");
}

/** The most that is read from a device, such as a terminal, in bytes; /dev/zero has no end. */
const DEVICE_LIMIT = 1 << 24;

/**
 * Reads a whole file, or a pipe to its end.
 *
 * @param ifMissing the advice when there is no such file
 * @throws Failure for a directory, a device without end, and for a file that cannot be read
 */
export function readWhole(path: string, ifMissing?: string): Buffer {
  try {
    const status = inputStatus(path);
    if (status.isFile() || status.isFIFO()) return readFileSync(path);
    const bytes = readBeginning(path, DEVICE_LIMIT);
    if (bytes.length < DEVICE_LIMIT) return bytes;
  } catch (error) {
    throw error instanceof Failure ? error : cannotRead(path, error, ifMissing);
  }
  throw new Failure("CANNOT_READ", path, "is a device without end", "give a file");
}

/** The text of bytes in UTF-8. @throws Failure for more than a string can hold: 512 MiB */
export function textOf(source: string, bytes: Buffer): string {
  try {
    return bytes.toString();
  } catch {
    throw new Failure("NO_MEMORY", source, `has a text of ${bytes.length} bytes`, "give a shorter one");
  }
}

/** Reads the first bytes of a file, at most `length`. @throws Failure for a file that cannot be read */
export function readBeginning(path: string, length: number): Buffer {
  try {
    inputStatus(path);
    const bytes = Buffer.alloc(length);
    const fd = openSync(path, "r");
    try {
      let filled = 0;
      for (let count = -1; filled < length && count !== 0; filled += count) {
        count = readSync(fd, bytes, filled, length - filled, null);
      }
      return bytes.subarray(0, filled);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    throw error instanceof Failure ? error : cannotRead(path, error);
  }
}
