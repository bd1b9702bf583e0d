// The build IDs of a kernel and its modules, in its notes.
import { existsSync, realpathSync, statfsSync } from "node:fs";
import { basename, join } from "node:path";
import { memorySource } from "../elf/byte-source.ts";
import { decompressorOf, LONGEST_MAGIC, openPossiblyCompressed } from "../elf/compressed-file.ts";
import { buildId, buildIdInNotes } from "../elf/notes.ts";
import { Failure } from "../failure.ts";
import { isRegularFile, readBeginning, readWhole } from "../files/read-file.ts";
import type { TableHeader } from "../table/alias-table.ts";

/** The notes of the running kernel (kernel/ksysfs.c). */
export const RUNNING_NOTES = "/sys/kernel/notes";

/** In bytes; a kernel's notes have some hundreds. */
const NOTES_LIMIT = 1 << 20;

/** PROC_SUPER_MAGIC (include/uapi/linux/magic.h): the type of the file system in /proc. */
const PROC_SUPER_MAGIC = 0x9fa0;

/** The notes of a kernel. */
export interface KernelNotes {
  readonly path: string;
  /** As hexadecimal digits; null if there is none. */
  readonly buildId: string | null;
}

/** Whether a file is the running kernel's kallsyms, by any path: that of a link, of another mount, of a standard stream. */
export function isRunningKallsyms(path: string): boolean {
  try {
    const file = realpathSync(path);
    return basename(file) === "kallsyms" && statfsSync(file).type === PROC_SUPER_MAGIC;
  } catch {
    // A pipe, or a file that cannot be read; reading it reports that.
    return false;
  }
}

/**
 * Reads the build ID of a kernel.
 *
 * @param path /sys/kernel/notes, a copy of it in either byte order, or a vmlinux
 * @throws Failure for a file that cannot be read
 */
export async function readKernelNotes(path: string): Promise<KernelNotes> {
  return { path, buildId: await buildIdOf(path) };
}

async function buildIdOf(path: string): Promise<string | null> {
  // A pipe can be read only once, and is no image.
  const isFile = isRegularFile(path);
  const begin = isFile ? readBeginning(path, LONGEST_MAGIC) : readWhole(path);
  if (!isElfFile(begin)) {
    const notes = memorySource(path, isFile ? readBeginning(path, NOTES_LIMIT) : begin);
    return buildIdInNotes(notes, true) ?? buildIdInNotes(notes, false);
  }
  const elf = await openPossiblyCompressed(path);
  try {
    return buildId(elf);
  } finally {
    elf.file.close();
  }
}

/** Whether a file that begins with these bytes is an ELF file, maybe a compressed one. */
function isElfFile(begin: Buffer): boolean {
  return begin.subarray(0, 4).toString("latin1") === "\x7fELF" || decompressorOf(begin) !== undefined;
}

/**
 * Compares the build IDs of a file's objects with those of a kernel and its loaded modules, where both have one.
 *
 * @param source the file, an image or an alias table
 * @param advice what to give instead
 * @throws Failure for a file of another build
 */
export async function checkBuild(
  source: string,
  objects: TableHeader["objects"],
  notes: KernelNotes,
  advice: string,
): Promise<void> {
  for (const { name, buildId: expected } of objects) {
    const ofModule = join(notes.path, "../../module", name, "notes/.note.gnu.build-id");
    if (expected === null || (name !== "vmlinux" && !existsSync(ofModule))) continue;
    const { path, buildId: found } = name === "vmlinux" ? notes : await readKernelNotes(ofModule);
    if (found === null || expected === found) continue;
    const problem = `is of another build: its ${name} has the build ID ${expected}, ${path} has ${found}`;
    throw new Failure("OTHER_BUILD", source, problem, advice);
  }
}
