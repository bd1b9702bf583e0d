import { readdirSync, readFileSync, readlinkSync, rmSync, statSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { errorCode } from "../failure.ts";

/** Where the process IDs of this run are those of the same processes: a boot of a machine, and a container on it. */
const here = [
  () => readFileSync("/proc/sys/kernel/random/boot_id", "latin1").slice(0, 8),
  () => (/[0-9]+/.exec(readlinkSync("/proc/self/ns/pid")) ?? [""])[0],
];

let place: string | undefined;

function thisPlace(): string {
  place ??= here.map((read) => unlessFailed(read) ?? hostname().replace(/[^0-9A-Za-z]/g, "")).join(".");
  return place;
}

let temporaries = 0;

/** A new name for a temporary file. A later run recognises by it a file that a killed run has left. */
export function temporaryName(): string {
  return `.kas-alias-${process.pid}-${thisPlace()}-${Date.now()}-${temporaries++}`;
}

const NAME = /^\.kas-alias-([0-9]+)-([0-9A-Za-z.]*)-[0-9]+-[0-9]+$/;

/** Files of runs elsewhere, such as on another machine that shares the disk, are left alone for this many milliseconds. */
const PATIENCE = 24 * 60 * 60 * 1000;

const swept = new Set<string>();

/**
 * Removes the temporary files that killed runs have left in a directory; once for each directory. A file of a run that may still go on
 * stays: its process runs, or it belongs to another machine, container or boot, and was changed less than a day ago.
 */
export function sweepTemporaries(directory: string): void {
  if (swept.has(directory)) return;
  swept.add(directory);
  for (const name of unlessFailed(() => readdirSync(directory)) ?? []) {
    const [, pid, place] = NAME.exec(name) ?? [];
    if (pid === undefined) continue;
    const path = join(directory, name);
    const isLeft = place === thisPlace() ? !isRunning(Number(pid)) : isOld(path);
    if (isLeft) unlessFailed(() => rmSync(path, { force: true }));
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) !== "ESRCH";
  }
}

function isOld(path: string): boolean {
  const changed = unlessFailed(() => statSync(path).mtimeMs);
  return changed !== undefined && Date.now() - changed > PATIENCE;
}

/** A file that cannot be read or removed is another's concern. */
function unlessFailed<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
