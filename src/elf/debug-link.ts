import { realpathSync } from "node:fs";
import { basename, dirname, isAbsolute, join, resolve } from "node:path";
import { crc32 } from "node:zlib";
import { Failure } from "../failure.ts";
import { type ByteSource, openFile } from "./byte-source.ts";
import { Cursor } from "./cursor.ts";
import { type ElfFile, findSection, openElf, sectionBytes } from "./elf-file.ts";
import { buildId } from "./notes.ts";

/** Directories in which distributions install separate debug files. */
export const DEBUG_DIRECTORIES: readonly string[] = ["/usr/lib/debug"];

/**
 * Finds the separate debug file of a stripped file as GDB does (GDB manual, "Separate Debug Files"): by build ID, then by
 * .gnu_debuglink. If both fail, it searches the debug directories for a file with the object's own name and build ID, as
 * elfutils does. Debian needs this: its modules have no .gnu_debuglink, and their debug files have no .build-id path.
 *
 * @param directories debug directories, in search order
 * @returns the debug file's path; undefined if there is none. Files of another build and unreadable files are skipped
 * @throws Failure for a truncated .gnu_debuglink
 */
export function findDebugFile(
  elf: ElfFile,
  directories: readonly string[] = DEBUG_DIRECTORIES,
): string | undefined {
  const id = buildId(elf) ?? "";
  const ofSameBuild = (path: string) => id !== "" && hasDebugInfoOf(path, id);
  const byBuildId = directories.map((directory) => pathByBuildId(directory, id));
  const byName = mirrored(elf.path, directories, withoutCompression(basename(elf.path)));
  return byBuildId.find(ofSameBuild) ?? linkedFile(elf, directories) ?? byName.find(ofSameBuild);
}

/** The path of a file before it was compressed. */
export function withoutCompression(path: string): string {
  return path.replace(/\.(gz|xz|zst)$/, "");
}

/** The file that .gnu_debuglink names: next to the object, or in the same folder below a debug directory. */
function linkedFile(elf: ElfFile, directories: readonly string[]): string | undefined {
  const link = readDebugLink(elf);
  if (link === undefined) return undefined;
  const folder = dirname(elf.path);
  const beside = [join(folder, link.name), join(folder, ".debug", link.name)];
  const places = [...beside, ...mirrored(elf.path, directories, link.name)];
  return places.find((path) => crcOf(path) === link.crc);
}

/**
 * The paths of a file name below each debug directory, in the same folder as the object. For a module, the part of the path
 * before /lib/modules/ is also ignored: it may be /usr or an unpacked image.
 */
function mirrored(object: string, directories: readonly string[], name: string): string[] {
  const folders = [resolve(object), realPath(object)].flatMap((path) => {
    const modules = path.lastIndexOf("/lib/modules/");
    return modules > 0 ? [dirname(path), dirname(path.slice(modules))] : [dirname(path)];
  });
  return directories.flatMap((directory) =>
    [...new Set(folders)].map((folder) => join(directory, folder, name)),
  );
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return resolve(path);
  }
}

/** The reference to a file with debug information that several files share. */
interface SupplementaryLink {
  /** Path, relative to the object's directory. */
  readonly path: string;
  /** The file's build ID, or the checksum of its .debug_sup, as hexadecimal digits. */
  readonly id: string;
}

/**
 * Finds the file with the debug information that several files share: dwz -m creates it. It is searched at its path, and by its build
 * ID.
 *
 * @returns the open file; the path if there is none with this ID; undefined if the object refers to none
 * @throws Failure for a truncated reference
 */
