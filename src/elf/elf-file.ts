import {
  ELFCLASS32,
  ELFCLASS64,
  ELFDATA2LSB,
  ELFDATA2MSB,
  SHN_XINDEX,
  SHT_NOBITS,
  SHT_NULL,
} from "../constants/elf.ts";
import { damaged, Failure } from "../failure.ts";
import { type ByteSource, type FileSource, openFile, pagedSource, sourcePart } from "./byte-source.ts";
import { Cursor } from "./cursor.ts";

/** A section header (gABI, "Sections"). Sizes and offsets are in bytes. */
export interface Section {
  readonly index: number;
  readonly name: string;
  /** SHT_… */
  readonly type: number;
  /** SHF_…, the lower 32 bits. */
  readonly flags: number;
  readonly addressHigh: number;
  readonly addressLow: number;
  readonly offset: number;
  readonly size: number;
  readonly link: number;
  readonly info: number;
  readonly entrySize: number;
}

/** An open ELF file. Section contents are read on demand. */
export interface ElfFile {
  readonly path: string;
  /** Whether the file at `path` is compressed, so that other programs cannot read it. */
  readonly isCompressed: boolean;
  readonly is64: boolean;
  readonly littleEndian: boolean;
  /** ET_… */
  readonly type: number;
  /** EM_… */
  readonly machine: number;
  readonly sections: readonly Section[];
  readonly file: FileSource;
}

/** Sizes of the ELF header (with e_ident) and of a section header, by class, in bytes. */
const EHDR_SIZE = { 32: 52, 64: 64 };
const SHDR_SIZE = { 32: 40, 64: 64 };

const HEADER_PAGE = 1 << 13;

/**
 * Opens an ELF file and reads its section headers.
 *
 * @throws Failure for a file that is not an ELF file, or whose headers or sections reach past its end
 * @example
 * const elf = openElf("vmlinux");
 * console.log(elf.is64, elf.sections.length);
 * elf.file.close();
 */
export function openElf(path: string): ElfFile {
  const file = openFile(path);
  try {
    return elfOf(path, file);
  } catch (error) {
    file.close();
    throw error;
  }
}

/**
 * Reads the section headers of an open ELF file.
 *
 * @throws Failure in the same cases as openElf
 */
export function elfOf(path: string, file: FileSource, isCompressed = false): ElfFile {
  const header = readFileHeader(path, file);
  const { is64, littleEndian, type, machine, sectionTable, entrySize } = header;
  // Headers and names are small and close together.
  const pages = pagedSource(file, HEADER_PAGE);
  const headers = new Cursor(pages, 0, file.size, littleEndian);
  const headerAt = (index: number) => {
    const start = sectionTable + index * entrySize;
    if (start + entrySize > file.size) {
      throw damaged(path, `section header ${index} is past the end of the file`);
    }
    headers.moveTo(start);
    return readSectionHeader(headers, index, is64 ? 8 : 4);
  };
  const { section: first } = headerAt(0);
  // Section header 0 holds counts that do not fit in 16 bits (gABI, "ELF Header").
  const sectionCount = header.sectionCount === 0 ? first.size : header.sectionCount;
  const nameTableIndex = header.nameTableIndex === SHN_XINDEX ? first.link : header.nameTableIndex;
  if (sectionCount * entrySize > file.size) {
    throw damaged(path, `${sectionCount} section headers reach past the end of the file`);
  }

  const read = Array.from({ length: sectionCount }, (_, index) => headerAt(index));
  for (const { section } of read) {
    const { type, index, offset, size } = section;
    if (type !== SHT_NOBITS && type !== SHT_NULL && offset + size > file.size) {
      const end = offset + size;
      throw damaged(path, `section ${index} ends at byte ${end}, the file at ${file.size}`);
    }
  }
  const nameTable = read[nameTableIndex]?.section;
  if (nameTable === undefined || nameTable.type === SHT_NOBITS) {
    throw damaged(path, `the section name table, section ${nameTableIndex}, does not exist`);
  }
  const names = sourcePart(pages, `${path}: section names`, nameTable.offset, nameTable.size);
  const name = new Cursor(names, 0, names.size, littleEndian);
  const sections = read.map(({ section, nameOffset }) => {
    if (section.type === SHT_NULL) return section;
    name.moveTo(nameOffset);
    return { ...section, name: name.string() };
  });
  return { path, isCompressed, is64, littleEndian, type, machine, sections, file };
}

