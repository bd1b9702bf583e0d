// Live patches of namesakes, built as in samples/livepatch, all in one run of make.
import { copyFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { expect } from "vitest";
import type { TableRow } from "../../src/table/alias-table.ts";
import { kasAlias } from "../commands/program.ts";
import { type KernelBuild, OutsideModule } from "./kernel-build.ts";

/** The files of the functions called name_show: all of vmlinux, in their order, and all of samples/livepatch/target. */
export const NAMESAKES = {
  vmlinux: ["kernel/irq/irqdesc.c", "drivers/regulator/core.c", "drivers/rtc/sysfs.c"],
  three_names: ["first.c", "second.c", "third.c"],
} as const;

/** The name of the live patch for one of them, in init.sh too. */
export function patchOf(file: string): string {
  const inVmlinux = /^(?:kernel|drivers)\/(\w+)\//.exec(file)?.[1];
  return inVmlinux ?? basename(file, ".c");
}

export function aliasOf(rows: readonly TableRow[], file: string): string {
  const alias = rows.find((row) => row.name === "name_show" && row.file === file)?.alias;
  if (alias == null) throw new Error(`no alias of name_show in ${file}`);
  return alias;
}

/**
 * Builds a live patch for each.
 * @param table of vmlinux and three_names
 * @param directory a new one
 * @returns the modules' paths
 */
export function buildPatches(
  build: KernelBuild,
  table: string,
  rows: readonly TableRow[],
  directory: string,
): string[] {
  const patches = new OutsideModule(build, "livepatch", directory);
  const kbuild: string[] = [];
  const aliases: string[] = [];
  for (const [object, files] of Object.entries(NAMESAKES)) {
    for (const file of files) {
      const alias = aliasOf(rows, file);
      aliases.push(alias);
      const macros = [`-DNAMESAKE=KAS_FUNC_${alias.replaceAll(/\W/g, "_")}`];
      if (object !== "vmlinux") macros.push(`-DOBJECT=${object}`);
      const patch = patchOf(file);
      copyFileSync(patches.path("namesake.c"), patches.path(`${patch}.c`));
      kbuild.push(`obj-m += ${patch}.o\n`, `CFLAGS_${patch}.o := ${macros.join(" ")}\n`);
    }
  }
  writeFileSync(patches.path("Kbuild"), kbuild.join(""));
  const options = ["--table", table, "--vmlinux", build.path("vmlinux"), "-o", patches.path("namesakes.h")];
  const header = kasAlias(["livepatch", "header", ...options, ...aliases]);
  expect(header).toEqual({ status: 0, stdout: "", stderr: "" });
  patches.must("modules");
  return Object.values(NAMESAKES)
    .flat()
    .map((file) => patches.path(`${patchOf(file)}.ko`));
}
