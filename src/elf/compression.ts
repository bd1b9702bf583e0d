import * as zlib from "node:zlib";
import { ELFCOMPRESS_ZLIB, ELFCOMPRESS_ZSTD, SHF_COMPRESSED } from "../constants/elf.ts";
import { damaged, errorCode, Failure, systemMessage } from "../failure.ts";
import { type ByteSource, memorySource } from "./byte-source.ts";
import { Cursor } from "./cursor.ts";
import { inflate, unzstd, unzstdWhole } from "./decompress.ts";
import { type ElfFile, type Section, sectionBytes } from "./elf-file.ts";
import type { Scratch } from "./scratch.ts";
import { loadZstd } from "./zstd.ts";

/** Magic number of a `.zdebug_…` section. The size follows as 8 big-endian bytes. */
const ZDEBUG_MAGIC = "ZLIB";
const ZDEBUG_HEADER_BYTES = 12;

/**
 * The content of a section, decompressed if needed: SHF_COMPRESSED (gABI, "Section Compression") or the older GNU format
 * `.zdebug_…`.
 *
 * @param scratch holds decompressed content; the caller closes it
 * @throws Failure for an unknown format, or if the content does not match its header
 */
export async function sectionContent(elf: ElfFile, section: Section, scratch: Scratch): Promise<ByteSource> {
  const bytes = sectionBytes(elf, section);
  const compressed = compressedContent(elf, section, bytes);
  if (compressed === undefined) return bytes;
  const { start, size, format } = compressed;
  if (format === "zstd") await loadZstd();
  if (scratch.hasRoom(bytes.size + size)) return inMemory(bytes, compressed, scratch);
  const pieces = format === "zstd" ? unzstd(bytes, start) : inflate(bytes, start);
  const content = await scratch
    .store(bytes.name, pieces, size)
    .catch((error) => notDecompressed(bytes, error));
  if (content.size === size) return content;
  throw sizeDiffers(bytes, size);
}

/** Like sectionContent, but at once, and decompressed content goes to memory: for small files. Needs `loadZstd`. */
export function smallSectionContent(elf: ElfFile, section: Section, scratch: Scratch): ByteSource {
  const bytes = sectionBytes(elf, section);
  const compressed = compressedContent(elf, section, bytes);
  return compressed === undefined ? bytes : inMemory(bytes, compressed, scratch);
}

function inMemory(
  bytes: ByteSource,
  { start, size, format }: CompressedContent,
  scratch: Scratch,
): ByteSource {
  scratch.reserve(bytes.name, size);
  let content: Uint8Array;
  try {
    content =
      format === "zstd"
        ? unzstdWhole(bytes, start, size)
        : zlib.inflateSync(bytes.read(start, bytes.size - start), { maxOutputLength: Math.max(size, 1) });
  } catch (error) {
    if (errorCode(error) === "ERR_BUFFER_TOO_LARGE") throw sizeDiffers(bytes, size);
    return notDecompressed(bytes, error);
  }
  if (content.length !== size) throw sizeDiffers(bytes, size);
  return memorySource(bytes.name, content);
}

function notDecompressed({ name }: ByteSource, error: unknown): never {
  if (error instanceof Failure) throw error;
  throw damaged(name, `cannot be decompressed: ${systemMessage(error)}`);
}

/** The most bytes that a compressed byte can stand for: deflate's, and those of a Zstandard block of four bytes. */
const LARGEST_RATIOS = { zlib: 1032, zstd: 1 << 15 };

interface CompressedContent {
  readonly format: "zlib" | "zstd";
  /** Start of the compressed bytes in the section. */
  readonly start: number;
  /** Size when decompressed, in bytes. */
  readonly size: number;
}

/** @returns undefined for a section that is not compressed */
function compressedContent(elf: ElfFile, section: Section, bytes: ByteSource): CompressedContent | undefined {
  const header = compressionHeader(elf, section, bytes);
  if (header === undefined) return undefined;
  const { format, start, size } = header;
  const packed = bytes.size - start;
  if (size <= packed * LARGEST_RATIOS[format]) return header;
  throw damaged(
    bytes.name,
    `its ${packed} compressed bytes cannot hold the ${size} bytes that its header gives`,
  );
}

function compressionHeader(elf: ElfFile, section: Section, bytes: ByteSource): CompressedContent | undefined {
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
