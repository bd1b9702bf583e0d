import {
  EM_PPC64,
  SHF_ALLOC,
  SHF_EXECINSTR,
  SHF_WRITE,
  SHN_ABS,
  SHN_COMMON,
  SHN_LORESERVE,
  SHN_UNDEF,
  SHT_NOBITS,
  STB_GLOBAL,
  STB_GNU_UNIQUE,
  STB_LOCAL,
  STB_WEAK,
  STT_COMMON,
  STT_GNU_IFUNC,
  STT_OBJECT,
} from "../elf/constants.ts";
import type { ElfFile, Section } from "../elf/elf-file.ts";
import { EXTENDED_INDEX, type SymbolTable, symbolInfo, symbolSection } from "../elf/symbol-table.ts";

const code = (letter: string) => letter.charCodeAt(0);
const UPPER = 0x20;
const [A, C, I_FUNC, U, UNIQUE, UNKNOWN] = ["a", "C", "i", "U", "u", "?"].map(code) as [
  number,
  number,
  number,
  number,
  number,
  number,
];
const [WEAK_OBJECT, WEAK] = ["v", "w"].map(code) as [number, number];

/** The lower-case letters of the symbols that lie in each section, by section index. */
export function sectionTypeLetters(elf: ElfFile): Uint8Array {
  return Uint8Array.from(elf.sections, (section) => code(sectionLetter(section, elf.machine)));
}

/** coff_section_type and decode_section_type of bfd/syms.c, with the flags that bfd/elf.c gives a section. */
function sectionLetter({ name, type, flags }: Section, machine: number): string {
  const coff = /^\.(drectve|edata|idata|pdata)([.$0-9]|$)/.exec(name)?.[1];
  if (coff !== undefined) return { drectve: "i", edata: "e", idata: "i", pdata: "p" }[coff] as string;
  const hasContents = type !== SHT_NOBITS;
  const allocated = (flags & SHF_ALLOC) !== 0;
  const readOnly = (flags & SHF_WRITE) === 0;
  // The one architecture that bfd gives SEC_SMALL_DATA to what it reads (ppc64_elf_section_flags).
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

/**
 * The letter that GNU nm prints for a symbol: bfd_decode_symclass of bfd/syms.c.
 *
 * @param letters what sectionTypeLetters gave
 * @returns its ASCII code
 */
export function typeLetter(table: SymbolTable, symbol: number, letters: Uint8Array): number {
  const info = symbolInfo(table, symbol);
  const binding = info >> 4;
  const kind = info & 0xf;
  const index = symbolSection(table, symbol);
  const isObject = kind === STT_OBJECT || kind === STT_COMMON;
  const weakLetter = isObject ? WEAK_OBJECT : WEAK;
  if (index === SHN_COMMON) return C;
  if (index === SHN_UNDEF) return binding === STB_WEAK ? weakLetter : U;
  if (kind === STT_GNU_IFUNC) return I_FUNC;
  if (binding === STB_WEAK) return weakLetter - UPPER;
  if (binding === STB_GNU_UNIQUE) return UNIQUE;
  if (binding !== STB_LOCAL && binding !== STB_GLOBAL) return UNKNOWN;
  const isSection = index < SHN_LORESERVE || index >= EXTENDED_INDEX;
  // bfd makes symbols of a section that it does not know absolute.
  const letter = index === SHN_ABS || !isSection ? A : (letters[(index & ~EXTENDED_INDEX) >>> 0] ?? A);
  return binding === STB_GLOBAL && letter >= A ? letter - UPPER : letter;
}
