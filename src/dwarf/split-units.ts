import { existsSync } from "node:fs";
import { dirname, isAbsolute, join, resolve } from "node:path";
import * as dw from "../constants/dwarf.ts";
import { type ByteSource, memorySource, pagedSource, sourcePart } from "../elf/byte-source.ts";
import { smallSectionContent } from "../elf/compression.ts";
import { withoutCompression } from "../elf/debug-link.ts";
import { type ElfFile, findSection, openElf } from "../elf/elf-file.ts";
import { Scratch } from "../elf/scratch.ts";
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
  #packageProblem: string | undefined;

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
    const packaged = this.#inPackage(file, id);
    if (typeof packaged === "object") return packaged;
    let problem = packaged ?? this.#packageProblem ?? `${this.#main.path}: ${file} is missing`;
    for (const path of candidates(this.#main.path, compilationDirectory, file)) {
      const unit = problemOf(() => this.#inFile(path, id));
      if (typeof unit === "object") return unit;
      problem = unit ?? problem;
    }
    return problem;
  }

  /** @returns undefined without such a file, and the problem if it is of another build */
  #inFile(path: string, id: string): SplitUnit | string | undefined {
    const elf = openIfThere(path);
    if (elf === undefined) return undefined;
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
    return `${path} is of another build than ${this.#main.path}`;
  }

  #inPackage(file: string, id: string): SplitUnit | string | undefined {
    if (this.#package === undefined) {
      const opened = problemOf(() => this.#openPackage());
      if (typeof opened === "string") this.#packageProblem = opened;
      this.#package = typeof opened === "string" ? null : opened;
    }
    const own = this.#package;
    return own === null ? undefined : problemOf(() => this.#unitOf(own, file, id));
  }

  #unitOf({ sections: whole, index }: Package, file: string, id: string): SplitUnit | undefined {
    const row = index.row(id);
    if (row === undefined) return undefined;
    const part = (source: ByteSource, column: number) => {
      const { offset, size } = row(column) ?? { offset: 0, size: 0 };
      return sourcePart(source, `${source.name} of ${file}`, offset, size);
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
    const elf = openIfThere(`${withoutCompression(this.#main.path)}.dwp`);
    if (elf === undefined) return null;
    this.#main.opened.push(elf.file);
    return { sections: splitSections(elf), index: packageIndex(elf) };
  }

  /** Adds the sections of the main file: addresses, and before DWARF 5 ranges, are there. */
  #complete(own: SplitSections): DebugSections {
    return { ...this.#main, ...own };
  }
}

/** The result of work, or the problem that it fails with. */
function problemOf<T>(work: () => T): T | string {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return error.fact;
  }
}

function openIfThere(path: string): ElfFile | undefined {
  return existsSync(path) ? openElf(path) : undefined;
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
  const scratch = new Scratch();
  const content = (suffix: string) => {
    const section = findSection(elf, `.debug_${suffix}.dwo`) ?? findSection(elf, `.zdebug_${suffix}.dwo`);
    return section === undefined
      ? memorySource(`${elf.path}: .debug_${suffix}.dwo`, new Uint8Array(0))
      : pagedSource(smallSectionContent(elf, section, scratch), PAGE_BYTES);
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
