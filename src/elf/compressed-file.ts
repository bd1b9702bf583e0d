import { readFileSync } from "node:fs";
import * as zlib from "node:zlib";
import { Failure, systemMessage } from "../failure.ts";
import { memorySource } from "./byte-source.ts";
import { type ElfFile, elfOf, openElf } from "./elf-file.ts";

/** Maximum size of a decompressed module, in bytes. */
const UNPACKED_LIMIT = 2 ** 30;

type Decompressor = (bytes: Buffer) => Uint8Array | Promise<Uint8Array>;

/**
 * Decompressors by file suffix, as Kbuild names compressed modules (scripts/Makefile.modinst). The libraries are imported on
 * demand, since most runs do not need them.
 */
const DECOMPRESSORS: Readonly<Record<string, Decompressor>> = {
  gz: (bytes) => zlib.gunzipSync(bytes, { maxOutputLength: UNPACKED_LIMIT }),
  xz: unpackXz,
  zst: async (bytes) => (await import("fzstd")).decompress(bytes),
};

/** Whether the suffix of a path is that of a compressed file. */
export function isCompressed(path: string): boolean {
  return suffixOf(path) in DECOMPRESSORS;
}

function suffixOf(path: string): string {
  return path.slice(path.lastIndexOf(".") + 1);
}

/**
 * Opens an ELF file. If its name ends in .gz, .xz or .zst, it is decompressed into memory.
 *
 * @throws Failure for a file that cannot be read or decompressed, or is not an ELF file
 * @example
 * const elf = await openPossiblyCompressed("modules/drivers/beta/beta.ko");
 * console.log(elf.sections.length);
 * elf.file.close();
 */
export async function openPossiblyCompressed(path: string): Promise<ElfFile> {
  const decompress = DECOMPRESSORS[suffixOf(path)];
  if (decompress === undefined) return openElf(path);
  let bytes: Uint8Array;
  try {
    bytes = await decompress(readFileSync(path));
  } catch (error) {
    throw new Failure("DAMAGED", path, `cannot be unpacked: ${systemMessage(error)}`, "check the file");
  }
  return elfOf(path, { ...memorySource(path, bytes), close() {} });
}

async function unpackXz(bytes: Buffer): Promise<Uint8Array> {
  const { XzReadableStream } = await import("xz-decompress");
  const packed = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(new Uint8Array(bytes));
      controller.close();
    },
  });
  const pieces: Uint8Array[] = [];
  let size = 0;
  // On Node 20, this stream is not async iterable.
  const reader = new XzReadableStream(packed).getReader();
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
    size += piece.value.length;
    if (size > UNPACKED_LIMIT) throw new Error(`more than ${UNPACKED_LIMIT} bytes`);
    pieces.push(piece.value.slice());
  }
  return Buffer.concat(pieces);
}