export function findSupplementaryFile(
  elf: ElfFile,
  directories: readonly string[] = DEBUG_DIRECTORIES,
): ElfFile | string | undefined {
  const link = readSupplementaryLink(elf);
  if (link === undefined) return undefined;
  const { path, id } = link;
  const folders = [...new Set([dirname(elf.path), dirname(realPath(elf.path))])];
  const places = isAbsolute(path) ? [path] : folders.map((folder) => join(folder, path));
  for (const place of [...places, ...directories.map((directory) => pathByBuildId(directory, id))]) {
    const found = unlessUnreadable(() => openElf(place));
    if (found === undefined) continue;
    if (unlessUnreadable(() => supplementaryId(found)) === id) return found;
    found.file.close();
  }
  return path;
}

/** Reads .gnu_debugaltlink, a path and a build ID, or .debug_sup (DWARF 5 section 7.3.6). */
function readSupplementaryLink(elf: ElfFile): SupplementaryLink | undefined {
  const section = findSection(elf, ".gnu_debugaltlink");
  if (section === undefined) return readSup(elf, false);
  const bytes = sectionBytes(elf, section);
  const cursor = new Cursor(bytes, 0, bytes.size, elf.littleEndian);
  const path = cursor.string();
  return { path, id: hex(bytes, cursor.position, bytes.size - cursor.position) };
}

/** @param isSupplementary whether the section is of the file that others refer to */
function readSup(elf: ElfFile, isSupplementary: boolean): SupplementaryLink | undefined {
  const section = findSection(elf, ".debug_sup");
  if (section === undefined) return undefined;
  const bytes = sectionBytes(elf, section);
  const cursor = new Cursor(bytes, 0, bytes.size, elf.littleEndian);
  cursor.skip(2); // version
  if ((cursor.u8() !== 0) !== isSupplementary) return undefined;
  const path = cursor.string();
  const length = cursor.uleb();
  return { path, id: hex(bytes, cursor.position, length) };
}

function supplementaryId(elf: ElfFile): string | null {
  return readSup(elf, true)?.id ?? buildId(elf);
}

function hex(bytes: ByteSource, start: number, length: number): string {
  return Buffer.from(bytes.read(start, length)).toString("hex");
}

function pathByBuildId(directory: string, id: string): string {
  return join(directory, ".build-id", id.slice(0, 2), `${id.slice(2)}.debug`);
}

interface DebugLink {
  /** Name of the debug file, without a directory. */
  readonly name: string;
  /** CRC-32 of its content. */
  readonly crc: number;
}

/** Reads .gnu_debuglink: a name, padding up to a multiple of four bytes, and the checksum. */
function readDebugLink(elf: ElfFile): DebugLink | undefined {
  const section = findSection(elf, ".gnu_debuglink");
  if (section === undefined) return undefined;
  const bytes = sectionBytes(elf, section);
  const cursor = new Cursor(bytes, 0, bytes.size, elf.littleEndian);
  const name = cursor.string();
  cursor.skip((4 - (cursor.position % 4)) % 4);
  return { name, crc: cursor.u32() };
}

/** Whether a file is an ELF file with this build ID and debug information. */
function hasDebugInfoOf(path: string, id: string): boolean {
  const same = unlessUnreadable(() => {
    const elf = openElf(path);
    try {
      const info = findSection(elf, ".debug_info") ?? findSection(elf, ".zdebug_info");
      return info !== undefined && buildId(elf) === id;
    } finally {
      elf.file.close();
    }
  });
  return same ?? false;
}

const PIECE_BYTES = 1 << 20;

/** The CRC-32 of a file's content; undefined if it cannot be read. */
function crcOf(path: string): number | undefined {
  return unlessUnreadable(() => {
    const file = openFile(path);
    try {
      const piece = new Uint8Array(PIECE_BYTES);
      let crc = 0;
      for (let at = 0; at < file.size; at += PIECE_BYTES) {
        const length = Math.min(PIECE_BYTES, file.size - at);
        crc = crc32(file.read(at, length, piece).subarray(0, length), crc);
      }
      return crc;
    } finally {
      file.close();
    }
  });
}

function unlessUnreadable<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return undefined;
  }
}
