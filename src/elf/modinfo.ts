import { type ElfFile, findSection, sectionBytes } from "./elf-file.ts";

/** The value of a field of a module's .modinfo (include/linux/moduleparam.h), undefined when it has none. */
function modinfo(elf: ElfFile, field: string): string | undefined {
  const section = findSection(elf, ".modinfo");
  if (section === undefined) return undefined;
  const fields = Buffer.from(sectionBytes(elf, section).read(0, section.size)).toString("utf8").split("\0");
  return fields.find((text) => text.startsWith(`${field}=`))?.slice(field.length + 1);
}

/** The release of the kernel that a module was built for, as its vermagic says; null for an object without one. */
export function moduleKernel(elf: ElfFile): string | null {
  return modinfo(elf, "vermagic")?.split(" ", 1)[0] ?? null;
}

/** Whether a module is a live patch (MODULE_INFO(livepatch, "Y"), check_modinfo_livepatch of kernel/module/main.c). */
export function isLivePatch(elf: ElfFile): boolean {
  return modinfo(elf, "livepatch") !== undefined;
}
