import type { LocatingImage } from "../alias/locate.ts";
import { openDebugSections } from "../dwarf/debug-sections.ts";
import type { ElfFile } from "../elf/elf-file.ts";
import { Failure } from "../failure.ts";
import { addr2lineResolver } from "../source-lines/addr2line-resolver.ts";
import { dwarfResolver } from "../source-lines/dwarf-resolver.ts";
import { unitFinder } from "../source-lines/unit-finder.ts";
import type { ResolverOptions } from "./options.ts";

/**
 * What locates addresses in an image: the resolver asked for, and the compilation units. The built-in resolver needs the
 * image's debug information; with addr2line, units that cannot be read are left out.
 */
export async function openResolver(
  elf: ElfFile,
  options: ResolverOptions,
  signal: AbortSignal,
): Promise<Pick<LocatingImage, "resolver" | "findUnits">> {
  if (options.resolver === "dwarf") {
    const sections = await openDebugSections(elf);
    const findUnits = unitFinder(sections);
    return { resolver: dwarfResolver(sections, findUnits), findUnits };
  }
  const { addr2line: tool, jobs } = options;
  const resolver = addr2lineResolver({ tool, elf: elf.path, jobs, signal });
  try {
    const findUnits = unitFinder(await openDebugSections(elf));
    return { resolver, findUnits };
  } catch (error) {
    if (error instanceof Failure) return { resolver, findUnits: undefined };
    throw error;
  }
}
