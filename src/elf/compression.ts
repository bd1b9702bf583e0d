import { closeSync, rmSync, writeSync } from "node:fs";
import { pipeline } from "node:stream/promises";
import * as zlib from "node:zlib";
import { decompress as unzstdWhole } from "fzstd";
import tmp from "tmp";
import { ELFCOMPRESS_ZLIB, ELFCOMPRESS_ZSTD, SHF_COMPRESSED } from "../constants/elf.ts";
import { damaged, Failure, systemMessage } from "../failure.ts";
import { type ByteSource, memorySource, openFile, sourcePart } from "./byte-source.ts";
import { Cursor } from "./cursor.ts";
import { type ElfFile, type Section, sectionBytes } from "./elf-file.ts";

type Transform = (pieces: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>;

/** Magic number of a `.zdebug_…` section. The size follows as 8 big-endian bytes. */
const ZDEBUG_MAGIC = "ZLIB";
const ZDEBUG_HEADER_BYTES = 12;

const PIECE_BYTES = 1 << 18;

/**
 * The content of a section, decompressed if needed: SHF_COMPRESSED (gABI, "Section Compression") or the older GNU format
 * `.zdebug_…`. Decompressed content goes to a temporary file, to save memory.
 *
 * @throws Failure for an unknown format, or if the content does not match its header
 */
export async function sectionContent(elf: ElfFile, section: Section): Promise<ByteSource> {
  const bytes = sectionBytes(elf, section);
  const compressed = compressedContent(elf, section, bytes);
  if (compressed === undefined) return bytes;
  const { start, size, format } = compressed;
  return decompress(bytes, start, size, format === "zstd" ? unzstd : inflate);
}

/** Like sectionContent, but at once, and decompressed content goes to memory: for small files. */
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
        ? unzstdWhole(packed, new Uint8Array(size))
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

async function decompress(
  bytes: ByteSource,
  start: number,
  size: number,
  transform: Transform,
): Promise<ByteSource> {
  const { name, fd } = tmp.fileSync({ prefix: "kas-alias", detachDescriptor: true });
  try {
    await writeTransformed(bytes, start, size, transform, { name, fd });
    return sourcePart(openFile(name), bytes.name, 0, size);
  } finally {
    closeSync(fd);
    // The file stays readable through its open descriptor.
    rmSync(name, { force: true });
  }
}

async function writeTransformed(
  bytes: ByteSource,
  start: number,
  size: number,
  transform: Transform,
  { name, fd }: { name: string; fd: number },
): Promise<void> {
  let written = 0;
  try {
    for await (const piece of transform(pieces(bytes, start))) {
      if (written + piece.length > size) break;
      for (let done = 0; done < piece.length; ) done += writeOut(name, fd, piece, done);
      written += piece.length;
    }
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw damaged(bytes.name, `cannot be decompressed: ${systemMessage(error)}`);
  }
  if (written !== size) {
    throw sizeDiffers(bytes, size);
  }
}

function writeOut(path: string, fd: number, piece: Uint8Array, from: number): number {
  try {
    return writeSync(fd, piece, from);
  } catch (error) {
    throw new Failure(
      "CANNOT_WRITE",
      path,
      `cannot be written: ${systemMessage(error)}`,
      "make room, or set TMPDIR",
    );
  }
}

async function* pieces(bytes: ByteSource, start: number): AsyncIterable<Uint8Array> {
  for (let at = start; at < bytes.size; at += PIECE_BYTES) {
    yield bytes.read(at, Math.min(PIECE_BYTES, bytes.size - at));
  }
}

async function* inflate(input: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  yield* through(input, zlib.createInflate());
}

async function* unzstd(input: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  // Node has zstd since 22.15 and 23.8. The types for Node 20 do not declare it.
  const native = (zlib as { createZstdDecompress?: () => NodeJS.ReadWriteStream }).createZstdDecompress;
  if (native !== undefined) {
    yield* through(input, native());
    return;
  }
  // Imported on demand, since most runs do not need it.
  const { Decompress } = await import("fzstd");
  const ready: Uint8Array[] = [];
  const stream = new Decompress((piece) => {
    ready.push(piece);
  });
  for await (const piece of input) {
    stream.push(piece);
    yield* ready.splice(0);
  }
  stream.push(new Uint8Array(0), true);
  yield* ready;
}

/** Pipes the input through a Node stream and yields the output. */
async function* through(
  input: AsyncIterable<Uint8Array>,
  stream: NodeJS.ReadWriteStream,
): AsyncIterable<Uint8Array> {
  let fault: unknown;
  const fed = pipeline(input, stream).catch((error: unknown) => {
    fault = error;
  });
  try {
    for await (const piece of stream) yield piece as Buffer;
  } finally {
    await fed;
  }
  if (fault !== undefined) throw fault;
}