/** Reads the ELF header (gABI, "ELF Header"). */
function readFileHeader(path: string, file: FileSource) {
  const notElf = (problem: string) =>
    new Failure("WRONG_KIND", path, problem, "give a vmlinux or a module, not a bzImage or text");
  if (file.size === 0) throw damaged(path, "is empty");
  const ident = file.read(0, Math.min(16, file.size));
  if (ident.length < 4 || Buffer.from(ident.subarray(0, 4)).toString("latin1") !== "\x7fELF") {
    throw notElf("is not an ELF file");
  }
  if (ident.length < 16) throw damaged(path, "ends within its ELF header");
  const [, , , , elfClass, data] = ident;
  if (elfClass !== ELFCLASS32 && elfClass !== ELFCLASS64)
    throw notElf(`has the unknown ELF class ${elfClass}`);
  if (data !== ELFDATA2LSB && data !== ELFDATA2MSB) throw notElf(`has the unknown ELF data encoding ${data}`);
  const is64 = elfClass === ELFCLASS64;
  const bits = is64 ? 64 : 32;
  const littleEndian = data === ELFDATA2LSB;
  const wordSize = is64 ? 8 : 4;
  if (file.size < EHDR_SIZE[bits]) throw damaged(path, "ends within its ELF header");

  const header = new Cursor(file, 16, EHDR_SIZE[bits], littleEndian);
  const type = header.u16();
  const machine = header.u16();
  header.skip(4); // e_version
  header.skip(2 * wordSize); // e_entry, e_phoff
  const sectionTable = header.offset(wordSize);
  header.skip(10); // e_flags, e_ehsize, e_phentsize, e_phnum
  const entrySize = header.u16();
  const sectionCount = header.u16();
  const nameTableIndex = header.u16();
  if (sectionTable === 0)
    throw new Failure("UNSUPPORTED", path, "has no section headers", "give the file from before sstrip");
  if (entrySize !== SHDR_SIZE[bits]) {
    throw damaged(path, `section headers have ${entrySize} bytes instead of ${SHDR_SIZE[bits]}`);
  }
  return { is64, littleEndian, type, machine, sectionTable, entrySize, sectionCount, nameTableIndex };
}

/** Reads a section header, without the name: its offset in the section name table (sh_name) is returned. */
function readSectionHeader(
  header: Cursor,
  index: number,
  wordSize: 4 | 8,
): { section: Section; nameOffset: number } {
  const nameOffset = header.u32();
  const type = header.u32();
  const flags = header.address(wordSize);
  const addressLow = header.address(wordSize);
  const addressHigh = header.addressHigh;
  const offset = header.offset(wordSize);
  const size = header.offset(wordSize);
  const link = header.u32();
  const info = header.u32();
  header.skip(wordSize); // sh_addralign
  const entrySize = header.offset(wordSize);
  const section = {
    index,
    name: "",
    type,
    flags,
    addressHigh,
    addressLow,
    offset,
    size,
    link,
    info,
    entrySize,
  };
  return { section, nameOffset };
}

/** The first section with this name that has bytes in the file. */
export function findSection(elf: ElfFile, name: string): Section | undefined {
  return elf.sections.find(
    (section) => section.name === name && section.type !== SHT_NOBITS && section.size > 0,
  );
}

/** The bytes of a section, as they are in the file. */
export function sectionBytes(elf: ElfFile, section: Section): ByteSource {
  return sourcePart(
    elf.file,
    `${elf.path}: ${section.name || `section ${section.index}`}`,
    section.offset,
    section.size,
  );
}
