import { posix } from "node:path";
import { openDebugSections } from "../src/dwarf/debug-sections.ts";
import { openElf } from "../src/elf/elf-file.ts";
import { dwarfResolver } from "../src/source-lines/dwarf-resolver.ts";
import { emptyQueries, type Locations, type Queries } from "../src/source-lines/resolver.ts";
import { tool } from "./tool.ts";

/** An address as 16 hexadecimal digits or fewer, with the size of its symbol where it is of interest. */
export type Asked = string | { readonly address: string; readonly size: number };

export function queriesOf(asked: readonly Asked[]): Queries {
  const queries = emptyQueries(asked.length);
  asked.forEach((question, i) => {
    const { address, size } = typeof question === "string" ? { address: question, size: 0 } : question;
    const value = BigInt(`0x${address}`);
    queries.addressHigh[i] = Number(value >> 32n);
    queries.addressLow[i] = Number(value & 0xffffffffn);
    queries.size[i] = size;
  });
  return queries;
}

/** Locations as `path:line` with the path normalised; undefined where there is none, or a row without a line. */
export function locationTexts({ file, line, files }: Locations): (string | undefined)[] {
  return Array.from(file, (index, i) => {
    const path = files[index];
    return path === undefined || line[i] === 0 ? undefined : `${posix.normalize(path)}:${line[i]}`;
  });
}

/** The answers of the built-in resolver. */
export async function resolved(path: string, asked: readonly Asked[]): Promise<(string | undefined)[]> {
  const elf = openElf(path);
  try {
    const sections = await openDebugSections(elf);
    const locations = await dwarfResolver(sections).resolve(queriesOf(asked));
    return locationTexts(locations);
  } finally {
    elf.file.close();
  }
}

/** The answers of an addr2line, in the same form: without column and discriminator. */
export function answersOf(addr2line: string, path: string, addresses: readonly string[]) {
  const text = tool(addr2line, ["-e", path], addresses.map((address) => `0x${address}\n`).join(""));
  const lines = text.toString().trimEnd().split("\n");
  return lines.map((answer) => {
    const parts = /^(.*?):(\d+)(?::\d+)?(?: \(discriminator \d+\))?$/.exec(answer);
    if (!parts?.[1] || parts[1] === "??" || Number(parts[2]) === 0) return undefined;
    return `${posix.normalize(parts[1])}:${parts[2]}`;
  });
}

/** The answer of llvm-addr2line or, if it has none, of eu-addr2line. */
export function expectedLocations(path: string, addresses: readonly string[]): (string | undefined)[] {
  const llvm = answersOf("llvm-addr2line", path, addresses);
  const elfutils = answersOf("eu-addr2line", path, addresses);
  return llvm.map((answer, i) => answer ?? elfutils[i]);
}
