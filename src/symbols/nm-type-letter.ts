import {
  EM_ALPHA,
  EM_IA_64,
  EM_PPC64,
  SHF_ALLOC,
  SHF_ALPHA_GPREL,
  SHF_EXECINSTR,
  SHF_IA_64_SHORT,
  SHF_WRITE,
  SHT_NOBITS,
} from "../constants/elf.ts";
import type { ElfFile, Section } from "../elf/elf-file.ts";

/** The lower-case letters of the symbols in each section, by section index, in ASCII. */
export function sectionTypeLetters(elf: ElfFile): Uint8Array {
  return Uint8Array.from(elf.sections, (section) => sectionLetter(section, elf.machine).charCodeAt(0));
}

/** coff_section_type and decode_section_type of bfd/syms.c, with the flags that bfd/elf.c gives a section. */
function sectionLetter(section: Section, machine: number): string {
  const { name, type, flags } = section;
  const coff = /^\.(drectve|edata|idata|pdata)([.$0-9]|$)/.exec(name)?.[1];
  // .drectve and .idata both are "i".
  if (coff !== undefined) return coff === "drectve" ? "i" : coff.charAt(0);
  const hasContents = type !== SHT_NOBITS;
  const allocated = (flags & SHF_ALLOC) !== 0;
  const readOnly = (flags & SHF_WRITE) === 0;
  const small = SMALL_DATA[machine]?.(section) ?? false;
  if ((flags & SHF_EXECINSTR) !== 0) return "t";
  if (allocated && hasContents) return readOnly ? "r" : small ? "g" : "d";
  if (!hasContents) return small ? "s" : "b";
  if (
    !allocated &&
    /^\.(debug|gnu\.debuglto_\.debug_|gnu\.linkonce\.wi\.|zdebug|line|stab|gdb_index$)/.test(name)
  ) {
    return "N";
  }
  return readOnly ? "n" : "?";
}

/** The sections to which bfd gives SEC_SMALL_DATA when it reads a file (elf_backend_section_flags), by machine. */
const SMALL_DATA: Readonly<Record<number, (section: Section) => boolean>> = {
  [EM_ALPHA]: ({ flags }) => (flags & SHF_ALPHA_GPREL) !== 0,
  [EM_IA_64]: ({ flags }) => (flags & SHF_IA_64_SHORT) !== 0,
  [EM_PPC64]: ({ name }) => /^\.s(data|bss)/.test(name),
};
