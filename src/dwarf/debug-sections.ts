import { SHF_GROUP, SHT_NOBITS } from "../constants/elf.ts";
import { type ByteSource, memorySource, pagedSource } from "../elf/byte-source.ts";
import { sectionContent, smallSectionContent } from "../elf/compression.ts";
import { findSupplementaryFile } from "../elf/debug-link.ts";
import { type ElfFile, findSection, type Section } from "../elf/elf-file.ts";
import { relocatedSource } from "../elf/relocations.ts";
import { type Closable, Scratch } from "../elf/scratch.ts";
import { layOutSections } from "../elf/section-layout.ts";
import { loadZstd } from "../elf/zstd.ts";
import { Failure } from "../failure.ts";
import { MissingFiles } from "./missing-files.ts";

/** The debug sections needed for locations, decompressed and relocated. Missing sections are empty. */
export interface DebugSections {
  readonly path: string;
  readonly littleEndian: boolean;
  readonly info: ByteSource;
  readonly abbrev: ByteSource;
  readonly line: ByteSource;
  readonly lineStr: ByteSource;
  readonly str: ByteSource;
  readonly strOffsets: ByteSource;
  readonly addr: ByteSource;
  readonly aranges: ByteSource;
  readonly ranges: ByteSource;
  readonly rnglists: ByteSource;
  /** Location lists before DWARF 5; `loc` and `loclists` are empty if location lists were not requested. */
  readonly loc: ByteSource;
  readonly loclists: ByteSource;
  /**
   * The sections of the file that dwz has moved shared strings and DIEs to (DWARF 5 section 7.3.6); undefined if there is none. If it is
   * missing, `missing` records that.
   */
  supplementary(): DebugSections | undefined;
  readonly missing: MissingFiles;
  /** What else was opened: other files, decompressed content. It is closed with the file itself. */
  readonly opened: Closable[];
}

/** Cache page sizes, in bytes. Small for sections that are read in small, scattered pieces; strings and ranges are read densely. */
const PAGE_BYTES: Readonly<Record<string, number>> = { info: 1 << 10, abbrev: 1 << 10, line: 1 << 12 };
const DENSE_PAGE = 1 << 16;

const GIVE_DEBUG_INFO = "build with CONFIG_DEBUG_INFO";

/** Sections of a file whose debug information is partly in others: split DWARF, and those of dwz. */
const OTHER_FILES = [".debug_addr", ".gnu_debugaltlink", ".debug_sup"];

/**
 * Opens the debug sections of an ELF file. For a relocatable file, addresses follow the layout of `layOutSections`.
 *
 * @param withLocationLists also open location lists; decompressing them takes long
 * @throws Failure for a file without .debug_line, .debug_info or .debug_abbrev
 */
export async function openDebugSections(elf: ElfFile, withLocationLists = false): Promise<DebugSections> {
  const opened: Closable[] = [];
  try {
    return await openSections(elf, withLocationLists, opened);
  } catch (error) {
    for (const file of opened) file.close();
    throw error;
  }
}

async function openSections(
  elf: ElfFile,
  withLocationLists: boolean,
  opened: Closable[],
): Promise<DebugSections> {
  const bases = layOutSections(elf);
  const scratch = new Scratch();
  opened.push(scratch);
  const empty = (suffix: string) => memorySource(`${elf.path}: .debug_${suffix}`, new Uint8Array(0));
  const content = async (suffix: string) => {
    const section = ownSection(elf, `.debug_${suffix}`) ?? findSection(elf, `.zdebug_${suffix}`);
    if (section === undefined) return empty(suffix);
    const bytes = relocatedSource(elf, section, await sectionContent(elf, section, scratch), bases);
    return pagedSource(bytes, PAGE_BYTES[suffix] ?? DENSE_PAGE);
  };
  const locationLists = async (suffix: string) => (withLocationLists ? content(suffix) : empty(suffix));
  const required = async (suffix: string, what: string) => {
    const source = await content(suffix);
    if (source.size > 0) return source;
    if (findSection(elf, ".debug_info.dwo") !== undefined) {
      throw new Failure(
        "WRONG_KIND",
        elf.path,
        "is a split DWARF file (.dwo)",
        "give the vmlinux that it belongs to",
      );
    }
    throw new Failure("NO_DEBUG_INFO", elf.path, `no ${what} (.debug_${suffix})`, GIVE_DEBUG_INFO);
  };
  if (OTHER_FILES.some((name) => findSection(elf, name) !== undefined)) await loadZstd();
  const missing = new MissingFiles();
  return {
    path: elf.path,
    littleEndian: elf.littleEndian,
    missing,
    opened,
    supplementary: supplementaryFile(elf, missing, opened),
    line: await required("line", "line information"),
    info: await required("info", "compilation units"),
    abbrev: await required("abbrev", "abbreviations"),
    lineStr: await content("line_str"),
    str: await content("str"),
    strOffsets: await content("str_offsets"),
    addr: await content("addr"),
    aranges: await content("aranges"),
    ranges: await content("ranges"),
    rnglists: await content("rnglists"),
    loc: await locationLists("loc"),
    loclists: await locationLists("loclists"),
  };
}

/**
 * Finds a section by name, preferring one that is in no group. In a relocatable file, each type unit has its own .debug_info
 * section, in a group that is linked once (gABI, "Section Groups"); it describes no code.
 */
function ownSection(elf: ElfFile, name: string): Section | undefined {
  const own = elf.sections.find(
    (section) =>
      section.name === name &&
      section.type !== SHT_NOBITS &&
      section.size > 0 &&
      (section.flags & SHF_GROUP) === 0,
  );
  return own ?? findSection(elf, name);
}

const NAMES_UNKNOWN = "names, declarations and parameters that are in it are unknown";

/** Returns a function that opens the supplementary file of a file when it is first called. */
function supplementaryFile(
  elf: ElfFile,
  missing: MissingFiles,
  opened: Closable[],
): DebugSections["supplementary"] {
  let sections: DebugSections | null | undefined;
  const open = () => {
    try {
      const found = findSupplementaryFile(elf);
      if (typeof found === "object") {
        opened.push(found.file);
        return supplementarySections(found, missing, opened);
      }
      if (found !== undefined) missing.add(found, `${elf.path}: ${found} is missing`, NAMES_UNKNOWN);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      missing.add(error.subject, error.fact, NAMES_UNKNOWN);
    }
    return null;
  };
  return () => {
    if (sections === undefined) sections = open();
    return sections ?? undefined;
  };
}

function supplementarySections(elf: ElfFile, missing: MissingFiles, opened: Closable[]): DebugSections {
  const scratch = new Scratch();
  const content = (suffix: string) => {
    const section = findSection(elf, `.debug_${suffix}`);
    if (section === undefined) return memorySource(`${elf.path}: .debug_${suffix}`, new Uint8Array(0));
    return pagedSource(smallSectionContent(elf, section, scratch), PAGE_BYTES[suffix] ?? DENSE_PAGE);
  };
  return {
    path: elf.path,
    littleEndian: elf.littleEndian,
    missing,
    opened,
    supplementary: () => undefined,
    line: content("line"),
    info: content("info"),
    abbrev: content("abbrev"),
    lineStr: content("line_str"),
    str: content("str"),
    strOffsets: content("str_offsets"),
    addr: content("addr"),
    aranges: content("aranges"),
    ranges: content("ranges"),
    rnglists: content("rnglists"),
    loc: content("loc"),
    loclists: content("loclists"),
  };
}
