import * as zlib from "node:zlib";
import { ELFCOMPRESS_ZLIB, ELFCOMPRESS_ZSTD, SHF_COMPRESSED } from "../constants/elf.ts";
import { damaged, Failure, systemMessage } from "../failure.ts";
import { type ByteSource, memorySource, sourcePart } from "./byte-source.ts";
import { Cursor } from "./cursor.ts";
import { decompress, inflate, unzstd, unzstdWhole } from "./decompress.ts";
import { type ElfFile, type Section, sectionBytes } from "./elf-file.ts";

/** An open file. */
export interface Closable {
  close(): void;
}

/** Magic number of a `.zdebug_…` section. The size follows as 8 big-endian bytes. */
const ZDEBUG_MAGIC = "ZLIB";
const ZDEBUG_HEADER_BYTES = 12;

/**
 * The content of a section, decompressed if needed: SHF_COMPRESSED (gABI, "Section Compression") or the older GNU format
 * `.zdebug_…`. Decompressed content is in a temporary file.
 *
 * @param opened receives the temporary file, for the caller to close
 * @throws Failure for an unknown format, or if the content does not match its header
 */
export async function sectionContent(
  elf: ElfFile,
  section: Section,
  opened: Closable[],
): Promise<ByteSource> {
  const bytes = sectionBytes(elf, section);
  const compressed = compressedContent(elf, section, bytes);
  if (compressed === undefined) return bytes;
  const { start, size, format } = compressed;
  const decompressor = format === "zstd" ? unzstd : inflate;
  const file = await decompress(bytes, start, size, decompressor).catch((error: unknown) => {
    if (error instanceof Failure) throw error;
    throw damaged(bytes.name, `cannot be decompressed: ${systemMessage(error)}`);
  });
  opened.push(file);
  if (file.size === size) return sourcePart(file, bytes.name, 0, size);
  throw sizeDiffers(bytes, size);
}

/** Like sectionContent, but at once, and decompressed content goes to memory: for small files. Needs `loadUnzstdWhole`. */
export function smallSectionContent(elf: ElfFile, section: Section): ByteSource {
  const bytes = sectionBytes(elf, section);
  const compressed = compressedContent(elf, section, bytes);
  if (compressed === undefined) return bytes;
  const { start, size, format } = compressed;
  const packed = bytes.read(start, bytes.size - start);
  if (size > SMALL_LIMIT) throw damaged(bytes.name, `has the size ${size}`);
  let content: Uint8Array;
  try {
    content =
      format === "zstd"
        ? unzstdWhole(packed, size)
        : zlib.inflateSync(packed, { maxOutputLength: Math.max(size, 1) });
  } catch (error) {
    throw damaged(bytes.name, `cannot be decompressed: ${systemMessage(error)}`);
  }
  if (content.length !== size) throw sizeDiffers(bytes, size);
  return memorySource(bytes.name, content);
}

/** Largest size of a section that is decompressed in memory, in bytes. */
const SMALL_LIMIT = 2 ** 30;

interface CompressedContent {
  readonly format: "zlib" | "zstd";
  /** Start of the compressed bytes in the section. */
  readonly start: number;
  /** Size when decompressed, in bytes. */
  readonly size: number;
}

/** @returns undefined for a section that is not compressed */
function compressedContent(elf: ElfFile, section: Section, bytes: ByteSource): CompressedContent | undefined {
  if ((section.flags & SHF_COMPRESSED) !== 0) {
    const header = new Cursor(bytes, 0, bytes.size, elf.littleEndian);
    const type = header.u32();
    if (elf.is64) header.skip(4); // ch_reserved
    const size = header.offset(elf.is64 ? 8 : 4);
    header.skip(elf.is64 ? 8 : 4); // ch_addralign
    if (type === ELFCOMPRESS_ZLIB) return { format: "zlib", start: header.position, size };
    if (type === ELFCOMPRESS_ZSTD) return { format: "zstd", start: header.position, size };
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
    if (magic === ZDEBUG_MAGIC) return { format: "zlib", start: ZDEBUG_HEADER_BYTES, size: header.u64() };
    throw damaged(bytes.name, "does not begin with ZLIB");
  }
  return undefined;
}

function sizeDiffers(bytes: ByteSource, size: number): Failure {
  return damaged(bytes.name, `does not decompress to the ${size} bytes that its header gives`);
}
