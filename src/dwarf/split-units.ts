import { dirname, isAbsolute, join, resolve } from "node:path";
import * as dw from "../constants/dwarf.ts";
import { type ByteSource, memorySource, pagedSource, sourcePart } from "../elf/byte-source.ts";
import { smallSectionContent } from "../elf/compression.ts";
import { type ElfFile, findSection, openElf } from "../elf/elf-file.ts";
import { Failure } from "../failure.ts";
import type { DebugSections } from "./debug-sections.ts";
import { DieReader } from "./die.ts";
import { type PackageIndex, packageIndex } from "./package-index.ts";
import type { SplitReference } from "./unit.ts";
import { unitOffsets } from "./unit.ts";
import { hasAddresses, readUnitHeader, type UnitHeader } from "./unit-header.ts";

/** A split unit: the sections that hold its DIEs, and its header (DWARF 5 section 3.1.3). */
export interface SplitUnit {
  readonly sections: DebugSections;
  readonly header: UnitHeader;
  /** Closes its file. */
  close(): void;
}

const PAGE_BYTES = 1 << 12;

/** The sections of a .dwo or .dwp file that hold DIEs, and what these refer to. */
type SplitSections = Pick<
  DebugSections,
  "path" | "info" | "abbrev" | "str" | "strOffsets" | "loc" | "loclists" | "rnglists"
>;

interface Package {
  readonly sections: SplitSections;
  readonly index: PackageIndex;
}

/** Opens the split units of a file's skeletons: from its package (.dwp), or from their own files (.dwo). */
export class SplitUnits {
  readonly #main: DebugSections;
  #package: Package | null | undefined;

  /** @param main the sections with the skeletons */
  constructor(main: DebugSections) {
    this.#main = main;
  }

  /**
   * Opens the split unit of a skeleton; the caller closes it.
   *
   * @returns the problem if there is none with the skeleton's ID: `vmlinux: lib/sort.dwo is missing`
   */
  open(compilationDirectory: string | null, { file, id }: SplitReference): SplitUnit | string {
    let problem = `${this.#main.path}: ${file} is missing`;
    try {
      const packaged = this.#inPackage(file, id);
      if (packaged !== undefined) return packaged;
      for (const path of candidates(this.#main.path, compilationDirectory, file)) {
        const elf = openIfThere(path);
        if (elf === undefined) continue;
        const unit = this.#inFile(elf, id);
        if (unit !== undefined) return unit;
        problem = `${path} is of another build than ${this.#main.path}`;
      }
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      problem = `${error.subject}: ${error.problem}`;
    }
    return problem;
  }

  #inFile(elf: ElfFile, id: string): SplitUnit | undefined {
    try {
      const sections = this.#complete(splitSections(elf));
      const reader = new DieReader(sections);
      for (const offset of unitOffsets(sections)) {
        const header = readUnitHeader(sections, offset);
        if (hasAddresses(header) && reader.splitId(header) === id)
          return { sections, header, close: () => elf.file.close() };
      }
    } catch (error) {
      elf.file.close();
      throw error;
    }
    elf.file.close();
    return undefined;
  }

  #inPackage(file: string, id: string): SplitUnit | undefined {
    if (this.#package === undefined) this.#package = this.#openPackage();
    if (this.#package === null) return undefined;
    const { sections: whole, index } = this.#package;
    const row = index.row(id);
    if (row === undefined) return undefined;
    const part = (source: ByteSource, column: number) => {
      const found = row(column);
      return found === undefined
        ? source
        : sourcePart(source, `${source.name} of ${file}`, found.offset, found.size);
    };
    const sections = this.#complete({
      ...whole,
      info: part(whole.info, dw.DW_SECT_INFO),
      abbrev: part(whole.abbrev, dw.DW_SECT_ABBREV),
      strOffsets: part(whole.strOffsets, dw.DW_SECT_STR_OFFSETS),
      ...(index.version < 5
        ? { loc: part(whole.loc, dw.DW_SECT_LOCLISTS) }
        : {
            loclists: part(whole.loclists, dw.DW_SECT_LOCLISTS),
            rnglists: part(whole.rnglists, dw.DW_SECT_RNGLISTS),
          }),
    });
    return { sections, header: readUnitHeader(sections, 0), close: () => undefined };
  }

  #openPackage(): Package | null {
    const elf = openIfThere(`${this.#main.path}.dwp`);
    if (elf === undefined) return null;
    this.#main.opened.push(elf);
    return { sections: splitSections(elf), index: packageIndex(elf) };
  }

  /** Adds the sections of the main file: addresses, and before DWARF 5 ranges, are there. */
  #complete(own: SplitSections): DebugSections {
    return { ...this.#main, ...own };
  }
}

function openIfThere(path: string): ElfFile | undefined {
  try {
    return openElf(path);
  } catch (error) {
    if (error instanceof Failure && error.code === "CANNOT_READ") return undefined;
    throw error;
  }
}

/** The paths of a split file: below its compilation directory, or below the directory of the ELF file or one above that. */
function* candidates(elf: string, compilationDirectory: string | null, file: string): Generator<string> {
  if (isAbsolute(file)) return yield file;
  if (compilationDirectory !== null) yield join(compilationDirectory, file);
  for (let directory = dirname(resolve(elf)); ; directory = dirname(directory)) {
    yield join(directory, file);
    if (directory === dirname(directory)) return;
  }
}

function splitSections(elf: ElfFile): SplitSections {
  const content = (suffix: string) => {
    const section = findSection(elf, `.debug_${suffix}.dwo`) ?? findSection(elf, `.zdebug_${suffix}.dwo`);
    return section === undefined
      ? memorySource(`${elf.path}: .debug_${suffix}.dwo`, new Uint8Array(0))
      : pagedSource(smallSectionContent(elf, section), PAGE_BYTES);
  };
  return {
    path: elf.path,
    info: content("info"),
    abbrev: content("abbrev"),
    str: content("str"),
    strOffsets: content("str_offsets"),
    loc: content("loc"),
    loclists: content("loclists"),
    rnglists: content("rnglists"),
  };
}
