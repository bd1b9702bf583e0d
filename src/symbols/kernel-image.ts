import { addressDistance } from "../elf/address.ts";
import {
  EM_386,
  EM_AARCH64,
  EM_ARM,
  EM_LOONGARCH,
  EM_MIPS,
  EM_PPC,
  EM_PPC64,
  EM_RISCV,
  EM_S390,
  EM_X86_64,
  SHT_NOBITS,
} from "../elf/constants.ts";
import { Cursor } from "../elf/cursor.ts";
import { type ElfFile, sectionBytes } from "../elf/elf-file.ts";
import { symbolSection } from "../elf/symbol-table.ts";
import type { ElfListing } from "./elf-listing.ts";
import { findSymbol } from "./listing.ts";

/** The architecture as `uname -m` prints it, null for one that is not known. */
export function architecture({ machine, is64, littleEndian }: ElfFile): string | null {
  switch (machine) {
    case EM_X86_64:
      return "x86_64";
    case EM_386:
      return "i686";
    case EM_AARCH64:
      return littleEndian ? "aarch64" : "aarch64_be";
    case EM_ARM:
      return littleEndian ? "armv7l" : "armv7b";
    case EM_S390:
      return is64 ? "s390x" : "s390";
    case EM_PPC64:
      return littleEndian ? "ppc64le" : "ppc64";
    case EM_PPC:
      return littleEndian ? "ppcle" : "ppc";
    case EM_MIPS:
      return is64 ? "mips64" : "mips";
    case EM_RISCV:
      return is64 ? "riscv64" : "riscv32";
    case EM_LOONGARCH:
      return is64 ? "loongarch64" : "loongarch32";
    default:
      return null;
  }
}

/** The release in an image's linux_banner (init/version-timestamp.c), null when it has none. */
export function kernelRelease(elf: ElfFile, listing: ElfListing): string | null {
  const symbol = findSymbol(listing, "linux_banner");
  if (symbol === undefined) return null;
  const { table, tableIndex } = listing;
  const index = tableIndex[symbol] as number;
  const section = elf.sections[symbolSection(table, index)];
  if (section === undefined || section.type === SHT_NOBITS) return null;
  const offset = addressDistance(
    listing.addressHigh[symbol] as number,
    listing.addressLow[symbol] as number,
    section.addressHigh,
    section.addressLow,
  );
  if (offset < 0 || offset >= section.size) return null;
  const banner = new Cursor(sectionBytes(elf, section), offset, section.size, elf.littleEndian).string();
  return /^Linux version (\S+)/.exec(banner)?.[1] ?? null;
}
