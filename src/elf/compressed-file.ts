import { Failure, systemMessage } from "../failure.ts";
import { type FileSource, openFile } from "./byte-source.ts";
import { type Decompressor, gunzip, unxz, unzstd } from "./decompress.ts";
import { type ElfFile, elfOf } from "./elf-file.ts";
import { Scratch } from "./scratch.ts";

/** Maximum size of a decompressed file, in bytes. */
const UNPACKED_LIMIT = 2 ** 33;
/** A small file may not fill the disk either: ELF files of more than this size do not shrink to a thousandth. */
const UNSUSPICIOUS_BYTES = 2 ** 26;
const LARGEST_RATIO = 1000;

/** The formats of compressed files, by their first bytes in hexadecimal digits (RFC 1952, the .xz file format, RFC 8878 with frames to skip). */
const FORMATS: readonly (readonly [begin: RegExp, decompressor: Decompressor])[] = [
  [/^1f8b/, gunzip],
  [/^fd377a585a00/, unxz],
  [/^(28b52ffd|5.2a4d18)/, unzstd],
];
/** In bytes. */
export const LONGEST_MAGIC = 6;

/** The decompressor of a file that begins with these bytes, undefined for a file that is not compressed. */
export function decompressorOf(bytes: Uint8Array): Decompressor | undefined {
  const begin = Buffer.from(bytes.subarray(0, LONGEST_MAGIC)).toString("hex");
  return FORMATS.find(([magic]) => magic.test(begin))?.[1];
}

/**
 * Opens an ELF file. If its content is that of a .gz, .xz or .zst file, it is decompressed: to memory, or a large one to a temporary file.
 *
 * @throws Failure for a file that cannot be read or decompressed, or is not an ELF file
 * @example
 * const elf = await openPossiblyCompressed("modules/drivers/beta/beta.ko");
 * console.log(elf.sections.length);
 * elf.file.close();
 */
export async function openPossiblyCompressed(path: string): Promise<ElfFile> {
  let file = openFile(path);
  try {
    const decompressor = decompressorOf(file.read(0, Math.min(LONGEST_MAGIC, file.size)));
    if (decompressor !== undefined) {
      const packed = file;
      file = await unpacked(packed, decompressor);
      packed.close();
    }
    return elfOf(path, file, decompressor !== undefined);
  } catch (error) {
    file.close();
    throw error;
  }
}

async function unpacked(packed: FileSource, decompressor: Decompressor): Promise<FileSource> {
  const { name, size } = packed;
  const limit = Math.min(UNPACKED_LIMIT, Math.max(UNSUSPICIOUS_BYTES, size * LARGEST_RATIO));
  const scratch = new Scratch();
  try {
    const content = await scratch.store(name, decompressor(packed, 0), limit);
    if (content.size > limit)
      throw new Failure("DAMAGED", name, `unpacks to more than ${limit} bytes`, "check the file");
    return { ...content, close: () => scratch.close() };
  } catch (error) {
    scratch.close();
    if (error instanceof Failure) throw error;
    throw new Failure("DAMAGED", name, `cannot be unpacked: ${systemMessage(error)}`, "check the file");
  }
}
