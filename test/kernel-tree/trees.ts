// Small kernel trees: of each file that the hook changes, the lines around its places, as in Debian's sources of a series.
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { defined } from "../defined.ts";

const KCONFIG = `config KALLSYMS_SELFTEST
	bool "Test the basic functions and performance of kallsyms"
	default n

config KALLSYMS_ALL
	bool "Include all symbols in kallsyms"
	depends on DEBUG_KERNEL && KALLSYMS
`;

const linkScript = (listing: string, output: string, dependencies: string) => `#!/bin/sh
kallsyms()
{
	local kallsymopt;

	info KSYMS ${output}
	scripts/kallsyms \${kallsymopt} ${listing} > ${output}
}

# For fixdep
${dependencies}
`;

const modfinal = (order: string, end: string) => `modules := ${order}

ARCH_MODULE_LDS := $(word 1,$(wildcard scripts/module.lds arch/$(SRCARCH)/module.lds))

quiet_cmd_ld_ko_o = LD [M]  $@
      cmd_ld_ko_o =							\\
	$(LD) -r $(KBUILD_LDFLAGS)					\\
		$(KBUILD_LDFLAGS_MODULE) $(LDFLAGS_MODULE)		\\
		-T $(ARCH_MODULE_LDS) -o $@ $(filter %.o, $^)${end}
`;

const makefile = (version: string, warnings: string) => {
  const [major, minor, sublevel] = version.split(".");
  return `VERSION = ${major}
PATCHLEVEL = ${minor}
SUBLEVEL = ${sublevel ?? ""}
EXTRAVERSION =
NAME = X

include-y			:= scripts/Makefile.${warnings}
include-$(CONFIG_KASAN)		+= scripts/Makefile.kasan

include $(addprefix $(srctree)/, $(include-y))
`;
};

/** The series with the hook. */
export const SERIES = ["6.1", "6.12", "7.2", "7.3"];

/** The files of a tree. @param series one of SERIES, or 5.10 */
export function treeFiles(series: string, version = `${series}.7`): Map<string, string> {
  const isOld = series === "5.10" || series === "6.1";
  const isNew = series.startsWith("7.");
  const postlink = ";		\\\n	$(if $(ARCH_POSTLINK), $(MAKE) -f $(ARCH_POSTLINK) $@, true)";
  const link = isOld
    ? linkScript(`\${1}`, `\${2}`, 'echo "vmlinux: $0" > .vmlinux.d')
    : linkScript(
        `"\${1}"`,
        `"\${2}.S"`,
        isNew ? `echo "\${VMLINUX}: $0" > ".\${VMLINUX}.d"` : 'echo "vmlinux: $0" > .vmlinux.d',
      );
  const pipe = `#!/bin/sh\nkallsyms()\n{\n	\${NM} -n \${1} | scripts/kallsyms \${kallsymopt} > \${2}\n}\n`;
  return new Map([
    ["Makefile", makefile(version, isNew ? "warn" : "extrawarn")],
    ["init/Kconfig", KCONFIG],
    ["scripts/link-vmlinux.sh", series === "5.10" ? pipe : link],
    [
      "scripts/Makefile.modfinal",
      isOld
        ? modfinal("$(sort $(shell cat $(MODORDER)))", postlink)
        : modfinal("$(call read-file, modules.order)", ""),
    ],
  ]);
}

/** Writes a tree into a new directory. */
export function writeTree(tree: string, files: ReadonlyMap<string, string>): void {
  for (const [path, text] of files) {
    mkdirSync(dirname(join(tree, path)), { recursive: true });
    writeFileSync(join(tree, path), text);
  }
  chmodSync(join(tree, "scripts/link-vmlinux.sh"), 0o755);
}

/** All files below a directory, with their modes and contents. */
export function contents(tree: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const entry of readdirSync(tree, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile())
      found.set(path.slice(tree.length + 1), `${statSync(path).mode} ${readFileSync(path, "latin1")}`);
  }
  return found;
}

/** Replaces the only occurrence of a text in a file. */
export function replaceIn(path: string, text: string, by: string): void {
  const before = readFileSync(path, "latin1");
  const [head, tail, ...more] = before.split(text);
  if (more.length > 0) throw new Error(`${path} has ${text} several times`);
  writeFileSync(path, `${defined(head, path)}${by}${defined(tail, `${text} in ${path}`)}`, "latin1");
}
