import { readFileSync, statSync } from "node:fs";
import { cannotRead, Failure } from "../failure.ts";
import { parseSymbolFrequency } from "../modules/symbol-frequency.ts";
import { type Listing, readListing } from "../symbols/listing.ts";

/** Reads a listing's text from a file, or from standard input for "-". */
export async function readListingFile(path: string): Promise<Listing> {
  if (path === "-") return readListing(await readStdin(), "standard input");
  return readListing(readWhole(path), path);
}

/** Reads a symbol frequency file. */
export function readFrequencyFile(path: string): Map<string, number> {
  return parseSymbolFrequency(readWhole(path, "write it with kas-alias modules --vmlinux"), path);
}

/** Reads a text of any kind. */
export function readTextFile(path: string): string {
  return readWhole(path).toString();
}

/** @param ifMissing the advice when there is no such file */
export function readWhole(path: string, ifMissing?: string): Buffer {
  try {
    if (statSync(path).isDirectory()) throw new Failure(path, "is a directory", "name a file");
    return readFileSync(path);
  } catch (error) {
    throw error instanceof Failure ? error : cannotRead(path, error, ifMissing);
  }
}

export async function readStdin(): Promise<Buffer> {
  const pieces: Buffer[] = [];
  try {
    for await (const piece of process.stdin) pieces.push(piece);
  } catch (error) {
    throw cannotRead("standard input", error);
  }
  return Buffer.concat(pieces);
}
