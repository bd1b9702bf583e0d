import { damaged } from "../failure.ts";
import { type ElfFile, findSection, sectionBytes } from "./elf-file.ts";

/** In bytes; modules have some hundreds. */
const LIMIT = 1 << 24;

/** The value of a field of a module's .modinfo (include/linux/moduleparam.h); undefined if the field does not exist. */
function modinfo(elf: ElfFile, field: string): string | undefined {
  const section = findSection(elf, ".modinfo");
  if (section === undefined) return undefined;
  if (section.size > LIMIT) throw damaged(`${elf.path}: .modinfo`, `has ${section.size} bytes`);
  const fields = Buffer.from(sectionBytes(elf, section).read(0, section.size)).toString("utf8").split("\0");
  return fields.find((text) => text.startsWith(`${field}=`))?.slice(field.length + 1);
}

/** The kernel release that a module was built for, from its vermagic; null for an object without vermagic. */
export function moduleKernel(elf: ElfFile): string | null {
  return modinfo(elf, "vermagic")?.split(" ", 1)[0] ?? null;
}

/** Whether a module is a live patch (MODULE_INFO(livepatch, "Y"), check_modinfo_livepatch of kernel/module/main.c). */
export function isLivePatch(elf: ElfFile): boolean {
  return modinfo(elf, "livepatch") !== undefined;
}
