/** What the hook consists of: aliases in vmlinux, and in its modules. */
export type HookPart = "vmlinux" | "modules";

/**
 * A change of a kernel's file at an anchor: text that occurs once in the file, in Linux 6.1 to 7.3. Only the anchor has to fit,
 * whatever a distribution has put around it.
 */
export interface Edit {
  readonly part: HookPart;
  readonly file: string;
  readonly purpose: string;
  /** The anchor as in 7.3. */
  readonly anchor: string;
  /** Matches the anchor. */
  readonly from: RegExp;
  /** The replacement, as of String.replace. */
  readonly to: string;
  /** Matches what the replacement has and the anchor has not. */
  readonly undo: RegExp;
  /** What `undo` becomes, as of String.replace. */
  readonly back: string;
}

export const EDITS: readonly Edit[] = [
  {
    part: "vmlinux",
    file: "init/Kconfig",
    purpose: "the options CONFIG_KALLSYMS_ALIAS_SRCLINE…",
    anchor: "config KALLSYMS_ALL",
    from: /^config KALLSYMS_ALL$/gm,
    to: 'source "scripts/kas-alias/Kconfig"\n\n$&',
    undo: /^source "scripts\/kas-alias\/Kconfig"\n\n(?=config KALLSYMS_ALL$)/gm,
    back: "",
  },
  {
    part: "vmlinux",
    file: "scripts/link-vmlinux.sh",
    purpose: "scripts/kallsyms gets a listing with aliases",
    anchor: `scripts/kallsyms \${kallsymopt} "\${1}" > "\${2}.S"`,
    from: /^(\s*)(?=scripts\/kallsyms \$\{kallsymopt\} (?:\$\{1\}|"\$\{1\}") > )/gm,
    to: `$1$\${CONFIG_SHELL} "$\${srctree}/scripts/kas-alias/kas-alias.sh" `,
    undo: /\$\{CONFIG_SHELL\} "\$\{srctree\}\/scripts\/kas-alias\/kas-alias\.sh" (?=scripts\/kallsyms )/gm,
    back: "",
  },
  {
    part: "vmlinux",
    file: "scripts/link-vmlinux.sh",
    purpose: "vmlinux is linked again when the program changes",
    anchor: `echo "\${VMLINUX}: $0" > ".\${VMLINUX}.d"`,
    from: /^(echo "(?:vmlinux|\$\{VMLINUX\}): \$0)(?=" > )/gm,
    to: `$1 $$($\${CONFIG_SHELL} "$\${srctree}/scripts/kas-alias/kas-alias.sh" --dependencies)`,
    undo: / \$\(\$\{CONFIG_SHELL\} "\$\{srctree\}\/scripts\/kas-alias\/kas-alias\.sh" --dependencies\)/gm,
    back: "",
  },
  {
    part: "modules",
    file: "Makefile",
    purpose: "scripts/Makefile.modalias runs before the modules are linked",
    anchor: "include $(addprefix $(srctree)/, $(include-y))",
    from: /^include \$\(addprefix \$\(srctree\)\/, \$\(include-y\)\)$/gm,
    to: "include-y\t\t\t+= scripts/kas-alias/Makefile\n\n$&",
    undo: /^include-y\t\t\t\+= scripts\/kas-alias\/Makefile\n\n/gm,
    back: "",
  },
  {
    part: "modules",
    file: "scripts/Makefile.modfinal",
    purpose: "how a module's copy with aliases is linked",
    anchor: "quiet_cmd_ld_ko_o = LD [M]  $@",
    from: /^(?=quiet_cmd_ld_ko_o = )/gm,
    to: "include $$(srctree)/scripts/kas-alias/Makefile.modfinal\n\n",
    undo: /^include \$\(srctree\)\/scripts\/kas-alias\/Makefile\.modfinal\n\n/gm,
    back: "",
  },
  {
    part: "modules",
    file: "scripts/Makefile.modfinal",
    purpose: "the copy is linked instead of the object",
    anchor: "-T $(ARCH_MODULE_LDS) -o $@ $(filter %.o, $^)",
    from: /(-T \$\(ARCH_MODULE_LDS\) -o \$@ )\$\(filter %\.o, \$\^\)/g,
    to: "$1$$(module-objects) $$(cmd_ld_ko_o_order)",
    undo: /\$\(module-objects\) \$\(cmd_ld_ko_o_order\)/g,
    back: "$$(filter %.o, $$^)",
  },
];
