import { tool } from "./tool.ts";

/** The labels of an ELF file, symbols without type and size, as `<address> <name>`, from readelf. */
export function labelsOf(elf: string): Set<string> {
  const entries = tool("readelf", ["-sW", elf])
    .toString()
    .matchAll(/^ *\d+: ([0-9a-f]+) +0 NOTYPE +\S+ +\S+ +\S+ (\S+)$/gm);
  return new Set(Array.from(entries, ([, address, name]) => `${address} ${name}`));
}
