// The files that this process has read, so that none is overwritten.
import type { Stats } from "node:fs";

const inputs = new Set<string>();

/** The same for all paths of a file. */
export function fileIdentity({ dev, ino }: Stats): string {
  return `${dev}:${ino}`;
}

/** Records a file that is about to be read. */
export function noteInput(status: Stats): void {
  if (status.isFile()) inputs.add(fileIdentity(status));
}

/** Whether a file has been read, by this path or another. */
export function isInput(status: Stats): boolean {
  return inputs.has(fileIdentity(status));
}
