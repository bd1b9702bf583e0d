import { ET_REL, SHF_ALLOC } from "../constants/elf.ts";
import { Failure } from "../failure.ts";
import type { ElfFile } from "./elf-file.ts";

/**
 * The lowest address that is given out. What refers to an undefined symbol or to a discarded section comes out near 0 and
 * must not seem to lie in any section.
 */
const FIRST_ADDRESS = 0x1000_0000;

/** Sections begin at multiples of this. No reader of debug information depends on a larger alignment. */
const ALIGNMENT = 64;

/**
 * Gives each section of a relocatable file that would be loaded an address range of its own, as a linker would, so that an
 * address tells its section. Sections without content (SHT_NOBITS) get one too: the code of a separate debug file is such,
 * and so a file and its separate debug file are laid out alike.
 *
 * @returns the address at which each section begins, by section index: 0 for a section that is not loaded, and for all
 *   of them in other than relocatable files, whose values are addresses already. The address of a symbol is that of its
 *   section plus its st_value, whatever the section's sh_addr (gABI, "Symbol Values"); an address up to and including a
 *   section's end is no other section's.
 * @throws Failure when the sections do not fit below 2^32
 */
export function layOutSections(elf: ElfFile): Uint32Array {
  const bases = new Uint32Array(elf.sections.length);
  if (elf.type !== ET_REL) return bases;
  let next = FIRST_ADDRESS;
  for (const { index, flags, size } of elf.sections) {
    if ((flags & SHF_ALLOC) === 0) continue;
    bases[index] = next;
    const end = next + size;
    if (end >= 2 ** 32) {
      throw new Failure(
        "UNSUPPORTED",
        elf.path,
        "its sections take more than 4 GiB of addresses",
        "give its parts one by one",
      );
    }
    next = (Math.floor(end / ALIGNMENT) + 1) * ALIGNMENT;
  }
  return bases;
}
