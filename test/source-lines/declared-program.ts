// A program whose variables contain the place of their declaration, so that the file has the expected result: the number
// of its file in thousands, and the line.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { tool } from "../tool.ts";

export const SOURCES = fileURLToPath(new URL("./declared-program", import.meta.url));

const FILES = ["", "first.c", "second.c", "counters.h"];

/** The function that each of the program's static locals is in, by its place. */
export const HOLDERS: Readonly<Record<string, string>> = {
  "counters.h:20": "count_seen",
  "first.c:11": "counted_once",
  "first.c:19": "check",
  "first.c:22": "check",
  "first.c:28": "check",
  "second.c:9": "complain",
  "second.c:16": "check",
  "second.c:17": "check",
};

export interface ProgramBuild {
  readonly compiler: string;
  readonly flags: readonly string[];
  /** Whether it is linked, to an executable without libraries. */
  readonly link?: boolean;
}

/** Builds the program; a relocatable file is made of first.c alone. */
export function buildProgram(out: string, { compiler, flags, link = true }: ProgramBuild): string {
  const sources = link ? ["first.c", "second.c"] : ["first.c"];
  const how = link ? ["-nostdlib", "-Wl,-e,main", "-Wl,--build-id=sha1"] : ["-c"];
  const paths = sources.map((source) => join(SOURCES, source));
  tool(compiler, ["-O2", "-w", ...flags, ...how, "-o", out, ...paths]);
  return out;
}

export interface DataSymbol {
  readonly name: string;
  readonly address: bigint;
}

/** The data symbols of the program as nm lists them, those of the linker left out. */
export function dataSymbols(path: string): DataSymbol[] {
  const lines = tool("nm", ["-n", path]).toString().split("\n");
  return lines.flatMap((line) => {
    const [, address, name] = /^([0-9a-f]+) [bBdDrRV] ([a-z]\S*)$/.exec(line) ?? [];
    return address === undefined || name === undefined ? [] : [{ name, address: BigInt(`0x${address}`) }];
  });
}

/**
 * The place that a variable contains: `<file>:<line>`.
 *
 * @param section in a relocatable file, the section that contains the address; the address is an offset in it
 */
export function heldPlace(path: string, address: bigint, section?: string): string {
  const listed = tool("readelf", ["-SW", path]).toString();
  // Where each section with content begins, in memory and in the file, and its size.
  const form = /^ +\[ *\d+\] (\S+) +PROGBITS +([0-9a-f]+) ([0-9a-f]+) ([0-9a-f]+) \d+ +W?A/gm;
  for (const [, name, start = "", offset = "", size = ""] of listed.matchAll(form)) {
    const within = Number(address - BigInt(`0x${start}`));
    if (within < 0 || within >= Number.parseInt(size, 16) || (section ?? name) !== name) continue;
    const bytes = readFileSync(path);
    const at = Number.parseInt(offset, 16) + within;
    const value = bytes[5] === 1 ? bytes.readInt32LE(at) : bytes.readInt32BE(at);
    return `${FILES[Math.floor(value / 1000)]}:${value % 1000}`;
  }
  throw new Error(`${path}: nothing is at ${address.toString(16)}`);
}
