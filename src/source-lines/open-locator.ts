import { availableParallelism } from "node:os";
import { ET_REL } from "../constants/elf.ts";
import { definedProperties } from "../defined-properties.ts";
import { type DebugSections, openDebugSections } from "../dwarf/debug-sections.ts";
import { MissingFiles } from "../dwarf/missing-files.ts";
import { patchableEntries } from "../dwarf/patchable-entries.ts";
import type { Unit } from "../dwarf/unit.ts";
import { DEBUG_DIRECTORIES, findDebugFile } from "../elf/debug-link.ts";
import { type ElfFile, findSection, openElf } from "../elf/elf-file.ts";
import { Failure } from "../failure.ts";
import { addr2lineResolver } from "./addr2line-resolver.ts";
import { type DeclarationFinder, declarationFinder } from "./declared-locations.ts";
import { dwarfResolver } from "./dwarf-resolver.ts";
import type { Locations, Queries, Resolver } from "./resolver.ts";
import { sectionResolver } from "./section-resolver.ts";
import { unitFinder } from "./unit-finder.ts";

/** The options of a locator. */
export interface LocatorOptions {
  /** The built-in reader of DWARF, or an external tool. Default: "dwarf". */
  readonly resolver: "dwarf" | "addr2line";
  /** The tool of "addr2line", by name or path. Default: "addr2line". */
  readonly addr2line: string;
  /** The number of addr2line processes at a time. Default: the number of processors. */
  readonly jobs: number;
  /** Whether to find the parameters of functions too. Default: false. */
  readonly signatures?: boolean | undefined;
  /** Terminates running addr2line processes. */
  readonly signal?: AbortSignal | undefined;
  /** Called when an addr2line process has printed nothing for some seconds. */
  readonly onSilence?: ((tool: string, seconds: number) => void) | undefined;
}

/** The options of a locator, with defaults for those that are not given. */
export function locatorOptions(given: Partial<LocatorOptions>): LocatorOptions {
  return {
    resolver: "dwarf",
    addr2line: "addr2line",
    jobs: availableParallelism(),
    ...definedProperties(given),
  };
}

/** A locator of an image's addresses; it reads the image itself or its separate debug file. */
export interface Locator extends Resolver {
  /** The file with the debug information. */
  readonly elf: ElfFile;
  /** Locates code that follows a symbol's NOPs: by the first row from the address on where the resolver can, as for other functions. */
  resolveCode(queries: Queries): Promise<Locations<Unit>>;
  /** undefined when .debug_info cannot be read. */
  readonly findDeclarations: DeclarationFinder | undefined;
  /** Whether NOPs may come between the symbols of a unit's functions and their code. */
  readonly mayBeginWithNops: (unit: Unit) => boolean;
  /** The files that look-ups so far needed and that cannot be used. */
  readonly missing: MissingFiles;
  /** Closes the files that the locator has opened: a separate debug file, and those that this refers to. */
  close(): void;
}

/**
 * Opens a locator for a linked image. The built-in resolver needs the image's debug information; with addr2line, units and
 * declarations that cannot be read are omitted.
 *
 * @throws Failure for a relocatable file, or one without debug information
 * @example
 * const { findDeclarations } = await openLocator(openElf("vmlinux"));
 * console.log(findDeclarations !== undefined);
 */
export async function openLocator(elf: ElfFile, given: Partial<LocatorOptions> = {}): Promise<Locator> {
  const options = locatorOptions(given);
  if (elf.type === ET_REL) {
    throw new Failure(
      "WRONG_KIND",
      elf.path,
      "is a relocatable file, which has no final addresses",
      "give a linked vmlinux",
    );
  }
  if (options.resolver === "dwarf") return builtInLocator(elf, options);
  checkReadable(elf);
  const { addr2line: tool, jobs, signal, onSilence } = options;
  return addr2lineLocator(elf, addr2lineResolver({ tool, elf: elf.path, jobs, signal, onSilence }), options);
}

/**
 * Opens a locator for a relocatable object with the addresses of `layOutSections`. It reads the object itself or, if that was
 * stripped, its separate debug file.
 *
 * @param directories that may hold separate debug files
 * @throws Failure for an object without debug information
 * @example
 * const locator = await openObjectLocator(openElf("modules/drivers/beta/beta.ko"));
 * console.log(locator.elf.path);
 */
