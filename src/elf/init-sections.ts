/**
 * Whether the kernel frees a section after initialisation (module_init_section of kernel/module/main.c, free_initmem for vmlinux).
 *
 * @param name the section's name, if the symbol is in one
 */
export function isInitSection(name: string | null | undefined): boolean {
  return name?.startsWith(".init") ?? false;
}
