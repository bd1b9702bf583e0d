import type { LocatingImage } from "../alias/locate.ts";
import { openDebugSections } from "../dwarf/debug-sections.ts";
import type { ElfFile } from "../elf/elf-file.ts";
import { Failure } from "../failure.ts";
import { addr2lineResolver } from "../source-lines/addr2line-resolver.ts";
import { dwarfResolver } from "../source-lines/dwarf-resolver.ts";
import { type UnitFinder, unitFinder } from "../source-lines/unit-finder.ts";
import type { ResolverOptions } from "./options.ts";

/**
 * What locates addresses in an image: the resolver asked for, and the compilation units. The built-in resolver needs the
 * image's debug information; with addr2line, units that cannot be read are done without.
 */
export async function openResolver(
  elf: ElfFile,
  options: ResolverOptions,
  signal: AbortSignal,
): Promise<Pick<LocatingImage, "resolver" | "findUnits">> {
  if (options.resolver === "addr2line") {
    const { addr2line: tool, jobs } = options;
    return {
      resolver: addr2lineResolver({ tool, elf: elf.path, jobs, signal }),
      findUnits: await unitsIfReadable(elf),
    };
  }
  const sections = await openDebugSections(elf);
  const findUnits = unitFinder(sections);
  const { resolve } = dwarfResolver(sections, findUnits);
  return {
    resolver: { resolve: (queries) => resolve(queries).catch(suggestAddr2line) },
    findUnits: (queries) => {
      try {
        return findUnits(queries);
      } catch (error) {
        return suggestAddr2line(error);
      }
    },
  };
}

function suggestAddr2line(error: unknown): never {
  throw error instanceof Failure ? error.orElse("use --resolver addr2line") : error;
}

async function unitsIfReadable(elf: ElfFile): Promise<UnitFinder | undefined> {
  try {
    const findUnits = unitFinder(await openDebugSections(elf));
    return (queries) => {
      try {
        return findUnits(queries);
      } catch (error) {
        return ignoreFailure(error);
      }
    };
  } catch (error) {
    return ignoreFailure(error);
  }
}

function ignoreFailure(error: unknown): undefined {
  if (!(error instanceof Failure)) throw error;
}
