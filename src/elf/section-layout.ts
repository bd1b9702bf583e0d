import { ET_REL, SHF_ALLOC } from "../constants/elf.ts";
import { Failure } from "../failure.ts";
import type { ElfFile } from "./elf-file.ts";

/**
 * The lowest section address. References to undefined symbols or discarded sections resolve to addresses near 0; these must
 * not fall into a section.
 */
const FIRST_ADDRESS = 0x1000_0000;

/** Alignment of section addresses. Reading debug information does not depend on a larger alignment. */
const ALIGNMENT = 64;

/**
 * Assigns a separate address range to each loadable section (SHF_ALLOC) of a relocatable file, as a linker would, so that an
 * address identifies its section. Sections without content (SHT_NOBITS) also get a range: code sections in a separate debug
 * file are SHT_NOBITS, so a file and its debug file get the same layout.
 *
 * @returns the start address of each section, by section index; 0 for a section that is not loaded. If the file is not
 *   relocatable, all are 0, since symbol values are addresses already. A symbol's address is its section's address plus its
 *   st_value; sh_addr does not matter (gABI, "Symbol Values"). The end address of a section (one past its last byte) belongs
 *   to no other section.
 * @throws Failure if the sections do not fit below 2^32
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
        "its sections need more than 4 GiB of addresses",
        "give its parts one at a time",
      );
    }
    next = (Math.floor(end / ALIGNMENT) + 1) * ALIGNMENT;
  }
  return bases;
}
