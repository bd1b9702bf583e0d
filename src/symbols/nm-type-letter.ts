import { EM_PPC64, SHF_ALLOC, SHF_EXECINSTR, SHF_WRITE, SHT_NOBITS } from "../constants/elf.ts";
import type { ElfFile, Section } from "../elf/elf-file.ts";

/** The lower-case letters of the symbols in each section, by section index, in ASCII. */
export function sectionTypeLetters(elf: ElfFile): Uint8Array {
  return Uint8Array.from(elf.sections, (section) => sectionLetter(section, elf.machine).charCodeAt(0));
}

/** coff_section_type and decode_section_type of bfd/syms.c, with the flags that bfd/elf.c gives a section. */
function sectionLetter({ name, type, flags }: Section, machine: number): string {
  const coff = /^\.(drectve|edata|idata|pdata)([.$0-9]|$)/.exec(name)?.[1];
  // .drectve and .idata both are "i".
  if (coff !== undefined) return coff === "drectve" ? "i" : coff.charAt(0);
  const hasContents = type !== SHT_NOBITS;
  const allocated = (flags & SHF_ALLOC) !== 0;
  const readOnly = (flags & SHF_WRITE) === 0;
  // The only architecture for which bfd sets SEC_SMALL_DATA when it reads a file (ppc64_elf_section_flags).
  const small = machine === EM_PPC64 && /^\.s(data|bss)/.test(name);
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
