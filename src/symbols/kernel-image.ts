import { gunzipSync } from "node:zlib";
import {
  EM_68K,
  EM_386,
  EM_AARCH64,
  EM_ALPHA,
  EM_ARC_COMPACT,
  EM_ARC_COMPACT2,
  EM_ARM,
  EM_CSKY,
  EM_IA_64,
  EM_LOONGARCH,
  EM_MIPS,
  EM_OR1K,
  EM_PARISC,
  EM_PPC,
  EM_PPC64,
  EM_RISCV,
  EM_S390,
  EM_SPARC,
  EM_SPARCV9,
  EM_X86_64,
  EM_XTENSA,
  SHT_NOBITS,
} from "../constants/elf.ts";
import { addressDistance } from "../elf/address.ts";
import { Cursor } from "../elf/cursor.ts";
import { type ElfFile, type Section, sectionBytes } from "../elf/elf-file.ts";
import {
  findEntry,
  type SymbolTable,
  symbolSection,
  symbolValueHigh,
  symbolValueLow,
} from "../elf/symbol-table.ts";
import type { ElfListing } from "./elf-listing.ts";
import { findSymbol } from "./listing.ts";

/** The architecture as `uname -m` prints it, null if unknown. */
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
    case EM_PARISC:
      return is64 ? "parisc64" : "parisc";
    case EM_ARC_COMPACT:
    case EM_ARC_COMPACT2:
      return "arc";
    case EM_68K:
      return "m68k";
    case EM_ALPHA:
      return "alpha";
    case EM_CSKY:
      return "csky";
    case EM_IA_64:
      return "ia64";
    case EM_OR1K:
      return "openrisc";
    case EM_SPARC:
      return "sparc";
    case EM_SPARCV9:
      return "sparc64";
    case EM_XTENSA:
      return "xtensa";
    default:
      return null;
  }
}

/** A vmlinux, its symbols, and a function that finds the entry of one by name. */
export interface KernelImage {
  readonly elf: ElfFile;
  readonly table: SymbolTable;
  readonly findEntry: (name: string) => number | undefined;
}

/** The image of a listing. */
export function listedImage(elf: ElfFile, listing: ElfListing): KernelImage {
  const { table, tableIndex } = listing;
  return {
    elf,
    table,
    findEntry(name) {
      const symbol = findSymbol(listing, name);
      return symbol === undefined ? undefined : tableIndex[symbol];
    },
  };
}

/** An image without a listing. */
export function unlistedImage(elf: ElfFile, table: SymbolTable): KernelImage {
  return { elf, table, findEntry: (name) => findEntry(table, name) };
}

/** An image's linux_banner (init/version-timestamp.c), null when it has none. */
export function kernelBanner(image: KernelImage): string | null {
  const found = contentOf(image, "linux_banner");
  if (found === undefined) return null;
  const bytes = sectionBytes(image.elf, found.section);
  const banner = new Cursor(bytes, found.offset, bytes.size, image.elf.littleEndian).string();
  return banner.startsWith(BANNER) ? banner : null;
}

const BANNER = "Linux version ";

/** The release in a linux_banner. */
export function releaseOf(banner: string): string {
  return banner.slice(BANNER.length).replace(/ .*/s, "");
}

/** In bytes; a kernel's own takes 40 KiB compressed and 250 KiB unpacked. */
const CONFIG_LIMIT = 1 << 24;

/**
 * The configuration that CONFIG_IKCONFIG puts into an image (kernel/configs.c): gzip data from kernel_config_data,
 * after IKCFG_ST, to kernel_config_data_end. undefined when there is none, or it cannot be unpacked.
 */
export function kernelConfig(image: KernelImage): string | undefined {
  const start = contentOf(image, "kernel_config_data");
  const end = contentOf(image, "kernel_config_data_end");
  if (start === undefined || end?.section !== start.section) return undefined;
  const length = end.offset - start.offset;
  if (length <= 0 || length > CONFIG_LIMIT) return undefined;
  try {
    return gunzipSync(sectionBytes(image.elf, start.section).read(start.offset, length), {
      maxOutputLength: CONFIG_LIMIT,
    }).toString();
  } catch {
    return undefined;
  }
}

/** The offset of a symbol's content in the bytes of its section. */
function contentOf(
  { elf, table, findEntry }: KernelImage,
  name: string,
): { section: Section; offset: number } | undefined {
  const symbol = findEntry(name);
  const section = symbol === undefined ? undefined : elf.sections[symbolSection(table, symbol)];
  if (symbol === undefined || section === undefined || section.type === SHT_NOBITS) return undefined;
  const offset = addressDistance(
    symbolValueHigh(table, symbol),
    symbolValueLow(table, symbol),
    section.addressHigh,
    section.addressLow,
  );
  return offset < 0 || offset >= section.size ? undefined : { section, offset };
}
