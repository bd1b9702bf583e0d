import { ELFCOMPRESS_ZLIB, ELFCOMPRESS_ZSTD, SHF_COMPRESSED } from "../constants/elf.ts";
import { damaged, Failure, systemMessage } from "../failure.ts";
import { type ByteSource, sourcePart } from "./byte-source.ts";
import { Cursor } from "./cursor.ts";
import { type Decompressor, decompress, inflate, unzstd } from "./decompress.ts";
import { type ElfFile, type Section, sectionBytes } from "./elf-file.ts";

/** Magic number of a `.zdebug_…` section. The size follows as 8 big-endian bytes. */
const ZDEBUG_MAGIC = "ZLIB";
const ZDEBUG_HEADER_BYTES = 12;

/**
 * The content of a section, decompressed if needed: SHF_COMPRESSED (gABI, "Section Compression") or the older GNU format
 * `.zdebug_…`. Decompressed content is in a temporary file.
 *
 * @throws Failure for an unknown format, or if the content does not match its header
 */
export async function sectionContent(elf: ElfFile, section: Section): Promise<ByteSource> {
  const bytes = sectionBytes(elf, section);
  if ((section.flags & SHF_COMPRESSED) !== 0) {
    const header = new Cursor(bytes, 0, bytes.size, elf.littleEndian);
    const type = header.u32();
    if (elf.is64) header.skip(4); // ch_reserved
    const size = header.offset(elf.is64 ? 8 : 4);
    header.skip(elf.is64 ? 8 : 4); // ch_addralign
    if (type === ELFCOMPRESS_ZLIB) return decompressed(bytes, header.position, size, inflate);
    if (type === ELFCOMPRESS_ZSTD) return decompressed(bytes, header.position, size, unzstd);
    throw new Failure(
      "UNSUPPORTED",
      bytes.name,
      `unknown compression ${type}`,
      "use objcopy --decompress-debug-sections",
    );
  }
  if (section.name.startsWith(".zdebug_")) {
    const header = new Cursor(bytes, 4, bytes.size, false);
    const magic = Buffer.from(bytes.read(0, 4)).toString("latin1");
    if (magic === ZDEBUG_MAGIC) return decompressed(bytes, ZDEBUG_HEADER_BYTES, header.u64(), inflate);
    throw damaged(bytes.name, "does not begin with ZLIB");
  }
  return bytes;
}

async function decompressed(
  bytes: ByteSource,
  start: number,
  size: number,
  decompressor: Decompressor,
): Promise<ByteSource> {
  const file = await decompress(bytes, start, size, decompressor).catch((error: unknown) => {
    if (error instanceof Failure) throw error;
    throw damaged(bytes.name, `cannot be decompressed: ${systemMessage(error)}`);
  });
  if (file.size === size) return sourcePart(file, bytes.name, 0, size);
  file.close();
  throw damaged(bytes.name, `does not decompress to the ${size} bytes that its header gives`);
}
