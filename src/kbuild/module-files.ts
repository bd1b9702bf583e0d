import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, isAbsolute, join, relative } from "node:path";
import { errorCode, Failure, systemMessage } from "../failure.ts";

/** A module's object file. */
export interface ModuleFile {
  readonly path: string;
  /** The name that the kernel gives the module. */
  readonly name: string;
  /** Where a changed copy goes, under the output directory. */
  readonly output: string;
}

const SUFFIX = /(\.ko(\.gz|\.xz|\.zst)?|\.o)$/;

/** The module's name: the file's without its suffix, `-` turned into `_` (KBUILD_MODNAME, scripts/Makefile.lib). */
export function moduleNameOf(path: string): string {
  return basename(path).replace(SUFFIX, "").replaceAll("-", "_");
}

const moduleFile = (path: string, output: string): ModuleFile => ({ path, name: moduleNameOf(path), output });

/** Modules named one by one; their copies go to the output directory itself. */
export function namedModules(paths: readonly string[]): ModuleFile[] {
  return paths.map((path) => {
    if (SUFFIX.test(path)) return moduleFile(path, basename(path));
    throw new Failure(path, "is no module's name", "give .ko or .o files");
  });
}

/**
 * The modules of a modules.order, whose entries are paths relative to its own folder; those that a build with an absolute
 * `M=` writes are absolute. Copies of modules outside that folder go to the output directory itself.
 *
 * @throws Failure for a file that cannot be read, or an entry that is no .o or .ko
 */
export function orderedModules(order: string): ModuleFile[] {
  const folder = dirname(order);
  const entries = readText(order).split("\n");
  return entries.flatMap((entry, index) => {
    if (entry === "") return [];
    if (/\.k?o$/.test(entry)) {
      const path = isAbsolute(entry) ? entry : join(folder, entry);
      const output = relative(folder, path);
      return [moduleFile(path, output.startsWith("../") ? basename(output) : output)];
    }
    throw new Failure(
      order,
      `line ${index + 1} names no .o or .ko: "${entry.slice(0, 60)}"`,
      "give a modules.order",
    );
  });
}

/** The .ko files below a directory, compressed ones too, in the order of their paths' bytes. */
export function modulesBelow(directory: string): ModuleFile[] {
  let entries: string[];
  try {
    entries = readdirSync(directory, { recursive: true, encoding: "utf8" });
  } catch (error) {
    throw new Failure(directory, `cannot be read: ${systemMessage(error)}`, "check the path");
  }
  const found = entries.filter((entry) => /\.ko(\.gz|\.xz|\.zst)?$/.test(entry));
  if (found.length === 0) throw new Failure(directory, "holds no .ko", "name the directory of the modules");
  return found
    .map((entry) => ({ entry, bytes: Buffer.from(entry) }))
    .sort((a, b) => Buffer.compare(a.bytes, b.bytes))
    .map(({ entry }) => moduleFile(join(directory, entry), entry));
}

/** @throws Failure for two files of one module's name, which the kernel would not load together */
export function checkNames(modules: readonly ModuleFile[]): void {
  const paths = new Map<string, string>();
  for (const { name, path } of modules) {
    const other = paths.get(name);
    if (other !== undefined) {
      throw new Failure(path, `is the module ${name}, and so is ${other}`, "give one of them");
    }
    paths.set(name, path);
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const advice = errorCode(error) === "ENOENT" ? "build the modules first" : "check its permissions";
    throw new Failure(path, `cannot be read: ${systemMessage(error)}`, advice);
  }
}
