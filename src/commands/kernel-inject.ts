import { existsSync, realpathSync } from "node:fs";
import { join, resolve } from "node:path";
import { Failure } from "../failure.ts";
import { readWhole, statusOf } from "../files/read-file.ts";
import { orderedModules } from "../modules/module-files.ts";
import { type ModulesRunOptions, runModules } from "./modules.ts";
import type { AliasingOptions } from "./options.ts";

/** The options of `kas-alias kernel inject`. */
export interface InjectOptions extends AliasingOptions {
  symbolFrequency?: string;
  scope?: "global" | "object";
  dropSignature?: true;
  debugDirectory: string[];
}

/** `kas-alias kernel inject`: adds aliases to the modules in the build directory of a kernel, before they are signed and installed. */
export function inject(build: string, options: InjectOptions): Promise<boolean> {
  const [order, releaseFile] = [join(build, "modules.order"), join(build, "include/config/kernel.release")];
  for (const path of [order, releaseFile]) {
    // It would be waited for.
    if (statusOf(path)?.isFIFO())
      throw new Failure("CANNOT_READ", path, "is a pipe", "make the modules first");
  }
  const modules = orderedModules(order).map((module) => ({
    ...module,
    path: module.path.replace(/\.o$/, ".ko"),
    output: module.output.replace(/\.o$/, ".ko"),
  }));
  // It has the names of vmlinux, whether that is linked or not.
  const object = join(build, "vmlinux.o");
  const release = readWhole(releaseFile, "give the build directory of a kernel");
  const run: ModulesRunOptions = {
    ...options,
    vmlinux: existsSync(object) ? object : join(build, "vmlinux"),
    kernelRelease: release.toString().trim(),
    sourceRoot: [...options.sourceRoot, ...sourceTrees(build)],
    outputDir: build,
    inPlace: true,
  };
  return runModules(modules, run);
}

/** The paths by which the debug information may name the sources. */
function sourceTrees(build: string): string[] {
  // Kbuild makes this link to the tree for a build directory of its own.
  const tree = resolve(build, "source");
  return [...(existsSync(tree) ? [realpathSync(tree), tree] : []), realpathSync(build), resolve(build)];
}
