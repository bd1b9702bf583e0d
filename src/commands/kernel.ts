import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { Failure, systemMessage } from "../failure.ts";
import { hasContent } from "../files/file-content.ts";
import type { PatchedFiles } from "../kernel-tree/apply-patches.ts";
import { kernelPatches } from "../kernel-tree/kernel-patches.ts";
import { BUNDLE_PATH, inspectKernelTree, isOfSeries, type KernelTree } from "../kernel-tree/kernel-tree.ts";
import type { Runner } from "./options.ts";
import { say, writeOutputs, writeTexts } from "./streams.ts";

/** `kas-alias kernel`: installs and removes the hook in a kernel's own build. */
export function addKernelCommand(program: Command, run: Runner): void {
  const command = program
    .command("kernel")
    .description("add aliases to a kernel's own build (CONFIG_KALLSYMS_ALIAS_SRCLINE)");
  const actions = [
    ["status", "print the version of the tree, and whether the hook is installed or applies", status],
    ["install", "patch the tree, and copy this program to its scripts/kas-alias.mjs", install],
    ["remove", "revert the patches, and delete the program", remove],
  ] as const;
  for (const [name, description, work] of actions) {
    command
      .command(name)
      .description(description)
      .argument("<tree>", "the top of a Linux source tree")
      .action((path: string) => run(() => work(path)));
  }
}

function status(path: string): Promise<boolean> {
  const tree = inspectKernelTree(path, kernelPatches());
  const text = `version: ${tree.version}\nhook: ${describeHook(tree)}\n`;
  return writeTexts([text]);
}

function describeHook({ path, hook }: KernelTree): string {
  switch (hook.state) {
    case "in":
      return `in, by the patches for ${hook.series}${describeBundle(join(path, BUNDLE_PATH))}`;
    case "fits":
      return `not in; the patches for ${hook.series} apply`;
    case "misfit":
      return `not in; the patches for ${hook.series} do not apply: ${hook.misfit}`;
    case "other":
      return "in, but not by these patches: those of another kas-alias, or changed ones";
  }
}

function describeBundle(path: string): string {
  if (hasContent(path, [thisProgram()], "fails")) return "";
  return existsSync(path) ? `; ${BUNDLE_PATH} is another version` : `; ${BUNDLE_PATH} is missing`;
}

function install(path: string): Promise<boolean> {
  const tree = inspectKernelTree(path, kernelPatches());
  const { hook, version } = tree;
  const files = new Map<string, Buffer | null>([[BUNDLE_PATH, thisProgram()]]);
  switch (hook.state) {
    case "in":
      break;
    case "fits":
      for (const [name, content] of hook.with) files.set(name, content);
      if (!isOfSeries(version, hook.series)) {
        say(`${path}: is Linux ${version}; the patches for ${hook.series} apply`);
      }
      break;
    case "misfit":
      throw new Failure(
        "OTHER_BUILD",
        path,
        `is Linux ${version}; the patches for ${hook.series} do not apply: ${hook.misfit}`,
        "port them as docs/kernel-integration.md explains",
      );
    case "other":
      throw otherHook(path);
  }
  return writeTree(path, files);
}

function remove(path: string): Promise<boolean> {
  const { hook } = inspectKernelTree(path, kernelPatches());
  if (hook.state === "other") throw otherHook(path);
  const files = new Map<string, Buffer | null>(hook.state === "in" ? hook.without : []);
  files.set(BUNDLE_PATH, null);
  return writeTree(path, files);
}

function otherHook(path: string): Failure {
  const own = join(path, BUNDLE_PATH);
  return new Failure(
    "OTHER_BUILD",
    path,
    "has a hook from another kas-alias or from changed patches",
    existsSync(own) ? `remove it first with node ${own} kernel remove ${path}` : "remove it by hand first",
  );
}

/** Writes the files that change, all or none; then deletes those whose content is null. */
async function writeTree(path: string, files: PatchedFiles): Promise<boolean> {
  const outputs = [];
  for (const [name, content] of files) {
    const target = join(path, name);
    if (content !== null && !hasContent(target, [content], "fails"))
      outputs.push({ target, pieces: [content] });
  }
  await writeOutputs(outputs);
  for (const [name, content] of files) {
    if (content !== null) continue;
    try {
      rmSync(join(path, name), { force: true });
    } catch (error) {
      throw new Failure(
        "CANNOT_WRITE",
        join(path, name),
        `cannot be deleted: ${systemMessage(error)}`,
        "delete it",
      );
    }
  }
  return true;
}

function thisProgram(): Buffer {
  return readFileSync(fileURLToPath(import.meta.url));
}