export async function openObjectLocator(
  elf: ElfFile,
  directories: readonly string[] = DEBUG_DIRECTORIES,
  given: Partial<LocatorOptions> = {},
): Promise<Locator> {
  const options = locatorOptions(given);
  const hasLines = findSection(elf, ".debug_line") ?? findSection(elf, ".zdebug_line");
  const separate = hasLines === undefined ? findDebugFile(elf, directories) : undefined;
  if (hasLines === undefined && separate === undefined) {
    const elsewhere = directories.length > 0 ? " or give --debug-directory" : "";
    const advice = `build with CONFIG_DEBUG_INFO${elsewhere}`;
    throw new Failure("NO_DEBUG_INFO", elf.path, "no line information (.debug_line)", advice);
  }
  const debug = separate === undefined ? elf : openElf(separate);
  const closing = (locator: Locator): Locator =>
    debug === elf
      ? locator
      : {
          ...locator,
          close() {
            locator.close();
            debug.file.close();
          },
        };
  try {
    if (options.resolver === "dwarf") return closing(await builtInLocator(debug, options));
    checkReadable(debug);
    const { addr2line: tool, jobs, signal, onSilence } = options;
    const ofSection = (section: string) =>
      addr2lineResolver({ tool, elf: debug.path, jobs, signal, onSilence, section });
    return closing(await addr2lineLocator(debug, sectionResolver(debug, ofSection), options));
  } catch (error) {
    if (debug !== elf) debug.file.close();
    throw error;
  }
}

/** @throws Failure for a file that addr2line cannot read */
function checkReadable({ path, isCompressed }: ElfFile): void {
  if (!isCompressed) return;
  throw new Failure("WRONG_KIND", path, "is compressed, which addr2line cannot read", "use --resolver dwarf");
}

async function builtInLocator(elf: ElfFile, { signatures }: LocatorOptions): Promise<Locator> {
  const sections = await openDebugSections(elf, signatures).catch((error) => {
    throw error instanceof Failure && error.code !== "UNSUPPORTED" ? error : suggestAddr2line(error, elf);
  });
  const { resolve } = dwarfResolver(sections);
  return {
    elf,
    resolve: (queries) => resolve(queries).catch((error) => suggestAddr2line(error, elf)),
    resolveCode: (queries) => resolve(oneByteBefore(queries)),
    ...otherFiles(sections),
    findDeclarations: declarationFinder(sections),
    mayBeginWithNops: patchableEntries(sections, elf.machine),
  };
}

/** No row of the code covers these addresses, so that the built-in resolver takes its first row. */
function oneByteBefore({ count, addressHigh, addressLow, size }: Queries): Queries {
  return {
    count,
    addressHigh: addressHigh.map((high, i) => (addressLow[i] === 0 ? high - 1 : high)),
    addressLow: addressLow.map((low) => low - 1),
    size: size.map((bytes) => bytes + 1),
  };
}

function otherFiles({ missing, opened }: DebugSections): Pick<Locator, "missing" | "close"> {
  return {
    missing,
    close() {
      for (const file of opened) file.close();
    },
  };
}

function suggestAddr2line(error: unknown, { isCompressed }: ElfFile): never {
  throw error instanceof Failure && !isCompressed ? error.orElse("use --resolver addr2line") : error;
}

/** A locator that uses an external tool, and units and declarations of .debug_info if that can be read. */
async function addr2lineLocator(
  elf: ElfFile,
  { resolve }: Resolver,
  { signatures }: LocatorOptions,
): Promise<Locator> {
  const sections = await openDebugSections(elf, signatures).catch(ignoreFailure);
  if (sections === undefined) {
    return {
      elf,
      resolve,
      resolveCode: resolve,
      findDeclarations: undefined,
      mayBeginWithNops: () => false,
      missing: new MissingFiles(),
      close: () => undefined,
    };
  }
  const findUnits = unitFinder(sections);
  return {
    elf,
    resolveCode: resolve,
    async resolve(queries): Promise<Locations<Unit>> {
      const units = unitsIfReadable(findUnits, queries);
      return { ...(await resolve(queries)), units };
    },
    ...otherFiles(sections),
    findDeclarations: declarationFinder(sections),
    mayBeginWithNops: patchableEntries(sections, elf.machine),
  };
}

function unitsIfReadable(
  findUnits: ReturnType<typeof unitFinder>,
  queries: Queries,
): Locations<Unit>["units"] {
  try {
    return findUnits(queries);
  } catch (error) {
    return ignoreFailure(error);
  }
}

function ignoreFailure(error: unknown): undefined {
  if (!(error instanceof Failure)) throw error;
}
