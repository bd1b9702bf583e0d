// Every command that writes files, to be run in a copy of one directory.
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildModules, MODULES } from "../commands/module-objects.ts";
import { kasAlias } from "../commands/program.ts";
import { treeFiles, writeTree } from "../kernel-tree/trees.ts";
import { SAMPLE } from "../sample-kernel.ts";
import { tool } from "../tool.ts";

/** What each command is run on. */
export interface Writing {
  readonly title: string;
  readonly args: readonly string[];
  /** The exit status of success. */
  readonly status: number;
}

/** The exit status of a command for any fault. */
export const troubleOf = ([command = ""]: readonly string[]) =>
  ["diff", "history", "lookup"].includes(command) ? 2 : 1;

const writing = (args: string, status = 0): Writing => ({ title: args, args: args.split(" "), status });

export const COMMANDS: readonly Writing[] = [
  writing("vmlinux packed -o out --table table --table-scope all"),
  writing(
    "modules --order build/modules.order --vmlinux packed --inject --output-dir copies --table table --symbol-frequency out",
  ),
  writing("diff old.jsonl new.jsonl --format html -o out", 1),
  writing("history old.jsonl new.jsonl --quiet -o out"),
  writing("livepatch header name_show@drivers_rtc_sysfs_c_26 --table new.jsonl -o out"),
  writing("livepatch symbols-list --vmlinux packed --order build/modules.order -o out"),
  writing("kernel wrap -o out --build build"),
  writing("kernel inject build --table table --symbol-frequency out"),
  writing("kernel install linux"),
  writing("kernel remove hooked"),
];

/** Fills a directory with the files that the commands read and replace. */
export function prepare(directory: string): void {
  const path = (name: string) => join(directory, name);
  for (const name of ["out", "table"]) writeFileSync(path(name), `old ${name}`);
  mkdirSync(path("tmp"));
  tool("objcopy", ["--compress-debug-sections=zlib", SAMPLE, path("packed")]);
  const table = (name: string, ...options: string[]) =>
    kasAlias(["vmlinux", SAMPLE, "--table", path(name), ...options]);
  table("old.jsonl", "--kernel-release=1.0.0");
  table("new.jsonl", "--kernel-release=1.1.0", "--exclude=probe_*");

  buildModules(path("build"));
  mkdirSync(path("copies"));
  cpSync(SAMPLE, path("build/vmlinux"));
  mkdirSync(path("build/include/config"), { recursive: true });
  writeFileSync(path("build/include/config/kernel.release"), "6.12.7\n");
  writeFileSync(path("build/.config"), "");
  writeFileSync(path("build/modules.order"), MODULES.map((module) => `${module}.ko\n`).join(""));

  for (const tree of ["linux", "hooked"]) writeTree(path(tree), treeFiles("6.12"));
  kasAlias(["kernel", "install", path("hooked")]);
}

/** The contents of all files below a directory. */
export function snapshot(directory: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile()) found.set(path.slice(directory.length + 1), readFileSync(path, "latin1"));
  }
  return found;
}
