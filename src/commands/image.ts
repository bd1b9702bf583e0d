import type { LocatingImage } from "../alias/locate.ts";
import { openDebugSections } from "../dwarf/debug-sections.ts";
import { isCompressed } from "../elf/compressed-file.ts";
import { ET_REL } from "../elf/constants.ts";
import { findDebugFile } from "../elf/debug-link.ts";
import { type ElfFile, findSection, openElf } from "../elf/elf-file.ts";
import { Failure } from "../failure.ts";
import type { ModuleDebug } from "../kbuild/module-symbols.ts";
import { addr2lineResolver } from "../source-lines/addr2line-resolver.ts";
import { declarationFinder } from "../source-lines/declared-locations.ts";
import { dwarfResolver } from "../source-lines/dwarf-resolver.ts";
import { sectionResolver } from "../source-lines/section-resolver.ts";
import { unitFinder } from "../source-lines/unit-finder.ts";
import type { ResolverOptions } from "./options.ts";

/**
 * What locates addresses in an image: the resolver asked for, and the compilation units. The built-in resolver needs the
 * image's debug information; with addr2line, units that cannot be read are done without.
 *
 * @throws Failure for a relocatable file, or one without debug information
 */
export async function openResolver(
  elf: ElfFile,
  options: ResolverOptions,
  signal: AbortSignal,
): Promise<Omit<LocatingImage, "elf" | "listing">> {
  if (elf.type === ET_REL) {
    throw new Failure(
      elf.path,
      "is a relocatable file, in which an address means nothing",
      "give a linked vmlinux",
    );
  }
  if (options.resolver === "addr2line") {
    const { addr2line: tool, jobs } = options;
    return {
      resolver: addr2lineResolver({ tool, elf: elf.path, jobs, signal }),
      ...(await unitsIfReadable(elf, options)),
    };
  }
  return builtInResolver(elf, options);
}

/**
 * What locates addresses in a relocatable object, laid out as `layOutSections` does: in the object itself, or where that was
 * stripped, in its separate debug file.
 *
 * @param directories where separate debug files are looked for
 * @throws Failure for an object without debug information
 */
export async function openModuleDebug(
  elf: ElfFile,
  directories: readonly string[],
  options: ResolverOptions,
  signal: AbortSignal,
): Promise<ModuleDebug> {
  const hasLines = findSection(elf, ".debug_line") ?? findSection(elf, ".zdebug_line");
  const separate = hasLines === undefined ? findDebugFile(elf, directories) : undefined;
  if (hasLines === undefined && separate === undefined) {
    const elsewhere = directories.length > 0 ? " or give --debug-directory" : "";
    const advice = `build with CONFIG_DEBUG_INFO${elsewhere}`;
    throw new Failure(elf.path, "no line information (.debug_line)", advice);
  }
  const debug = separate === undefined ? elf : openElf(separate);
  try {
    if (options.resolver === "dwarf") return { elf: debug, ...(await builtInResolver(debug, options)) };
    if (isCompressed(debug.path)) {
      throw new Failure(debug.path, "is compressed, which addr2line cannot read", "use --resolver dwarf");
    }
    const { addr2line: tool, jobs } = options;
    const ofSection = (section: string) =>
      addr2lineResolver({ tool, elf: debug.path, jobs, signal, section });
    return {
      elf: debug,
      resolver: sectionResolver(debug, ofSection),
      ...(await unitsIfReadable(debug, options)),
    };
  } catch (error) {
    if (debug !== elf) debug.file.close();
    throw error;
  }
}

async function builtInResolver(
  elf: ElfFile,
  { signatures }: ResolverOptions,
): Promise<Omit<LocatingImage, "elf" | "listing">> {
  const sections = await openDebugSections(elf, signatures);
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
    findDeclarations: declarationFinder(sections),
  };
}

function suggestAddr2line(error: unknown): never {
  throw error instanceof Failure ? error.orElse("use --resolver addr2line") : error;
}

async function unitsIfReadable(
  elf: ElfFile,
  { signatures }: ResolverOptions,
): Promise<Pick<LocatingImage, "findUnits" | "findDeclarations">> {
  try {
    const sections = await openDebugSections(elf, signatures);
    const findUnits = unitFinder(sections);
    return {
      findUnits: (queries) => {
        try {
          return findUnits(queries);
        } catch (error) {
          return ignoreFailure(error);
        }
      },
      findDeclarations: declarationFinder(sections),
    };
  } catch (error) {
    ignoreFailure(error);
    return { findUnits: undefined };
  }
}

function ignoreFailure(error: unknown): undefined {
  if (!(error instanceof Failure)) throw error;
}
